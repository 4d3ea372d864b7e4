"""Number of operators of a training step, with all lanes batched and one by one.

    python -m benchmarks.packed.launches --base FOLDER

On a GPU, small lanes are limited by the time to launch operators. This counts operators, on a CPU:
their times there do not carry over to a GPU, but their number does. Attention counts as one kernel
per layer, as on a GPU. Prints a table, and as the last line one JSON object. ``--base`` defaults to
the base model in the package.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.packed.figures import versions
from benchmarks.packed.steps import write_data
from objectives.lora.base.load import Precision
from objectives.lora.packed import attention
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.step import step
from objectives.lora.training.trial import Trial
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import TrialParams, ignore_reports

LANES = (1, 4, 16, 64)
SETS = ("qkv", "all-linear", "mlp", "query+value")
RANKS = (2, 8, 16, 32)
RESIDUES = 14
DROPOUTS = (0.0, 0.1)


class Operators(TorchDispatchMode):
    """Counts operators: all, and those that are not views."""

    def __init__(self) -> None:
        super().__init__()
        self.all = 0
        self.computing = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count an operator and run it."""
        self.all += 1
        self.computing += not func.is_view
        return func(*args, **(kwargs or {}))


def counted(inputs: Inputs, fixed: BindingSettings, lanes: int, dropout: float) -> tuple[int, int]:
    """The number of operators of one step, and of those that are not views."""
    trials: list[Trial] = []
    for number in range(lanes):
        kind = number % len(SETS)
        values = {"targets": SETS[kind], "rank": RANKS[kind], "alpha": 16, "dropout": dropout}
        params = TrialParams(number, values, seed=number)
        trials.append(Trial(params, fixed, inputs, ignore_reports))
    step(trials, lambda _, act: act())  # the first step also prepares
    with Operators() as operators:
        step(trials, lambda _, act: act())
    for trial in trials:
        trial.dismiss()
    return operators.all, operators.computing


def as_one_kernel(tensors: Any, scale: float, lengths: list[int], *_: Any) -> torch.Tensor:
    """Attention with as many operators as on a GPU; its values differ."""
    del lengths
    query, key, value = tensors
    made = torch.nn.functional.scaled_dot_product_attention(query, key, value, scale=scale)
    return made.transpose(1, 2)


def main() -> None:
    """Read the command line, count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", help="as lorasweep run takes it; default: embedded mini base")
    parser.add_argument("--compute-dtype", default="bfloat16", help="as on a GPU by default")
    args = parser.parse_args()
    torch.set_num_threads(1)
    attention._by_stretch = as_one_kernel  # noqa: SLF001
    fixed = BindingSettings(
        device="cpu",
        compute_dtype=args.compute_dtype,
        train_metric_chains=0,
        steps=4,
        batch_tokens=RESIDUES + 2,
    )
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), [RESIDUES] * max(LANES))
        named = {"data": folder, "cache": folder, **({"base": args.base} if args.base else {})}
        inputs = Inputs(named, fixed, ResidueBinary)
        model = inputs.model(Precision.from_settings(fixed))
        base = inputs.about_base()
        print("dropout  lanes  one by one  at once  computing: one by one  at once")
        for dropout, lanes in itertools.product(DROPOUTS, LANES):
            row: dict[str, Any] = {"dropout": dropout, "lanes": lanes}
            for name, model.batched in (("one by one", False), ("at once", True)):
                row[name], row[f"{name}, computing"] = counted(inputs, fixed, lanes, dropout)
            found.append(row)
            print(
                f"{dropout:7}  {lanes:5}  {row['one by one']:10}  {row['at once']:7}  "
                f"{row['one by one, computing']:21}  {row['at once, computing']:7}"
            )
    about = {"versions": versions(), "base": base, "compute_dtype": args.compute_dtype}
    print(json.dumps({**about, "operators": found}))


if __name__ == "__main__":
    main()
