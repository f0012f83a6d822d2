"""A fleet holds its devices: this machine, and places of labgrid's."""

from __future__ import annotations

import os
import threading

import pytest

from guideline_benchmarks.guidelines.session.fleet import stopping
from guideline_benchmarks.guidelines.session.fleet.device_lock import lock_of
from guideline_benchmarks.guidelines.session.fleet.jobs import Job
from guideline_benchmarks.guidelines.session.fleet.stopping import StoppedError
from guideline_benchmarks.guidelines.session.options import Options
from guideline_benchmarks.guidelines.studies.fleet.loopback import script
from guideline_benchmarks.results.errors import HeldError, PlatformError
from guideline_benchmarks.results.fleet.wanted import WantedRecord
from guideline_benchmarks.runners.claim import local_lock
from guideline_benchmarks.runners.platform_file import load_platform
from tests.program import wait_until

TOKEN = "0" * 32
ME = "desk/ann"
# It gives each place to one, and says what labgrid's own client 26.0.1 does.
CLIENT = """\
#!/bin/sh
me=$LG_HOSTNAME/$LG_USERNAME
echo "$*" >> {folder}/asked
case $3 in
  release) exec rm -f {folder}/taken ;;
  show) printf "Place '$2':\\n  acquired: $(cat {folder}/taken)\\n"; exit ;;
esac
if ! test -e {folder}/taken; then
  echo "$me" > {folder}/taken
elif test "$(cat {folder}/taken)" = "$me"; then
  echo "labgrid-client: Error: You have already acquired place $2." >&2
  exit 1
else
  echo "labgrid-client: Error: Place $2 is already acquired by $(cat {folder}/taken). To work \\
simultaneously, they can execute 'labgrid-client -p $2 allow $me'." >&2
  exit 1
fi
"""


def job(device, platform, labgrid=None):
    record = WantedRecord(device=device, name="record")
    return Job(record, ("all",), load_platform(platform), Options(), labgrid)


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    stopping.go_on()


def waiting_for(asked):
    """Hold a job's device in a thread; return what it waits for, an event that it holds it."""
    waits, got, leave = [], threading.Event(), threading.Event()

    def hold():
        with lock_of(asked, TOKEN, False).held(asked, waits.append):
            got.set()
            leave.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    return waits, got, leave, thread


def test_what_is_timed_on_this_machine_has_it_to_itself():
    waits, got, leave, thread = None, None, None, None
    timed = job("desk", "cpu")
    with lock_of(timed, TOKEN, False).held(timed, lambda _: None):
        waits, got, leave, thread = waiting_for(job("a57", "arm-emulated"))
        wait_until(lambda: waits, "the other to wait")
        assert not got.is_set()
        assert waits[0] == "another device is measured on this machine"
    assert got.wait(60)
    leave.set()
    thread.join()


def test_what_is_counted_on_this_machine_shares_it():
    counted = job("a57", "arm-emulated")
    with lock_of(counted, TOKEN, False).held(counted, lambda _: None):
        _, got, leave, thread = waiting_for(job("another", "arm-emulated"))
        assert got.wait(60)
        leave.set()
        thread.join()


def test_who_waits_is_stopped():
    timed = job("desk", "cpu")
    other = job("other", "cpu")

    def stop(_):
        stopping._STOP.set()

    with (
        lock_of(timed, TOKEN, False).held(timed, lambda _: None),
        pytest.raises(StoppedError),
        lock_of(other, TOKEN, False).held(other, stop),
    ):
        raise AssertionError("two have this machine")
    stopping.go_on()


def test_each_device_is_known_by_a_token_of_its_own():
    locks = [lock_of(job(name, "ssh:pi@host"), TOKEN, False) for name in ("a", "b", "a")]
    assert locks[0].claim.token == locks[2].claim.token != locks[1].claim.token
    assert locks[0].claim.kept
    # Where labgrid keeps the place, a board's lock goes with each worker.
    assert not lock_of(job("a", "ssh:pi@host", "shelf"), TOKEN, False).claim.kept
    assert not lock_of(job("a", "cpu"), TOKEN, False).claim.kept


@pytest.fixture
def labgrid(tmp_path, monkeypatch):
    """A client of labgrid's that keeps one place; its folder."""
    folder = tmp_path / "labgrid"
    script(folder / "bin" / "labgrid-client", CLIENT.format(folder=folder))
    monkeypatch.setenv("LG_HOSTNAME", "desk")
    monkeypatch.setenv("LG_USERNAME", "ann")
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    return folder


def test_a_place_of_labgrids_is_acquired_and_released(labgrid):
    asked = job("pi", "ssh:pi@host", "shelf")
    lock = lock_of(asked, TOKEN, False)
    with lock.held(asked, lambda _: None):
        assert (labgrid / "taken").read_text() == f"{ME}\n"
    # Who goes on has it still.
    with lock.held(asked, lambda _: None):
        pass
    lock.release(asked)
    assert not (labgrid / "taken").exists()
    words = (labgrid / "asked").read_text().splitlines()
    asked = [word.split()[-1] for word in words]
    assert asked == ["acquire", "acquire", "show", "release"]


def test_a_place_that_somebody_else_has_is_said(labgrid):
    (labgrid / "taken").write_text("elsewhere/bob\n")
    asked = job("pi", "ssh:pi@host", "shelf")
    with (
        pytest.raises(PlatformError, match=r"labgrid does not give the place shelf.*elsewhere/bob"),
        lock_of(asked, TOKEN, False).held(asked, lambda _: None),
    ):
        raise AssertionError("two have the place")


def test_a_missing_client_of_labgrids_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    asked = job("pi", "ssh:pi@host", "shelf")
    with (
        pytest.raises(PlatformError, match="There is no labgrid-client here: pip install labgrid"),
        lock_of(asked, TOKEN, False).held(asked, lambda _: None),
    ):
        raise AssertionError("it was not acquired")


def test_who_measures_this_machine_as_a_board_is_noticed():
    asked = job("desk", "cpu")
    mine, theirs = lock_of(asked, TOKEN, False), lock_of(asked, "1" * 32, False)
    with (
        local_lock(theirs.claim),
        pytest.raises(HeldError, match="This machine is being measured"),
        mine.held(asked, lambda _: None),
    ):
        raise AssertionError("two have this machine")
