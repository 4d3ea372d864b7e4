import importlib
import pkgutil

import pytest

import studies
from objectives.binding.objective import BindingObjective
from studies import (
    binding_sites,
    binding_sites_confirm,
    binding_sites_longer,
    card_replication,
    card_targets,
    demo,
)
from sweep import StudySpec
from sweep.errors import SpecError
from sweep.study.spec import differences

MODULES = [module.name for module in pkgutil.iter_modules(studies.__path__)]
WITH_STUDY = [name for name in MODULES if name not in ("targets", "evidence", "tasks")]


def test_the_list_of_studies_is_complete() -> None:
    """A study added without tests here fails this."""
    assert sorted(WITH_STUDY) == [
        "binding_sites",
        "binding_sites_confirm",
        "binding_sites_final",
        "binding_sites_longer",
        "card_replication",
        "card_targets",
        "demo",
        "reduced",
    ]


@pytest.mark.parametrize("name", WITH_STUDY)
def test_every_study_is_a_valid_spec_with_a_command(name: str) -> None:
    """Importing builds and validates the spec."""
    module = importlib.import_module(f"studies.{name}")

    assert isinstance(module.STUDY, StudySpec)
    assert f"studies.{name}" in module.__doc__


def test_the_measurement_study_is_as_documented() -> None:
    """Five ranks, scalings and target sets, the learning rate, and a design within the budget."""
    study = binding_sites.STUDY

    assert {name: study.space[name].grid() for name in ("rank", "scaling")} == {
        "rank": (2, 4, 8, 16, 32),
        "scaling": (0.5, 0.7, 1.0, 1.4, 2.0),
    }
    assert [label for label, _ in study.space["targets"].sets] == [
        "query+value",
        "qkv",
        "attention",
        "mlp",
        "all-linear",
    ]
    assert study.space["learning_rate"].log
    assert study.design.trials == 162 <= study.budget.trials
    assert len(study.claims) == 2


def test_the_demo_study_is_as_documented() -> None:
    """Six ranks, seven alphas, six target sets, no design: as in the README."""
    space = demo.STUDY.space

    assert demo.STUDY.design is None
    assert demo.STUDY.digest() == "2db4966b095ac026"
    assert space["rank"].values == (1, 2, 4, 8, 16, 32)
    assert space["alpha"].values == (1, 2, 4, 8, 16, 32, 64)
    assert [label for label, _ in space["targets"].sets] == [
        "query+value",
        "qkv",
        "attention",
        "mlp",
        "attention+mlp.down",
        "all-linear",
    ]


def test_the_longer_study_differs_only_in_length() -> None:
    """So that its trials pair with the shorter one's, configuration by configuration."""
    short, long = binding_sites.STUDY.identity(), binding_sites_longer.STUDY.identity()

    assert differences(short, long) == [
        "name: 'binding_sites' -> 'binding_sites_longer'",
        "settings.epochs: 1 -> 3",
    ]


def test_the_confirmation_differs_in_range_and_design() -> None:
    """A part of the range, other configurations and seeds, no search; else the longer study."""
    long, confirm = binding_sites_longer.STUDY.identity(), binding_sites_confirm.STUDY.identity()

    assert [difference.split(":")[0] for difference in differences(long, confirm)] == [
        "name",
        "space.learning_rate.high",
        "design.seed",
    ]
    assert binding_sites_confirm.STUDY.design.trials == binding_sites_confirm.STUDY.budget.trials


def test_the_replication_pairs_its_arms_by_seed() -> None:
    """Four arms of the card's configuration, sixteen seeds each."""
    study = card_replication.STUDY

    assert study.budget.trials == 4 * len(study.seeds) == 64
    assert study.settings["alpha"] / study.settings["rank"] == 0.5
    assert study.settings["dropout"] == 0.5


@pytest.mark.parametrize("study", [binding_sites.STUDY, demo.STUDY])
def test_studies_pass_check_on_the_embedded_defaults(study: StudySpec, tmp_path: object) -> None:
    """Every target set resolves on the mini base, with increasing parameter counts."""
    objective = BindingObjective(study.settings, {**study.inputs, "cache": str(tmp_path)})
    baselines = [dict(baseline.values) for baseline in study.baselines]
    report = objective.check(study.space, baselines)
    counts = {entry["label"]: entry["count"] for entry in report["targets"]}
    layers = report["base"]["layers"]

    per_layer = {label: count / layers for label, count in counts.items() if count}
    promised = {
        "query+value": 2,
        "qkv": 3,
        "attention": 4,
        "mlp": 2,
        "attention+mlp.down": 5,
        "all-linear": 6,
    }
    labels = [label for label, _ in study.space["targets"].sets]
    assert per_layer == {label: promised[label] for label in labels}
    data = report["data"]
    assert data["splits"]["validation"]["positives"] > 100
    for total in ("chains", "residues", "positives"):
        assert data[total] == sum(split[total] for split in data["splits"].values())


def test_the_model_cards_list_is_refused_with_possible_matches(
    tmp_path: object,
) -> None:
    """PEFT silently adapts query, key and value for it."""
    study = card_targets.STUDY
    objective = BindingObjective(study.settings, {**study.inputs, "cache": str(tmp_path)})
    with pytest.raises(SpecError, match=r"'EsmSelfOutput\.dense'") as caught:
        objective.check(study.space, [])

    text = str(caught.value)
    for path in ("attention.output.dense", "intermediate.dense", "output.dense"):
        assert f"{path} (" in text
    assert "classifier" in text
