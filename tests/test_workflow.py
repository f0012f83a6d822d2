"""The workflows, GitLab's snippet and the hooks before a commit: their commands exist."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
import yaml

from guideline_benchmarks.guidelines.commands.program import program

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def gitlab():
    text = (ROOT / "docs" / "gate.md").read_text()
    return re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]


def workflow(name):
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())


def commands():
    jobs = [job for file in WORKFLOWS for job in workflow(file.name)["jobs"].values()]
    scripts = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    scripts += yaml.safe_load(gitlab())["timing-gate"]["script"]
    return [line for script in scripts for line in script.splitlines() if line.strip()]


def script():
    """The commands of .ci/run, without what is done when one fails."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    return [line.split("||")[0].strip() for line in lines]


def on_both_architectures(job):
    runners = job["strategy"]["matrix"]["runner"]
    arm = [name for name in runners if name.endswith("-arm")]
    return 0 < len(arm) < len(runners)


def test_the_gate_is_for_pull_requests_on_both_architectures():
    content = workflow("gate.yml")
    # YAML 1.1 reads the key "on" as a boolean.
    assert "pull_request" in content[True]
    assert on_both_architectures(content["jobs"]["ab"])


def test_ci_runs_its_script_on_both_architectures():
    content = workflow("ci.yml")
    assert {"push", "pull_request"} <= set(content[True])
    (job,) = content["jobs"].values()
    assert on_both_architectures(job)
    (script,) = [step["run"] for step in job["steps"] if "run" in step]
    assert os.access(ROOT / script.split()[0], os.X_OK)
    # What takes long is left to the night.
    assert "schedule" in content[True]
    assert "schedule" in script


def test_a_release_is_published_by_a_tag_after_its_wheel_has_measured():
    content = workflow("release.yml")
    assert content[True] == {"push": {"tags": ["v*"]}}
    build, publish = content["jobs"]["build"], content["jobs"]["publish"]
    assert publish["needs"] == "build"
    assert any("guidelines run" in step.get("run", "") for step in build["steps"])
    # The right to publish is the publishing job's alone.
    assert publish["permissions"] == {"id-token": "write"}
    assert "permissions" not in build
    assert content["permissions"] == {"contents": "read"}


def test_hooks_before_a_commit_are_the_checks_of_make_lint():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    recipes = (ROOT / "Makefile").read_text().replace("$(VENV)", ".venv")
    for hook in repository["hooks"]:
        assert " ".join(hook["entry"].split()[:2]) in recipes


@pytest.mark.parametrize("line", [c for c in commands() if "guidelines " in c])
def test_its_calls_of_the_program_are_understood(line):
    words = shlex.split(line)
    name, arguments = words[1], words[2:]
    program.commands[name].make_context(name, arguments)


@pytest.mark.parametrize("line", [c for c in [*commands(), *script()] if c.startswith("make ")])
def test_calls_of_make_are_targets(line):
    targets = [w for w in shlex.split(line)[1:] if "=" not in w and not w.startswith("-")]
    known = (ROOT / "Makefile").read_text().replace("$(VENV)", ".venv")
    known = known.replace("$(INSTALLED)", ".venv/installed")
    for target in targets:
        assert target in ("old", "new") or re.search(rf"^{re.escape(target)}:", known, re.M), target
