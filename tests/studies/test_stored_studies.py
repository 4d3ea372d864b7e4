"""Stored studies stay readable: digests of published studies, and a killed study."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from command import lorasweep

from sweep.storage.studies import load_study, read_spec
from sweep.storage.url import StorageUrl

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "studies" / "results"
GOLDEN = ROOT / "tests" / "golden"
DIGESTS = {
    ("binding_sites", "binding_sites-pilot"): "5de4dade321c47b1",
    ("binding_sites", "binding_sites"): "7a2af581c3a49810",
    ("binding_sites_confirm", "binding_sites_confirm"): "fdb226e72fb10e2a",
    ("binding_sites_final", "binding_sites_final"): "f1c401c3bc57608a",
    ("binding_sites_longer", "binding_sites_longer"): "a4fa2c4aaa852158",
    ("card_replication", "card_replication"): "6c057c384a42142e",
    ("first_pilot", "binding_sites-pilot"): "22d2419615638ecc",
    ("reduced_mini", "reduced_mini"): "4f01103157573b6b",
    ("reduced_random", "reduced_random"): "05b14a9ebf8ff2fb",
}


def test_every_published_database_is_pinned() -> None:
    """A database added without its digest here fails this."""
    assert {database for database, _ in DIGESTS} == {file.stem for file in RESULTS.glob("*.db")}


@pytest.mark.parametrize(("database", "name"), DIGESTS)
def test_a_stored_spec_keeps_its_digest(database: str, name: str) -> None:
    """Another digest would refuse every resume: the spec is read and hashed again."""
    study = load_study(StorageUrl.parse(f"sqlite:///{RESULTS / database}.db"), name)

    assert read_spec(study).digest() == DIGESTS[database, name]
    assert study.user_attrs["spec_digest"] == DIGESTS[database, name]


def values(database: Path) -> dict[str, float]:
    """The value of each COMPLETE trial by its parameters."""
    rows = (
        "select trial_id, param_name, param_value from trial_params order by trial_id, param_name"
    )
    ends = "select trial_id, value from trials join trial_values using (trial_id)"
    with closing(sqlite3.connect(database)) as opened:
        params: dict[int, list[str]] = {}
        for trial, name, level in opened.execute(rows):
            params.setdefault(trial, []).append(f"{name}={level:g}")
        return {" ".join(params[trial]): value for trial, value in opened.execute(ends)}


def curves(database: Path) -> list[list[dict[str, float]]]:
    """The learning curve of each trial that has one, in order."""
    query = "select value_json from trial_user_attributes where key = 'curve' order by trial_id"
    with closing(sqlite3.connect(database)) as opened:
        return [json.loads(text) for (text,) in opened.execute(query)]


IMPOSSIBLE = 77.0
"""A loss that no evaluation can have."""


def mark(folder: Path) -> None:
    """Write such a loss into a checkpoint's first evaluation, to show that it is read."""
    from safetensors import safe_open  # importing PyTorch takes long

    from objectives.lora.training.checkpoint import FILE, Checkpoint, Checkpoints

    with safe_open(folder / FILE, framework="pt") as file:
        identity = json.loads(file.metadata()["lorasweep"])["identity"]
    checkpoints = Checkpoints(str(folder), identity)
    made = checkpoints.load()
    assert made is not None
    tree = json.loads(json.dumps(made.tree))
    tree["points"][0]["figures"]["loss"] = IMPOSSIBLE
    assert checkpoints.save(Checkpoint(made.tensors, tree))


@pytest.mark.integration
def test_a_killed_study_resumes_to_the_values_of_an_undisturbed_one(tmp_path: Path) -> None:
    """From its stored database and checkpoint, in the same folders."""
    shutil.copytree(GOLDEN / "killed.db.files", tmp_path / "killed.db.files")
    database = Path(shutil.copy(GOLDEN / "killed.db", tmp_path))
    (checkpoint,) = (tmp_path / "killed.db.files").rglob("checkpoint.safetensors")
    mark(checkpoint.parent)
    before = values(database)
    (begun,) = curves(database)[2:]
    done = lorasweep(tmp_path, "resume", "--storage", "sqlite:///killed.db", "--take-over")
    after = values(database)

    assert done.returncode == 0, done.stderr
    assert before.items() <= after.items()
    whole = json.loads((GOLDEN / "killed.json").read_text(encoding="utf-8"))
    assert after == pytest.approx(whole, abs=0.01)  # another CPU rounds differently
    read = begun[0] | {"loss": IMPOSSIBLE}
    assert read in [curve[0] for curve in curves(database)[3:]]  # not computed again
