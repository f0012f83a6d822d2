"""What a fleet wants measured, as it stands in its folder (`fleet.json`) from the first moment.

A record of a device lies in `devices/<device>/<record>` below that folder.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from guideline_benchmarks.results.errors import BadInputError
from guideline_benchmarks.results.record.faults import first_fault
from guideline_benchmarks.results.record.platform import Record
from guideline_benchmarks.results.store.files import near_file, write_file
from guideline_benchmarks.results.store.json_text import read_json

FILE, DEVICES = "fleet.json", "devices"
# Names become folders: no separators, no leading dot, and nothing that Windows refuses.
FolderName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=100)]


class WantedRecord(Record):
    """One record that a fleet wants: of which device, and what it is called there."""

    device: FolderName
    name: FolderName

    def folder(self, out: Path) -> Path:
        """Return where it lies below a fleet's folder."""
        return out / DEVICES / self.device / self.name


class WantedFleet(Record):
    """All records that a fleet wants, in the order of its file.

    By `token`, boards know the fleet again that has locked them.
    """

    version: Literal[1] = 1
    token: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    records: list[WantedRecord]

    @property
    def devices(self) -> list[str]:
        """The names of its devices."""
        return list(dict.fromkeys(record.device for record in self.records))


def keep_wanted(out: Path, records: Sequence[WantedRecord]) -> WantedFleet:
    """Write down what a fleet wants now; a fleet that was there before keeps its token.

    Raises BadInputError for a folder whose file is none of a fleet, and as write_file does.
    """
    known = (out / FILE).exists()
    token = read_wanted(out).token if known else secrets.token_hex(16)
    wanted = WantedFleet(token=token, records=list(records))
    write_file(out / FILE, wanted.model_dump_json(indent=1) + "\n")
    return wanted


def read_wanted(out: Path) -> WantedFleet:
    """Return what a fleet wants; raises BadInputError, in one sentence, where there is none."""
    file = out / FILE
    try:
        _, text = read_json(file)
        return WantedFleet.model_validate_json(text, strict=True)
    except FileNotFoundError:
        raise BadInputError(
            f"There is no fleet at {out}: no {FILE} was found.{near_file(out)}"
        ) from None
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        raise BadInputError(f"{file} is none of a fleet: {first_fault(error)}.") from None
    except ValueError as error:
        raise BadInputError(f"{file} is truncated or not JSON at all ({error}).") from None
