import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import specs

from sweep import Baseline, Budget, Choice, Claim, Design, Float, Int, Sampler, Space, StudySpec
from sweep.errors import SpecError
from sweep.study.design import Pilot
from sweep.study.spec import differences

SPACE = Space({"rank": Choice(1, 2, 4), "rate": Float(1e-4, 1e-2, log=True)})


def make(**changes: object) -> StudySpec:
    """A small valid spec with changes."""
    return StudySpec(**{"name": "s", "objective": "a.b:C", "space": SPACE, **changes})


@given(specs())
def test_json_round_trip_gives_an_equal_spec(spec: StudySpec) -> None:
    """Through text and back, for any spec."""
    again = StudySpec.from_json(json.loads(json.dumps(spec.to_json())))

    assert again == spec
    assert again.digest() == spec.digest()


@given(specs(), st.randoms())
def test_the_digest_ignores_key_order(spec: StudySpec, shuffler: random.Random) -> None:
    """The same settings in another order are the same study."""
    items = list(spec.settings.items())
    shuffler.shuffle(items)
    tree = {**spec.to_json(), "settings": dict(items)}

    assert StudySpec.from_json(tree).digest() == spec.digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "t"},
        {"objective": "a.b:D"},
        {"space": Space({"rank": Choice(1, 2, 8), "rate": Float(1e-4, 1e-2, log=True)})},
        {"space": Space({"rank": Choice(2, 1, 4), "rate": Float(1e-4, 1e-2, log=True)})},
        {"settings": {"epochs": 2}},
        {"sampler": Sampler("random")},
        {"sampler": Sampler(seed=1)},
        {"direction": "minimize"},
        {"seeds": (1,)},
        {"baselines": (Baseline("head only", {"rank": 0}),)},
        {"design": Design(20, 2)},
        {"design": Pilot("rank", "rate")},
    ],
)
def test_the_digest_covers_all_that_is_measured(changes: dict[str, object]) -> None:
    """Every field that changes a result changes the digest, and is named as a difference."""
    assert make(**changes).digest() != make().digest()
    assert differences(make().identity(), make(**changes).identity())


def test_the_digest_ignores_budget_and_paths() -> None:
    """With more trials or in a moved folder it is the same study."""
    other = make(budget=Budget(trials=99, seconds=5), inputs={"data": "elsewhere"})

    assert other.digest() == make().digest()


def test_the_digest_ignores_claims() -> None:
    """No trial depends on them; changes are shown in the history."""
    claim = Claim(dominant="rank", over=("rate",), negligible=())

    assert make(claims=(claim,)).digest() == make().digest()


def test_studies_from_before_designs_keep_their_digest() -> None:
    """Their JSON has neither designs nor claims."""
    old = make().to_json()
    del old["design"], old["claims"]

    assert StudySpec.from_json(old) == make()
    assert "design" not in make().identity()
    assert make().digest() == "54b872138254774e"


@pytest.mark.parametrize("design", [Design(20, 2, 1, 3), Pilot("rank", "rate", 1, 2, 3, 4)])
def test_designs_and_claims_survive_json(design: Design | Pilot) -> None:
    """Through text and back."""
    claims = (Claim(dominant="rank", over=("rate",), negligible=(), delta=0.02, name="n"),)
    spec = make(design=design, claims=claims)

    assert StudySpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_claims_relate_rank_alpha_and_scaling() -> None:
    """Two of them determine the third; an unknown parameter is a fault."""
    space = Space({"rank": Choice(1, 2), "alpha": Choice(2, 4), "targets": Choice("a", "b")})
    assert make(space=space, claims=(Claim(),)).claims[0].over == ("rank", "scaling")
    with pytest.raises(SpecError) as caught:
        make(claims=(Claim(nuisances=("dropout",)),))

    assert [sentence.split(" must")[0] for sentence in caught.value.faults] == [
        "claims[0].dominant",
        "claims[0].over",
        "claims[0].negligible",
        "claims[0].nuisances",
    ]


def test_all_faults_are_reported_at_once() -> None:
    """So that a spec can be corrected in one edit."""
    with pytest.raises(SpecError, match="name must") as caught:
        make(
            name=" ",
            objective="nowhere",
            space=Space({"a b": Int(5, 1)}),
            direction="up",
            sampler=Sampler("magic"),
            seeds=(1, 1),
            budget=Budget(trials=0, seconds=-1),
            settings={"x": (1, 2)},
        )

    starts = [sentence.split(" must")[0] for sentence in caught.value.faults]
    assert starts == [
        "name",
        "objective",
        "a parameter name",
        "space.a b",
        "direction",
        "sampler.name",
        "budget.trials",
        "budget.seconds",
        "seeds",
        "settings.x",
    ]


def test_a_setting_cannot_be_fixed_and_sampled() -> None:
    """It would be ambiguous."""
    with pytest.raises(SpecError, match=r"settings\.rank must not be fixed and sampled at once"):
        make(settings={"rank": 3})


def test_a_grid_needs_a_finite_space() -> None:
    """A real-valued parameter has no grid."""
    with pytest.raises(SpecError, match=r"sampler\.name must not be 'grid'"):
        make(sampler=Sampler("grid"))


def test_json_with_an_unknown_field_is_refused() -> None:
    """As a study from a newer version might have."""
    with pytest.raises(SpecError, match="must have the fields of StudySpec"):
        StudySpec.from_json({**make().to_json(), "verdict": 1})


def test_differences_are_named_by_path() -> None:
    """Changed, removed and added leaves; True and 1 differ."""
    old = {"a": {"b": 1, "c": 2}, "d": True}
    new = {"a": {"b": 3}, "d": 1, "e": "x"}

    assert differences(old, new) == [
        "a.b: 1 -> 3",
        "a.c: 2 -> absent",
        "d: True -> 1",
        "e: absent -> 'x'",
    ]
