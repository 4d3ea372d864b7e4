"""The simulated scenarios have the effects, noise and collapses that they declare."""

import numpy as np
import pytest

from benchmarks.verdict.designs import space_of, split
from benchmarks.verdict.noise import Noise
from benchmarks.verdict.scenarios import SCENARIOS, Scenario, simulate
from benchmarks.verdict.surface import AXES, SCALINGS, FloatArray

DECLARED = {
    "A": ("main targets .021", "total learning_rate .006", "total rank .001", "total scaling .001"),
    "A2": ("main targets .0045",),
    "B": ("total targets 0", "total rank 0", "total scaling 0", "total learning_rate 0"),
    "C": ("main targets .015", "total rank .015"),
    "D": ("total learning_rate .029", "total rank+scaling .021", "main targets .004"),
    "E1": ("main targets .0072", "total rank .014"),
    "E2": ("main targets .01454", "total rank .010"),
    "S7fixed": ("total rank 0", "total scaling 0"),
    "X": ("total rank .008", "main targets .021"),
    "HC": ("total targets 0",),
}
"""Standard deviations of the simulations by which the method was chosen, and of ours."""


def points(scenario: Scenario, n: int, rng: np.random.Generator) -> FloatArray:
    """Uniform places, shape (4, n)."""
    rate = scenario.fixed_rate
    return np.array(
        [
            rng.integers(5, size=n) * 1.0,
            rng.choice(np.log2(scenario.ranks), n),
            rng.choice(np.log2(SCALINGS), n),
            rng.uniform(-1, 1, n) if rate is None else np.full(n, rate),
        ]
    )


@pytest.mark.parametrize(
    ("name", "wanted"), [(name, wanted) for name, each in DECLARED.items() for wanted in each]
)
def test_a_scenario_has_its_declared_effects(name: str, wanted: str) -> None:
    """The true effects equal the standard deviations that define the scenario."""
    kind, parameter, sigma = wanted.split()

    found = getattr(SCENARIOS[name].truth, kind)[parameter]

    assert found == pytest.approx(float(sigma), rel=3e-3, abs=1e-12)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_truth_agrees_with_a_simulation(name: str) -> None:
    """Main and total effects by the pick-freeze estimator (Sobol' 2001, Jansen 1999)."""
    scenario, n = SCENARIOS[name], 100_000
    rng = np.random.default_rng(1)
    a, b = points(scenario, n, rng), points(scenario, n, rng)
    at_a, at_b = scenario.surface(*a), scenario.surface(*b)
    whole = at_a.var()

    for group, total in scenario.truth.total.items():
        chosen = [AXES.index(axis) for axis in group.split("+")]
        mixed = b.copy()
        mixed[chosen] = a[chosen]
        at_mixed = scenario.surface(*mixed)

        assert 0.5 * np.mean((at_b - at_mixed) ** 2) == pytest.approx(total**2, abs=0.02 * whole)
        if group in scenario.truth.main:
            main = np.mean(at_a * (at_mixed - at_b))
            assert main == pytest.approx(scenario.truth.main[group] ** 2, abs=0.02 * whole)


def test_sets_have_equal_maxima_at_different_rates() -> None:
    """In S7 the best value of every set is the same, and at any one rate they differ."""
    rates = np.linspace(-1, 1, 2001)
    surface = SCENARIOS["S7"].surface
    zeros = np.zeros_like(rates)

    curves = np.array([surface(np.full_like(rates, t), zeros, zeros, rates) for t in range(5)])

    assert curves.max(axis=1) == pytest.approx(np.zeros(5), abs=1e-9)
    assert len(set(curves.argmax(axis=1))) == 5
    assert np.ptp(curves, axis=0).min() > 0.0099


@pytest.mark.parametrize(("name", "span"), [("SAT", 0.03), ("SATsmall", 0.004)])
def test_the_saturating_effect_has_its_range(name: str, span: float) -> None:
    """Most of the range is between the lowest two ranks."""
    ranks = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    zeros = np.zeros(5)

    effect = SCENARIOS[name].surface(zeros, ranks, zeros, zeros)

    assert np.ptp(effect) == pytest.approx(span)
    assert effect[1] - effect[0] == pytest.approx(span / 2, rel=0.01)


@pytest.mark.parametrize("tailed", [False, True])
def test_noise_has_its_standard_deviation(*, tailed: bool) -> None:
    """Normal or Student's t with 3 degrees of freedom; runs of a configuration share its part."""
    n = 400_000
    rng = np.random.default_rng(0)
    pairs = np.repeat(np.arange(n // 2), 2)

    drawn, _ = Noise(tailed=tailed).draw(rng, pairs, np.zeros(n), np.zeros(n))

    # t with 3 degrees of freedom has no fourth moment, so the sample variance converges slowly.
    within = np.diff(drawn.reshape(-1, 2)).std() / np.sqrt(2)
    assert within == pytest.approx(0.010, rel=0.05 if tailed else 0.01)
    assert np.corrcoef(drawn[::2], drawn[1::2])[0, 1] == pytest.approx(4 / 104, abs=0.02)


def test_noise_grows_with_the_rate() -> None:
    """By a factor of 2.7 from the lowest to the highest rate."""
    n = 100_000
    rng = np.random.default_rng(0)
    noise = Noise(configuration=0.0, at_high_rate=2.7)

    low, high = (
        noise.draw(rng, np.arange(n), np.zeros(n), np.full(n, u))[0].std() for u in (-1.0, 1.0)
    )

    assert high / low == pytest.approx(2.7, rel=0.02)
    assert high * low == pytest.approx(0.010**2, rel=0.02)


def test_runs_collapse_at_the_declared_rates() -> None:
    """Everywhere at one rate, or only the largest set at high learning rates."""
    n = 50_000
    rng = np.random.default_rng(0)
    t, u = rng.integers(5, size=n) * 1.0, rng.uniform(-1, 1, n)
    there = (t == 4) & (u > 1 / 3)

    _, anywhere = Noise(collapses=0.02).draw(rng, np.arange(n), t, u)
    _, some = Noise(collapses_of_all=0.30).draw(rng, np.arange(n), t, u)

    assert anywhere.mean() == pytest.approx(0.02, abs=0.003)
    assert some[there].mean() == pytest.approx(0.30, abs=0.03)
    assert not some[~there].any()


@pytest.mark.parametrize("n", [40, 80, 162, 240])
@pytest.mark.parametrize("varies", [True, False])
def test_configurations_and_duplicates_make_the_trials(n: int, *, varies: bool) -> None:
    """Also in a space with fewer configurations than the design needs."""
    space = space_of(rate_varies=varies)

    configurations, duplicates = split(n, space)

    assert configurations + duplicates == n
    assert duplicates <= configurations <= (space.size() or n)


def test_a_seed_determines_the_table() -> None:
    """The same seed gives the same table; another seed another one."""
    scenario = SCENARIOS["Arand"]

    table, truth = simulate(scenario, 40, 7)

    assert len(table) == 40
    assert len(set(table.configurations.tolist())) == 36
    assert truth == scenario.truth
    assert simulate(scenario, 40, 7)[0] == table
    assert simulate(scenario, 40, 8)[0] != table
