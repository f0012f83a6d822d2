"""GPUs for tests: one of simulated time, and one that is really this machine's CPU."""

from __future__ import annotations

import time
from contextlib import contextmanager

FACTS = {
    "name": "Simulated",
    "uuid": "0",
    "compute_capability": "0.0",
    "multiprocessors": 1,
    "memory": 2**30,
    "l2_cache": 2**20,
    "boost_mhz": 2000,
    "memory_mhz": 1000,
    "ecc": None,
    "mig": None,
}
STATE = {"sm_mhz": 1900, "memory_mhz": 1000, "temperature_c": 40, "power_w": 50.0, "throttle": []}


class SimulatedEvent:
    def __init__(self, gpu):
        self.gpu, self.at = gpu, 0

    def record(self):
        self.gpu.host += self.gpu.record_ns
        self.at = max(self.gpu.free, self.gpu.host)

    def reached(self):
        return self.gpu.host >= self.at

    def wait(self):
        self.gpu.host = max(self.gpu.host, self.at)

    def ns_since(self, earlier):
        return self.at - earlier.at


class SimulatedGpu:
    """A host and a GPU with a clock of their own: the GPU works off what the host hands over."""

    def __init__(self, flush_ns=25_000, record_ns=1_000):
        self.host = self.free = 0
        self.flush_ns, self.record_ns = flush_ns, record_ns
        self.cold = False

    def facts(self):
        return FACTS

    def event(self):
        return SimulatedEvent(self)

    def hand_over(self, host_ns, gpu_ns):
        self.host += host_ns
        self.free = max(self.free, self.host) + gpu_ns

    def flush(self):
        self.hand_over(2_000, self.flush_ns)
        self.cold = True

    def wait(self):
        self.host = max(self.host, self.free)


class SimulatedNetwork:
    """So many kernels of so much time each, handed over one by one or, as a graph, together."""

    def __init__(self, gpu, kernels, host_ns, gpu_ns, graph=False, cold_ns=0):
        self.gpu, self.kernels, self.graph = gpu, kernels, graph
        self.host_ns, self.gpu_ns, self.cold_ns = host_ns, gpu_ns, cold_ns
        self.hides_launch = graph
        self.eager = self.one_by_one if graph else None

    def one_by_one(self):
        for _ in range(self.kernels):
            extra = self.cold_ns if self.gpu.cold else 0
            self.gpu.hand_over(self.host_ns, self.gpu_ns + extra)
        self.gpu.cold = False

    def enqueue(self):
        if self.graph:
            extra = self.cold_ns if self.gpu.cold else 0
            self.gpu.hand_over(self.host_ns, self.kernels * (self.gpu_ns + extra))
            self.gpu.cold = False
        else:
            self.one_by_one()


class Clocks:
    """A card whose clock is read from a list, and stays at the last."""

    def __init__(self, *mhz):
        self.mhz = list(mhz)

    def sm_mhz(self):
        return self.mhz.pop(0) if len(self.mhz) > 1 else self.mhz[0]

    def state(self):
        return STATE | {"sm_mhz": self.mhz[-1]}

    def driver(self):
        return "1.0"


class CpuEvent:
    def record(self):
        self.at = time.perf_counter_ns()

    def reached(self):
        return False

    def wait(self):
        pass

    def ns_since(self, earlier):
        return self.at - earlier.at


class CpuAsGpu:
    """Stands in for runners.worker.cuda.device.CudaDevice, on this machine's CPU."""

    name = "cpu"

    def __init__(self):
        self.card = Clocks(1900)

    def facts(self):
        return FACTS

    def is_newer(self):
        return True

    def event(self):
        return CpuEvent()

    def flush(self):
        pass

    def wait(self):
        pass

    def capture(self, execute):
        execute()
        return execute

    @contextmanager
    def guarded(self):
        yield
