"""Data settings."""

from __future__ import annotations

import pytest

from objectives.data.options import DataOptions


def test_defaults_are_valid() -> None:
    """No setting is required."""
    assert DataOptions().faults() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_seed", -1),
        ("data_seed", 1.5),
        ("validation_fraction", 0),
        ("validation_fraction", 1.0),
        ("validation_fraction", "0.2"),
        ("max_residues", 0),
        ("train_chains", True),
        ("validation_chains", -3),
        ("test_chains", 0),
        ("skip_bad", "yes"),
        ("allow_pickle", 1),
        ("split_by", "species"),
        ("cluster_method", "blast"),
        ("cluster_identity", 0),
        ("cluster_coverage", 1.5),
    ],
)
def test_setting_that_breaks_a_rule_is_named(name: str, value: object) -> None:
    """The message has the setting's name, rule and value."""
    faults = DataOptions(**{name: value}).faults()

    assert len(faults) == 1
    assert faults[0].startswith(f"settings.{name} must be ")
    assert f"got {value!r}" in faults[0]


def test_all_faults_are_reported_at_once() -> None:
    """In the order of the settings."""
    faults = DataOptions(data_seed=-1, max_residues=0).faults()

    assert [text.split()[0] for text in faults] == ["settings.max_residues", "settings.data_seed"]
