"""Out-of-memory errors are recognised, and a failed trial records its peak memory."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from objectives.binding.objective import BindingObjective
from objectives.lora.memory import available_bytes, free_bytes, peak_memory_bytes, ran_out
from sweep.study.trial import TrialParams, ignore_reports

MIB = 2**20
UNDER_A_LIMIT = """
import json, resource, sys
import bitsandbytes, numpy, psutil, safetensors.torch, torch
from objectives.binding.objective import BindingObjective
from objectives.tasks.objective import failure_reason
from sweep.study.trial import TrialParams, ignore_reports

objective = BindingObjective({"device": "cpu", "steps": 1}, json.loads(sys.argv[1]))
small = {"rank": 1, "targets": "query"}
(first,) = objective.run([TrialParams(0, small)], ignore_reports)
limit = psutil.Process().memory_info().vms + (400 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

def failure(allocate):
    try:
        allocate()
    except Exception as error:
        return [type(error).__name__, failure_reason(error)]
    return ["nothing", ""]

huge = {"rank": 3_000_000, "targets": "query"}
(failed,) = objective.run([TrialParams(1, huge)], ignore_reports)
(after,) = objective.run([TrialParams(2, small)], ignore_reports)
print(json.dumps({
    "torch": failure(lambda: torch.empty(1 << 30, dtype=torch.uint8)),
    "product": failure(lambda: torch.ones(20_000, 1) @ torch.ones(1, 20_000)),
    "numpy": failure(lambda: numpy.zeros(1 << 30, dtype=numpy.uint8)),
    "python": failure(lambda: bytearray(1 << 30)),
    "failed": failed.failure.to_json(),
    "same": first.value == after.value,
}))
"""


@pytest.mark.integration
def test_real_allocations_beyond_a_real_limit(
    tiny_folder: Path, tiny_data: Path, tmp_path: Path
) -> None:
    """Torch, NumPy and Python under RLIMIT_AS; a trial too large fails, and the next is fine."""
    inputs = {"base": str(tiny_folder), "data": str(tiny_data), "cache": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", UNDER_A_LIMIT, json.dumps(inputs)],
        capture_output=True,
        text=True,
        check=True,
    )
    measured: dict[str, Any] = json.loads(done.stdout)

    assert measured["torch"] == ["RuntimeError", "out_of_memory"]
    assert measured["product"] == ["RuntimeError", "out_of_memory"]
    assert measured["numpy"][0].endswith("MemoryError")  # a subclass with an underscore, usually
    assert measured["numpy"][1] == "out_of_memory"
    assert measured["python"] == ["MemoryError", "out_of_memory"]
    assert measured["failed"]["reason"] == "out_of_memory"
    assert "allocate" in measured["failed"]["message"]
    assert measured["failed"]["peak_memory_bytes"] > 100 * MIB
    assert measured["same"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("std::bad_alloc"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=repr,
)
def test_every_form_of_out_of_memory_is_recognised(error: Exception) -> None:
    """Also if another exception was raised from it."""
    wrapped = ValueError("a base that cannot be read")
    wrapped.__cause__ = error

    assert ran_out(error)
    assert ran_out(wrapped)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes differ"),
        OSError(errno.ENOSPC, "No space left"),
        ValueError("bad_alloc"),
    ],
    ids=repr,
)
def test_other_errors_are_not_out_of_memory(error: Exception) -> None:
    """Also with ``raise ... from None``."""
    assert not ran_out(error)
    assert not ran_out(None)


def test_a_failed_trial_records_its_peak_memory(
    make_objective: Callable[..., BindingObjective],
) -> None:
    """For any failure; on a CPU, the peak of the process."""
    params = TrialParams(0, {"rank": 2, "learning_rate": 1e30})
    (result,) = make_objective(steps=4, warmup=0.0).run([params], ignore_reports)

    assert result.failure is not None
    assert result.failure.reason == "nan"
    now = peak_memory_bytes(torch.device("cpu"))  # the kernel's count lags by a few pages
    assert result.failure.peak_memory_bytes == pytest.approx(now, rel=0.01)


def test_available_memory_ends_at_the_limit_of_a_container(tmp_path: Path) -> None:
    """Below its limit, without the file cache that can be reclaimed; no limit changes nothing."""
    cpu = torch.device("cpu")

    def available(limit: str) -> int:
        for name, text in (
            ("memory.max", f"{limit}\n"),
            ("memory.current", f"{70 * MIB}\n"),
            ("memory.stat", f"anon {40 * MIB}\ninactive_file {30 * MIB}\nactive_file 0\n"),
        ):
            (tmp_path / name).write_text(text)
        return available_bytes(cpu, tmp_path)

    assert available(str(100 * MIB)) == 60 * MIB
    assert available(str(20 * MIB)) == 0
    for found in (available("max"), available(str(1 << 60)), available_bytes(cpu)):
        assert 0.5 * free_bytes(cpu) < found < 2 * free_bytes(cpu)


def test_the_peak_covers_the_current_usage() -> None:
    """It is at least the process's current memory, and of that order, so the unit is right."""
    resident = psutil.Process().memory_info().rss

    assert resident <= peak_memory_bytes(torch.device("cpu")) * 1.01
    assert peak_memory_bytes(torch.device("cpu")) < 100 * resident
