"""The model card of an exported adapter: a plain template over records."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from sweep.adapters import sections
from sweep.adapters.front_matter import base_name, data_name, front_matter
from sweep.adapters.markdown import block, bullets, code
from sweep.adapters.snippet import loading_code
from sweep.summary.cells import number

Tree = Mapping[str, Any]

UNKNOWN = "unknown"
"""The Hub's word for a licence that nobody has chosen."""

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
    """A card as the Hugging Face Hub reads one.

    Args:
        facts: see ``sweep.adapters.facts``.
        licence: the adapter's, as the Hub writes it.
    """
    parts = [
        front_matter(facts, licence),
        _what(facts),
        "## How to use it",
        *_use(facts),
        "## What was measured",
        *sections.measured(facts),
        "## Data",
        *sections.data(facts),
        "## Base",
        sections.base(facts),
        "## Training",
        *sections.training(facts),
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
    complete = number(facts["complete"])
    if facts["is_best"]:
        chosen = f"This trial is the best of {complete} by its validation MCC: that is optimistic."
    else:
        chosen = (
            f"This is one of {complete} trials; if its validation MCC chose it, that is optimistic."
        )
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
