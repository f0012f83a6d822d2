"""A worker that times nothing: it answers by a formula, and misbehaves where it is told to.

Usage: fake_worker.py MODE LOG, MODE being good, or die, hang, garbage, swap, late, shorter (see
below).
LOG receives every order it was sent, a JSON line each.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

BAD_SAMPLE = 7
CALL, CALLS = {"operator": "Relu", "name": "", "inputs": [], "outputs": []}, 3


def main():
    mode, log = sys.argv[1:3]
    setup = json.loads(sys.stdin.readline())
    if mode == "unavailable":
        send(event="unavailable", reason="No module named 'onnxruntime'")
        return
    machine = {
        "hostname": "fake",
        "architecture": "x86_64",
        "cpu_model": "other" if mode == "moved" else "fake",
        "cpu_features": [],
        "cores": 1,
        "caches": {},
        "memory": 1,
        "governor": None,
        "virtualisation": None,
        "os": "fake",
        "python": "3",
    }
    send(event="ready", pid=os.getpid(), core=0, load=0.0, machine=machine, runtimes={"fake": "1"})
    for cell, files in enumerate(setup["cells"]):
        claimed = json.loads(Path(files["model"]).read_text())
        if mode == "wrong" and cell == 1:
            claimed["convolutions"] += 1
        error = 0.5 if mode == "differs" and cell == 0 else 1e-7
        send(
            event="loaded",
            cell=cell,
            warmup_ns=[1000, 1000],
            output_error=error,
            executed={"operators": claimed},
            calls=[CALL] * CALLS if files["profile"] else None,
        )
    send(event="warm")
    samples = 0
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "stop":
            send(event="stopped", load=0.5, peak_memory=1000)
            return
        with Path(log).open("a") as file:
            file.write(json.dumps(request["order"]) + "\n")
        for cell in request["order"]:
            samples += 1
            if samples == BAD_SAMPLE:
                misbehave(mode)
            swapped = mode == "swap" and samples == BAD_SAMPLE
            send(event="sample", cell=cell + swapped, ns=1000 + cell)
            if setup["cells"][cell]["profile"]:
                lost = mode == "shorter"
                send(event="profile", cell=cell, ns=5000, operators_ns=[10] * (CALLS - lost))
        send(event="round")


def misbehave(mode):
    if mode == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "fail":
        sys.exit("out of paper")
    if mode == "hang":
        time.sleep(60)
    if mode == "garbage":
        print("Segmentation fault (core dumped)", flush=True)


def send(**event):
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    main()
