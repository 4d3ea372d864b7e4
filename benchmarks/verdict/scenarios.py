"""Simulated studies whose right answer is known.

    from benchmarks.verdict.scenarios import SCENARIOS, simulate
    table, truth = simulate(SCENARIOS["A"], 162, seed=0)

Every number is in the objective's unit, as if it were a Matthews correlation; the claim judged is
that target sets dominate rank and scaling, which are negligible, at delta .01 and kappa 2.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.verdict.designs import random_runs
from benchmarks.verdict.noise import Noise
from benchmarks.verdict.surface import (
    adapter_size,
    additive,
    own_best_rate,
    plus,
    rank_curve_by_set,
    rank_where_attention,
    saturating,
    step_size,
    three_way,
)
from benchmarks.verdict.world import Scenario, simulate

__all__ = ["SCENARIOS", "Scenario", "simulate"]

_A = additive(targets=0.021, rate=0.006, rank=0.001, scaling=0.001)
_B = additive()
_C = additive(targets=0.015, rate=0.006, rank=0.015, scaling=0.001)
_REST = additive(rate=0.006, scaling=0.001)
_TAILED = Noise(tailed=True, collapses=0.02)
_UNEVEN = Noise(at_high_rate=2.7)
_TIED = own_best_rate(drop=0.04, spread=0.5)
_STEP_D = plus(additive(targets=0.004, rate=0.020), step_size(0.021))
_TARGETS_AND_RATE = additive(targets=0.021, rate=0.006, scaling=0.001)
_E2 = plus(adapter_size(0.020), _REST)

_A_SCENARIO = Scenario("A", "target sets matter most by far", "CONFIRMED", _A)
_B_SCENARIO = Scenario("B", "nothing matters", "REFUTED", _B)
_C_SCENARIO = Scenario("C", "rank matters as much as target sets", "REFUTED", _C)
_E2_SCENARIO = Scenario(
    "E2", "only adapter size counts; ranks 8 and 16", "REFUTED", _E2, ranks=(8, 16)
)

_OF_THE_MODEL = (
    _A_SCENARIO,
    Scenario(
        "A2",
        "as A, but target sets differ by .012 from end to end",
        "CONFIRMED",
        additive(targets=0.0045, rate=0.002, rank=0.0005, scaling=0.0005),
    ),
    _B_SCENARIO,
    _C_SCENARIO,
    Scenario("D", "learning rate times alpha matters", "REFUTED", _STEP_D),
    Scenario("E1", "only adapter size counts", "REFUTED", plus(adapter_size(0.0099), _REST)),
    _E2_SCENARIO,
    Scenario("S7", "sets tie, each at its own learning rate", "not CONFIRMED", _TIED),
    Scenario(
        "S7fixed",
        "sets tie, but all ran at the first one's learning rate",
        "not CONFIRMED",
        _TIED,
        fixed_rate=0.5,
    ),
)

_BEYOND_THE_MODEL = (
    replace(_A_SCENARIO, name="HA", says="A, noise grows 2.7 times with the rate", noise=_UNEVEN),
    replace(_B_SCENARIO, name="HB", says="B, noise grows 2.7 times with the rate", noise=_UNEVEN),
    *(
        replace(each, name=f"T3{each.name}", says=f"{each.name}, t3 and collapses", noise=_TAILED)
        for each in (_A_SCENARIO, _B_SCENARIO, _C_SCENARIO, _E2_SCENARIO)
    ),
    replace(_A_SCENARIO, name="COL", says="A, 2 % collapse", noise=Noise(collapses=0.02)),
    replace(
        _A_SCENARIO,
        name="COLtold",
        says="A, 2 % collapse, and the runs tell",
        noise=Noise(collapses=0.02),
        told=True,
    ),
    Scenario(
        "X",
        "A, but rank matters where only attention is adapted",
        "not CONFIRMED",
        plus(_TARGETS_AND_RATE, rank_where_attention(0.008)),
    ),
    Scenario(
        "SAT",
        "A, but the lowest ranks cost up to .03",
        "not CONFIRMED",
        plus(_TARGETS_AND_RATE, saturating(0.03)),
    ),
    Scenario(
        "SATsmall",
        "A, and the lowest ranks cost up to .004",
        "CONFIRMED",
        plus(_TARGETS_AND_RATE, saturating(0.004)),
    ),
    Scenario(
        "Q",
        "A, but rank matters as a curve that is opposite in other sets",
        "not CONFIRMED",
        plus(_TARGETS_AND_RATE, rank_curve_by_set(0.008)),
    ),
    Scenario(
        "W",
        "A, but rank matters by target set and scaling together",
        "not CONFIRMED",
        plus(_TARGETS_AND_RATE, three_way(0.008)),
    ),
    Scenario(
        "TINY",
        "target sets alone matter, by less than delta",
        "not CONFIRMED",
        additive(targets=0.0025),
    ),
    Scenario(
        "HC",
        "B, but the largest set collapses at high rates, 30 % there",
        "not CONFIRMED",
        _B,
        Noise(collapses_of_all=0.30),
        known=False,
    ),
)

_AT_RANDOM = (
    replace(_A_SCENARIO, name="Arand", says="A, random design", plan=random_runs),
    replace(_C_SCENARIO, name="Crand", says="C, random design", plan=random_runs),
)

SCENARIOS = {each.name: each for each in (*_OF_THE_MODEL, *_BEYOND_THE_MODEL, *_AT_RANDOM)}
