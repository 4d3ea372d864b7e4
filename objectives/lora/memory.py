"""Memory: peak use, free and available bytes, glibc's allocator, and out-of-memory errors."""

from __future__ import annotations

import ctypes
import errno
import sys
from pathlib import Path

import psutil
import torch

_WORDS = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "alloc_failed",  # cuBLAS and cuDNN, which use allocators of their own
)

_GROUPS = Path("/sys/fs/cgroup")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's ``mallopt`` parameters


def peak_memory_bytes(device: torch.device) -> int:
    """Peak memory in bytes: PyTorch's tensors on a GPU since the last reset, else the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform.startswith("linux"):  # getrusage would include the parent's peak
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return 1024 * int(status.split("VmHWM:")[1].split()[0])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def reset_peak(device: torch.device) -> None:
    """Restart PyTorch's count of a GPU's peak memory; no effect on a CPU."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def free_bytes(device: torch.device) -> int:
    """Bytes of memory that can be allocated now."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def available_bytes(device: torch.device, groups: Path = _GROUPS) -> int:
    """Bytes that can be allocated now: like ``free_bytes``, and within a container's limit.

    Args:
        device: a GPU, or the CPU.
        groups: folder of the Linux control groups, version 2.
    """
    free = free_bytes(device)
    if device.type == "cuda" or not groups.is_dir():
        return free
    own = Path("/proc/self/cgroup").read_text(encoding="ascii").partition("0::/")[2].strip()
    folder = groups / own
    if not folder.is_dir():  # in a container, whose own group is mounted as the root
        folder = groups
    limits = [_left(each) for each in (folder, *folder.parents) if each.is_relative_to(groups)]
    return min([free, *(left for left in limits if left is not None)])


def _left(group: Path) -> int | None:
    """Bytes left below a control group's limit, reclaimable file cache included; None: no limit."""
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        used = int((group / "memory.current").read_text(encoding="ascii"))
        counts = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:  # the root, or a group without the memory controller
        return None
    if limit == "max":
        return None
    stat = dict(line.split() for line in counts)
    return max(0, int(limit) - used + int(stat.get("inactive_file", 0)))


def keep_memory() -> None:
    """Make glibc keep freed memory, which each step allocates again, to avoid page faults.

    They were measured at a tenth of a step's time. No effect with other C libraries.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 1 << 30)
        mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)


def ran_out(error: BaseException | None) -> bool:
    """Whether an exception, or one of its causes (``__cause__``), is an out-of-memory error.

    Python and NumPy raise ``MemoryError``, the system ``ENOMEM``; PyTorch's allocators raise
    ``RuntimeError`` with differing messages.
    """
    while error is not None:
        said = isinstance(error, RuntimeError) and any(w in str(error).lower() for w in _WORDS)
        failed = isinstance(error, OSError) and error.errno == errno.ENOMEM
        if said or failed or isinstance(error, (MemoryError, torch.OutOfMemoryError)):
            return True
        error = error.__cause__
    return False
