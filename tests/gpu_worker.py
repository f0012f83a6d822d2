"""The real worker with torch's GPU backend, on this machine's CPU in the place of a GPU.

Usage: gpu_worker.py [lost | lost-later | memory]: what goes wrong, at the second network or later.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from guideline_benchmarks.runners.worker import ceilings, entry
from guideline_benchmarks.runners.worker.backends import torch_cuda
from guideline_benchmarks.runners.worker.backends.interface import DeviceLostError
from guideline_benchmarks.runners.worker.cuda.stopwatch import CLOCK_READINGS
from tests.simulated_gpu import CpuAsGpu

# Small enough for tests.
ceilings.GPU_LARGEST, ceilings.GPU_ROWS, torch_cuda.TRIALS = 2**22, 32, 1
torch_cuda.COMPILER = {"backend": "eager"}


class Failing(CpuAsGpu):
    """Fails as it is told to."""

    def __init__(self, how):
        super().__init__()
        self.how, self.captured, self.waited = how, 0, 0

    def capture(self, execute):
        self.captured += 1
        if self.how == "lost" and self.captured > 2:
            raise DeviceLostError("the GPU does not work any more: CUDA error: unknown error")
        if self.how == "memory" and self.captured in (3, 4):
            raise RuntimeError("it needs more memory than the GPU has")
        return super().capture(execute)

    def flush(self):
        self.waited += 1
        if self.how == "lost-later" and self.waited > 3 * CLOCK_READINGS + 100:
            raise RuntimeError("CUDA error: unspecified launch failure")


if __name__ == "__main__":
    torch_cuda.CudaDevice = lambda: Failing("".join(sys.argv[1:]))
    entry.main()
