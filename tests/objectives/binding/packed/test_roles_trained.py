"""Target sets by role, on encoders of many kinds, against plain PEFT loops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from encoders import classifier_of, config_of
from packed_reference import furthest, plain_run
from packed_runs import Run, run_pack
from transformers import EsmTokenizer

from objectives.binding.inputs import Inputs
from objectives.binding.objective import BindingObjective
from objectives.binding.settings import BindingSettings
from studies import binding_sites
from sweep.trial import TrialParams

FIXED = BindingSettings(
    device="cpu", batch_tokens=192, train_metric_chains=0, steps=10, learning_rate=3e-3
)
BERT = {
    "query+value": ["query", "value"],
    "mlp": r".*\.\d+\.(intermediate|output)\.dense",
    "attention+mlp.down": ["query", "key", "value", "output.dense"],
    "all-linear": ["query", "key", "value", "dense"],
}
LLAMA = {
    "query+value": ["q_proj", "v_proj"],
    "mlp": ["gate_proj", "up_proj", "down_proj"],
    "attention+mlp.down": ["q_proj", "k_proj", "v_proj", "o_proj", "down_proj"],
    "all-linear": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
}
JINA = {
    "mlp": ["fc1", "fc2"],
    "query+value": LLAMA["query+value"],
    "attention+mlp.down": ["q_proj", "k_proj", "v_proj", "o_proj", "fc2"],
    "all-linear": ["q_proj", "k_proj", "v_proj", "o_proj", "fc1", "fc2"],
}
ALBERT = {
    "query+value": ["query", "value"],
    "mlp": ["ffn", "ffn_output"],
    "attention+mlp.down": ["query", "key", "value", "dense", "ffn_output"],
    "all-linear": [
        "query", "key", "value", "dense", "ffn", "ffn_output", "embedding_hidden_mapping_in",
    ],
}  # fmt: skip
DISTILBERT = {
    "query+value": ["q_lin", "v_lin"],
    "mlp": ["lin1", "lin2"],
    "attention+mlp.down": ["q_lin", "k_lin", "v_lin", "out_lin", "lin2"],
    "all-linear": ["q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"],
}
T5 = {
    "query+value": ["q", "v"],
    "mlp": ["wi", "wo"],
    "attention+mlp.down": ["q", "k", "v", "o", "wo"],
    "all-linear": ["q", "k", "v", "o", "wi", "wo"],
}
GATED_T5 = {
    **T5,
    "mlp": ["wi_0", "wi_1", "wo"],
    "all-linear": ["q", "k", "v", "o", "wi_0", "wi_1", "wo"],
}
MODERNBERT = {
    "qkv": ["Wqkv"],
    "mlp": ["Wi", "mlp.Wo"],
    "attention+mlp.down": ["Wqkv", "Wo"],
    "all-linear": ["Wqkv", "Wi", "Wo"],
}
WITH_MORE = {
    "electra": ["embeddings_project"],
    "mobilebert": ["embedding_transformation"],
    "rembert": ["embedding_hidden_mapping_in"],
}
SETS: dict[str, dict[str, Any]] = {
    **{
        name: BERT if more is None else {**BERT, "all-linear": [*BERT["all-linear"], *more]}
        for name in ("bert", "ernie", "esm", "roberta", *WITH_MORE)
        for more in [WITH_MORE.get(name)]
    },
    **dict.fromkeys(("esmc", "eurobert", "gte", "nomic_bert", "ultrabert"), LLAMA),
    "jina_embeddings_v3": JINA,
    "albert": ALBERT,
    "distilbert": DISTILBERT,
    "t5": T5,
    "t5, gated": GATED_T5,
}
"""Our target sets and what a user of PEFT writes for them, by encoder."""

ROWS = ("rembert", "t5", "t5, gated")
"""Encoders whose windows are padded, as their attention is not told where these end."""

HEADS = {"esmc": ("score",), "modernbert": ("head", "classifier")}
HOW = [
    {"rank": 8, "scaling": 9, "dropout": 0.2},
    {"rank": 2, "rslora": True, "alpha": 4},
    {"rank": 3},
    {"rank": 4},
]


@pytest.fixture(scope="module", params=SETS)
def trained(
    request: pytest.FixtureRequest,
    tiny_folder: Path,
    tiny_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path, dict[int, Run]]:
    """A random encoder with its own dropouts, and a pack of one trial for each target set."""
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    classifier_of(config_of(request.param), "cpu").save_pretrained(folder)
    EsmTokenizer(str(tiny_folder / "vocab.txt"), model_max_length=128).save_pretrained(folder)
    cache = str(folder / "cache")
    inputs = Inputs({"data": str(tiny_data), "base": str(folder), "cache": cache}, FIXED)
    pack = [
        TrialParams(number, {"targets": targets, **how}, seed=number)
        for number, (targets, how) in enumerate(zip(SETS[request.param], HOW, strict=True))
    ]
    return request.param, folder, run_pack(inputs, FIXED, pack)


@pytest.mark.parametrize("number", range(len(HOW)))
def test_a_target_set_by_role_trains_as_peft_does(
    trained: tuple[str, Path, dict[int, Run]], number: int
) -> None:
    """The one layer of ALBERT, which runs several times in a pass, among them."""
    name, folder, runs = trained
    run, head = runs[number], HEADS.get(name, ("classifier",))
    how: dict[str, Any] = {"masked": True, "rows": name in ROWS}
    plain = plain_run(folder, run, matrices=SETS[name], head=head, **how)

    assert furthest(run.losses, plain.losses) < 1e-5
    assert min(plain.losses) < plain.losses[0]


def test_the_study_of_binding_sites_passes_check(
    trained: tuple[str, Path, dict[int, Run]], tiny_data: Path
) -> None:
    """Each of its target sets is found, the widest with all that PEFT would adapt."""
    name, folder, runs = trained
    study = binding_sites.STUDY
    baselines = [each.values for each in study.baselines]
    places = {"data": str(tiny_data), "base": str(folder), "cache": str(folder / "cache")}
    found = BindingObjective(study.settings, places).check(study.space, baselines)["targets"]
    sets = {each["label"]: set(each["modules"]) for each in found}

    assert {*study.space.labels().values()} <= {*sets}
    last = runs[list(SETS[name]).index("all-linear")]
    assert sets["all-linear"] == {*last.trial.lane.adapters.updates}
