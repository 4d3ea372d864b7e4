"""Seeds of a configuration: they measure noise, and are no additional configurations."""

from __future__ import annotations

import numpy as np
import pytest
from judged import line, names, ordered, sample_of
from scipy import stats

from sweep.analysis.effects.contrasts import averaged
from sweep.analysis.effects.fit import ConfigurationMeans, seed_noise
from sweep.analysis.effects.intervals import PivotalSampler
from sweep.analysis.effects.model_selection import select_model

RNG = np.random.default_rng(2)
OF = np.repeat(np.arange(30), RNG.integers(1, 5, 30))
RUNS = RNG.normal(0.0, 0.02, len(OF)) + OF


def test_the_noise_of_seeds_has_the_textbook_interval() -> None:
    """Pooled variance of the groups, and (n - 1) s^2 / chi-square for its ends."""
    sample = ConfigurationMeans.of([line(np.linspace(-1, 1, 30)[OF])], RUNS, OF)

    groups = [RUNS[c == OF] for c in range(30)]
    df = sum(len(group) - 1 for group in groups)
    variance = sum((len(g) - 1) * np.var(g, ddof=1) for g in groups if len(g) > 1) / df
    noise = sample.seed_noise
    assert (noise.df, noise.sd) == (df, pytest.approx(variance**0.5))
    low, high = df * variance / stats.chi2.interval(0.95, df)[::-1]
    assert (noise.low, noise.high) == (pytest.approx(low**0.5), pytest.approx(high**0.5))


def test_the_interval_of_the_noise_covers_it() -> None:
    """In 95 % of 400 samples, within three standard errors."""
    squares = 0.01**2 * np.random.default_rng(3).chisquare(12, 400)

    found = [seed_noise(each, 12) for each in squares]

    covered = np.mean([n.low <= 0.01 <= n.high for n in found])  # type: ignore[operator]
    assert covered == pytest.approx(0.95, abs=3.0 * (0.95 * 0.05 / 400) ** 0.5)


def test_without_replicates_the_noise_is_unknown() -> None:
    """None, not 0."""
    assert sample_of([0.1, 0.2], line([0, 1])).seed_noise.sd is None


def test_means_and_places_are_those_of_each_configuration() -> None:
    """For any order of runs, and any numbering of configurations."""
    order = RNG.permutation(len(OF))
    sample = ConfigurationMeans.of([ordered((OF % 7)[order], 7)], RUNS[order], 100 - OF[order])

    assert sample.y == pytest.approx([RUNS[c == OF].mean() for c in range(29, -1, -1)])
    assert sample.axes[0].places.tolist() == [c % 7 for c in range(29, -1, -1)]
    assert sample.seeds.sum() == len(OF)


def test_duplicated_rows_do_not_increase_certainty() -> None:
    """Every piece keeps its estimate, noise and draws."""
    levels, x = np.arange(60) % 5, RNG.uniform(-1, 1, 60)
    y = 0.02 * (levels == 1) + RNG.normal(0.0, 0.01, 60)
    once, twice = (
        select_model(sample_of(y, names(levels, 5), line(x), seeds=np.full(60, k))) for k in (1, 2)
    )

    assert once is not None
    assert twice is not None
    for members in ((0,), (1,)):
        one, two = (
            PivotalSampler(each, 500, 0).piece(averaged(each).effects[members], "t")
            for each in (once, twice)
        )
        assert one.draws == pytest.approx(two.draws, rel=1e-6, abs=1e-15)
        assert one.noise == pytest.approx(two.noise)
    assert once.p_value(averaged(once).effects[0,]) == pytest.approx(
        twice.p_value(averaged(twice).effects[0,])
    )


@pytest.mark.parametrize("seeds", [1, 20, 50])
def test_many_seeds_of_a_few_configurations_are_no_evidence_against_noise(seeds: int) -> None:
    """With configurations that differ at random, the F test is significant in 5 % of studies.

    A few have many seeds, as the best ones often do, and the noise of seeds is small.
    """
    significant = 0
    for study in range(150):
        rng = np.random.default_rng(study)
        levels, x = rng.permutation(np.arange(40) % 4), rng.uniform(-1, 1, 40)
        of = np.repeat(np.arange(40), np.where(rng.permutation(40) < 4, seeds, 1))
        y = rng.normal(0.0, 0.01, 40)[of] + rng.normal(0.0, 0.002, len(of))
        found = select_model(ConfigurationMeans.of([names(levels[of], 4), line(x[of])], y, of))
        assert found is not None
        significant += found.p_value(averaged(found).effects[0,]) < 0.05

    assert significant <= stats.binom.ppf(0.999, 150, 0.06)
