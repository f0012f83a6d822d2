"""Stands for `python`: has a process that is ready run a program in its place, and ends as that.

Started with the path of a socket (see tests.ready_python), the name of the program that stands for
Python, and the words for Python. Ready for the suite, its exporter and the stand-in for a GPU, all
of which are not timed; everything else gets a Python of its own, workers with small ceilings.
"""

import json
import os
import signal
import socket
import sys

place, python, *words = sys.argv[1:]
READY = ("/exporter.pyz", "/gpu_worker.py")
if words[:2] != ["-m", "guidelines"] and not words[0].endswith(READY):
    if "/worker-" in words[0]:
        words.insert(0, __file__.replace("ready_client", "small_ceilings"))
    os.execv(sys.executable, [sys.executable, *words])
umask = os.umask(0)
os.umask(umask)
request = {
    "python": python,
    "words": words,
    "environment": dict(os.environ),
    "umask": umask,
    "cores": list(os.sched_getaffinity(0)),
}
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(place)
    socket.send_fds(connection, [b"\n"], [0, 1, 2, os.open(".", os.O_PATH)])
    connection.sendall(json.dumps(request).encode() + b"\n")
    code = os.waitstatus_to_exitcode(int(connection.makefile().read()))
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
