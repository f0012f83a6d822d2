"""The doctor names each disturbance it sees, with a remedy; on a quiet machine it is silent."""

from __future__ import annotations

import dataclasses
import os

import pytest

from guideline_benchmarks.guidelines.doctor.host import Conditions, advice, observe, unknowns

QUIET = Conditions(
    cores=8,
    usable=8,
    load=0.1,
    governor="performance",
    virtualisation=None,
    free_memory=16 * 1024**3,
    swapped=0,
    on_battery=False,
    steal=0.0,
    lost=0.01,
    busy=(),
    can_pin=True,
)


def test_a_quiet_machine_has_no_findings():
    assert advice(QUIET) == []
    assert unknowns(QUIET) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"usable": 1}, "One core may be used"),
        ({"load": 7.9}, "load average is 7.9"),
        ({"governor": "powersave"}, "powersave"),
        ({"virtualisation": "virtual machine"}, "virtual machine"),
        ({"free_memory": 10**9}, "1.0 GB"),
        ({"swapped": 5 * 10**6}, "swapped"),
        ({"on_battery": True}, "battery"),
        ({"steal": 3.0}, "3.0 %"),
        ({"lost": 2.5}, "2.5 %"),
        ({"busy": (("firefox", 80.0),)}, "firefox"),
        ({"can_pin": False}, "one core"),
    ],
)
def test_each_disturbance_is_named_with_a_remedy(change, word):
    (one,) = advice(dataclasses.replace(QUIET, **change))
    assert word in one.problem
    assert one.remedy.endswith(".")


def test_what_cannot_be_seen_is_said():
    hidden = dataclasses.replace(QUIET, governor=None, steal=None)
    assert advice(hidden) == []
    assert unknowns(hidden) == ["the frequency governor", "time stolen by a hypervisor"]


@pytest.mark.alone
def test_a_real_machine_can_be_observed():
    seen = observe()
    assert seen.cores >= 1
    assert seen.free_memory > 0
    assert 0 <= seen.lost <= 100


@pytest.mark.alone
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins nothing")
def test_the_doctor_counts_the_cores_that_it_may_use(guidelines):
    core = min(os.sched_getaffinity(0))
    code, out, err = guidelines("doctor", preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    assert code == 0, err
    assert f"Workers are kept on core {core}" in out
    assert "One core may be used" in out
    assert ("may use 1 of its cores" in out) == (os.cpu_count() > 1)
