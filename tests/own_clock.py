"""ONNX Runtime on a clock of its own: what an execution takes is known, and nobody waits for it.

As the `sitecustomize` of a Python it takes the place of this machine's clock and of all executions
but a network's first, which is proved. SLOWED lists the input channels of networks that take twice
as long.
"""

import json
import os
import random
import time

import onnxruntime

NS = 100_000
# Enough for intervals to be estimated, too little for any to be wide.
JITTER = 0.002

slowed = set(json.loads(os.environ["SLOWED"]))
executed = set()
jitter = random.Random(os.getpid())
first = onnxruntime.InferenceSession.run_with_iobinding
now = 0


def run_with_iobinding(self, *arguments, **options):
    global now
    if self not in executed:
        executed.add(self)
        first(self, *arguments, **options)
    times = 2 if self.get_inputs()[0].shape[1] in slowed else 1
    now += round(times * NS * (1 + JITTER * jitter.random()))


onnxruntime.InferenceSession.run_with_iobinding = run_with_iobinding
time.perf_counter_ns = lambda: now
