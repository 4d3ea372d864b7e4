"""The role of each linear layer in an encoder: query, key, value, attention output, MLP.

Looked up by the module path below the transformer layer, in one table for the encoders of
``transformers``. Shapes do not identify roles: query, key and value have the same shape, and so
have an MLP's gate and up projection. A path that is not in the table has no role.
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
"""Module paths below a transformer layer, by their roles. A matrix with several roles is fused:
it computes several projections in one product."""

ROLES: Mapping[str, tuple[str, ...]] = {
    path: roles for roles, paths in _PATHS.items() for path in paths.split()
}
"""Roles of a linear layer, by its module path below the transformer layer."""

NAMES = tuple(dict.fromkeys(role for roles in _PATHS for role in roles))
"""Names of all roles, as target sets spell them."""


def kind(path: str) -> str:
    """The part of a module path after its last layer index, the same in every layer.

    Example:
        >>> kind("esm.encoder.layer.0.attention.self.query")
        'attention.self.query'
    """
    parts = path.split(".")
    last_index = max((i for i, part in enumerate(parts) if part.isdecimal()), default=-1)
    return ".".join(parts[last_index + 1 :]) or path


def roles_of(path: str) -> tuple[str, ...]:
    """The roles of the linear layer at a path: several if it is fused, none if unknown.

    Example:
        >>> roles_of("model.layers.3.attn.Wqkv")
        ('query', 'key', 'value')
    """
    return ROLES.get(kind(path), ())
