"""The workflow that gates pull requests, and GitLab's snippet: their commands exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer.main
import yaml

from guidelines.commands.cli import app

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "gate.yml"


def gitlab():
    text = (ROOT / "docs" / "gate.md").read_text()
    return re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]


def commands():
    job = yaml.safe_load(WORKFLOW.read_text())["jobs"]["ab"]
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    scripts += yaml.safe_load(gitlab())["timing-gate"]["script"]
    return [line for script in scripts for line in script.splitlines() if line.strip()]


def test_the_workflow_gates_pull_requests_on_both_architectures():
    content = yaml.safe_load(WORKFLOW.read_text())
    # YAML 1.1 reads the key "on" as a boolean.
    assert "pull_request" in content[True]
    runners = content["jobs"]["ab"]["strategy"]["matrix"]["runner"]
    assert any(name.endswith("-arm") for name in runners)
    assert any(not name.endswith("-arm") for name in runners)


@pytest.mark.parametrize("line", [c for c in commands() if "guidelines " in c])
def test_its_calls_of_the_program_are_understood(line):
    words = shlex.split(line)
    name, arguments = words[1], words[2:]
    command = typer.main.get_command(app).commands[name]
    command.make_context(name, arguments)


@pytest.mark.parametrize("line", [c for c in commands() if c.startswith("make ")])
def test_its_calls_of_make_are_targets(line):
    targets = [w for w in shlex.split(line)[1:] if "=" not in w and not w.startswith("-")]
    known = (ROOT / "Makefile").read_text().replace("$(VENV)", ".venv")
    known = known.replace("$(INSTALLED)", ".venv/installed")
    for target in targets:
        assert target in ("old", "new") or re.search(rf"^{re.escape(target)}:", known, re.M), target
