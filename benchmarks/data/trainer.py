"""One process of ``many_chains``: prepares the data, or reads an epoch from the cache."""

from __future__ import annotations

import functools
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from objectives.data.prepare import divide, prepare
from objectives.lora.packed.layout import LaneBatch, Layout
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.lane import plan_steps
from objectives.tasks.residue_binary import ResidueBinary

STEPS = (
    (prepare, "divide"),
    (divide, "merge_identical"),
    (divide, "group"),
    (prepare, "tokenise"),
    (prepare, "store_entry"),
)
"""The functions that are timed."""

SAMPLES = 10


def timed(module: Any, name: str, taken: dict[str, float]) -> None:
    """Wrap a module's function so that each call adds its seconds to ``taken``."""
    act: Callable[..., Any] = getattr(module, name)

    @functools.wraps(act)
    def timing(*arguments: Any, **named: Any) -> Any:
        before = time.perf_counter()
        try:
            return act(*arguments, **named)
        finally:
            taken[name] = round(taken.get(name, 0.0) + time.perf_counter() - before, 2)

    setattr(module, name, timing)


def memory() -> tuple[int, int]:
    """Megabytes of this process: anonymous memory and mapped files (Linux)."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    own, mapped = (int(fields[name].split()[0]) // 1000 for name in ("RssAnon", "RssFile"))
    return own, mapped


def main() -> None:
    """Run a phase and print its measurements as JSON."""
    phase, folder, started = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    found: dict[str, Any] = {"imported": round(time.time() - started, 2), "steps": {}}
    for module, name in STEPS:
        timed(module, name, found["steps"])
    settings = BindingSettings(epochs=1)
    places = {"data": str(folder / "data"), "cache": str(folder / "cache")}
    inputs = Inputs(places, settings, ResidueBinary)
    train = inputs.splits.train
    plan = plan_steps(train.lengths, settings, seed=0)
    pad = int(inputs.tokenizer.pad_token_id)

    def read(step: int) -> None:
        share = LaneBatch(None, train, plan.batches[step])
        Layout((share,)).tensors(pad, 0, torch.device("cpu"))
        share.labels(torch.device("cpu"))

    read(0)
    found["first_batch"] = round(time.time() - started, 2)
    if phase == "warm":
        found |= _epoch(read, len(plan.batches))
        found["tokens"] = sum(train.lengths)
        found["all_tokens"] = found["tokens"] + sum(inputs.splits.validation.lengths)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    found["cpu"] = round(usage.ru_utime + usage.ru_stime, 1)
    found["peak"] = usage.ru_maxrss // 1000
    print(json.dumps(found))


def _epoch(read: Callable[[int], None], steps: int) -> dict[str, Any]:
    """Read all batches and record memory after the first and after each tenth."""
    samples = [memory()]
    marks = {steps * part // SAMPLES for part in range(1, SAMPLES + 1)}
    before = time.perf_counter()
    for step in range(1, steps + 1):
        read(step - 1)
        if step in marks:
            samples.append(memory())
    own, mapped = zip(*samples, strict=True)
    seconds = round(time.perf_counter() - before, 1)
    return {"epoch": seconds, "anonymous": own, "mapped": mapped}


if __name__ == "__main__":
    main()
