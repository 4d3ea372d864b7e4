"""The model card: metrics, data, base model, training, limits and licences."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from sweep.cli.adapter_export.front_matter import base_name, data_name, front_matter
from sweep.cli.adapter_export.loading_code import loading_code
from sweep.cli.adapter_export.markdown import block, bullets, code, folded, plain, table
from sweep.files.strict_json import strict
from sweep.study.measures import Measures, Metric, Table
from sweep.terminal.formatting import number
from sweep.terminal.lora_config import lora_config_lines

Tree = Mapping[str, Any]

_READING = """\
MCC is Matthews' correlation coefficient over all residues of the split. Intervals are percentiles
of a bootstrap over whole chains. The threshold is a probability of {threshold}, chosen on
validation for the highest MCC."""

_DROPPED = {
    "merged": "chains with the same sequence, united",
    "dropped_overlap": "chains dropped, as they also stand in another split",
    "dropped_long": "chains dropped, as they are too long",
}


def measured(facts: Tree) -> list[str]:
    """Metrics with intervals, on validation and, if scored, on the test split."""
    metrics, test = facts["metrics"], facts["test"]
    measures = Measures.from_json(facts["measures"])
    sides = [("validation", metrics), *([("test", test)] if test else [])]
    header = ["", *(head for name, _ in sides for head in (name, "95 % interval"))]
    rows = []
    for metric in measures.metrics:
        key = metric.name
        cells = [cell for _, side in sides for cell in (_cell(side.get(key)), _interval(side, key))]
        if any(cells) and (metric.description or metric == measures.value):
            rows.append([_listed(metric), *cells])
    return [
        table(header, rows),
        _READING.format(threshold=code(repr(facts["record"]["threshold"])))
        if measures.metric("mcc")
        else "",
        *(_groups(each, metrics.get(each.name), measures) for each in measures.tables),
        _compared(facts, measures),
    ]


def _listed(metric: Metric) -> str:
    unit = f" ({metric.unit})" if metric.unit else ""
    return plain(f"{metric.description or metric.title}{unit}")


def _cell(value: object) -> str:
    """A number as a table cell; any other value as code."""
    if value is None:
        return ""
    return number(value) if isinstance(value, (int, float)) else code(value, cell=True)


def _interval(side: Tree, key: str) -> str:
    low, high = side.get(f"{key}_low"), side.get(f"{key}_high")
    return "" if low is None else f"{_cell(low)} to {_cell(high)}"


def _groups(of: Table, groups: Tree | None, measures: Measures) -> str:
    """A stored table of metrics by group; empty if there is none."""
    if of.rows or not groups:
        return ""
    names = list(next(iter(groups.values())))
    rows = [
        [code(name, cell=True), *(_cell(each.get(key)) for key in names)]
        for name, each in groups.items()
    ]
    header = [f"{of.heading} (validation)", *map(measures.title, names)]
    return table([*map(plain, header)], rows)


def _compared(facts: Tree, measures: Measures) -> str:
    found = [f"{plain(each['name'])} {_cell(each['value'])}" for each in facts["baselines"]]
    train, value = facts["metrics"].get(f"train_{measures.value.name}"), measures.value
    said = "" if train is None else f"On training data the {_listed(value)} is {_cell(train)}. "
    of = plain(facts["value_name"])
    return f"{said}Baselines of the study ({of}): {'; '.join(found)}." if found else said


def data(facts: Tree) -> list[str]:
    """The data set and its splits."""
    about = facts["data"]
    splits: Tree = about.get("splits", {})
    columns = {
        "chains": "chains",
        "residues": "residues",
        "positives": "residues that bind",
        "windows": "windows",
    }
    if any("labels" in each for each in splits.values()):
        del columns["positives"]
    rows = [
        [code(name, cell=True), *(_cell(each.get(key)) for key in columns)]
        for name, each in splits.items()
    ]
    counted: Tree = about.get("ligands", {})
    ligands = ", ".join(f"{code(name)} {_cell(count)}" for name, count in counted.items())
    said = {
        "name": code(data_name(facts)),
        "fingerprint": code(facts["record"]["fingerprints"].get("data", "")),
        "ligands (residues that bind)": ligands,
        "split": plain(about.get("split_method") or ""),
        **{title: _cell(about[name]) for name, title in _DROPPED.items() if about.get(name)},
    }
    return [bullets(said), table(["split", *columns.values()], rows) if rows else ""]


def base(facts: Tree) -> str:
    """The base model."""
    about, load = facts["base"], facts["record"]["load"]
    four_bit = load["four_bit"]
    how = "none"
    if four_bit:
        double = " with double quantisation" if four_bit["bnb_4bit_use_double_quant"] else ""
        how = f"{code(four_bit['bnb_4bit_quant_type'])}{double} (bitsandbytes)"
    fingerprint = facts["record"]["fingerprints"].get("base", "")
    return bullets(
        {
            "name": code(base_name(facts)),
            "fingerprint of configuration and weights": code(fingerprint),
            "parameters": _cell(about.get("parameters")),
            "quantisation": how,
            "compute dtype": code(load["compute_dtype"]),
        }
    )


def training(facts: Tree) -> list[str]:
    """Hyperparameters, and the matrices that were adapted."""
    details, record = facts["details"], facts["record"]
    keywords = details.get("lora_config")
    modules: Sequence[str] = details.get("modules", ())
    short = "" if keywords is None else keywords["target_modules"]
    names = short if isinstance(short, str) else ", ".join(short)
    listed = "\n".join(f"- {code(module)}" for module in modules)
    said = {
        "hyperparameters": ", ".join(
            f"{code(name)} {code(facts['labels'].get(str(value), value))}"
            for name, value in facts["params"].items()
        ),
        "seed": code(record["seed"]),
        "trained parameters": _cell(details.get("trainable_parameters")),
        "of these in adapters": _cell(details.get("adapter_parameters")),
        "device": code(details.get("device", "")),
        "versions": ", ".join(f"{plain(k)} {plain(v)}" for k, v in facts["versions"].items()),
        "target modules": f"{code(names)}, which are {number(len(modules))} of the base's matrices",
    }
    settings = json.dumps(strict(record["settings"])[0], indent=2, allow_nan=False)
    return [
        bullets(said),
        "" if keywords is None else block("\n".join(lora_config_lines(keywords)), "python"),
        folded(f"All {number(len(modules))} adapted modules", listed),
        folded("All settings", block(settings, "json")),
    ]


UNKNOWN = "unknown"
"""The Hub's identifier for a licence that was not chosen."""

_BASE = "The base must be loaded exactly so: the adapter was trained on these rounded weights."
_HALF = "In half precision the figures below come out again but for rounding."
_WINDOWS = """\
Or with lorasweep, which also cuts chains of more than {longest} residues into windows:"""
_TESTED = "The test split was scored once, with this trial."
_UNTESTED = "No test split was scored with it."
_CHAINS = """\
The intervals hold for chains like these: they are of other draws from the same chains, not of
  other proteins, organisms or ligands, and not of other seeds."""
_NEGATIVES = """\
A residue for which the data name no ligand counts as one that does not bind, also where nobody has
  looked."""
_TERMS = "to be filled in; its terms hold for what is made of it"


def model_card(facts: Tree, licence: str = UNKNOWN) -> str:
    """A model card in the Hugging Face Hub's format.

    Args:
        facts: see ``facts_of`` of ``sweep.cli.adapter_export.export``.
        licence: the adapter's licence, as an identifier of the Hub.
    """
    parts = [
        front_matter(facts, licence),
        _what(facts),
        "## How to use it",
        *_use(facts),
        "## What was measured",
        *measured(facts),
        "## Data",
        *data(facts),
        "## Base",
        base(facts),
        "## Training",
        *training(facts),
        "## Limits",
        _limits(facts),
        "## Licences",
        _licences(facts, licence),
        "## Where it comes from",
        *_origin(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(facts: Tree) -> str:
    base = code(base_name(facts))
    return (
        f"# Binding residues: a LoRA adapter of {base}\n\n"
        f"For each residue of a protein chain, the probability that it binds a ligand. Trained by "
        f"lorasweep as trial {facts['trial']} of the study {code(facts['study'])}; PEFT loads it."
    )


def _use(facts: Tree) -> list[str]:
    record = facts["record"]
    load = record["load"]
    command = "lorasweep predict --adapter . proteins.fasta"
    return [
        block(loading_code(record, record["threshold"]), "python"),
        _BASE if load["compute_dtype"] == "float32" else f"{_BASE} {_HALF}",
        _WINDOWS.format(longest=number(load["max_residues"])),
        block(command),
    ]


def _limits(facts: Tree) -> str:
    complete, value = number(facts["complete"]), plain(facts["value_name"])
    if facts["is_best"]:
        chosen = f"This trial is the best of {complete} by its {value}: that is optimistic."
    else:
        chosen = f"This is one of {complete} trials; if its {value} chose it, that is optimistic."
    tested = _TESTED if facts["test"] else _UNTESTED
    said = [f"{chosen} So is the MCC at a threshold on the split that chose it.", tested]
    said += [_CHAINS, _NEGATIVES]
    return "\n".join(f"- {each}" for each in said)


def _licences(facts: Tree, licence: str) -> str:
    mine = "to be chosen by who publishes it" if licence == UNKNOWN else code(licence)
    return bullets(
        {
            "this adapter": mine,
            f"base {code(base_name(facts))}": _TERMS,
            f"data {code(data_name(facts))}": "to be filled in",
        }
    )


def _origin(facts: Tree) -> list[str]:
    where = f"--storage {shlex.quote(facts['storage'])} --name {shlex.quote(facts['study'])}"
    again = f"lorasweep adapters export {where} --trial {facts['trial']} --out DIR --retrain"
    said = {
        "study": f"{code(facts['study'])} in {code(facts['storage'])}",
        "trial": f"{facts['trial']}, seed {code(facts['record']['seed'])}",
        "objective": code(facts["objective"]),
        "digest of the study's spec": code(facts["spec_digest"] or ""),
        "trained again for this card": _again(facts),
    }
    return [bullets(said), "To train it again, where the study's database is:", block(again)]


def _again(facts: Tree) -> str:
    if not facts["retrained"]:
        return ""
    if facts["value"] == facts["study_value"]:
        return "yes, to the same value, bit for bit"
    return f"yes, to {code(repr(facts['value']))}; the study has {code(repr(facts['study_value']))}"
