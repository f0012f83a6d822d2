"""Who measures: what a lock is told of that, and what is said of one that somebody else has."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from guideline_benchmarks.runners import claim as claims
from guideline_benchmarks.runners.claim import Claim, refusal
from guideline_benchmarks.runners.events import Held
from tests.test_board_lock import SINCE


def test_a_process_has_one_token_and_fleets_have_their_own():
    mine, again = Claim.of_this_process(), Claim.of_this_process(breaks=True)
    assert mine.token == again.token
    assert mine.process == os.getpid()
    assert (mine.kept, mine.breaks, mine.shared) == (False, False, False)
    assert Claim.of_this_process(kept=True, token="t").token == "t"
    wanted = "import sys; from guideline_benchmarks.runners.claim import Claim; "
    wanted += "sys.stdout.write(Claim.of_this_process().token)"
    other = subprocess.run([sys.executable, "-c", wanted], capture_output=True, text=True)
    assert other.stdout not in ("", mine.token)


def test_an_owner_is_printable_whoever_it_is(monkeypatch):
    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr(claims.getpass, "getuser", nobody)
    monkeypatch.setattr(claims.socket, "gethostname", lambda: "desk\x1b[2J \n")
    owner = Claim.of_this_process().owner
    assert owner.startswith(f"{os.getuid()}@desk")
    assert owner.isprintable()


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ({}, "alice@desk (process 4711, since 2026-11-28 10:02 UTC)"),
        (
            {"since": "2026-11-28T12:02:03+02:00"},
            "alice@desk (process 4711, since 2026-11-28 10:02",
        ),
        ({"since": "x"}, "alice@desk (process 4711, since some time)"),
        ({"owner": "a\nb"}, "a b (process 4711"),
        ({"owner": ""}, "somebody who is not named"),
    ],
)
def test_who_has_a_lock_is_told_in_one_sentence(who, said):
    held = {"owner": "alice@desk", "process": 4711, "since": SINCE, **who}
    living = str(refusal("pi@pi5", Held(alive=True, **held)))
    assert living.startswith(f"pi@pi5 is being measured by {said}")
    assert living.endswith(": wait until that ends.")
    left = str(refusal("pi@pi5", Held(alive=False, **held)))
    assert left.startswith(f"pi@pi5 is locked by {said}")
    assert left.endswith("moment: if that has ended, break the lock with --break-lock.")
