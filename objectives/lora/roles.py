"""The role of each linear layer in an encoder: query, key, value, attention's output, MLP.

Recognised by the path below the layer, in one table for all encoders that ``transformers``
ships. The place in the model alone does not tell: query, key and value have the same shapes,
and so have the gate and the up projection of an MLP. A path that the table lacks has no role.
"""

from __future__ import annotations

from collections.abc import Mapping

QUERY, KEY, VALUE = "query", "key", "value"
OUTPUT = "attention.output"
UP, GATE, DOWN = "mlp.up", "mlp.gate", "mlp.down"

_PATHS: Mapping[tuple[str, ...], str] = {
    (QUERY,): "attention.self.query attention.self.query_proj attention.query attention.attn.q "
    "attention.q_lin q_lin attention.q_head self_attn.q_proj SelfAttention.q",
    (KEY,): "attention.self.key attention.self.key_proj attention.key attention.attn.k "
    "attention.k_lin k_lin attention.k_head self_attn.k_proj SelfAttention.k",
    (VALUE,): "attention.self.value attention.self.value_proj attention.value attention.attn.v "
    "attention.v_lin v_lin attention.v_head self_attn.v_proj SelfAttention.v",
    (QUERY, KEY, VALUE): "attention.self.in_proj attn.Wqkv self_attn.qkv_proj",
    (OUTPUT,): "attention.output.dense attention.dense attention.attn.o attention.out_lin out_lin "
    "attention.post_proj self_attn.o_proj SelfAttention.o attn.Wo",
    (UP,): "intermediate.dense ffn ffn.lin1 lin1 ffn.linear_1 ff.layer_1 mlp.up_proj mlp.fc1 "
    "DenseReluDense.wi DenseReluDense.wi_1",
    (GATE,): "mlp.gate_proj DenseReluDense.wi_0",
    (GATE, UP): "mlp.Wi mlp.gate_up_proj",
    (DOWN,): "output.dense ffn_output ffn.lin2 lin2 ffn.linear_2 ff.layer_2 mlp.down_proj mlp.fc2 "
    "DenseReluDense.wo mlp.Wo",
}
"""Roles to the paths below a layer that have them. A matrix with several roles is fused: one
product makes what elsewhere several make."""

ROLES: Mapping[str, tuple[str, ...]] = {
    path: roles for roles, paths in _PATHS.items() for path in paths.split()
}
"""The roles of a linear layer by its path below the layer."""

NAMES = tuple(dict.fromkeys(role for roles in _PATHS for role in roles))
"""Every role, by the name that a target set has for it."""


def kind(path: str) -> str:
    """The part of a module path below its layer: what repeats from layer to layer.

    Example:
        >>> kind("esm.encoder.layer.0.attention.self.query")
        'attention.self.query'
    """
    parts = path.split(".")
    last_index = max((i for i, part in enumerate(parts) if part.isdecimal()), default=-1)
    return ".".join(parts[last_index + 1 :]) or path


def roles_of(path: str) -> tuple[str, ...]:
    """The roles of the linear layer at a path; several of a fused one, none if not known.

    Example:
        >>> roles_of("model.layers.3.attn.Wqkv")
        ('query', 'key', 'value')
    """
    return ROLES.get(kind(path), ())
