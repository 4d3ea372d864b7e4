"""Target sets by role, on encoders of many kinds, against plain PEFT loops."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from encoders import classifier_of, config_of, residue_tokenizer
from packed_reference import furthest, load, plain_run
from packed_runs import Run, run_pack
from peft import PeftModel

from objectives.binding.objective import BindingObjective
from objectives.binding.predict.job import Job, Request
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from studies import binding_sites
from sweep.errors import SpecError
from sweep.study.trial import TrialParams

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
MPNET = {
    "query+value": ["q", "v"],
    "mlp": ["dense"],
    "attention+mlp.down": ["q", "k", "v", "o", "output.dense"],
    "all-linear": ["q", "k", "v", "o", "dense"],
}
DEBERTA = {
    "qkv": ["in_proj"],
    "mlp": BERT["mlp"],
    "attention+mlp.down": ["in_proj", "output.dense"],
    "all-linear": ["in_proj", "pos_proj", "pos_q_proj", "dense"],
}
DEBERTA_2 = {
    "query+value": ["query_proj", "value_proj"],
    "mlp": BERT["mlp"],
    "attention+mlp.down": ["query_proj", "key_proj", "value_proj", "output.dense"],
    "all-linear": [
        "query_proj", "key_proj", "value_proj", "pos_key_proj", "pos_query_proj", "dense",
    ],
}  # fmt: skip
WITH_MORE = {
    "convbert": ["embeddings_project", "conv_kernel_layer", "conv_out_layer"],
    "electra": ["embeddings_project"],
    "rembert": ["embedding_hidden_mapping_in"],
}
SETS: dict[str, dict[str, Any]] = {
    **{
        name: BERT if more is None else {**BERT, "all-linear": [*BERT["all-linear"], *more]}
        for name in ("bert", "esm", "roformer", *WITH_MORE)
        for more in [WITH_MORE.get(name)]
    },
    **dict.fromkeys(("esmc", "eurobert", "nomic_bert"), LLAMA),
    "jina_embeddings_v3": JINA,
    "albert": ALBERT,
    "distilbert": DISTILBERT,
    "modernbert": MODERNBERT,
    "mpnet": MPNET,
    "deberta": DEBERTA,
    "deberta-v2": DEBERTA_2,
    "t5": T5,
    "t5, gated": GATED_T5,
}
"""Our target sets and the equivalent ``target_modules`` of PEFT, by encoder."""

ROWS = (
    "convbert", "deberta", "deberta-v2", "mpnet", "rembert", "roformer", "t5", "t5, gated",
)  # fmt: skip
"""Encoders with padded windows, since their attention takes no window lengths."""

STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
OF_DISTANCES = ("deberta", "deberta-v2")
"""Encoders with relative-position embeddings, to which dropout by token does not apply."""

QUICK = ("modernbert", "t5, gated")
AMONG = (*QUICK, "albert", "deberta-v2", "esmc")
"""Encoders that cover all differences; the others run in the slow tests."""

HEADS = {"esmc": ("score",), "modernbert": ("head", "classifier")}
HOW = [
    {"rank": 8, "scaling": 9, "dropout": 0.2},
    {"rank": 2, "rslora": True, "alpha": 4},
    {"rank": 3},
    {"rank": 4},
]


@dataclass
class Trained:
    """A pack of one trial for each target set, on a random encoder.

    Attributes:
        name: the encoder's name.
        folder: its folder.
        inputs: the encoder and the data.
        pack: the trials.
        runs: their results.
    """

    name: str
    folder: Path
    inputs: Inputs
    pack: list[TrialParams]
    runs: dict[int, Run]

    @property
    def head(self) -> tuple[str, ...]:
        """The modules trained in full."""
        return HEADS.get(self.name, ("classifier",))


def train(name: str, folder: Path, data: Path) -> Trained:
    """Make an encoder with its own dropout, and train on it."""
    torch.manual_seed(0)
    changes = STILL if name in ROWS else {}
    classifier_of(config_of(name, **changes), "cpu").save_pretrained(folder)
    residue_tokenizer().save_pretrained(folder)
    places = {"data": str(data), "base": str(folder), "cache": str(folder / "cache")}
    inputs = Inputs(places, FIXED, ResidueBinary)
    drops = {"dropout": 0.0} if name in OF_DISTANCES else {}
    pack = [
        TrialParams(
            number,
            {"targets": targets, **how, **drops},
            seed=number,
            folder=str(folder / targets),
            keep=True,
        )
        for number, (targets, how) in enumerate(zip(SETS[name], HOW, strict=True))
    ]
    return Trained(name, folder, inputs, pack, run_pack(inputs, FIXED, pack))


def _marked(name: str) -> Any:
    if name in QUICK:
        return name
    longer = pytest.mark.integration if name in AMONG else pytest.mark.slow
    return pytest.param(name, marks=longer)


@pytest.fixture(scope="module", params=map(_marked, SETS))
def trained(
    request: pytest.FixtureRequest, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """Each encoder, trained once."""
    return train(request.param, tmp_path_factory.mktemp("encoder"), tiny_data)


@pytest.mark.parametrize("number", range(len(HOW)))
def test_a_target_set_by_role_trains_as_peft_does(trained: Trained, number: int) -> None:
    """Including ALBERT's one layer, which runs several times per batch."""
    name, run = trained.name, trained.runs[number]
    how: dict[str, Any] = {"masked": True, "rows": name in ROWS}
    plain = plain_run(trained.folder, run, matrices=SETS[name], head=trained.head, **how)

    assert furthest(run.losses, plain.losses) < 1e-5
    assert min(plain.losses) < plain.losses[0]


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
def test_a_kept_adapter_predicts_what_peft_predicts_with_it(
    trained: Trained, tiny_data: Path
) -> None:
    """With every linear layer adapted; PEFT reads the files that the trial saved."""
    adapter = str(trained.folder / "all-linear" / "adapter")
    model = load(trained.folder, head=trained.head)
    model = PeftModel.from_pretrained(model, adapter).eval()  # type: ignore[arg-type]
    lines = (tiny_data / "validation.csv").read_text().splitlines()[1::2]
    sequences = [line.split(",")[1] for line in lines]
    with torch.no_grad():
        ids = [residue_tokenizer()(each, return_tensors="pt").input_ids for each in sequences]
        logits = torch.cat([model(input_ids=each).logits[0, 1:-1] for each in ids])
    fasta = trained.folder / "validation.fasta"
    fasta.write_text("".join(f">{i}\n{each}\n" for i, each in enumerate(sequences)))
    out = io.StringIO()
    Job(Request(adapter, str(fasta), 0.5, device="cpu")).run(out, "tsv", lambda _: None)
    probabilities = [float(line.split("\t")[3]) for line in out.getvalue().splitlines()[1:]]

    assert np.std(probabilities) > 1e-3
    np.testing.assert_allclose(probabilities, logits.softmax(-1)[:, 1], rtol=0, atol=1e-5)


def test_the_binding_sites_study_passes_check(trained: Trained, tiny_data: Path) -> None:
    """Each target set is found; except one where query and value are one matrix."""
    name, folder, runs = trained.name, trained.folder, trained.runs
    study = binding_sites.STUDY
    baselines = [each.values for each in study.baselines]
    places = {"data": str(tiny_data), "base": str(folder), "cache": str(folder / "cache")}
    objective = BindingObjective(study.settings, places)
    if "qkv" in SETS[name]:
        with pytest.raises(SpecError, match="here query, key and value are fused in") as caught:
            objective.check(study.space, baselines)
        assert len(caught.value.faults) == 1
        assert "got 'query+value' (target set 'query+value')" in str(caught.value)
        return
    found = objective.check(study.space, baselines)["targets"]
    sets = {each["label"]: set(each["modules"]) for each in found}

    assert {*study.space.labels().values()} <= {*sets}
    last = runs[list(SETS[name]).index("all-linear")]
    assert sets["all-linear"] == {*last.trial.lane.adapters.updates}


def test_a_repeated_layer_trains_batched_as_one_by_one(
    tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU: ALBERT's one layer has another dropout mask each time it runs."""
    alone = train("albert", tmp_path, tiny_data)
    monkeypatch.setattr(alone.runs[0].trial.model, "batched", True)
    pack = [replace(params, folder="", keep=False) for params in alone.pack]
    at_once = run_pack(alone.inputs, FIXED, pack)

    for number, run in alone.runs.items():
        assert furthest(at_once[number].losses, run.losses) < 1e-5
