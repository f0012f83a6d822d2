"""How far a fleet is, told from the disk alone."""

from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from guideline_benchmarks.guidelines.session.fleet.watching import Watch
from guideline_benchmarks.reports.fleet.lines import (
    changes,
    duration,
    live_table,
    reasons,
    status_table,
    summary_line,
)
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.fleet.overview import (
    overview,
    read_overview,
    seconds_left,
)
from guideline_benchmarks.results.fleet.state import (
    QUEUED,
    State,
    digest,
    read_state,
    write_state,
)
from guideline_benchmarks.results.fleet.wanted import (
    WantedFleet,
    WantedRecord,
    keep_wanted,
    read_wanted,
)
from guideline_benchmarks.results.store import run_folders
from guideline_benchmarks.results.store.files import locked
from tests.program import complains
from tests.synthetic import noisy, run_of

NAMES = ("device", "name")
HALF = State(stage="running", since="2026-01-01T00:00:00+00:00", stored=50, wanted=100, spent=30.0)


def at(stage, saying="", **changed):
    return HALF.model_copy(update={"stage": stage, "saying": saying, **changed})


def seen(states, driven=True, kept=True):
    """An overview of records "device/name" in those states."""
    records = {
        name: WantedRecord(**dict(zip(NAMES, name.split("/"), strict=True))) for name in states
    }
    wanted = WantedFleet(token="0" * 32, records=list(records.values()))
    by_record = {records[name]: state for name, state in states.items()}
    return overview(wanted, by_record, dict.fromkeys(by_record, kept), driven)


def text(renderable, width=160):
    console = Console(width=width, file=io.StringIO())
    console.print(renderable)
    return console.file.getvalue()


def test_each_record_has_a_word_for_how_far_it_is():
    states = {
        "a/x": QUEUED,
        "b/x": at("running"),
        "c/x": at("waiting", "The connection was lost."),
        "d/x": at("done"),
        "e/x": at("failed", "Another machine."),
    }
    words = [one.word for one in seen(states).standings]
    assert words == ["queued", "running", "waiting", "done", "failed"]
    # Of what nobody drives, nothing runs, and nothing is waited for.
    words = [one.word for one in seen(states, driven=False).standings]
    assert words == ["queued", "stopped", "stopped", "done", "failed"]
    words = [one.word for one in seen(states, kept=False).standings]
    assert words == ["queued", "running", "waiting", "changed", "failed"]


def test_the_time_left_is_that_of_the_slowest_device():
    fast = at("running", spent=10.0)
    assert seen({"a/x": HALF, "b/x": fast}).seconds_left == 30.0
    # What was not begun takes as long as the device's others.
    assert seen({"a/x": HALF, "a/y": QUEUED, "b/x": fast}).seconds_left == 90.0
    assert seen({"a/x": QUEUED}).seconds_left is None
    assert seen({"a/x": at("done"), "b/x": at("failed")}).seconds_left == 0.0


@given(st.lists(st.tuples(st.integers(1, 100), st.floats(0.1, 1e6)), min_size=1, max_size=5))
def test_nothing_is_left_of_less_than_nothing(measured):
    states = {
        f"a/{number}": at("running", stored=stored, spent=spent)
        for number, (stored, spent) in enumerate(measured)
    }
    left = seconds_left(seen(states).standings)
    assert left is not None
    assert left >= 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "1 h 0 min"),
        (7260, "2 h 1 min"),
    ],
)
def test_times_are_said_shortly(seconds, said):
    assert duration(seconds) == said


def test_the_table_says_what_and_why():
    states = {
        "pi5/one": at("running", "50 of 100", celsius=54.2, mhz=2400),
        "pi5/two": QUEUED,
        "rock/one": at("waiting", "rock cannot be reached by ssh. Asked again in 60 s."),
    }
    said = text(status_table(seen(states)), width=80)
    assert "50/100" in said
    assert "54 °C, 2.4 GHz" in said
    assert reasons(seen(states)) == [
        "rock one: rock cannot be reached by ssh. Asked again in 60 s."
    ]
    # How much is stored is said once.
    assert "50 of 100" not in said
    assert summary_line(seen(states)) == (
        "3 records: 1 running, 1 waiting, 1 queued; about 2 min left"
    )


def test_a_live_table_has_a_line_a_device_and_those_first_that_say_most():
    states = {f"board-{number:03d}/x": at("done") for number in range(200)}
    states |= {"board-150/x": at("failed", "gone"), "board-190/x": at("running")}
    said = text(live_table(seen(states), height=20, width=100))
    lines = said.splitlines()
    assert len(lines) <= 20
    assert lines[1].startswith("board-190")
    assert lines[2].startswith("board-150")
    assert "185 devices more" in said
    few = text(
        live_table(seen({"a/x": at("done"), "a/y": HALF, "b/x": QUEUED}), height=20, width=100)
    )
    assert [line[:3] for line in few.splitlines()[1:3]] == ["a  ", "b  "]
    assert "running" in few.splitlines()[1]


def test_a_long_reason_takes_no_room_from_the_rest():
    reason = "pi@raspberrypi cannot be reached by ssh (ssh: connect to host raspberrypi port 22)."
    found = seen({"board-1/record": at("waiting", reason), "board-2/record": at("running")})
    for width in (80, 100, 200):
        lines = text(live_table(found, height=20, width=width), width).splitlines()
        assert len(lines) == 4
        assert re.match(r"board-1 +record +waiting +50/100 +30 s", lines[1])
        assert "pi@raspberrypi" in lines[1]
    assert "…" in text(live_table(found, height=20, width=80), 80)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_long_names_take_no_room_from_states_and_figures(width):
    name = "a-long-name-of-a-board/onnxruntime-1t-fp32"
    found = seen({name: at("waiting", "gone", celsius=None), "b/x": at("running")})
    said = text(live_table(found, height=20, width=width), width)
    for word in ("waiting", "running", "state", "stored", "left", "50/100", "30 s"):
        assert word in said
    assert max(map(len, said.splitlines())) <= width


def test_a_status_that_goes_to_a_file_has_whole_names(tmp_path, guidelines):
    record = WantedRecord(device="d" * 60, name="onnxruntime-1t-fp32")
    keep_wanted(tmp_path, [record])
    code, said, err = guidelines("fleet", "status", tmp_path)
    assert (code, err) == (0, "")
    assert f"{record.device}  {record.name}" in said


def test_without_a_terminal_a_line_is_said_of_each_change():
    before = seen({"a/x": QUEUED, "b/x": HALF, "c/x": at("done")})
    assert changes(None, before) == ["b x: running (50/100)"]
    after = seen({"a/x": HALF, "b/x": at("waiting", "lost"), "c/x": at("done")})
    assert changes(before, after) == ["a x: running (50/100)", "b x: waiting (50/100, lost)"]
    again = seen({"a/x": HALF, "b/x": at("waiting", "gone"), "c/x": at("done")})
    assert changes(after, again) == ["b x: waiting (50/100, gone)"]
    assert changes(again, again) == []


@pytest.fixture
def fleet(tmp_path):
    """The folder of a fleet of which one record is done, one half, and one not begun."""
    records = [WantedRecord(device=name, name="r") for name in ("done", "half", "new")]
    keep_wanted(tmp_path, records)
    folder = records[0].folder(tmp_path)
    run_folders.write_run(folder, run_of(["g2"], noisy(lambda _: 1.0)))
    write_state(folder, at("done", stored=100, sha256=digest(folder)))
    write_state(records[1].folder(tmp_path), HALF)
    return tmp_path


def test_status_is_read_from_the_disk(fleet, guidelines):
    code, out, err = guidelines("fleet", "status", fleet)
    assert (code, err) == (0, "")
    assert "3 records: 1 stopped, 1 queued, 1 done" in out
    code, out, _ = guidelines("fleet", "status", fleet, "--json")
    words = {one["device"]: (one["word"], one["seconds_left"]) for one in json.loads(out)}
    assert words == {"done": ("done", 0.0), "half": ("stopped", 30.0), "new": ("queued", None)}
    with locked(fleet):
        assert {one.word for one in read_overview(fleet).standings} == {"done", "running", "queued"}
    (fleet / "devices/done/r/run.json").write_text("{}")
    found = read_overview(fleet)
    assert found.counts["changed"] == 1
    assert "done r: its record is missing, or not what it was when it was done" in reasons(found)


def test_a_damaged_state_is_one_of_nothing(fleet):
    (fleet / "devices/half/r/state.json").write_text('{"stage": "hal')
    assert read_state(fleet / "devices/half/r") == QUEUED


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": 2}', "\xff"])
def test_a_damaged_fleet_is_one_sentence(fleet, guidelines, content):
    (fleet / "fleet.json").write_text(content)
    complains(guidelines("fleet", "status", fleet), 2, "fleet.json")


def test_a_folder_without_a_fleet_is_said(tmp_path):
    with pytest.raises(BadInputError, match="There is no fleet at"):
        read_overview(tmp_path)


def test_a_fleet_that_grows_keeps_its_token(fleet):
    before = read_wanted(fleet)
    after = keep_wanted(fleet, [*before.records, WantedRecord(device="more", name="r")])
    assert after.token == before.token
    assert after.devices == ["done", "half", "new", "more"]


def test_names_that_leave_the_folder_are_refused(fleet):
    text = (fleet / "fleet.json").read_text().replace('"half"', '"../half"')
    (fleet / "fleet.json").write_text(text)
    with pytest.raises(BadInputError, match="is none of a fleet"):
        read_wanted(fleet)


def test_a_terminal_shows_live_lines_and_takes_them_away(fleet):
    console = Console(width=120, height=12, force_terminal=True, file=io.StringIO())
    with locked(fleet), Watch(fleet, quiet=False, console=console) as watch:
        watch.look()
    said = console.file.getvalue()
    assert "half" in said
    assert "3 records: 1 running, 1 queued, 1 done" in said


def test_quiet_says_nothing(fleet):
    console = Console(file=io.StringIO())
    with Watch(fleet, quiet=True, console=console) as watch:
        watch.look()
    assert console.file.getvalue() == ""
