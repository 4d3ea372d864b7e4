"""Hypothesis strategies shared by the tests."""

from __future__ import annotations

from hypothesis import strategies as st

from sweep import Budget, Choice, Float, Int, Sampler, Space, StudySpec, TargetSets

NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
SCALARS = st.one_of(
    st.text(max_size=8),
    st.integers(-1000, 1000),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)


@st.composite
def ints(draw: st.DrawFn) -> Int:
    """Whole-number ranges, some on a log axis, some with steps."""
    if draw(st.booleans()):
        low = draw(st.integers(1, 100))
        return Int(low, low + draw(st.integers(0, 1000)), log=True)
    low, step = draw(st.integers(-100, 100)), draw(st.integers(1, 7))
    return Int(low, low + step * draw(st.integers(0, 50)), step=step)


@st.composite
def floats(draw: st.DrawFn) -> Float:
    """Real ranges, some on a log axis."""
    log = draw(st.booleans())
    low = draw(st.floats(1e-6 if log else -1e3, 1e3))
    return Float(low, low + draw(st.floats(0, 1e3)), log=log)


CHOICES = st.lists(SCALARS, min_size=1, max_size=6, unique=True).map(lambda v: Choice(*v))
TARGETS = st.lists(
    st.sampled_from(["query", "qkv", "attention", "mlp", "query+value", "mlp.up", "all-linear"]),
    min_size=1,
    unique=True,
).map(lambda sets: TargetSets(*sets))
PARAMS = st.one_of(ints(), floats(), CHOICES, TARGETS)
SPACES = st.dictionaries(NAMES, PARAMS, min_size=1, max_size=5).map(Space)


@st.composite
def specs(draw: st.DrawFn) -> StudySpec:
    """Complete study specs."""
    space = draw(SPACES)
    settings = draw(st.dictionaries(NAMES, SCALARS, max_size=4))
    return StudySpec(
        name=draw(st.text("abc_ ü", min_size=1).map(str.strip).filter(bool)),
        objective="package.module:Name",
        space=space,
        settings={name: value for name, value in settings.items() if name not in space.params},
        sampler=Sampler(
            draw(st.sampled_from(["tpe", "random", "qmc", "gp"])), draw(st.integers(0, 99))
        ),
        direction=draw(st.sampled_from(["maximize", "minimize"])),
        seeds=tuple(draw(st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True))),
        budget=Budget(draw(st.integers(1, 500)), draw(st.none() | st.floats(1, 1e5))),
    )


@st.composite
def configurations(draw: st.DrawFn) -> tuple[Space, dict[str, object]]:
    """A space and one configuration in it."""
    space = draw(SPACES)
    values: dict[str, object] = {}
    for name in space:
        match space[name]:
            case Int(low, high, _, step):
                values[name] = low + step * draw(st.integers(0, (high - low) // step))
            case Float(low, high):
                values[name] = draw(st.floats(low, high))
            case Choice() | TargetSets() as param:
                values[name] = draw(st.sampled_from(param.values))
    return space, values
