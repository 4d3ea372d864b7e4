"""Changes that may be made to a space, and errors for all others."""

import pytest

from sweep import Choice, Float, Int, Space, TargetSets
from sweep.errors import SpecError
from sweep.extend.changes import Request, extended

SPACE = Space(
    {
        "rank": Choice(1, 2, 4),
        "dropout": Choice(0.0, 0.1),
        "bias": Choice("none", "lora"),
        "x": Float(1e-4, 1e-3, log=True),
        "steps": Int(4, 16, step=4),
        "targets": TargetSets("qkv", wide="all-linear"),
    }
)
TWO = Space({"a": TargetSets("qkv"), "b": TargetSets("qkv")})


def test_additions_are_appended_and_the_rest_stays() -> None:
    """In the given order."""
    request = Request(
        targets=("kv=value+key", "key=key"),
        choices=("rank=16", "rank=8", "dropout=0.5", "bias=all"),
        ranges=("x=0.0001:0.01", "steps=0:32"),
    )
    space, changes = extended(SPACE, request)

    assert space["rank"] == Choice(1, 2, 4, 16, 8)
    assert space["dropout"] == Choice(0.0, 0.1, 0.5)
    assert space["bias"] == Choice("none", "lora", "all")
    assert space["x"] == Float(1e-4, 1e-2, log=True)
    assert space["steps"] == Int(0, 32, step=4)
    assert space["targets"] == TargetSets("qkv", wide="all-linear", kv="value+key", key="key")
    assert list(space) == list(SPACE)
    assert changes == [
        "targets: + kv = key+value",
        "targets: + key = key",
        "rank: + 16",
        "rank: + 8",
        "dropout: + 0.5",
        "bias: + 'all'",
        "x: 0.0001..0.001 -> 0.0001..0.01",
        "steps: 4..16 -> 0..32",
    ]


def test_an_unchanged_bound_keeps_its_type() -> None:
    """``1`` and ``1.0`` are equal numbers with different digests."""
    space, _ = extended(
        Space({"x": Float(1, 2), "n": Int(2, 4)}), Request((), (), ("x=1.0:3", "n=0:4.0"))
    )

    assert repr(space["x"]) == "Float(low=1, high=3, log=False)"
    assert repr(space["n"]) == "Int(low=0, high=4, log=False, step=1)"


def test_one_of_several_target_sets_may_be_named() -> None:
    """The parameter's name comes before the label."""
    space, changes = extended(TWO, Request(targets=("b:mlp=mlp",)))

    assert space["b"] == TargetSets("qkv", mlp="mlp")
    assert space["a"] == TWO["a"]
    assert changes == ["b: + mlp = mlp.down+mlp.up"]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("kv", r"be LABEL=SET or PARAM:LABEL=SET, got 'kv'.*For example"),
        ("=kv", "be LABEL=SET"),
        (":kv=key", "be LABEL=SET"),
        ("kv=", "be LABEL=SET"),
        ("kv=key++value", r"a target set must be names of matrices.*--add-target kv=key"),
        ("new=query+key+value", r"not there yet, got .*targets has it as 'qkv'.*nothing to add"),
        ("wide=mlp", r"label that is not taken, .*targets has wide = attention\.output\+key"),
        ("nope:kv=key", "name one of the parameters rank, dropout, .*, got 'nope'"),
        ("rank:kv=key", r"be for TargetSets, got .*rank is of kind Choice\)\. Use --add-choice"),
    ],
)
def test_a_target_set_that_cannot_be_added(targets: str, expected: str) -> None:
    """The message has the reason."""
    with pytest.raises(SpecError, match=expected):
        extended(SPACE, Request(targets=(targets,)))


def test_target_sets_need_an_unambiguous_parameter() -> None:
    """With no such parameter, or with two and no name, they are refused."""
    with pytest.raises(SpecError, match=r"which parameter it is for: a or b, .* Write a:kv=key\."):
        extended(TWO, Request(targets=("kv=key",)))
    with pytest.raises(SpecError, match=r"meet a space with TargetSets.*its parameters are x"):
        extended(Space({"x": Float(0, 1)}), Request(targets=("kv=key",)))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("rank", r"be PARAM=VALUE, got 'rank'\. For example"),
        ("rank=", "be PARAM=VALUE"),
        ("=2", "be PARAM=VALUE"),
        ("rank=4", r"not there yet, got 'rank=4' \(rank has 1, 2, 4\)\. There is nothing to add"),
        ("rank=8.0", r"of a type that it has \(int\), got 8\.0"),
        ("rank=true", "of a type that it has .int., got True"),
        ("rank=many", "of a type that it has .int., got 'many'"),
        ("rank=[8]", r"of a type that it has .int., got \[8\]"),
        ("rank=null", "of a type that it has .int., got None"),
        ("dropout=1", r"of a type that it has \(float\), got 1 "),
        ("dropout=NaN", "give dropout a finite value"),
        ("bias=1", r"of a type that it has \(str\), got 1 .*\"2\" and word are str"),
        ("nope=1", "name one of the parameters rank, .*, got 'nope'"),
        ("targets=mlp", r"be for Choice, got .*targets is of kind TargetSets\)\. Use --add-target"),
        ("x=1", r"be for Choice, got .*x is of kind Float\)\. Use --widen"),
    ],
)
def test_a_choice_that_cannot_be_added(choice: str, expected: str) -> None:
    """The message has the reason."""
    with pytest.raises(SpecError, match=expected):
        extended(SPACE, Request(choices=(choice,)))


@pytest.mark.parametrize(
    ("widened", "expected"),
    [
        ("x", r"be PARAM=LOW:HIGH, got 'x'\. For example"),
        ("x=1", "be PARAM=LOW:HIGH"),
        ("x=1:", "be PARAM=LOW:HIGH"),
        ("x=1:2:3", "be PARAM=LOW:HIGH"),
        ("x=low:high", "be PARAM=LOW:HIGH"),
        ("x=1e-4:1e-3", r"wider than there is.*\(it is 0\.0001\.\.0\.001\)\. There is nothing"),
        ("x=2e-4:1", r"hold the whole range there is.*\(it is 0\.0001\.\.0\.001\)"),
        ("x=1e-5:9e-4", "hold the whole range there is"),
        ("x=0:1", r"space\.x\.low must be above 0 on a log axis, got 0"),
        ("x=nan:1", r"space\.x\.low must be a finite number"),
        ("x=1e-5:inf", r"space\.x\.high must be a finite number"),
        ("x=1:1e-5", "have low <= high"),
        ("steps=4:17", r"space\.steps\.step must divide 17 - 4"),
        ("steps=4:32.5", r"space\.steps\.high must be a whole number"),
        ("steps=2:18", r"keep to the steps of 4 through 4, .*Lower it by a multiple of 4"),
        ("nope=0:1", "name one of the parameters"),
        ("rank=0:9", r"be for Int or Float, got .*rank is of kind Choice\)\. Use --add-choice"),
    ],
)
def test_a_range_that_cannot_be_widened(widened: str, expected: str) -> None:
    """A range may only grow, on its own grid."""
    with pytest.raises(SpecError, match=expected):
        extended(SPACE, Request(ranges=(widened,)))


def test_all_faults_are_reported_at_once() -> None:
    """Of any kind, each once; a value added twice is a fault."""
    request = Request(("kv=key", "again=key"), ("rank=8", "rank=8", "nope=1"), ("x=1:2", "x"))
    with pytest.raises(SpecError, match="not there yet") as caught:
        extended(SPACE, request)

    assert len(caught.value.faults) == 5
