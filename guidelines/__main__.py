"""The program `guidelines`: every error a user can meet becomes one sentence and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys

WRONG_USE, INTERRUPTED = 2, 130


def main() -> None:
    """Run the command line; exit 0, 1, 2 or 3 as docs/record.md says, 130 when interrupted."""
    try:
        code = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _complain("Interrupted.", INTERRUPTED)
    except OSError as error:
        code = _os_error(error)
    sys.exit(code)


def _run() -> int:
    # Ended by `kill`, a program must clean up as it does when interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from guidelines.commands.program import program
    from results.errors import SuiteError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without × or τ shows "?" rather than nothing.
            stream.reconfigure(errors="replace")
    try:
        return int(program(standalone_mode=False) or 0)
    except SuiteError as error:
        return _complain(str(error), error.exit_code)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            # Nothing was asked for: the help is many lines, and no complaint.
            print(error, file=sys.stderr)
            return WRONG_USE
        # The exceptions of wrong use belong to typer or, before its version 0.29, to click.
        if hasattr(error, "format_message"):
            return _complain(error.format_message(), getattr(error, "exit_code", WRONG_USE))
        if type(error).__name__ == "Abort":
            return _complain("Interrupted.", INTERRUPTED)
        raise


def _os_error(error: OSError) -> int:
    from results.store.files import file_error

    found = file_error(error.filename or "standard output", error)
    if not error.filename:
        # What is left in the buffer must not complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _complain(str(found), found.exit_code)


def _complain(sentence: str, code: int) -> int:
    # What a record or a file name holds must not steer a terminal.
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in sentence)
    print(f"guidelines: {shown}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
