"""The forecast power of a design, before its first trial."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from sweep.analysis.experiment_design.balanced import balanced_points
from sweep.analysis.experiment_design.power import Forecast, Power, Runs, Truth, forecast
from sweep.analysis.table import Row, TrialTable
from sweep.study.claim import Claim
from sweep.study.design import Design, Point
from sweep.study.parameters import Choice, Float, TargetSets
from sweep.study.space import Space

pytestmark = pytest.mark.integration

SPACE = Space(
    {
        "rank": Choice(2, 4, 8, 16, 32),
        "scaling": Choice(0.5, 1.0, 2.0, 4.0, 8.0),
        "targets": TargetSets("query+value", "qkv", "mlp", wide="all-linear"),
        "learning_rate": Float(1e-4, 1e-2, log=True),
    }
)
SETS = SPACE["targets"].values
SIZES = dict(zip(SETS, (200.0, 300.0, 500.0, 900.0), strict=True))
NOISE = 0.01


@cache
def points_of(n: int) -> tuple[Point, ...]:
    """A design of this many configurations, which takes a second."""
    return balanced_points(SPACE, Design(n, n // 12, tries=2))


def design(n: int, sizes: dict[str, float] | None = None, space: Space = SPACE) -> TrialTable:
    """A design's runs, optionally with the sizes of their adapters."""
    points = points_of(n) if space is SPACE else balanced_points(space, Design(n, 2, tries=2))
    per_rank = sizes or {}
    rows = [
        Row(
            number,
            point.values,
            0.0,
            seed=point.seed,
            size=per_rank[point.values["targets"]] * point.values["rank"] if per_rank else None,
        )
        for number, point in enumerate(points)
    ]
    return TrialTable.from_rows(rows, space=space)


def under(found: Forecast, truth: str) -> Power:
    """The forecast under one true effect."""
    [power] = [each for each in found.power if each.truth == truth]
    return power


@pytest.fixture(scope="module")
def small() -> Forecast:
    """36 configurations with known sizes."""
    return forecast(design(36, SIZES), Claim(), NOISE, studies=6)


@pytest.fixture(scope="module")
def large() -> Forecast:
    """Enough configurations that every part is likely decided."""
    return forecast(design(200, SIZES), Claim(), NOISE, studies=6)


ALONE = "targets alone matters, 2 delta"


def test_every_part_of_the_claim_has_a_power(small: Forecast, large: Forecast) -> None:
    """A larger design has more; a part that is false is hardly ever confirmed."""
    few, many = under(small, ALONE), under(large, ALONE)

    assert large.untested == ""
    assert many.beyond_size is not None
    assert few.beyond_size is not None
    assert many.beyond_size >= 0.95
    assert few.beyond_size < 0.8
    assert many.dominance >= 0.95
    assert (many.negligible or 0.0) >= 0.8
    assert many.confirmed <= min(many.dominance, many.negligible or 0.0, many.beyond_size)
    nothing = under(large, "nothing matters")
    assert nothing.beyond_size is not None
    assert max(nothing.dominance, nothing.beyond_size) <= 0.1


def test_more_noise_needs_more_trials(large: Forecast) -> None:
    """For dominance and for negligibility; a larger effect needs fewer."""
    noisy = forecast(design(200, SIZES), Claim(), 1.5 * NOISE, studies=1)
    quiet, loud = (under(each, ALONE).for_dominance for each in (large, noisy))

    assert quiet is not None
    assert loud is not None
    assert loud == pytest.approx(2.25 * quiet, rel=0.3)
    assert (noisy.for_negligible or 0) > (large.for_negligible or 1000)
    five = under(large, "targets alone matters, 5 delta").for_dominance
    assert five is not None
    assert 20 <= five < quiet  # below 20 configurations there is no verdict


@pytest.mark.parametrize("truth", [Truth("", 0.02, 0.0), Truth("", 0.0, 0.0)], ids=["yes", "no"])
def test_with_the_number_needed_most_simulated_studies_find_dominance(
    truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The formula's 80 % against the verdict itself, on a design of that size."""
    kept: list[Runs] = []

    def keep(self: Runs, rng: np.random.Generator) -> None:  # noqa: ARG001 - as it is called
        kept.append(self)

    monkeypatch.setattr(Runs, "for_negligible", keep)
    forecast(design(100), Claim(), NOISE, studies=1)
    n = kept[0].for_dominance(truth, np.random.default_rng(0))
    assert n is not None
    forecast(design(round(n * 12 / 13)), Claim(), NOISE, studies=1)

    rng, detected = np.random.default_rng(1), 0
    for _ in range(12):
        judged = kept[1].judged(truth, rng)
        detected += judged is not None and judged[1]["dominance"].state != "INCONCLUSIVE"

    assert detected >= 6  # the chance of fewer, at 80 %, is 0.4 %


def test_without_sizes_beyond_size_has_no_forecast_with_a_reason() -> None:
    """The other parts have one; the claim counts as confirmed without it, as in a verdict."""
    found = forecast(design(150), Claim(), NOISE, studies=3)
    power = under(found, ALONE)

    assert "not recorded" in found.untested
    assert {each.beyond_size for each in found.power} == {None}
    assert power.confirmed > 0.0
    assert found.to_json()["untested"] == found.untested


def test_sizes_that_rank_does_not_span_have_no_forecast() -> None:
    """With the verdict's own sentence, as it would not test the part."""
    wide = dict(zip(SETS, (1.0, 10.0, 100.0, 1000.0), strict=True))

    found = forecast(design(60, wide), Claim(), NOISE, studies=2)

    assert "do not vary the adapters' size as widely" in found.untested
    assert under(found, ALONE).beyond_size is None


def test_a_claim_not_about_target_sets_has_no_such_part() -> None:
    """Rank as the dominant parameter is size itself."""
    claim = Claim("rank", ("targets",), ())

    found = forecast(design(60, SIZES), claim, NOISE, studies=2)

    assert found.untested == ""
    assert {each.beyond_size for each in found.power} == {None}
    assert {each.negligible for each in found.power} == {None}
    assert found.for_negligible is None


@pytest.mark.parametrize("still", ["targets", "rank"])
def test_a_constant_parameter_has_no_forecast(still: str) -> None:
    """One choice of the dominant parameter, or of all that it is compared with."""
    one = {"targets": TargetSets("qkv"), "rank": Choice(8)}[still]
    space = replace(SPACE, params={**SPACE.params, still: one})

    found = forecast(design(30, space=space), Claim(over=("rank",), negligible=()), NOISE)

    assert found.power == ()
    assert found.for_negligible is None
    assert "does not vary" in found.untested
