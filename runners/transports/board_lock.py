"""One measurement at a time on a machine: a lock that all of its users see.

Standard library only: it is sent to boards with board_agent, and used here for this machine itself.
The lock is one file. Who measures holds it by flock, for as long as that process lives, and its
first line says in JSON who that is: the claim, and `pid`, the process that holds it. A claim is
{"owner": "alice@desk", "process": 4711, "since": ISO 8601, "token": hex, "kept": bool,
"breaks": bool, "shared": bool}. One that is `kept` stays when its process ends, and keeps others
out until the same token releases it, or a claim that `breaks` comes. Those of one token that are
`shared` may hold it together, as the two workers of a pair do.
"""

import errno
import fcntl
import json
import os
import signal
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict

NAME = "guideline-benchmarks.lock"
# A worker that has done its work takes a moment to end.
SETTLE_SECONDS = 2.0
END_SECONDS = 10.0
# The most that a slow board takes from the end of a worker to the beginning of the next.
GAP_SECONDS = 15.0
PAUSE_SECONDS = 0.05
LONGEST = 4096
LONGEST_TEXT = 100
FOR_ALL = 0o666
FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK

Claim = Dict[str, Any]


class Held(Exception):  # noqa: N818
    """Somebody else has the lock: who, since when, and whether what holds it is `alive`."""

    def __init__(self, holder: Claim, alive: bool) -> None:
        super().__init__("the lock is held")
        self.owner = _text(holder.get("owner"))
        self.process = _number(holder.get("process"))
        self.since = _text(holder.get("since"))
        self.alive = alive

    def said(self) -> "dict[str, Any]":
        """Return all of it by name."""
        return {name: getattr(self, name) for name in ("owner", "process", "since", "alive")}


def path() -> Path:
    """Return where the lock lies: one place for all who have the same folder for such files."""
    # Not tempfile's, which goes elsewhere when a disk is full.
    own = Path(os.environ.get("TMPDIR", ""))
    return (own if own.is_absolute() and own.is_dir() else Path("/tmp")) / NAME


def take(claim: Claim) -> int:
    """Take the lock; return the open file that holds it until it is closed or this process ends.

    What an earlier worker of the same token left at work is killed. Raises Held when somebody else
    has the lock, and OSError when its file cannot be used.
    """
    if claim["breaks"]:
        _refuse_one_that_lives(claim["token"])
    handle = _hold(claim["token"], claim["shared"])
    try:
        holder = _read(handle)
        others = holder.get("token") != claim["token"]
        if holder.get("kept") is True and others and not claim["breaks"]:
            raise Held(holder, alive=False)
        _write(handle, json.dumps({**claim, "pid": os.getpid()}).encode() + b"\n")
        if claim["shared"] and not _locked(handle, fcntl.LOCK_SH):
            raise Held(_read(handle), alive=True)
    except BaseException:
        os.close(handle)
        raise
    return handle


def release(token: str) -> None:
    """Let go what is kept for a token, if anything is.

    What an earlier worker of that token left at work is killed. Raises OSError when the file cannot
    be used.
    """
    with suppress(Held):
        handle = _hold(token, False)
        try:
            if _read(handle).get("token") == token:
                os.ftruncate(handle, 0)
        finally:
            os.close(handle)


def look() -> "dict[str, Any] | None":
    """Say who has the lock, as Held.said does; None when nobody has. Takes nothing."""
    try:
        handle = _open()
    except OSError:
        return None
    try:
        holder = _read(handle)
        # For a moment, which those who want it wait.
        alive = not _locked(handle, fcntl.LOCK_EX)
    finally:
        os.close(handle)
    return Held(holder, alive).said() if alive or holder.get("kept") is True else None


def _hold(token: str, shared: bool) -> int:
    """Return the file, locked; raises Held when another living process has it locked."""
    deadline, ended = time.monotonic() + SETTLE_SECONDS, False
    while True:
        handle = _open_or_make()
        keep = False
        try:
            holder = _read(handle)
            own = holder.get("token") == token
            together = own and shared and holder.get("shared") is True
            how = fcntl.LOCK_SH if together else fcntl.LOCK_EX
            keep = _locked(handle, how) and _is_in_place(handle)
            if keep:
                return handle
            if time.monotonic() > deadline:
                if ended or not (own and _end(holder, handle)):
                    raise Held(holder, alive=True)
                deadline, ended = time.monotonic() + END_SECONDS, True
        finally:
            if not keep:
                os.close(handle)
        time.sleep(PAUSE_SECONDS)


def _refuse_one_that_lives(token: str) -> None:
    """Raise Held when a lock that others keep is held again soon: between two workers none is."""
    deadline = time.monotonic() + GAP_SECONDS
    while time.monotonic() < deadline:
        try:
            handle = _open()
        except OSError:
            return
        try:
            holder = _read(handle)
            if holder.get("token") == token or holder.get("kept") is not True:
                return
            if not _locked(handle, fcntl.LOCK_EX):
                raise Held(holder, alive=True)
        finally:
            os.close(handle)
        time.sleep(PAUSE_SECONDS)


def _open() -> int:
    """Return the file, opened; OSError when it is not there, or is no plain file."""
    place = str(path())
    handle = os.open(place, FLAGS)
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "it is no plain file", place)


def _open_or_make() -> int:
    """Return the file, opened; it is there for all users from then on."""
    try:
        # Linux lets nobody open another user's file there with O_CREAT.
        return _open()
    except FileNotFoundError:
        pass
    try:
        handle = os.open(str(path()), FLAGS | os.O_CREAT | os.O_EXCL, FOR_ALL)
    except FileExistsError:
        # Somebody made it just now.
        return _open()
    # Whatever this user's mask says.
    os.fchmod(handle, FOR_ALL)
    return handle


def _locked(handle: int, how: int) -> bool:
    """Lock an open file in this way, or return False at once."""
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_in_place(handle: int) -> bool:
    """Whether an open file is the one that others will open, and was not removed meanwhile."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(str(path())))
    except FileNotFoundError:
        return False


def _end(holder: Claim, handle: int) -> bool:
    """Kill the process that holds an open file by what that says; False if it may be another."""
    pid = _number(holder.get("pid"))
    if pid in (0, os.getpid()) or not _has_open(pid, handle):
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    return True


def _has_open(pid: int, handle: int) -> bool:
    """Whether a process has this file open, as far as the system says: anybody can write to it."""
    if not Path("/proc/self/fd").is_dir():
        return True
    wanted = os.fstat(handle)
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if os.path.samestat(entry.stat(), wanted):
                    return True
    return False


def _read(handle: int) -> Claim:
    """Return what the file says of who has it, {} for nothing that can be read."""
    line = os.pread(handle, LONGEST, 0).split(b"\n")[0]
    try:
        holder = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _write(handle: int, line: bytes) -> None:
    # In place, which a full disk allows, too; and what is cut off here leaves a whole first line.
    os.pwrite(handle, line, 0)
    os.ftruncate(handle, len(line))


def _text(found: object) -> str:
    return found[:LONGEST_TEXT] if isinstance(found, str) else ""


def _number(found: object) -> int:
    return found if type(found) is int and 0 < found < 1 << 31 else 0
