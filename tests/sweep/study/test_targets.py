import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import TargetError
from sweep.study.targets import GROUPS, canonical, members

NAME = st.sampled_from([*GROUPS, "query", "mlp.up", "encoder.layer.0.output.dense", "q_proj"])


@given(st.lists(NAME, min_size=1), st.randoms())
def test_canonical_form_ignores_order_and_repeats(names: list[str], random: object) -> None:
    """One string for any order; and the canonical form of it is itself."""
    shuffled = names * 2
    random.shuffle(shuffled)
    text = canonical("+".join(names))

    assert canonical(" + ".join(shuffled)) == text
    assert canonical(text) == text
    assert set(members(text)).isdisjoint(GROUPS)


def test_named_groups_expand() -> None:
    """``qkv`` and its members are one set."""
    assert canonical("qkv") == canonical("value+query+key") == "key+query+value"
    assert canonical("all-linear") == canonical("attention+mlp")


def test_none_is_the_empty_set() -> None:
    """The head-only baseline adapts nothing."""
    assert members("none") == ()


@pytest.mark.parametrize("text", ["", "query+", "que ry", "query,value", "none+query", "+"])
def test_text_that_is_no_set_is_refused(text: str) -> None:
    """With an example of a valid one."""
    with pytest.raises(TargetError, match="must be names of matrices joined by"):
        canonical(text)
