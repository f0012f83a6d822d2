"""The program `guidelines`: every error a user can meet becomes one sentence and an exit code."""

from __future__ import annotations

import sys

from guidelines.cli import app
from results.errors import SuiteError


def main() -> None:
    """Run the command line; exit 0, 1, 2 or 3 as docs/record.md says, 130 when interrupted."""
    try:
        app()
    except SuiteError as error:
        print(f"guidelines: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
