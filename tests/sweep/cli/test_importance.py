"""From a study file to a verdict, with the command and a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from command import lorasweep

pytestmark = pytest.mark.integration

STUDY = """
from sweep import Budget, Choice, Claim, Design, Float, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="toy",
    objective="objectives.synthetic:Synthetic",
    space=Space({
        "rank": Choice(2, 4, 8, 16, 32),
        "scaling": Choice(1, 2, 4),
        "targets": TargetSets("qkv", "query+value", "mlp", wide="all-linear"),
        "learning_rate": Float(1e-4, 1e-2, log=True),
    }),
    settings={"function": "surface", "noise": 0.005},
    design=Design(48, 6),
    claims=(
        Claim(delta=0.03, negligible=()),
        Claim(dominant="rank", over=("targets",), negligible=(), delta=0.03),
    ),
    budget=Budget(trials=60),
)
"""


def judged(folder: Path, url: str, *arguments: str) -> dict[str, Any]:
    """The output of ``importance --json``."""
    run = lorasweep(folder, "importance", "--storage", url, "--draws", "500", "--json", *arguments)
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a measurement and a search."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "toy.py").write_text(STUDY)
    run = lorasweep(folder, "run", "toy.py", "--storage", "sqlite:///toy.db")
    assert run.returncode == 0, run.stderr
    return folder


def test_a_designed_study_answers_each_of_its_claims(study: Path) -> None:
    """On the surface target sets matter most; that rank dominates is refuted."""
    found = judged(study, "sqlite:///toy.db")

    assert found["verdict"] == "CONFIRMED", found["reason"]
    assert found["registered"] is True
    assert [claim["verdict"] for claim in found["claims"]] == ["CONFIRMED", "REFUTED"]
    assert found["n_trials"] == 54
    assert found["n_configurations"] == 48
    [searched] = [each for each in found["excluded"] if "search" in each["reason"]]
    assert searched["n"] == 6
    assert {part["name"] for part in found["parts"]} == {"dominance", "beyond size"}
    assert found["seed_noise"]["low"] < 0.005 < found["seed_noise"]["high"]
    shares = {each["name"]: each for each in found["parameters"]}
    assert max(shares, key=lambda name: shares[name]["share"]) == "targets"
    assert all(each["low"] <= each["share"] <= each["high"] for each in shares.values())
    assert {check["name"] for check in found["cross_checks"]} > {"fANOVA", "ranks"}
    assert {method["method"] for method in found["methods"]} == {"fanova", "ped_anova"}
    assert found["n"] == 54  # other methods do not use the search's trials either
    assert {method["n"] for method in found["methods"]} == {54}


@pytest.mark.slow
def test_a_claim_made_afterwards_is_marked(study: Path) -> None:
    """A claim with another delta was not registered before the first trial."""
    found = judged(study, "sqlite:///toy.db", "--quick", "--delta", "0.02")
    output = lorasweep(
        study, "importance", "--storage", "sqlite:///toy.db", "--quick", "--delta", "0.02"
    )

    assert found["claim"]["delta"] == 0.02
    assert found["registered"] is False
    assert "not pre-registered" in output.stdout
    assert "cross-checks were not made" in output.stdout


@pytest.mark.slow
def test_the_terminal_shows_the_verdict_before_any_share(study: Path) -> None:
    """Answer, reason, parts, effects, best rate of each set, cross-checks, other methods."""
    output = lorasweep(study, "importance", "--storage", "sqlite:///toy.db").stdout

    order = [
        "claim ",
        "verdict    CONFIRMED",
        "Dominance is confirmed",
        "noise floor",
        "best learning_rate",
        "cross-check",
        "PED-ANOVA",
    ]
    places = [output.index(text) for text in order]
    assert places == sorted(places)


def test_a_study_of_plain_optuna_is_analysed_as_far_as_possible(tmp_path: Path) -> None:
    """Random trials with other parameter names, made without lorasweep."""
    rng = np.random.default_rng(0)
    url = f"sqlite:///{tmp_path / 'other.db'}"
    sampler = optuna.samplers.RandomSampler(seed=0)
    other = optuna.create_study(storage=url, study_name="other", sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        depth = trial.suggest_int("depth", 1, 5)
        trial.suggest_float("width", 0.1, 10.0, log=True)
        return float(depth + 0.1 * rng.normal())

    other.optimize(objective, n_trials=40)

    asked = ("--dominant", "depth", "--over", "width", "--delta", "0.5")
    found = judged(tmp_path, url, "--quick", *asked)
    blank = judged(tmp_path, url, "--quick")

    assert found["verdict"] == "CONFIRMED", found["reason"]
    assert found["registered"] is False
    assert found["direction"] == "minimize"
    assert blank["verdict"] == "INCONCLUSIVE"
    assert blank["claim"] is None
    assert "No claim was named" in blank["reason"]
    assert blank["parameters"][0]["name"] == "depth"


def test_trials_of_a_sampler_get_no_verdict(tmp_path: Path) -> None:
    """Without a design TPE chose them all."""
    text = STUDY.replace("    design=Design(48, 6),\n", "").replace("trials=60", "trials=30")
    (tmp_path / "toy.py").write_text(text)
    lorasweep(tmp_path, "run", "toy.py", "--storage", "sqlite:///toy.db")

    found = judged(tmp_path, "sqlite:///toy.db", "--quick")

    assert found["verdict"] == "INCONCLUSIVE"
    assert "chosen by a sampler" in found["reason"]
    assert found["parameters"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--dominant", "depth", "--over", "rank"), "claim.dominant must be one of rank, "),
        (("--dominant", "targets"), "--over must be given with --dominant"),
        (("--delta", "0"), "the claim.delta must be a number above 0"),
        (("--kappa", "0.5"), "the claim.kappa must be a number of 1 or more"),
        (("--draws", "5"), "n_draws must be a whole number of 100 or more"),
        (("--method", "sobol"), "--method must be one of fanova, ped_anova"),
        (("--seed", "-1"), "seed must be a whole number from 0"),
    ],
)
def test_an_invalid_claim_is_one_clear_error(
    study: Path, arguments: tuple[str, ...], expected: str
) -> None:
    """Exit code 2, with the violated rule."""
    run = lorasweep(study, "importance", "--storage", "sqlite:///toy.db", *arguments)

    assert run.returncode == 2
    assert expected in run.stderr
    assert "Traceback" not in run.stderr
