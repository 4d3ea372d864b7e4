"""The matrices that a target set's names mean in the encoders of ``transformers``."""

from __future__ import annotations

import warnings
from functools import cache

import pytest
import torch
from encoders import classifier_of, config_of
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from transformers import PreTrainedModel

from objectives.lora.adapter_config import AdapterConfig, trainable_parameters
from objectives.lora.base.load import head_modules
from objectives.lora.target_modules import ROLES, UNUSED, resolve, resolve_all
from objectives.lora.training.details import of_lora
from studies.targets import TARGET_SETS
from sweep.errors import TargetError

NAMES = ("query", "key", "value", "attention.output", "mlp.up", "mlp.down", "mlp.gate")
BERT = (
    "attention.self.query attention.self.key attention.self.value attention.output.dense "
    "intermediate.dense output.dense -"
)
LLAMA = (
    "self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.o_proj mlp.up_proj "
    "mlp.down_proj mlp.gate_proj"
)
T5 = (
    "SelfAttention.q SelfAttention.k SelfAttention.v SelfAttention.o DenseReluDense.wi "
    "DenseReluDense.wo -"
)
GATED_T5 = T5.replace("wi", "wi_1").replace("-", "DenseReluDense.wi_0")
XLM = "q_lin k_lin v_lin out_lin lin1 lin2 -"
FUNNEL = (
    "attention.q_head attention.k_head attention.v_head attention.post_proj ffn.linear_1 "
    "ffn.linear_2 -"
)
WQKV, WI = "attn.Wqkv", "mlp.Wi"
LIKE_BERT = (
    "bert", "esm", "roberta", "canine", "roformer", "bros", "convbert", "electra", "lilt", "luke",
    "mobilebert", "rembert", "xmod",
)  # fmt: skip
LIKE_LLAMA = ("esmc", "eurobert", "nomic_bert", "llama")
ENCODERS = {
    **dict.fromkeys(LIKE_BERT, BERT),
    **dict.fromkeys(LIKE_LLAMA, LLAMA),
    "albert": "attention.query attention.key attention.value attention.dense ffn ffn_output -",
    "deberta": f"{' '.join(['attention.self.in_proj'] * 3)} {BERT.split(' ', 3)[3]}",
    "deberta-v2": BERT.replace("query", "query_proj")
    .replace("key", "key_proj")
    .replace("value", "value_proj"),
    "distilbert": "attention.q_lin attention.k_lin attention.v_lin attention.out_lin ffn.lin1 "
    "ffn.lin2 -",
    "flaubert": XLM,
    "fnet": "- - - - intermediate.dense output.dense -",
    "funnel": FUNNEL,
    "jina_embeddings_v3": f"{LLAMA.rsplit(' ', 3)[0]} mlp.fc1 mlp.fc2 -",
    "modernbert": f"{WQKV} {WQKV} {WQKV} attn.Wo {WI} mlp.Wo {WI}",
    "mpnet": "attention.attn.q attention.attn.k attention.attn.v attention.attn.o "
    "intermediate.dense output.dense -",
    "t5": T5,
    "t5, gated": GATED_T5,
    "umt5": GATED_T5,
    "xlm": XLM,
    "xlnet": "- - - - ff.layer_1 ff.layer_2 -",
    "phi3": "self_attn.qkv_proj self_attn.qkv_proj self_attn.qkv_proj self_attn.o_proj "
    "mlp.gate_up_proj mlp.down_proj mlp.gate_up_proj",
}
"""Path below the layer of each role, in the order of ``NAMES``; - if a model has none."""

QUICK = ("bert", "albert", "modernbert", "t5, gated", "phi3", "xlnet")
"""One of each kind of path; the others' comparisons with PEFT are integration tests."""
SOME = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.integration) for name in ENCODERS
]

MORE = {
    "albert": {"albert.encoder.embedding_hidden_mapping_in"},
    "bros": {"bros.bbox_embeddings.bbox_projection"},
    "convbert": {
        "convbert.embeddings_project", "attention.self.conv_kernel_layer",
        "attention.self.conv_out_layer",
    },
    "deberta": {"attention.self.pos_proj", "attention.self.pos_q_proj"},
    "deberta-v2": {"attention.self.pos_key_proj", "attention.self.pos_query_proj"},
    "electra": {"electra.embeddings_project"},
    "fnet": {"fnet.embeddings.projection"},
    "mobilebert": {
        "mobilebert.embeddings.embedding_transformation", "output.bottleneck.dense",
        "bottleneck.input.dense", "bottleneck.attention.dense",
    },
    "rembert": {"rembert.encoder.embedding_hidden_mapping_in"},
    "xmod": {"output.adapter_modules.en_XX.dense1", "output.adapter_modules.en_XX.dense2"},
}  # fmt: skip
"""Linear layers without a role that are in ``all-linear`` too."""

GROUPS = {
    "query+value": ("query", "value"),
    "qkv": ("query", "key", "value"),
    "attention": ("query", "key", "value", "attention.output"),
    "mlp": ("mlp.up", "mlp.down"),
    "attention+mlp.down": ("query", "key", "value", "attention.output", "mlp.down"),
}
EVERY = [(name, text) for name in ENCODERS for text in (*NAMES, *GROUPS, "all-linear")]


@cache
def model_of(name: str) -> PreTrainedModel:
    """One of the encoders, without weights."""
    return classifier_of(config_of(name))


def roles_in(name: str) -> dict[str, str]:
    """The path of each role that an encoder has."""
    paths = zip(NAMES, ENCODERS[name].split(), strict=True)
    return {role: path for role, path in paths if path != "-"}


def expected(name: str, text: str) -> set[str] | str:
    """The paths that a target set means in an encoder, or its error message."""
    paths = roles_in(name)
    wanted = {*GROUPS.get(text, (text,))}
    if missing := wanted - {*paths}:
        return f"must match a linear layer of the model, got '{min(missing)}'"
    wanted |= {"mlp.gate"} & {*paths} if {"mlp.up", "mlp.down"} <= wanted else set()
    for role in wanted:
        if torn := {r for r in paths if paths[r] == paths[role]} - wanted:
            assert torn <= {*NAMES}
            return f"are fused in '{paths[role]}'"
    return {paths[role] for role in wanted}


@pytest.mark.parametrize(("name", "text"), EVERY)
def test_a_role_is_the_same_matrix_in_every_encoder(name: str, text: str) -> None:
    """The modules of a set; or that the encoder lacks the matrix, or has it only fused."""
    model = model_of(name)
    if text == "all-linear":
        every = {*roles_in(name).values()} | MORE.get(name, set())
        if name not in ("lilt", "luke"):  # has many linear layers of its own
            assert {*resolve(model, text, head_modules(model)).kinds} == every
        return
    means = expected(name, text)
    if isinstance(means, str):
        with pytest.raises(TargetError, match="a target must") as caught:
            resolve(model, text, head_modules(model))
        assert means in caught.value.faults[0]
        assert "Use" in caught.value.faults[0] or "could have matched" in caught.value.faults[0]
    else:
        assert {*resolve(model, text, head_modules(model)).kinds} == means


@pytest.mark.parametrize("name", SOME)
def test_all_linear_is_as_in_peft_except_head_and_unused_layers(name: str) -> None:
    """Including matrices without a role, such as projections of embeddings or positions."""
    model = model_of(name)
    head = head_modules(model)
    config = LoraConfig(r=1, target_modules="all-linear")
    apart = (*head, *UNUSED)
    theirs = {
        path
        for path in adapted(model, config)[0]
        if not any(f".{p}." in f".{path}." for p in apart)
    }

    assert {*resolve(model, "all-linear", head).modules} == theirs


@pytest.mark.parametrize("name", SOME)
def test_peft_trains_the_same_parameters_in_every_encoder(name: str) -> None:
    """For every set: the modules, and the number of parameters, including the head's."""
    model = model_of(name)
    head = head_modules(model)
    paths = [path for path, _ in model.named_modules()]
    sets = ["query", "attention.output", "mlp.down", *GROUPS, "all-linear"]
    sets = [t for t in sets if t == "all-linear" or isinstance(expected(name, t), set)]
    for text in sets:
        modules = resolve(model, text, head).modules
        config = AdapterConfig(3, 3.0, text, modules)
        (keywords,) = of_lora(config, head, paths).values()
        found, count = adapted(model, LoraConfig(**keywords))

        assert found == {*modules}
        assert trainable_parameters(model, config, head) == count


def test_every_known_path_exists_in_an_encoder() -> None:
    """The table of roles has no unused path."""
    assert {path for paths in ENCODERS.values() for path in paths.split()} - {"-"} == {*ROLES}


def test_an_encoder_without_linear_layers_is_refused_once() -> None:
    """I-BERT has its own class of matrices; without adapters it is accepted."""
    model = classifier_of(config_of("ibert"))

    with pytest.raises(
        TargetError, match=r"the base must have linear layers \(nn\.Linear\)"
    ) as why:
        resolve_all(model, TARGET_SETS.values, head_modules(model))
    assert len(why.value.faults) == 1
    assert not resolve(model, "none", head_modules(model)).modules


def test_a_part_of_a_fused_matrix_is_one_fault_for_each_set() -> None:
    """One of the studies' sets does not exist where query, key and value are one matrix."""
    model = model_of("modernbert")

    with pytest.raises(TargetError, match="a target must not be a part") as why:
        resolve_all(model, TARGET_SETS.values, head_modules(model))
    assert str(why.value) == (
        "a target must not be a part of a matrix, and here query, key and value are fused in "
        "'attn.Wqkv', got 'query+value' (target set 'query+value'). Use 'qkv' for all of it."
    )


def adapted(model: PreTrainedModel, config: LoraConfig) -> tuple[set[str], int]:
    """Modules that PEFT adapts, and its trainable parameters; the model is restored afterwards."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrapped = get_peft_model(model, config)
    found = {
        path.removeprefix("base_model.model.")
        for path, module in wrapped.named_modules()
        if isinstance(module, LoraLayer)
    }
    count = sum(p.numel() for p in wrapped.parameters() if p.requires_grad)
    wrapped.unload()
    return found, count
