"""A board's Python for the study of fleets: all is as on a board, but that times are replayed.

`python replay.py RECORD LOG SCALE -c PROGRAM` runs PROGRAM, which is the board's agent, and in
place of the worker that it would become answers from RECORD (see `recorded`): each sample takes
SCALE times as long as it did. Whatever is measured is written down in LOG, a line for each sample:
the process and the clock of the machine. Standard library only.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any


class Replay:
    """Answers a worker's requests from what was recorded."""

    def __init__(self, record: dict[str, Any], log: Path, scale: float) -> None:
        self.record = record
        self.log = log
        self.scale = scale
        self.taken: dict[int, int] = {}

    def serve(self) -> None:
        """Answer requests until told to stop or until the reader is gone."""
        request = json.loads(sys.stdin.buffer.readline())
        self._note("begin")
        send(**self.record["ready"], pid=os.getpid())
        for index, _ in enumerate(request["cells"]):
            send(event="loaded", cell=index, **self.record["networks"][index]["loaded"])
        send(event="warm")
        for line in sys.stdin.buffer:
            request = json.loads(line)
            if request["do"] == "stop":
                self._note("end")
                send(event="stopped", load=0.0, peak_memory=1)
                return
            for index in request["order"]:
                self._sample(index)
            send(event="round")

    def _sample(self, index: int) -> None:
        times = self.record["networks"][index]["ns"]
        # Each process goes on at another place, so that no two give the same times.
        number = self.taken.get(index, os.getpid())
        self.taken[index] = number + 1
        ns = times[number % len(times)]
        time.sleep(ns * self.scale / 1e9)
        self._note("sample")
        send(event="sample", cell=index, ns=round(ns * self.scale))

    def _note(self, what: str) -> None:
        with self.log.open("a") as file:
            file.write(f"{os.getpid()} {time.monotonic_ns()} {what}\n")


def send(**event: Any) -> None:
    """Write one event."""
    print(json.dumps(event), flush=True)


def main() -> None:
    """Run a board's program; see above."""
    record, log, scale, _, program = sys.argv[1:]
    replay = Replay(json.loads(Path(record).read_text()), Path(log), float(scale))
    runpy.run_path = lambda *_, **__: replay.serve() or {}  # type: ignore[func-returns-value]
    exec(program, {"__name__": "__main__"})


if __name__ == "__main__":
    main()
