import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from sweep.storage.owner import DriverLease


def test_a_record_survives_json() -> None:
    """It is stored in the study."""
    me = DriverLease.myself()

    assert DriverLease.from_json(me.to_json()) == me
    assert me.same_process(DriverLease.myself())
    assert not me.provably_dead()


def test_a_process_that_ended_is_dead() -> None:
    """Also before its parent has read its exit code."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = DriverLease.of(child.pid)
    assert not owner.provably_dead()
    child.kill()
    for _ in range(1000):
        if owner.provably_dead():
            break
    assert owner.provably_dead()
    child.communicate()

    assert owner.provably_dead()


def test_a_reused_process_id_shows_that_the_first_ended() -> None:
    """The start times differ."""
    assert replace(DriverLease.myself(), started=DriverLease.myself().started - 100).provably_dead()


def test_a_restart_of_the_machine_shows_it_too() -> None:
    """Whatever process has the id now."""
    me = DriverLease.myself()
    if not me.machine or not me.boot_id:
        pytest.skip("this system has no identity or boot id")

    assert replace(me, boot_id="another").provably_dead()


@pytest.mark.parametrize(
    "change", [{"host": "elsewhere"}, {"namespace": "pid:[1]"}, {"machine": "other"}]
)
def test_drivers_on_other_machines_count_as_alive(change: dict[str, str]) -> None:
    """Nothing is known of them, even if no process here has that id."""
    assert not replace(DriverLease.myself(), pid=2**22 + 1, **change).provably_dead()


def test_two_machines_without_identity_count_as_different() -> None:
    """Containers often have none, and equal names."""
    stranger = replace(DriverLease.myself(), machine="", boot_id="another")

    assert not stranger.provably_dead()


def test_a_step_of_the_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start times are relative to the boot."""
    me = DriverLease.myself()
    create_time, boot_time = psutil.Process.create_time, psutil.boot_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda p: create_time(p) + 86_400)
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time() + 86_400)

    assert not me.provably_dead()
    assert me.same_process(DriverLease.myself())


def test_a_record_of_an_older_lorasweep_is_read() -> None:
    """It has no boot id, so nothing is concluded from it."""
    old = DriverLease.from_json(
        {"host": DriverLease.myself().host, "pid": 1, "started": 5.0, "since": 6.0}
    )

    assert old.boot_id == ""
    assert not old.provably_dead()
