"""ONNX Runtime's GPU providers against a driver in C that keeps a simulated clock, and no GPU."""

import base64
import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from guideline_benchmarks.results.record.ceilings import Ceilings
from guideline_benchmarks.results.record.platform import Gpu
from guideline_benchmarks.runners.worker.backends import onnxruntime_cuda
from guideline_benchmarks.runners.worker.backends.interface import (
    DeviceLostError,
    NoDeviceError,
    Settings,
)
from guideline_benchmarks.runners.worker.backends.onnxruntime_cuda import open_backend
from guideline_benchmarks.runners.worker.cuda import driver as cuda_driver
from guideline_benchmarks.runners.worker.cuda import libraries

# A stream is its clock in ns; an event is the clock when it was recorded, and whether all was done.
DRIVER = r"""
#include <stdlib.h>
#include <string.h>
typedef struct { long at; int done; } event;
static char made[1 << 20], failing[64]; static int with, pending, capturing; static long captured;
const char *calls(void) { return made; }
void fail(char *name, int result) { strcpy(failing, name); with = result; }
void work(long *stream, long ns) { pending = 1; *(capturing ? &captured : stream) += ns; }
#define F(name, arguments, body) int name arguments { strcat(strcat(made, #name), " "); \
  if (!strcmp(failing, #name)) return with; body; return 0; }
int cuGetErrorName(int e, char **s) { *s = e == 2 ? "OUT_OF_MEMORY" : "X"; return 0; }
int cuGetErrorString(int e, char **s) { *s = "it broke"; return 0; }
int cuDeviceGetAttribute(int *v, int a, int d) { *v = a > 70 || a == 16 ? 9 : 1 << 20; return 0; }
F(cuDriverGetVersion, (int *v), *v = 12040) F(cuDeviceGet, (int *d, int n), *d = n)
F(cuDeviceGetName, (char *s, int n, int d), strcpy(s, "Simulated"))
F(cuDeviceGetUuid_v2, (char *s, int d), memset(s, 0xab, 16))
F(cuDeviceTotalMem_v2, (size_t *n, int d), *n = 1 << 24)
F(cuDevicePrimaryCtxRetain, (void **c, int d), *c = &pending)
F(cuCtxSetCurrent, (void *c), return c != &pending) F(cuCtxSynchronize, (void), pending = 0)
F(cuStreamCreate, (long **s, unsigned f), *s = calloc(1, 8); return f != 1)
F(cuStreamBeginCapture_v2, (long *s, int mode), capturing = 1; captured = 0)
F(cuStreamEndCapture, (long *s, long **g), capturing = 0; *g = calloc(1, 8); **g = captured)
F(cuGraphInstantiateWithFlags, (void **e, void *g, unsigned long long f), *e = g)
F(cuInit, (), ) F(cuGraphDestroy, (), ) F(cuGraphLaunch, (long *e, long *s), work(s, *e))
F(cuEventCreate, (event **e, unsigned f), *e = calloc(1, sizeof(event)))
F(cuEventRecord, (event *e, long *s), e->at = *s; e->done = !pending)
F(cuEventQuery, (event *e), return e->done || !pending ? 0 : 600)
F(cuEventElapsedTime, (float *ms, event *a, event *b), *ms = (b->at - a->at) / 1e6)
F(cuEventDestroy_v2, (event *e), free(e)) F(cuEventSynchronize, (event *e), pending = 0)
F(cuMemGetInfo_v2, (size_t *a, size_t *b), *a = 1ul << 30; *b = 1ul << 31)
F(cuMemAlloc_v2, (long *p, size_t n), *p = (long)n << 8) F(cuMemFree_v2, (), )
F(cuMemsetD8Async, (long p, unsigned char v, size_t n, long *s), work(s, n))
F(cuMemcpyDtoDAsync_v2, (long a, long b, size_t n, long *s), work(s, 2 * n))
"""
pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc for the driver")
EAGER, GRAPH = Settings(1, "eager", "fp32"), Settings(1, "graph", "tf32")
NO_CUDNN = "Error: [ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : no libcudnn.so: it is not there\nat x"


@pytest.fixture
def driver(tmp_path, monkeypatch):
    file = str(tmp_path / "libcuda.so")
    command = ["gcc", "-w", "-shared", "-fPIC", "-Wl,-Bsymbolic", "-xc", "-", "-o", file]
    subprocess.run(command, input=DRIVER, text=True, check=True)
    monkeypatch.setattr(cuda_driver.load, "__defaults__", (file,))
    found = ctypes.CDLL(file)
    found.calls.restype, found.work.argtypes = ctypes.c_char_p, (ctypes.c_void_p, ctypes.c_long)
    return found


class Options:
    def __init__(self):
        self.entries, self.optimized_model_filepath = {}, ""
        self.add_session_config_entry = self.add_run_config_entry = self.entries.__setitem__
        self.add_free_dimension_override_by_name = self.entries.__setitem__


class Session:
    """A session of a file, with one input, or of bytes, with two; executions take 5 µs."""

    def __init__(self, runtime, model, options, providers, enable_fallback=1):
        self.name, self.chosen = (providers[0], {}) if "CPU" in providers[0] else providers[0]
        self.runtime, self.options, self.bound = runtime, options, {}
        runtime.sessions.append(self)
        if options.optimized_model_filepath:
            assert "Tensorrt" not in self.name, "its graph cannot be written"
            Path(options.optimized_model_filepath).write_text(f"graph of {self.name}")
        self.get_inputs = lambda: [SimpleNamespace(name=n) for n in "ab"[: 1 + (model != "file")]]
        self.get_outputs = lambda: [SimpleNamespace(name="y")]
        self.get_providers = lambda: ["CPUExecutionProvider" if runtime.falls_back else self.name]
        self.bind_ortvalue_input = self.bind_ortvalue_output = self.bound.__setitem__
        self.io_binding = lambda: self

    def run_with_iobinding(self, binding, options):
        assert options.entries == {"disable_synchronize_execution_providers": "1"}
        assert set(self.bound.values()) == {("cuda", 0)}
        if self.runtime.error:
            raise self.runtime.error
        self.runtime.driver.work(int(self.chosen["user_compute_stream"]), 5000)
        if self.runtime.waits:
            self.runtime.driver.cuCtxSynchronize()


@pytest.fixture
def runtime(driver, monkeypatch):
    """What the backend uses of ONNX Runtime, which keeps what it is told."""
    found = SimpleNamespace(driver=driver, sessions=[], falls_back=False, waits=False, error=None)
    found.__version__, found.cuda_version, found.__file__ = "1.99", "12.8", "/nowhere/init.py"
    found.available = ["CUDAExecutionProvider", "TensorrtExecutionProvider"]
    found.get_available_providers = lambda: found.available
    found.disable_telemetry_events = found.set_default_logger_severity = lambda *level: None
    found.GraphOptimizationLevel = SimpleNamespace(ORT_ENABLE_ALL=99, ORT_ENABLE_BASIC=1)
    found.SessionOptions = found.RunOptions = Options
    found.InferenceSession = lambda *given, **named: Session(found, *given, **named)
    found.OrtValue = SimpleNamespace(ortvalue_from_numpy=lambda array, *place: place)
    for module in (onnxruntime_cuda, libraries):
        monkeypatch.setattr(module, "onnxruntime", found)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    return found


def load(backend):
    x, y = np.ones((2, 1), np.float32)
    return backend.load("file", {"a": x}, {"y": y})


def test_the_driver_tells_what_the_record_says_of_a_gpu(driver):
    found = Gpu(**cuda_driver.DriverDevice().facts())
    assert (found.name, found.compute_capability, found.boost_mhz) == ("Simulated", "9.9", 1048)
    assert found.uuid == "abababab-abab-abab-abab-abababababab"


def test_without_a_driver_that_works_it_is_said_what_to_do(driver, monkeypatch):
    driver.fail(b"cuInit", 100)
    with pytest.raises(NoDeviceError, match=r"no GPU that works \(cuInit: it broke \(X\)\): see"):
        cuda_driver.DriverDevice()
    with pytest.raises(NoDeviceError, match="not installed here"):
        cuda_driver.load("libno-such-driver.so")
    monkeypatch.setitem(cuda_driver.FUNCTIONS, "cuNew", ())
    with pytest.raises(NoDeviceError, match=r"too old \(no cuNew\): update it"):
        cuda_driver.load()


@pytest.mark.parametrize("provider", ["CUDA", "Tensorrt"])
@pytest.mark.parametrize("settings", [EAGER, GRAPH])
def test_events_lie_around_an_execution_on_the_same_stream(runtime, provider, settings):
    backend = open_backend(settings, provider)
    network = load(backend)
    assert backend.stopwatch.interval(network.enqueue, network.enqueue) == (5000, True)
    before = runtime.driver.calls()
    network.enqueue()
    assert b"Synchronize" not in runtime.driver.calls()[len(before) :]
    assert (network.hides_launch, network.eager) == (settings is GRAPH, None)
    graph = base64.b64decode(network.executed()["graph"]).decode()
    assert graph == f"graph of {'CPU' if provider == 'Tensorrt' else 'CUDA'}ExecutionProvider"
    # TensorRT's provider waits for graphs of its own, so the device captures them.
    captures = provider == "Tensorrt" and settings is GRAPH
    assert (b"cuGraphLaunch" in runtime.driver.calls()) == captures
    Ceilings(**backend.ceilings())


def test_mode_and_precision_choose_the_options(runtime):
    for settings, on in ((EAGER, "0"), (GRAPH, "1")):
        load(open_backend(settings, "CUDA"))
        session = runtime.sessions[-1]
        assert session.options.entries["session.disable_cpu_ep_fallback"] == "1"
        assert session.chosen["cudnn_conv_algo_search"] == "EXHAUSTIVE"
        assert session.chosen["enable_cuda_graph"] == session.chosen["use_tf32"] == on
        assert os.environ.get("NVIDIA_TF32_OVERRIDE") == {"0": "0", "1": None}[on]
    load(open_backend(GRAPH, "Tensorrt"))
    assert runtime.sessions[-2].chosen["trt_cuda_graph_enable"] == "False"


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"available": []}, "has no CUDAExecutionProvider: put onnxruntime-gpu in its place"),
        ({"cuda_version": "13.0"}, "driver serves CUDA 12, .* built for CUDA 13.0: update the dri"),
        ({"falls_back": True}, "nothing on the GPU .*left it to the CPU.*: install"),
        ({"error": ValueError(NO_CUDNN)}, r"GPU \(no libcudnn.so: it is not there\): install"),
        ({"waits": True}, "waits for the GPU in every execution.*: install a newer one"),
    ],
)
def test_a_provider_that_cannot_be_timed_is_refused(runtime, trouble, said):
    vars(runtime).update(trouble)
    with pytest.raises(NoDeviceError, match=said):
        open_backend(GRAPH, "CUDA")


def test_what_fails_is_told_in_a_sentence(runtime):
    backend = open_backend(EAGER, "CUDA")
    runtime.error = ValueError("Status Message: Failed to allocate memory for buffer ; host=x")
    said = r"1.0 of 2.0 GiB are free: end other programs"
    with pytest.raises(RuntimeError, match=said), backend.guarded():
        load(backend)
    runtime.driver.fail(b"cuCtxSynchronize", 700)
    said = "does not work any more: Failed to allocate"
    with pytest.raises(DeviceLostError, match=said), backend.guarded():
        load(backend)
    runtime.driver.fail(b"cuMemAlloc_v2", 2)
    with pytest.raises(RuntimeError, match=r"cuMemAlloc_v2: it broke \(OUT_OF_MEMORY\)"):
        cuda_driver.Memory(backend.device.driver, 1)
