"""Inputs for nodes without the driver's folders: one copy per node, the same results."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from motif_files import write_chains
from optuna.trial import FrozenTrial, TrialState
from ray_clusters import cannot_hide, node_without

from objectives import builtin
from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.errors import SweepError
from sweep.storage.studies import quiet_optuna
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy
from sweep.workers.ray.config import RayConfig

ray = pytest.importorskip("ray", reason="Ray is not installed (lorasweep[ray])")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.timeout(280),
]

SPEC = StudySpec(
    name="placed",
    objective="reading:Reading",
    space=Space({"rank": Choice(1, 2, 4), "alpha": Choice(2), "targets": TargetSets("qkv", "mlp")}),
    settings={"function": "surface", "noise": 0.01, "sleep_seconds": 0.2},
    sampler=Sampler("grid"),
    budget=Budget(trials=6),
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the remote node does not have: data, and a base whose weights are a link."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "chains").mkdir()
    (folder / "chains" / "train.csv").write_text("id,sequence,labels\na,MKV,010\n")
    (folder / "base").mkdir()
    for file in builtin.path("esm2-mini").iterdir():
        (folder / "base" / file.name).symlink_to(file)
    return folder


@pytest.fixture(scope="module")
def far(
    cluster: RayConfig, sources: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RayConfig, Path]]:
    """Workers on a node with its own view of the file system, and its cache folder."""
    reason = cannot_hide()
    if reason:
        pytest.skip(f"no process here may have a view of its own: {reason}")
    home = tmp_path_factory.mktemp("home")
    with node_without(cluster.address, sources, home, "far"):
        there = replace(cluster, resources={"cpu": 0, "far": 1})
        yield there, home / "lorasweep" / "placed"


def run(folder: Path, spec: StudySpec, **how: Any) -> optuna.Study:
    """Run a sweep to its end."""
    folder.mkdir(exist_ok=True)
    with quiet_optuna():
        return run_study(
            spec, StorageUrl.parse(f"sqlite:///{folder}/s.db"), NullListener(), Options(**how)
        )


def values(study: optuna.Study) -> list[Any]:
    """Configurations and values."""
    return sorted((sorted(map(str, t.params.items())), t.value) for t in completed(study))


def completed(study: optuna.Study) -> list[FrozenTrial]:
    """COMPLETE trials; on a loaded machine Ray may declare a node dead, and trials run again."""
    return [trial for trial in study.trials if trial.state == TrialState.COMPLETE]


def test_a_node_without_the_files_gets_one_copy(
    far: tuple[RayConfig, Path], sources: Path, tmp_path: Path
) -> None:
    """Two workers read the same two copies; values, fingerprints and names are unchanged."""
    cluster, cache = far
    inputs = {"data": str(sources / "chains"), "base": str(sources / "base")}
    spec = SPEC.with_changes(inputs=inputs)
    here = run(tmp_path / "here", spec, workers=1)
    there = run(tmp_path / "there", spec, cluster=cluster, workers=2)
    details = [trial.user_attrs["details"] for trial in completed(there)]
    read = {str(detail["read"]) for detail in details}

    assert values(there) == values(here)
    for what in ("fingerprints", "about", "spec"):
        assert there.user_attrs.get(what) == here.user_attrs.get(what)
    assert "fingerprints" in str(here.user_attrs)
    assert len({detail["pid"] for detail in details}) >= 2
    assert len(read) == 1
    assert str(cache) in read.pop()
    assert details[0]["namespace"] != here.trials[0].user_attrs["details"]["namespace"]
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2


@pytest.mark.slow
def test_a_node_with_the_same_files_reads_them_there(
    far: tuple[RayConfig, Path], tmp_path: Path
) -> None:
    """No copy is made."""
    cluster, cache = far
    (tmp_path / "seen.csv").write_text("a,b\n")
    (tmp_path / "base").mkdir()
    before = len(list(cache.iterdir())) if cache.exists() else 0
    inputs = {"data": str(tmp_path / "seen.csv"), "base": str(tmp_path / "base")}
    study = run(tmp_path / "s", SPEC.with_changes(inputs=inputs), cluster=cluster, workers=1)
    read = study.trials[0].user_attrs["details"]["read"]

    assert sorted(place for _, place in read) == sorted(inputs.values())
    assert (len(list(cache.iterdir())) if cache.exists() else 0) == before


def test_names_are_passed_unchanged(tmp_path: Path) -> None:
    """Names of hubs and built-ins, paths that only nodes have, and inputs that are no files."""
    from sweep.workers.ray.inputs import InputStore

    names = ("facebook/esm2_t6_8M_UR50D", "builtin:motifs", "/only/there", "~nobody/x", "x" * 5000)
    for name in (*names, "a\0b", " "):
        assert InputStore({"base": name}).archives == {}
    assert InputStore({"cache": str(tmp_path), "log": str(tmp_path)}).archives == {}


@pytest.mark.slow
def test_a_node_without_disk_space_is_one_error(
    far: tuple[RayConfig, Path], sources: Path, tmp_path: Path
) -> None:
    """One message with the input and the node's folder."""
    cluster, cache = far
    (sources / "big").write_bytes(b"x")
    cache.parent.mkdir(exist_ok=True)
    kept = cache.rename(cache.with_name("kept")) if cache.exists() else None
    cache.write_text("no folder")  # the cache's parent folder
    inputs = {"data": str(sources / "big"), "base": "builtin:esm2-mini"}
    try:
        with pytest.raises(
            SweepError, match=r"^data must be copied to the nodes that lack it, got"
        ):
            run(tmp_path / "s", SPEC.with_changes(inputs=inputs), cluster=cluster, workers=1)
    finally:
        cache.unlink()
        if kept:
            kept.rename(cache)


@pytest.mark.slow
def test_a_large_base_is_sent_in_pieces(
    far: tuple[RayConfig, Path], sources: Path, tmp_path: Path
) -> None:
    """More than a hundred megabytes, in pieces of at most 64."""
    cluster, cache = far
    (sources / "large").mkdir()
    (sources / "large" / "model.safetensors").write_bytes(os.urandom(150 << 20))
    inputs = {"data": "builtin:motifs", "base": str(sources / "large")}
    spec = SPEC.with_changes(inputs=inputs, trials=1)
    spec = replace(spec, objective="reading:Base")
    began = time.monotonic()
    there = run(tmp_path / "there", spec, cluster=cluster, workers=1)
    print(f"{time.monotonic() - began:.1f} s for 150 MiB and a trial")

    assert values(there) == values(run(tmp_path / "here", spec, workers=1))
    assert str(cache) in there.trials[0].user_attrs["details"]["read"][0][1]


@pytest.mark.slow
def test_real_trials_on_copies_are_equal_bit_for_bit(
    far: tuple[RayConfig, Path], sources: Path, tmp_path: Path
) -> None:
    """NF4 base and PEFT adapters on the embedded base; records name the user's folder."""
    cluster, _ = far
    data = write_chains(sources / "motifs")
    spec = replace(
        SPEC,
        objective="objectives.binding.objective:BindingObjective",
        settings={"steps": 3, "batch_tokens": 400, "device": "cpu"},
        space=Space({"rank": Choice(1, 2), "alpha": Choice(4), "targets": TargetSets("qkv")}),
        inputs={"data": str(data), "base": str(sources / "base")},
        budget=Budget(trials=2),
        policy=Policy(keep="all"),
    )
    here = run(tmp_path / "here", spec, workers=1)
    there = run(tmp_path / "there", spec, cluster=cluster, workers=2)

    assert values(there) == values(here)
    assert there.user_attrs["fingerprints"] == here.user_attrs["fingerprints"]
    kept = [
        sorted(
            (file.parent.name, file.name, file.read_bytes())
            for file in (tmp_path / where).rglob("adapter_*")
        )
        for where in ("here", "there")
    ]
    assert len(kept[0]) == 4
    assert kept[0] == kept[1]
