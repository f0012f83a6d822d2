"""What tests ask of the program from the outside."""

from __future__ import annotations

import gzip
import re
import subprocess
import time

import pytest

from guideline_benchmarks.results.store import run_folders


def slow_but_first(first, *others):
    """Return parameters of a test of which the first says most, so that the others are slow."""
    night = [other if isinstance(other, tuple) else (other,) for other in others]
    return [first, *(pytest.param(*values, marks=pytest.mark.slow) for values in night)]


# The second runtime does what the first does, and takes longer.
BOTH_RUNTIMES = slow_but_first("cpu", "cpu-torch")


def complains(result, code, *words):
    """Check the exit code, and that what is said is short, has the words and no traceback."""
    found, _, err = result
    assert found == code, err
    assert "Traceback" not in err
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("guidelines: ")
    for word in words:
        assert re.search(word, lines[0]), err


def compile_latex(source, folder):
    """Run pdflatex on a document; return the PDF it made in a folder."""
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error"]
    command += [f"-output-directory={folder}", str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    return folder / source.with_suffix(".pdf").name


def compress(file):
    """Do what `gzip -9n FILE` does; return the compressed file."""
    packed = file.with_name(f"{file.name}.gz")
    packed.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
    file.unlink()
    return packed


def wait_for(folder, part, least, seconds=60):
    """Wait until the record in a folder has so many rounds, or counts."""
    wait_until(
        lambda: (
            run_folders.has_run(folder)
            and len(getattr(run_folders.read_run(folder), part)) >= least
        ),
        f"{least} {part}",
        seconds,
    )


def wait_until(there, what, seconds=60):
    """Wait until something is there; a slow machine fails no test, so this may take long."""
    for _ in range(20 * seconds):
        if there():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come in {seconds} s")
