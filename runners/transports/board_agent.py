"""The program that a board runs first: it takes what the board lacks, then becomes the worker.

Standard library only. It arrives on standard input (runners.transports.ssh), so nothing need be on
the board but Python, and reads one JSON line, {"do": "work" or "check", "worker": file, "files":
[files], "packages": [names], "lock": claim}, a file being {"digest": SHA-256, "size": bytes}. It
answers {"event": "lacks", "files": [digests]}, reads the bytes of one after the other, and answers
{"event": "stored"} to each. Files are kept by their digest in a cache folder, whole or not at all,
and their content is compared with the digest each time, so that a damaged one is asked for again.
Then it runs the worker in this same process, or for "check" sends one {"event": "board", ...} with
the versions of the packages.

To "work" it takes the board's lock first, for as long as this process lives (board_lock.py, which
arrives with it). {"do": "release" or "break", "lock": claim} lets go what the claim's token, or
anybody who is gone, left locked, and is answered with {"event": "released"}.

What cannot be done ends in {"event": "unavailable", "reason"}, or, where somebody else has the
lock, in {"event": "held", "owner", "process", "since", "alive"}.
"""

import hashlib
import importlib
import json
import os
import runpy
import shutil
import sys
import sysconfig
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

OLDEST_PYTHON = (3, 9)
CHUNK = 1 << 16
DAY = 24 * 3600


def send(**event: object) -> None:
    """Write one event."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def cache_folder() -> Path:
    """Return the folder of this suite's files on the board."""
    parent = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not parent.is_absolute():
        # As its standard says.
        parent = Path.home() / ".cache"
    return parent / "guideline-benchmarks" / "board"


def is_whole(digest: str) -> bool:
    """Whether the file of that digest is here and undamaged."""
    state = hashlib.sha256()
    try:
        with Path(digest).open("rb") as file:
            for chunk in iter(lambda: file.read(CHUNK), b""):
                state.update(chunk)
    except OSError:
        return False
    return state.hexdigest() == digest


def read(size: int) -> bytes:
    """Read up to `size` bytes from standard input; EOFError when it ends instead."""
    chunk = sys.stdin.buffer.read(min(CHUNK, size))
    if not chunk:
        raise EOFError
    return chunk


def take(digest: str, size: int) -> None:
    """Read a file's bytes from standard input and keep them.

    All of them are read also when they cannot be kept, since nobody listens before.
    """
    temporary = Path(f"{digest}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            while size:
                chunk = read(size)
                size -= len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(digest)
    except OSError:
        while size:
            size -= len(read(size))
        raise
    finally:
        if temporary.exists():
            temporary.unlink()


def check(packages: "list[str]") -> None:
    """Say what this board is and what it has."""
    import importlib.metadata
    import importlib.util

    def version(name: str) -> "str | None":
        if importlib.util.find_spec(name) is None:
            return None
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            # Vendors give their builds names of their own.
            return "of some version"

    machine = importlib.import_module("worker.machine.host")
    cores = importlib.import_module("worker.machine.cores")
    marker = Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED"
    send(
        event="board",
        machine=machine.facts(),
        core=cores.pin(None, 1),
        executable=sys.executable,
        bits=64 if sys.maxsize > 1 << 32 else 32,
        packages={name: version(name) for name in packages},
        managed=marker.exists() and sys.prefix == sys.base_prefix,
        debian=Path("/etc/debian_version").exists() and sys.executable.startswith("/usr/bin/"),
        tools=[name for name in ("pip", "ensurepip") if importlib.util.find_spec(name)],
        folder=str(Path.cwd()),
        free=shutil.disk_usage(".").free,
        lock=importlib.import_module("board_lock").look(),
    )


def lock(action: str, claim: "dict[str, Any]") -> bool:
    """Do with the board's lock what an action asks for; send why not, and return whether it went.

    What is taken for work is held until this process ends.
    """
    board_lock = importlib.import_module("board_lock")
    try:
        if action == "work":
            board_lock.take(claim)
        else:
            if action == "break":
                os.close(board_lock.take({**claim, "breaks": True}))
            board_lock.release(claim["token"])
    except board_lock.Held as held:
        send(event="held", **held.said())
    except OSError as error:
        reason = f"{board_lock.path()} cannot be locked: {error.strerror}"
        send(event="unavailable", reason=reason)
    else:
        return True
    return False


def sweep() -> None:
    """Remove what copies left that were cut off, a day later, when none can be at work on it."""
    for path in Path().glob("*.*"):
        # Another run on this board may do the same at the same time.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - DAY:
                path.unlink()


def serve(request: "dict[str, Any]") -> None:
    """Take what is lacking, then do what is asked for; OSError when files cannot be kept."""
    sweep()
    worker = request["worker"]
    lacking = [file for file in [worker, *request["files"]] if not is_whole(file["digest"])]
    send(event="lacks", files=[file["digest"] for file in lacking])
    for file in lacking:
        take(file["digest"], file["size"])
        if not is_whole(file["digest"]):
            raise OSError("a file arrived damaged")
        send(event="stored")


def main() -> None:
    """Serve one request; see above."""
    # Whatever the board's shell has printed ends here.
    sys.stdout.write("\n")
    request = json.loads(sys.stdin.buffer.readline().decode("utf-8"))
    if sys.version_info < OLDEST_PYTHON:
        found, wanted = (".".join(map(str, v[:2])) for v in (sys.version_info, OLDEST_PYTHON))
        reason = f"{sys.executable} is Python {found}, and {wanted} or newer is needed"
        send(event="unavailable", reason=reason)
        return
    if "lock" in request and not lock(request["do"], request["lock"]):
        return
    if request["do"] in ("release", "break"):
        send(event="released")
        return
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.chdir(str(folder))
        serve(request)
    except OSError as error:
        reason = f"{folder} cannot be written: {error.strerror or error}"
        send(event="unavailable", reason=reason)
        return
    worker = request["worker"]["digest"]
    sys.path.insert(0, str(Path(worker).resolve()))
    if request["do"] == "check":
        check(request["packages"])
        return
    importlib.import_module("worker.environment").clear(os.environ)
    try:
        runpy.run_path(worker, run_name="__main__")
    except ImportError as error:
        send(event="unavailable", reason=str(error))


main()
