"""A board in the room: OpenSSH's own server on loopback, which lands in a Python of its own."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from guideline_benchmarks.runners import platform_file
from guideline_benchmarks.runners.transports import board_lock

HOST = "127.0.0.1"
# What the server runs in place of every command: the command, in a home folder of the board's own,
# with a folder for its lock, which no other board sees, and with the board's Python first.
LANDING = """\
#!/bin/sh
echo 'Welcome to the board'
export HOME={home} TMPDIR={home}/tmp PATH={programs}:$PATH
unset XDG_CACHE_HOME
cd
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""


@dataclass
class Board:
    """A running server, its folder, and the ssh client that knows it."""

    folder: Path
    port: int
    server: subprocess.Popen[bytes]

    @property
    def home(self) -> Path:
        """The board's home folder."""
        return self.folder / "home"

    @property
    def lock(self) -> Path:
        """What says who measures on the board."""
        return self.home / "tmp" / board_lock.NAME

    @property
    def path(self) -> str:
        """A search path on which `ssh` is the client that knows this board."""
        return f"{self.folder / 'client'}:{os.environ['PATH']}"

    @property
    def cache(self) -> Path:
        """Where the board keeps its files."""
        return self.home / ".cache" / "guideline-benchmarks" / "board"

    def platform(self, name: str = "board", **reached: object) -> Path:
        """Write a platform file for this board, reached in this way, and return its path."""
        content = {
            "name": name,
            "backend": "onnxruntime-cpu",
            "transport": "ssh",
            "ssh": {
                "host": HOST,
                "port": self.port,
                "user": pwd.getpwuid(os.getuid()).pw_name,
                "identity_file": str(self.folder / "key"),
                **reached,
            },
        }
        path = self.folder / f"{name}.toml"
        platform = platform_file.checked(content, name)
        path.write_text("\n".join(platform_file.lines(platform)) + "\n")
        return path

    def python(self, name: str, content: str) -> str:
        """Write a script that stands for a Python of the board's; return its path from home."""
        path = script(self.home / "pythons" / name, f"#!/bin/sh\n{content}\n")
        return str(path.relative_to(self.home))

    def hang_up(self) -> None:
        """End all connections, as a board does that loses its power."""
        for process in psutil.Process(self.server.pid).children(recursive=True):
            # Some are gone with the one before.
            with suppress(psutil.NoSuchProcess):
                process.kill()


def missing() -> str:
    """Say what is missing for a server, or return ""."""
    for program in ("ssh", "ssh-keygen", "sshd"):
        if find(program) is None:
            return f"there is no {program}: apt install openssh-server openssh-client"
    return ""


def find(program: str) -> str | None:
    """Return where a program is, also among those that are for root."""
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


def script(path: Path, content: str) -> Path:
    """Write a program with the folders that it lies in, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return path


def start(folder: Path, python: list[str]) -> Board:
    """Start a server whose board has the Python that the words `python` start."""
    home, programs = folder / "home", folder / "board"
    (home / "tmp").mkdir(parents=True)
    script(programs / "python3", f'#!/bin/sh\nexec {shlex.join(python)} "$@"\n')
    landing = script(folder / "land", LANDING.format(home=home, programs=programs))
    for key in ("key", "host_key"):
        make = [f"{find('ssh-keygen')}", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
        subprocess.run(make, check=True)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"ListenAddress {HOST}\nPort {port}\nHostKey {folder}/host_key\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/key.pub\nStrictModes no\nUsePAM no\n"
        f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nForceCommand {landing}\n"
        # What a user's shell does when it is started over ssh must not reach into boards.
        "SetEnv SHLVL=2\n"
    )
    public = (folder / "host_key.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[{HOST}]:{port} {public[0]} {public[1]}\n")
    make_client(folder)
    return Board(folder, port, serve(folder))


def make_client(folder: Path) -> Path:
    """Make an `ssh` that knows the servers of a folder's `known_hosts`; return where it lies."""
    # The user's own configuration and keys must not reach into boards.
    config = folder / "ssh_config"
    config.write_text(f"UserKnownHostsFile {folder}/known_hosts\nIdentityAgent none\n")
    content = f'#!/bin/sh\nexec {find("ssh")} -F {config} "$@"\n'
    return script(folder / "client" / "ssh", content).parent


def serve(folder: Path) -> subprocess.Popen[bytes]:
    """Start the server of a folder (again), and wait until it answers."""
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    config = (folder / "sshd_config").read_text()
    port = next(int(line.split()[1]) for line in config.splitlines() if line.startswith("Port "))
    with (folder / "log").open("ab") as log:
        command = [f"{find('sshd')}", "-D", "-e", "-f", str(folder / "sshd_config")]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return server
        time.sleep(0.1)
    server.kill()
    raise AssertionError((folder / "log").read_text())
