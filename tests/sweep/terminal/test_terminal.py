"""Reports as terminal tables."""

from __future__ import annotations

import copy
import io
import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from sweep.analysis.importance.result import Importance, ImportanceReport, ImportanceTable
from sweep.terminal.check import print_check
from sweep.terminal.console import make_console
from sweep.terminal.importance import print_importance
from sweep.terminal.lora_config import lora_config_lines
from sweep.terminal.status import print_status

STATUS: dict[str, Any] = {
    "study": "demo",
    "storage": "sqlite:///runs/my demo/study.db",
    "spec_digest": "3f9a",
    "objective": "objectives.binding.objective:BindingObjective",
    "direction": "maximize",
    "counts": {"COMPLETE": 2, "FAIL": 1, "PRUNED": 0, "RUNNING": 0, "WAITING": 0},
    "target_trials": 3,
    "best": {
        "number": 2,
        "value": 0.24351,
        "params": {"rank": 8, "alpha": 16, "targets": "key+query+value"},
        "metrics": {"mcc": 0.24351, "f1": 0.3, "degenerate": False, "per_ligand": {"ATP": 0.1}},
    },
    "baselines": [
        {"name": "head only", "replicate": 0, "value": 0.10, "metrics": {}},
        {"name": "head only", "replicate": 1, "value": 0.12, "metrics": {}},
    ],
    "final_test": None,
    "failed": [
        {
            "number": 1,
            "reason": "out_of_memory: OutOfMemoryError: tried [to] allocate\nsecond line",
            "params": {"rank": 32, "alpha": 64, "targets": "key+query+value"},
        }
    ],
    "trials": [
        {
            "number": number,
            "state": state,
            "value": value,
            "params": {"rank": rank, "alpha": 16, "targets": "key+query+value"},
            "replicate": 0,
            "seconds": 65.0 if value else None,
            "modules": ["encoder.layer.0.attention.self.query"],
            "trainable_parameters": 92160 if value else None,
        }
        for number, state, value, rank in (
            (0, "COMPLETE", 0.2, 4),
            (1, "FAIL", None, 32),
            (2, "COMPLETE", 0.24351, 8),
        )
    ],
    "labels": {"key+query+value": "qkv"},
    "facts": {},
}


def _status(**changes: Any) -> str:
    stream = io.StringIO()
    print_status({**copy.deepcopy(STATUS), **changes}, make_console(stream))
    return stream.getvalue()


def test_a_pipe_gets_plain_text() -> None:
    """No colour, no rules, no wrapped cells."""
    text = _status()

    assert "\x1b" not in text
    assert all(ord(character) < 128 for character in text)


def test_the_head_has_study_storage_and_counts() -> None:
    """The counts by state, with the budget."""
    lines = _status().splitlines()

    assert lines[0] == "study      demo"
    assert lines[1] == "storage    sqlite:///runs/my demo/study.db"
    assert lines[3] == "trials     2/3 complete, 1 failed, 0 pruned, 0 running"


def test_the_best_is_shown_with_its_metrics_and_the_baseline() -> None:
    """Target sets by their short names, nested metrics left out, baselines averaged."""
    lines = _status().splitlines()

    best = lines.index("best       0.2435 in trial 2")
    assert lines[best + 1] == "           rank=8  alpha=16  targets=qkv"
    assert lines[best + 2] == "           mcc 0.2435  f1 0.3000  degenerate no"
    assert lines[best + 3] == (
        "baseline   0.1100 head only (mean of 2 seeds); best is +0.1335 from it"
    )


def test_the_best_configuration_can_be_pasted() -> None:
    """Unwrapped Python code with the same keywords; nothing if there is none."""
    keywords = {
        "r": 8,
        "lora_alpha": 2.5,
        "target_modules": [f"encoder.layer.{i}.output.dense" for i in range(9)],
        "use_rslora": False,
        "task_type": "TOKEN_CLS",
    }
    best = STATUS["best"] | {"lora_config": keywords}
    stream = io.StringIO()
    terminal = Console(
        file=stream, force_terminal=True, width=40, color_system=None, highlight=False
    )
    print_status(STATUS | {"best": best}, terminal)
    for shown in (_status(best=best), stream.getvalue()):
        code = shown[shown.index("LoraConfig(") :].partition("\n\n")[0]
        assert "\ntrial 2 for peft:\nLoraConfig(\n    r=8,\n" in shown
        assert eval(code, {"LoraConfig": dict}) == keywords  # noqa: S307 - our own output
    assert "LoraConfig" not in _status(best=STATUS["best"] | {"lora_config": None})
    assert "LoraConfig" not in _status(best=None)


def test_each_trial_is_a_row() -> None:
    """Number, state, value, parameters, trained weights, time."""
    lines = [line.split() for line in _status().splitlines()]

    header = lines.index(
        ["trial", "state", "value", "rank", "alpha", "targets", "trainable", "time"]
    )
    expected = "0 COMPLETE 0.2000 4 16 qkv 92,160 1 min 05 s"
    assert " ".join(lines[header + 1]) == expected
    assert lines[header + 2] == ["1", "FAIL", "-", "32", "16", "qkv", "-", "-"]


def test_each_failure_is_one_line() -> None:
    """The first line of its reason, unchanged."""
    assert (
        "  trial 1  rank=32  alpha=64  targets=qkv  "
        "out_of_memory: OutOfMemoryError: tried [to] allocate\n"
    ) in _status()


def test_the_next_command_can_be_pasted() -> None:
    """Quoted for the shell; ``resume`` comes first while trials remain."""
    where = "--storage 'sqlite:///runs/my demo/study.db' --name demo"
    done = {**STATUS["counts"], "COMPLETE": 3}

    assert f"lorasweep resume {where}" in _status()
    assert "lorasweep resume" not in _status(counts=done)
    assert f"lorasweep importance {where}" in _status(counts=done)


def test_replicates_have_a_column_if_there_are_any() -> None:
    """Otherwise it would contain only zeros."""
    trials = copy.deepcopy(STATUS["trials"])
    trials[2]["replicate"] = 1

    assert "replicate" not in _status()
    assert "replicate" in _status(trials=trials)


@pytest.mark.parametrize(("direction", "kept"), [("maximize", 99), ("minimize", 0)])
def test_a_long_study_shows_its_best_trials(direction: str, kept: int) -> None:
    """Sixty of a hundred, the best first, with a note."""
    trials = [{**STATUS["trials"][0], "number": i, "value": 0.001 * (i + 1)} for i in range(100)]

    lines = _status(trials=trials, direction=direction).splitlines()

    heading = lines.index("the best 60 of 100 trials (--json lists all):")
    assert lines[heading + 2].split()[0] == str(kept)


def test_a_study_without_a_complete_trial_has_a_note() -> None:
    """There is no best trial, and no importance to compute."""
    text = _status(best=None, counts={"COMPLETE": 0, "FAIL": 1})

    assert "best       none yet" in text
    assert "head only" in text
    assert "lorasweep importance" not in text


def test_the_final_test_is_shown() -> None:
    """Its metrics are the ones to report."""
    test = {
        "number": 2,
        "validation_value": 0.2,
        "value_again": 0.2,
        "metrics": {"mcc": 0.2, "test_mcc": 0.19},
    }

    shown = _status(final_test=test)

    assert "final test of trial 2, once:" in shown
    assert "test_mcc 0.1900" in shown


def _table(method: str, rows: tuple[Importance, ...], *notes: str) -> ImportanceTable:
    return ImportanceTable(method, rows, 40, 40, 0.9, 100, 0, notes)  # type: ignore[arg-type]


def _importance(report: ImportanceReport, **more: Any) -> str:
    stream = io.StringIO()
    tree = json.loads(json.dumps({**more, **report.to_json()}))
    print_importance(tree, make_console(stream))
    return stream.getvalue()


FANOVA = _table(
    "fanova",
    (
        Importance("targets", 0.9, 0.8, 0.95, "fanova", 40),
        Importance("rank", 0.05, 0.01, 0.1, "fanova", 40),
        Importance("scaling", 0.02, 0.01, 0.1, "fanova", 40, "derived", ("rank", "alpha")),
        Importance("rank+alpha", 0.06, 0.02, 0.2, "fanova", 40, "group", ("rank", "alpha")),
        Importance("interactions", 0.05, 0.01, 0.1, "fanova", 40, "interactions"),
    ),
)
PED = _table(
    "ped_anova",
    (
        Importance("rank", 0.6, 0.2, 0.9, "ped_anova", 40),
        Importance("targets", 0.4, 0.1, 0.8, "ped_anova", 40),
    ),
    "The best 10 % are 4 trials.",
)


def test_methods_are_shown_side_by_side() -> None:
    """One row per parameter, sampled ones first; each share with its interval."""
    lines = [
        " ".join(line.split())
        for line in _importance(ImportanceReport((FANOVA, PED), 40)).splitlines()
    ]

    header = lines.index("parameter fANOVA share [90%] PED-ANOVA share [90%]")
    assert lines[header + 1 : header + 6] == [
        "targets 0.900 [0.800, 0.950] 0.400 [0.100, 0.800]",
        "rank 0.050 [0.010, 0.100] 0.600 [0.200, 0.900]",
        "scaling (derived from rank, alpha) 0.020 [0.010, 0.100] -",
        "rank and alpha together 0.060 [0.020, 0.200] -",
        "interactions (and noise) 0.050 [0.010, 0.100] -",
    ]


def test_each_method_states_its_question() -> None:
    """The two answer different ones."""
    text = _importance(ImportanceReport((FANOVA, PED), 40))

    assert "fANOVA     how much of the objective's variance" in text
    assert "PED-ANOVA  what separates the top 10 %" in text


def test_excluded_trials_are_counted() -> None:
    """Failed and pruned by number, dropped ones with the reason."""
    from sweep.analysis.table import Dropped

    counts = {"COMPLETE": 41, "FAIL": 2, "PRUNED": 3}
    report = ImportanceReport((FANOVA,), 40, counts, (Dropped(7, "its value is nan"),))

    text = _importance(report, study="demo", storage="sqlite:///demo.db")

    assert "trials     40 used, 2 failed, 3 pruned\n" in text
    assert "trial 7 left out: its value is nan" in text
    assert "study      demo\nstorage    sqlite:///demo.db\n" in text


def test_a_note_of_one_method_names_it_and_a_shared_one_comes_once() -> None:
    """So that it is clear what a note refers to."""
    shared = "n = 12: a ranking proves nothing."
    tables = (
        ImportanceTable("fanova", FANOVA.rows, 12, 12, 0.9, 9, 0, (shared,)),
        ImportanceTable("ped_anova", PED.rows, 12, 12, 0.9, 9, 0, (shared, "Few at the top.")),
    )

    text = _importance(ImportanceReport(tables, 12, notes=("They disagree.",)))

    assert text.count(shared) == 1
    assert "PED-ANOVA: Few at the top." in text
    assert "They disagree." in text


def test_without_shares_only_the_explanation_is_shown() -> None:
    """No empty table."""
    tables = tuple(
        _table(method, (), "1 complete trials: too few.") for method in ("fanova", "ped_anova")
    )

    text = _importance(ImportanceReport(tables, 1))

    assert "parameter" not in text
    assert "too few" in text


def test_check_lists_each_target_set_with_its_parameters() -> None:
    """Matched paths, their number, trainable parameters by rank; other facts as lines."""
    stream = io.StringIO()
    report = {
        "study": "demo",
        "data": {"chains": 600, "splits": {"train": 500, "validation": 100}},
        "targets": [
            {
                "label": "qkv",
                "targets": "key+query+value",
                "modules": [f"layer.{i}.query" for i in range(18)],
                "count": 18,
                "trainable_parameters": {"8": 92160, "16": 184320},
            }
        ],
        "seeds": [0, 1],
        "memory": {"base_bytes": 3 << 19, "available_bytes": 3 << 30},
    }

    print_check(report, make_console(stream))

    lines = [" ".join(line.split()) for line in stream.getvalue().splitlines()]
    assert lines[:6] == [
        "study demo",
        "data",
        "chains 600",
        "splits",
        "train 500",
        "validation 100",
    ]
    assert "seeds 0, 1" in lines
    assert lines[7:10] == ["memory", "base_bytes 1.5 MiB", "available_bytes 3,072.0 MiB"]
    assert lines[-2] == "targets matrices trained at rank 8 trained at rank 16 matched"
    assert lines[-1] == "qkv 18 92,160 184,320 layer.0.query ... layer.17.query"


def test_interrupted_trials_are_not_called_failures() -> None:
    """They ended with their process, and run again."""
    interrupted = {
        "number": 1,
        "reason": "interrupted: Interrupted: gone",
        "params": {},
        "interrupted": True,
    }
    broken = {"number": 2, "reason": "exception: ValueError: no", "params": {}}
    counts = {"COMPLETE": 1, "FAIL": 2, "PRUNED": 0, "RUNNING": 0, "WAITING": 0}
    shown = _status(failed=[interrupted, broken], counts=counts)

    assert "1 failed, 0 pruned, 0 running, 1 interrupted and queued again" in shown
    assert "1 failed:" in shown
    assert "trial 2" in shown


def test_trials_left_by_a_killed_driver_are_marked() -> None:
    """A live driver's trials are running."""
    counts = {"COMPLETE": 1, "FAIL": 0, "PRUNED": 0, "RUNNING": 2, "WAITING": 0}

    assert "2 left by a driver that is gone" in _status(counts=counts, failed=[])
    assert "2 running" in _status(counts=counts, failed=[], driver="process 7 on host")


def test_long_lists_of_a_configuration_are_broken_and_long_strings_are_not() -> None:
    """After their bracket, one item per line, as valid Python."""
    long = "many words " * 12
    names = ["x" * 40, "y" * 40]

    assert lora_config_lines({"r": 8, "target_modules": names, "rank_pattern": {}}) == [
        "LoraConfig(",
        "    r=8,",
        "    target_modules=[",
        f"        '{names[0]}',",
        f"        '{names[1]}',",
        "    ],",
        "    rank_pattern={},",
        ")",
    ]
    assert lora_config_lines({"target_modules": long})[1] == f"    target_modules={long!r},"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text() | st.sampled_from(["r", "class", "a b", "x=1, y"]), JSON))
@example(
    {"r": [float("nan"), -math.inf], "é\u202e": "\x1b'\"\n\\", "x" * 90: {"y" * 90: ["z" * 90]}}
)
def test_pasted_code_evaluates_to_the_same_value(keywords: dict[str, Any]) -> None:
    """For any study: names that are no identifiers, quotes, newlines, numbers without a literal."""
    lines = lora_config_lines(keywords)

    assert all(line.isprintable() for line in lines)
    made = eval("\n".join(lines), {"LoraConfig": lambda **given: given})  # noqa: S307 - the point
    assert repr(dict(sorted(made.items()))) == repr(dict(sorted(keywords.items())))
