"""Networks whose code does what it should not."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch
from torch import nn


class Doing(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.act = act
        self.layer = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        return self.act(self.layer(x))


def leaves_python():
    os._exit(7)


def leaves_python_well():
    os._exit(0)


def leaves_python_later():
    return Doing(lambda y: os._exit(0))


def crashes():
    ctypes.string_at(0)


def crashes_later():
    return Doing(lambda y: ctypes.string_at(0))


def leaves():
    sys.exit(3)


def hangs():
    time.sleep(1000)


def hangs_later():
    return Doing(lambda y: time.sleep(1000))


def forks():
    os.fork()
    return Doing(torch.relu)


def forks_later():
    return Doing(lambda y: (os.fork(), y)[1])


def leaves_a_thread():
    threading.Thread(target=lambda: time.sleep(1000)).start()
    return Doing(torch.relu)


def leaves_a_child():
    Path("child").write_text(str(subprocess.Popen(["sleep", "1000"]).pid))
    return Doing(torch.relu)


def wants_all_memory():
    return Doing(lambda y: bytearray(2**40))


def wants_a_large_tensor():
    return Doing(lambda y: torch.zeros(2**38))


def recurses():
    def again(y):
        return again(y)

    return Doing(again)


def interrupts():
    raise KeyboardInterrupt


def prints():
    print("from Python")
    os.write(1, b"from the system\n")
    os.system("echo from a program")
    return Doing(torch.relu)


def has_no_output():
    sys.stdout = None
    return Doing(torch.relu)


def goes_elsewhere():
    os.chdir("/")
    return Doing(torch.relu)


def is_random():
    return Doing(lambda y: nn.functional.dropout(y, training=True))


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.times = 0

    def forward(self, x):
        self.times += 1
        return x + self.times


def counts():
    return Counting()
