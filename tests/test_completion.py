"""What a shell asks the program when Tab is pressed, and what it says of itself."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.test_startup import BY_TYPER, started


@pytest.fixture
def shell(tmp_path):
    """Run a line in a shell with a home of its own, where `guidelines` is on the path."""
    program = tmp_path / "bin" / "guidelines"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m guidelines "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"

    def run(name, line):
        environment = os.environ | {"HOME": str(tmp_path), "PATH": path}
        # With a second command a shell does not become the first one.
        command = [name, "-c", f"{line}\nexit $?"]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    return run


def offered(shell, words):
    """Return what bash offers at the end of some words, as its completion is installed."""
    line = (
        'eval "$(guidelines --show-completion)"\n'
        f"COMP_WORDS=({' '.join(map(shlex.quote, words))})\nCOMP_CWORD={len(words) - 1}\n"
        '_guidelines_completion guidelines\necho "${COMPREPLY[@]}"'
    )
    done = shell("bash", line)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "some"),
    [
        (["guidelines", ""], {"run", "decompose", "gate-study", "board"}),
        (["guidelines", "dec"], {"decompose"}),
        (["guidelines", "--v"], {"--version"}),
        (["guidelines", "run", "--pl"], {"--platform"}),
        (["guidelines", "board", ""], {"check"}),
        (["guidelines", "calibrate-gate", "--judge"], {"--judge-only"}),
    ],
)
def test_commands_and_options_are_offered(shell, words, some):
    found = offered(shell, words)
    assert set(found) >= some
    assert all(word.startswith(words[-1]) for word in found)


@pytest.mark.parametrize(("words", "code"), [("guidelines ru", 0), ("guidelines run x", 1)])
def test_fish_is_answered_by_the_exit_code_alone(guidelines, words, code):
    asked = {"_GUIDELINES_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "is-args"}
    answer = guidelines(environment=asked | {"_TYPER_COMPLETE_ARGS": words})
    assert answer == (code, "", "")


def test_earlier_names_are_not_offered(shell):
    assert "calibrate-gate" not in offered(shell, ["guidelines", ""])


def test_it_is_installed_for_the_shell_that_asks(shell, tmp_path):
    done = shell("bash", "guidelines --install-completion && . ~/.bashrc && complete -p guidelines")
    assert done.returncode == 0, done.stderr
    assert "bash completion installed" in done.stdout
    assert re.search(r"complete .*-F _guidelines_completion guidelines$", done.stdout.strip())


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_a_shell_without_completion_is_wrong_use(shell, option):
    done = shell("sh", f"guidelines {option}")
    assert done.returncode == 2
    assert done.stderr.endswith("guidelines: Completion is for bash, zsh, fish and PowerShell.\n")


@pytest.mark.parametrize(
    ("words", "asked"), [("guidelines de", 1), ("guidelines run --p", 2), ("guidelines ab --", 2)]
)
def test_what_is_offered_needs_nothing_heavy(monkeypatch, words, asked):
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(asked))
    monkeypatch.setenv("_GUIDELINES_COMPLETE", "complete_bash")
    assert set(started()) - BY_TYPER == {"0"}


def test_the_version_is_one_line_and_needs_nothing_heavy(guidelines):
    said = f"guideline-benchmarks {version('guideline-benchmarks')}\n"
    assert guidelines("--version") == (0, said, "")
    assert started("--version") == ["0"]
