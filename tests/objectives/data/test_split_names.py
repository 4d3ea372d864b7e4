"""Which split a file or column name refers to."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from objectives.data.formats.row_splits import kind_of_column
from objectives.data.formats.text import ligand_of
from objectives.data.split_names import split_of, split_of_file

NAMES: dict[str | None, str] = {
    "train": "train Training TRAIN_x ATP_Training train_ATP train-00000-of-00002 trainSet TrainData"
    " my_train_set DNA_Train_573 train.snappy split=train Training_sets",
    "validation": "valid val validation dev eval VAL my_val_set ATP_Validation devset val1 dev-2024"
    " validation_clean Valid_Data",
    "test": "test testing TEST_protein_v2 protein_test_set testData Test60 independent_test"
    " test_holdout 1test2 blind-test testset remote_test_fold_holdout",
    "": "contest latest attest trained retraining pretrain untested developer evaluate values"
    " fold_switching alphafold chains part-00000 data splits interval",
    None: "test_train train_test_split trainval devtest train_fold1 train_5fold fold3 cv2 5-fold"
    " split_0 holdout held-out Hold_Out independent unseen tests train_holdout evaluation devel"
    " trn",
}


@pytest.mark.parametrize(
    ("name", "split"), [(name, split) for split, text in NAMES.items() for name in text.split()]
)
def test_a_name_means_one_split_no_split_or_is_unclear(name: str, split: str | None) -> None:
    """Whole words in any case; an unclear hint at a split gives None."""
    assert split_of(name) == split


FILES: dict[str, str | None] = {
    "a/train/b/x": "train",
    "Testing_sets/ATP_Validation": "test",
    "test/ATP_Validation": "test",
    "test/a/valid": "test",
    "validation/ATP_Validation": "validation",
    "data/dev": "validation",
    "data/x": "",
    "fold1/train": None,
    "train/test": None,
    "train/ATP_Validation": None,
    "validation/test": None,
    "test/train_ATP": None,
    "train/val/x": None,
    "holdout/x": None,
}


@pytest.mark.parametrize("path", sorted(FILES))
def test_folders_and_files_agree_except_validation_within_test(path: str) -> None:
    """In the layout of Yu et al. 2013, files named after validation are in the folder for test."""
    relative = PurePosixPath(f"{path}.csv")

    split, faults = split_of_file(relative, relative.stem, "data")

    expected = FILES[path]
    assert split == (expected or "")
    assert len(faults) == (expected is None)
    assert all(relative.as_posix() in text for text in faults)


LIGANDS = {
    "ATP_Training": "ATP",
    "train_ATP": "ATP",
    "Training_ATP_2": "ATP",
    "ATP_train_v2": "ATP",
    "ATP-train": "ATP",
    "test_set_ZN": "ZN",
    "testATP": "ATP",
    "017_train": "017",
    "ATP_x": "ATP",
    "train": "",
    "test-00000-of-00001": "",
    "test_001": "",
    "chains": "",
}


@pytest.mark.parametrize("stem", sorted(LIGANDS))
@pytest.mark.parametrize("suffix", [".txt", ".txt.gz"])
def test_the_word_for_the_split_is_no_ligand(stem: str, suffix: str) -> None:
    """In either order."""
    assert ligand_of(Path(stem + suffix)) == LIGANDS[stem]


COLUMNS = {
    "names": "set split partition fold cv_fold data_split split_set train_test holdout",
    "may name": "subset dataset stage data_set",
    "validation": "validation is_val val valid_set in_dev",
    "train": "train is_train",
    "test": "test is_test test_flag",
    "": "id sequence labels family test_score val_loss train_id validation_status offset",
}


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for kind, text in COLUMNS.items() for name in text.split()]
)
def test_columns_named_after_splits_are_found(name: str, kind: str) -> None:
    """By their words; a score on a test set is none of them."""
    assert kind_of_column(name) == kind
