"""A board reached by ssh: OpenSSH's own client, an agent on the board, files copied by content.

What is sent to the board's shell is made of letters, digits and a few signs that mean the same in
every shell; all else travels on standard input: the agent (board_agent.py) with what locks the
board (board_lock.py), then what the agent asks for, then the worker's requests.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from guideline_benchmarks.results.errors import GoneError, PlatformError
from guideline_benchmarks.results.record.platform import Platform, Ssh
from guideline_benchmarks.runners.claim import Claim, refusal
from guideline_benchmarks.runners.events import (
    Board,
    Held,
    Lacks,
    Ready,
    Refused,
    Released,
    Stored,
    Unavailable,
)
from guideline_benchmarks.runners.transports.transport import START_SECONDS
from guideline_benchmarks.runners.worker_process import NO_SPACE, WorkerProcess, last_line

AGENT, LOCK = (Path(__file__).with_name(name) for name in ("board_agent.py", "board_lock.py"))
# What comes before the agent: the other file, as a module that it can import.
_PRELUDE = """\
import sys, types
sys.modules["board_lock"] = types.ModuleType("board_lock")
exec({lock!a}, sys.modules["board_lock"].__dict__)
"""
COPY_SECONDS = 600.0
# Nobody can be asked for a password, and a board that has gone must be noticed.
OPTIONS = (
    "BatchMode=yes",
    "ConnectTimeout=15",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=4",
)
# It reads the agent from the first line; the folder it starts in is no place for modules.
_BOOT = "import sys;sys.path=list(filter(None,sys.path));exec(eval(sys.stdin.buffer.readline()))"

SSH_FAILED, NOT_EXECUTABLE, NOT_FOUND, SIGNALS = 255, 126, 127, 128
KILLED = 9
# What ssh says of a fault that does not pass by itself, and what to do about it.
_ADVICE = {
    "Permission denied (": " Put your key there with ssh-copy-id, so that ssh needs no password.",
    "Too many authentication failures": " In ssh's configuration, name the one key that it takes "
    "(IdentityFile, and IdentitiesOnly yes).",
    "Host key verification failed": " Connect once by hand with ssh, to check the board's key.",
    "Unable to negotiate with": " Allow in ssh's configuration what it offers, or update its "
    "ssh server.",
    "bad configuration options": " Mend ssh's configuration on this machine.",
    "Bad owner or permissions on": " Mend ssh's configuration on this machine.",
}
_PIPE_ENDED = "Connection closed by UNKNOWN port"
# What a board says of a lock's file that it cannot use.
_NOT_LOCKED = "cannot be locked"

Answer = TypeVar("Answer", Lacks, Stored, Released)


@dataclass(frozen=True)
class Connection:
    """A way to a board (see runners.transports.transport.Transport); `archive` is the worker.

    Each worker there holds the board's lock under `claim` for as long as it lives.
    """

    way: Ssh
    archive: Path
    claim: Claim = field(default_factory=Claim.of_this_process)

    @property
    def place(self) -> str:
        """The board as messages call it."""
        user = f"{self.way.user}@" if self.way.user else ""
        return f"{user}{self.way.host}"

    @property
    def command(self) -> list[str]:
        """The words that start the agent on the board."""
        way = self.way
        return [
            "ssh",
            "-T",
            *(word for option in OPTIONS for word in ("-o", option)),
            *(("-p", str(way.port)) if way.port else ()),
            *(("-i", way.identity_file) if way.identity_file else ()),
            *(("-l", way.user) if way.user else ()),
            "--",
            way.host,
            remote_command(way.python),
        ]

    def process(self) -> WorkerProcess:
        """Return a process on the board that is not started yet, and is to be introduced first.

        Raises PlatformError when there is no ssh on this machine.
        """
        if shutil.which("ssh") is None:
            raise PlatformError(
                "There is no ssh on this machine: install OpenSSH's client, say with "
                "apt install openssh-client."
            )
        return WorkerProcess(self.command, self._explain, f"The worker on {self.place}")

    def introduce(
        self, process: WorkerProcess, files: Sequence[Path], copying: Callable[[int, int], None]
    ) -> Mapping[Path, str]:
        """Make a fresh process a worker that has `files`; return their names on the board.

        What the board lacks is copied, which `copying` is told of. Raises PlatformError when the
        board is not reached, has no fit Python, or cannot keep the files, and HeldError when
        somebody else measures on it.
        """
        return self._send(process, {"do": "work", "lock": asdict(self.claim)}, files, copying)

    def check(self, packages: Sequence[str]) -> Board:
        """Ask the board what it is and which packages it has.

        It takes no lock. Raises PlatformError as `introduce` does.
        """
        with self.process() as process:
            task = {"do": "check", "packages": list(packages)}
            self._send(process, task, [], lambda *_: None)
            return process.receive(START_SECONDS, Board)

    def release(self) -> None:
        """Let go what workers of this claim left locked, if they did.

        Raises PlatformError as `introduce` does.
        """
        self._unlock("release")

    def break_lock(self) -> None:
        """Let go what anybody left locked who is not at work there any more.

        Raises PlatformError as `introduce` does, HeldError for who is.
        """
        self._unlock("break")

    def unavailable(self, event: Unavailable) -> PlatformError:
        """Return the error for a board that cannot run the worker; GoneError for a full disk."""
        if NO_SPACE in event.reason:
            return GoneError(f"{self.place} cannot run it: {event.clause}.")
        advice = ""
        if _NOT_LOCKED in event.reason:
            advice = " Have that file removed, if nobody measures there."
        if "No module named" in event.reason or "import" in event.reason:
            advice = " `guidelines board check` says how to install what it lacks."
        return PlatformError(f"{self.place} cannot run it: {event.clause}.{advice}")

    def seen(self, ready: Ready) -> Ready:
        """Return a greeting as it is: the worker on a board knows its board."""
        return ready

    def _unlock(self, action: str) -> None:
        with self.process() as process:
            process.send_bytes(agent_line())
            process.send({"do": action, "lock": asdict(self.claim)})
            self._answer(process, Released, START_SECONDS)

    def _send(
        self,
        process: WorkerProcess,
        task: Mapping[str, Any],
        files: Sequence[Path],
        copying: Callable[[int, int], None],
    ) -> dict[Path, str]:
        digests, sizes = {}, {}
        for path in (self.archive, *files):
            content = _content(path)
            digests[path] = hashlib.sha256(content).hexdigest()
            sizes[digests[path]] = len(content)
        sources = {digest: path for path, digest in digests.items()}
        described = [{"digest": digest, "size": size} for digest, size in sizes.items()]
        process.send_bytes(agent_line())
        process.send({**task, "worker": described[0], "files": described[1:]})
        lacks = self._answer(process, Lacks, START_SECONDS)
        if not sources.keys() >= {*lacks.files}:
            raise PlatformError(f"{process.name} asked for files that it has no use for.")
        for number, digest in enumerate(lacks.files):
            copying(number, len(lacks.files))
            process.send_bytes(_content(sources[digest]))
            self._answer(process, Stored, COPY_SECONDS)
        return digests

    def _answer(self, process: WorkerProcess, kind: type[Answer], seconds: float) -> Answer:
        """Return the agent's answer; raise PlatformError for one that says why there is none."""
        event = process.receive(seconds, kind, Refused, greeting=kind is not Stored)
        if isinstance(event, kind):
            return event
        if isinstance(event, Held):
            raise refusal(self.place, event)
        assert isinstance(event, Unavailable)
        raise self.unavailable(event)

    def _explain(self, code: int, said: str, spoke: bool) -> PlatformError:
        """Return the error for the end of a process on the board (see WorkerProcess).

        It is GoneError where the same may go well later: the board away, or its disk full.
        """
        if code == SSH_FAILED:
            return self._unreached(said, spoke)
        because = _because(said)
        if code in (NOT_EXECUTABLE, NOT_FOUND) and not spoke:
            return PlatformError(
                f"{self.place} has no {self.way.python}{because}: install Python 3.9 or newer "
                'there, or name it in a platform file, say python = "venv/bin/python".'
            )
        if NO_SPACE in because:
            return GoneError(f"The disk of {self.place} is full{because}.")
        if code < 0:
            return GoneError(
                f"The ssh that held the connection to {self.place} was ended (signal {-code})."
            )
        if code > SIGNALS:
            memory = ", for want of memory perhaps" if code - SIGNALS == KILLED else ""
            signal = f"signal {code - SIGNALS}{memory}"
            return GoneError(f"The worker on {self.place} was ended there ({signal}).")
        return PlatformError(f"The worker on {self.place} died (exit code {code}){because}.")

    def _unreached(self, said: str, spoke: bool) -> PlatformError:
        """Return the error for a connection that failed, or was lost after the worker spoke."""
        if spoke:
            return GoneError(f"The connection to {self.place} was lost{_because(said)}.")
        # It need not be what ssh says last; that a pipe to a jump host ended says nothing.
        lines = [line for line in said.splitlines() if _PIPE_ENDED not in line] or [""]
        for line in lines:
            for sign, advice in _ADVICE.items():
                if sign in line:
                    return PlatformError(f"{self._not_reached(line)}.{advice}")
        return GoneError(f"{self._not_reached(lines[-1])}.")

    def _not_reached(self, said: str) -> str:
        return f"{self.place} cannot be reached by ssh{_because(said)}"


def _because(said: str) -> str:
    """Return the last line of what a program said, as a part of a sentence."""
    last = last_line(said).rstrip(".")
    return f" ({last})" if last else ""


def open_transport(platform: Platform, archive: Path, claim: Claim) -> Connection:
    """Return the connection to a platform's board, to which the packed worker is copied."""
    assert platform.ssh is not None
    return Connection(platform.ssh, archive, claim)


def agent_line() -> bytes:
    """Return the line that the board reads first: the agent, after what it locks the board with."""
    lock, agent = (file.read_text(encoding="utf-8") for file in (LOCK, AGENT))
    return ascii(_PRELUDE.format(lock=lock) + agent).encode() + b"\n"


def remote_command(python: str) -> str:
    """Return what the board's shell, whichever it is, is to run: a Python that waits for the agent.

    The path is sent as octal numbers, so no shell finds anything in it to reinterpret; sh, which
    turns them back, stays, so that its exit code tells of signals.
    """
    # "cd" goes home, wherever the shell has gone when it started.
    path = os.fsencode(f"./{python[2:]}" if python.startswith("~/") else python)
    octal = "".join(f"\\0{byte:03o}" for byte in path)
    return f'sh -c \'cd; "$(printf %b "{octal}")" -c "{_BOOT}"; exit\''


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PlatformError(f"{path} cannot be read ({error.strerror}).") from None
