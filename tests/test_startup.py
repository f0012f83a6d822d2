"""Starting up: commands are listed without being imported, and `list` reads no records."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from guideline_benchmarks.guidelines.commands import program

HEAVY = {"numpy", "pydantic", "torch", "pandas", "scipy", "matplotlib", "onnx"}
# Some versions of typer read options by pydantic.
BY_TYPER = {"pydantic"}
SCRIPT = """
import sys, runpy
sys.argv[1:] = {arguments}
try: runpy.run_module("guidelines", run_name="__main__")
except SystemExit as left: code = left.code
print(code, *sorted({heavy} & set(sys.modules)), file=sys.stderr)
"""


def started(*arguments):
    """Start the program; return its exit code and which heavy modules it imported."""
    script = SCRIPT.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return done.stderr.split()


@pytest.mark.parametrize("word", ["--help", "list"])
def test_what_only_tells_imports_nothing_heavy(word):
    assert started(word) == ["0"]


@pytest.mark.parametrize("command", ["run", "decompose", "ab"])
def test_the_help_of_what_is_used_most_imports_nothing_heavy(command):
    assert set(started(command, "--help")) - BY_TYPER == {"0"}


@pytest.mark.parametrize("name", program.COMMANDS)
def test_a_commands_summary_is_the_first_paragraph_of_its_help(name):
    first = inspect.cleandoc(program.loaded(name).help).split("\n\n")[0]
    assert " ".join(first.split()) == program.COMMANDS[name].summary


def test_an_earlier_name_works_and_says_the_new_one(guidelines):
    code, out, err = guidelines("calibrate-gate", "--help")
    assert code == 0
    assert "--judge-only" in out
    assert err == "guidelines: calibrate-gate is now called gate-study.\n"
    assert "calibrate-gate" not in guidelines("--help")[1]


def test_nothing_asked_for_is_answered_with_the_help(guidelines):
    _, out, err = guidelines()
    assert "\n  list " in out + err


@pytest.mark.parametrize("name", ["gate-study", "arm-model"])
def test_what_is_only_in_a_checkout_says_so_elsewhere(name, monkeypatch):
    from guideline_benchmarks.results.errors import BadInputError

    studies = "guideline_benchmarks.guidelines.studies"
    for module in [m for m in sys.modules if m.startswith(studies)]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, studies, None)
    with pytest.raises(BadInputError, match=f"`guidelines {name}` needs .* checkout") as caught:
        program.program([name], standalone_mode=False)
    assert caught.value.exit_code == 2
