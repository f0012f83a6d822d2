"""A Python that has imported what takes long, and divides into the programs that tests start.

Started with the path of a socket. Each request there (see tests.ready_client) becomes a process of
its own, which runs a module or a file as `python` would with the same words, environment,
folder and files. Nothing of the suite is imported here: that is what the tests are of. Linux only.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

SLOW = (
    "torch",
    "torch.onnx",
    # Counting what a module costs has torch import this, with much else.
    "torch._dynamo",
    "onnx",
    "pandas",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "pydantic.main",
    "pydantic.types",
    "typer",
    "rich.progress",
    "psutil",
    "jinja2",
)
# The standard ones, and the current folder.
FILES = 4


def asked(place: str) -> list[str]:
    """Divide for each request, until standard input ends; return its words in its own process."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        # Those that look after a program are waited for by nobody.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    return looked_after(connection)
    os._exit(0)


def looked_after(connection: socket.socket) -> list[str]:
    """Divide into a program and a process that tells how it ended; return the program's words."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, files, _, _ = socket.recv_fds(connection, 1, FILES)
    request = json.loads(connection.makefile().readline())
    program = os.fork()
    if program == 0:
        return settled(request, files)
    for file in files:
        os.close(file)
    end = os.pidfd_open(program)
    if end not in select.select([end, connection], [], [])[0]:
        # Whoever asked is gone.
        os.kill(program, signal.SIGKILL)
    _, status = os.waitpid(program, 0)
    # Whoever asked may be gone.
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(str(status).encode())
    os._exit(0)


def settled(request: dict[str, Any], files: list[int]) -> list[str]:
    """Take on the state of the process that asked; return its words."""
    os.setsid()
    folder = files.pop()
    os.fchdir(folder)
    os.close(folder)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.umask(request["umask"])
    os.sched_setaffinity(0, request["cores"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.executable = request["python"]
    return request["words"]


def run(words: list[str]) -> None:
    """Run `-m MODULE …` or `FILE …` as Python does, and end as it does."""
    sys.orig_argv = [sys.executable, *words]
    code = 0
    try:
        if words[0] == "-m":
            sys.argv, sys.path[0] = words[1:], str(Path.cwd())
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            del sys.path[0]
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as left:
        code = left.code or 0
    # Taking apart all that was imported would take longer than most of these programs.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    for module in SLOW:
        importlib.import_module(module)
    gc.freeze()
    run(asked(sys.argv[1]))
