"""The program `guidelines`: every error a user can meet becomes one sentence and an exit code.

The code 1 is a verdict, and nothing but a verdict ends with it: neither a pipe that was closed, nor
a fault of the suite's own, nor what a library means by it.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

WRONG_USE, CANNOT_RUN, FAULT, INTERRUPTED = 2, 3, 4, 130
# Set by a shell that asks for completions; fish takes an exit code for an answer.
COMPLETION = "_GUIDELINES_COMPLETE"


def main() -> None:
    """Run the command line; exit 0 to 4 as docs/record.md says, 130 when interrupted."""
    try:
        # Ended by `kill`, or with its terminal, it must clean up as it does when interrupted.
        for ending in (signal.SIGTERM, signal.SIGHUP):
            # As under nohup.
            if signal.getsignal(ending) is not signal.SIG_IGN:
                signal.signal(ending, signal.default_int_handler)
        code = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _complain("Interrupted.", INTERRUPTED)
    except ModuleNotFoundError as error:
        code = _complain(f"{error.name} is missing: pip install it, or the suite anew.", CANNOT_RUN)
    except OSError as error:
        code = _os_error(error)
    except MemoryError:
        code = _complain("There is too little memory for this: free some.", CANNOT_RUN)
    except BaseException as error:
        if isinstance(error, SystemExit) and (not error.code or COMPLETION in os.environ):
            raise
        traceback.print_exc()
        code = _complain(
            f"This is a fault of the suite's own ({type(error).__name__}), and no verdict: please "
            "report it with the lines above.",
            FAULT,
        )
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Who cannot wait for the end, once more, gets no traceback of it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


def _run() -> int:
    _leave_users_modules_alone()
    from guideline_benchmarks.guidelines import streams
    from guideline_benchmarks.runners.worker import environment

    # Before any library reads it: what one says of a variable is no part of the output.
    environment.clear(os.environ)
    streams.prepare()
    from guideline_benchmarks.guidelines.commands.program import program
    from guideline_benchmarks.results.errors import SuiteError

    try:
        return int(program(prog_name="guidelines", standalone_mode=False) or 0)
    except SuiteError as error:
        return _complain(str(error), error.exit_code, error.faults)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            # Nothing was asked for: the help is many lines, and no complaint.
            print(error, file=sys.stderr)
            return WRONG_USE
        # The exceptions of wrong use belong to typer or, before its version 0.29, to click.
        if hasattr(error, "format_message"):
            return _complain(error.format_message(), WRONG_USE)
        if type(error).__name__ == "Abort":
            return _complain("Interrupted.", INTERRUPTED)
        raise


def _leave_users_modules_alone() -> None:
    """Take the current folder off the path, where `python -m` puts it first: say, a `numpy.py`."""
    started_by_python = Path(sys.argv[0]).suffix == ".py" and not sys.flags.safe_path
    if started_by_python and not Path(sys.path[0], "guideline_benchmarks").exists():
        del sys.path[0]


def _os_error(error: OSError) -> int:
    from guideline_benchmarks.guidelines.streams import OutputError
    from guideline_benchmarks.results.store.files import NO_ROOM

    if error.errno in NO_ROOM:
        place = "standard output" if isinstance(error, OutputError) else error.filename or "a file"
        return _complain(
            f"The disk is full: {place} could not be written, so free some space.", CANNOT_RUN
        )
    if isinstance(error, OutputError):
        return _complain(
            f"Standard output cannot be written ({error.strerror}): redirect it elsewhere.",
            WRONG_USE,
        )
    if error.filename:
        return _complain(f"{error.filename} cannot be used ({error.strerror}).", WRONG_USE)
    return _complain(f"The system refused: {error.strerror or error}.", CANNOT_RUN)


def _complain(sentence: str, code: int, faults: Sequence[str] = ()) -> int:
    print(f"guidelines: {_harmless(sentence)}", file=sys.stderr)
    for fault in faults:
        print(f"  {_harmless(fault)}", file=sys.stderr)
    return code


def _harmless(sentence: str) -> str:
    """Return a sentence in which nothing steers a terminal, whatever a record or a name holds."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in sentence)


if __name__ == "__main__":
    main()
