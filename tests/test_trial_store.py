"""Trials on disk: what is read, what is refused, and what they say when little was measured."""

from __future__ import annotations

import json
import re

import pytest

from guideline_benchmarks.guidelines.catalogue import GUIDELINES
from guideline_benchmarks.guidelines.session.gate.trial_judgement import judgement_of
from guideline_benchmarks.guidelines.session.gate.trials import stored_trial
from guideline_benchmarks.reports.gate.registry import FORMATS
from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.gate import trial_store
from guideline_benchmarks.results.gate.trial import Part
from guideline_benchmarks.results.record.cells import NetworkChoice
from tests.synthetic_trials import noisy_logs, replicate_of, trial_of

CELLS = [cell.name for cell in GUIDELINES["g4"].cells(NetworkChoice())]


def planned(trial):
    """What the first replicates of a trial measure."""
    controls = [control.name for control in trial.a.controls] if trial.design == "pairs" else []
    return sorted([*CELLS, *controls])


def stored(folder, trial, count):
    """Write a trial of so many made-up replicates."""
    trial_store.write_trial(folder, trial)
    for number in range(count):
        replicate = replicate_of(trial, noisy_logs(), number, planned(trial))
        trial_store.write_replicate(folder, trial, number, replicate)


def damaged(replicate, how):
    """A replicate's JSON with one thing wrong."""
    first = replicate["processes"][0]
    if how == "control":
        del first["ns"]["control/compute-bound/x1"]
    elif how == "empty":
        first["ns"][CELLS[0]] = []
    elif how == "order":
        for process in replicate["processes"][:2]:
            process["side"] = "b"
    elif how == "stage":
        replicate["stage"] = "confirmation"
    elif how == "seconds":
        replicate["seconds"] = -1e9
    elif how == "fewer":
        first["ns"][CELLS[0]].pop()
    elif how == "half":
        del replicate["processes"][2:]
    return replicate


DAMAGES = ["control", "empty", "order", "stage", "seconds", "gap"]


@pytest.mark.parametrize(
    ("design", "how"),
    [
        *(("pairs", how) for how in [*DAMAGES, "fewer"]),
        *(("quartets", how) for how in [*DAMAGES, "half"]),
    ],
)
def test_an_altered_trial_is_refused_and_left_as_it_is(tmp_path, design, how):
    trial = trial_of(("g4",), design=design)
    stored(tmp_path / "trial", trial, 3)
    file = tmp_path / "trial" / design / "0002.json"
    if how == "gap":
        file.unlink()
    else:
        file.write_text(json.dumps(damaged(json.loads(file.read_text()), how)))
    kept = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    with pytest.raises(BadInputError, match=r"0002\.json|Number 2"):
        stored_trial(tmp_path / "trial")
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == kept


@pytest.mark.parametrize("design", ["pairs", "quartets"])
def test_one_replicate_gives_ratios_and_no_verdict(tmp_path, design):
    stored(tmp_path, trial_of(("g4",), design=design), 1)
    findings = stored_trial(tmp_path).findings
    assert {(f.verdict, f.ratio_ci95, f.rests_on) for f in findings} == {("INCONCLUSIVE", None, 1)}
    assert all(0.9 < finding.ratio < 1.1 for finding in findings)


def test_a_trial_of_an_earlier_version_is_read_and_goes_on_where_it_is(tmp_path):
    trial = trial_of(("g4",), design="quartets")
    quartets = [replicate_of(trial, noisy_logs(), number, sorted(CELLS)) for number in range(3)]
    earlier = trial.model_dump(mode="json", exclude={"design", "apart"}) | {"trial_version": 1}
    (tmp_path / trial_store.FILE).write_text(json.dumps(earlier))
    trial = trial.model_copy(update={"trial_version": 1})
    (tmp_path / "blocks").mkdir()
    for number, quartet in enumerate(quartets[:2]):
        content = json.loads(quartet.model_dump_json())
        for process in content["processes"]:
            process["arm"] = process.pop("side")
        (tmp_path / "blocks" / f"{number + 1:04}.json").write_text(json.dumps(content))
    assert trial_store.read_trial(tmp_path) == (trial, quartets[:2])
    trial_store.write_replicate(tmp_path, trial, 2, quartets[2])
    assert trial_store.read_trial(tmp_path) == (trial, quartets)
    assert not (tmp_path / "quartets").exists()


def part_of(quartet, number, processes):
    """The first processes of a quartet, as they are kept while it is measured."""
    content = quartet.model_dump()
    content["processes"] = content["processes"][:processes]
    return Part(number=number, **content)


def test_what_there_is_of_a_quartet_is_of_the_next_one_or_is_nothing(tmp_path):
    trial = trial_of(("g4",), design="quartets")
    trial_store.write_trial(tmp_path, trial)
    first, second = (replicate_of(trial, noisy_logs(), number, sorted(CELLS)) for number in (0, 1))
    part = part_of(first, 0, 3)
    assert trial_store.read_part(tmp_path, trial, 0) is None
    trial_store.write_part(tmp_path, part)
    assert trial_store.read_part(tmp_path, trial, 0) == part
    # Killed between writing the quartet and removing its part.
    assert trial_store.read_part(tmp_path, trial, 1) is None
    trial_store.write_replicate(tmp_path, trial, 0, first)
    assert not (tmp_path / trial_store.PART).exists()
    trial_store.write_part(tmp_path, part_of(second, 1, 1))
    assert trial_store.read_trial(tmp_path) == (trial, [first])


@pytest.mark.parametrize("how", ["order", "control", "seconds"])
def test_an_altered_part_is_refused(tmp_path, how):
    trial = trial_of(("g4",), design="quartets")
    trial_store.write_trial(tmp_path, trial)
    part = part_of(replicate_of(trial, noisy_logs(), 0, sorted(CELLS)), 0, 3)
    content = json.loads(part.model_dump_json())
    (tmp_path / trial_store.PART).write_text(json.dumps(damaged(content, how)))
    with pytest.raises(BadInputError, match=r"part\.json is"):
        trial_store.read_part(tmp_path, trial, 0)


@pytest.mark.parametrize("design", ["pairs", "quartets"])
def test_a_trial_that_judged_nothing_has_no_remark_on_intervals(tmp_path, design):
    for number in range(5):
        stored(tmp_path, trial_of(("g4",), design=design), number)
        judgement = judgement_of(stored_trial(tmp_path), tmp_path)
        said = [form(judgement, True) for form in FORMATS.values()]
        said.append(json.dumps(judgement.json_objects()))
        for text in said:
            assert not re.search(r"\b(nan|inf|infinity)\b", text, re.IGNORECASE)
        like = [remark for remark in judgement.remarks if remark.startswith("Like against like")]
        assert bool(like) == (number >= (4 if design == "pairs" else 2))
        assert bool(judgement.spread) == (number >= 2)
