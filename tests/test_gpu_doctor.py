"""The doctor names what disturbs a GPU, with a remedy, by what NVIDIA's library shows of it."""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from ctypes import c_uint
from pathlib import Path
from types import SimpleNamespace

import pytest

from guideline_benchmarks.guidelines.doctor.gpu import advice, lines, unknowns
from guideline_benchmarks.guidelines.doctor.gpu_conditions import cpu_torch, observe, without_cuda
from guideline_benchmarks.runners.worker.cuda import nvml


class FakeError(Exception):
    """As pynvml.NVMLError, whose kinds carry the driver's number."""

    def __init__(self, value=13, said="Function Not Found"):
        super().__init__(said)
        self.value = value


class FakeNvml:
    """A driver's library: answers by function, and some by the last argument; else errors."""

    NVMLError = FakeError
    NVML_CLOCK_GRAPHICS, NVML_CLOCK_SM, NVML_CLOCK_MEM = 0, 1, 2
    NVML_TEMPERATURE_GPU, NVML_COMPUTEMODE_PROHIBITED = 0, 2
    NVML_TEMPERATURE_THRESHOLD_SLOWDOWN, NVML_TEMPERATURE_THRESHOLD_GPU_MAX = 1, 3

    def __init__(self, **answers):
        self.answers = {**QUIET, **answers}
        self.asked = []

    def __getattr__(self, name):
        def function(*arguments):
            self.asked.append((name, *arguments))
            answer = self.answers.get(name, FakeError())
            if isinstance(answer, dict):
                answer = answer.get(arguments[-1], FakeError())
            if isinstance(answer, Exception):
                raise answer
            return answer

        return function


CARDS = {0: "card 0", 2: "card 2"}
QUIET = {
    "nvmlDeviceGetCount": 1,
    "nvmlDeviceGetHandleByIndex": CARDS,
    "nvmlDeviceGetHandleByUUID": {b"GPU-1234": "GPU-1234", b"MIG-5678": "MIG-5678"},
    "nvmlDeviceGetIndex": {card: index for index, card in CARDS.items()},
    "nvmlDeviceIsMigDeviceHandle": {"card 0": c_uint(0), "MIG-5678": c_uint(1)},
    "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": "card 0",
    "nvmlDeviceGetName": "NVIDIA Fake",
    "nvmlSystemGetDriverVersion": "550.54",
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=8 * 2**30),
    "nvmlDeviceGetMemoryBusWidth": 384,
    "nvmlDeviceGetClockInfo": {1: 300, 2: 405},
    "nvmlDeviceGetMaxClockInfo": {1: 1900, 2: 7000},
    "nvmlDeviceGetApplicationsClock": 1500,
    "nvmlDeviceGetDefaultApplicationsClock": 1500,
    "nvmlDeviceGetTemperature": 40,
    "nvmlDeviceGetTemperatureThreshold": {1: 95, 3: 90},
    "nvmlDeviceGetPowerUsage": 20_400,
    "nvmlDeviceGetEnforcedPowerLimit": 250_000,
    "nvmlDeviceGetPowerManagementDefaultLimit": 250_000,
    "nvmlDeviceGetEccMode": [0, 0],
    "nvmlDeviceGetMigMode": [0, 0],
    "nvmlDeviceGetPersistenceMode": 1,
    "nvmlDeviceGetComputeMode": 0,
    "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=0, memory=0),
    "nvmlDeviceGetCurrentClocksThrottleReasons": 0x1,
    "nvmlDeviceGetComputeRunningProcesses_v3": [],
    "nvmlSystemGetProcessName": {8: "/usr/lib/xorg/Xorg -core :0", 9: b"C:\\tools\\my train.exe"},
}


def seen(**answers):
    conditions = observe(lambda: FakeNvml(**answers), lambda seconds: None)
    return dataclasses.replace(conditions, cpu_torch=None, visible=None)


def test_a_quiet_card_is_named_and_has_no_findings():
    assert lines(seen()) == [
        "GPU 0: NVIDIA Fake, 8 GiB, driver 550.54, 300 of at most 1900 MHz, 40 °C, "
        "20 of at most 250 W, ECC off."
    ]
    assert advice(seen()) == []
    assert unknowns(seen()) == []


MEMORY = {8: 2 * 10**8, 9: None, 7: 10**9}
PROGRAMS = [SimpleNamespace(pid=pid, usedGpuMemory=held) for pid, held in MEMORY.items()]


@pytest.mark.parametrize(
    ("function", "answer", "words"),
    [
        ("ComputeMode", 2, "compute mode"),
        ("GraphicsRunningProcesses_v3", PROGRAMS, "process 7 (1000 MB), Xorg (200 MB), my train"),
        ("MPSComputeRunningProcesses_v2", PROGRAMS * 2, "process 7 (1000 MB), Xorg (200 MB), my"),
        ("UtilizationRates", SimpleNamespace(gpu=40), "40 % busy"),
        ("CurrentClocksEventReasons", 0x5, "kept down: power cap"),
        ("CurrentClocksThrottleReasons", 0x48, "hardware slow-down, temperature (hardware)"),
        ("Temperature", 85, "at 85 °C, 5 °C below"),
        ("MarginTemperature", -2, "at 40 °C, 0 °C below"),
        ("EnforcedPowerLimit", 150_000, "150 W only"),
        ("ApplicationsClock", 1200, "set to 1200 MHz"),
        ("MigMode", [1, 1], "a part of the card"),
        ("PersistenceMode", 0, "Persistence mode is off"),
        ("EccMode", [1, 1], "ECC is on, which is no fault"),
    ],
)
def test_each_disturbance_is_named_with_a_remedy(function, answer, words):
    (one,) = advice(seen(**{f"nvmlDeviceGet{function}": answer}))
    assert words in one.problem
    assert one.remedy.endswith(".")


def test_ecc_costs_nothing_where_memory_is_stacked():
    hbm = {"nvmlDeviceGetEccMode": [1, 1], "nvmlDeviceGetMemoryBusWidth": 5120}
    assert advice(seen(**hbm)) == []
    assert "ECC on" in lines(seen(**hbm))[0]


@pytest.mark.parametrize(
    ("number", "words"), [(12, "not installed"), (9, "not loaded"), (999, "answer: Strange error")]
)
def test_without_a_driver_there_is_one_line_and_no_finding(number, words):
    none = seen(nvmlDeviceGetCount=FakeError(number, "Strange error."))
    (line,) = lines(none)
    assert line.startswith("No NVIDIA GPU was found (") and words in line
    assert line.endswith("): platforms cuda… cannot be measured here.")
    assert advice(none) == unknowns(none) == []


def test_cards_that_are_known_but_not_there_are_none():
    assert "knows none" in lines(seen(nvmlDeviceGetCount=0))[0]
    assert "reaches none" in lines(seen(nvmlDeviceGetHandleByIndex={}))[0]


def test_a_missing_package_does_not_say_that_there_is_no_card(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "cannot be seen here: the Python package nvidia-ml-py" in lines(observe())[0]
    assert nvml.card("1234") is None


def test_what_an_old_driver_does_not_show_is_said():
    shown = r"\w*(Count|Handle|DriverVersion)"
    bare = seen(**{name: FakeError() for name in QUIET if not re.match(shown, name)})
    assert (advice(bare), len(unknowns(bare))) == ([], 8)
    assert lines(bare) == ["GPU: unknown card, driver 550.54."]
    assert "other programs on the GPU" in unknowns(bare)


def test_of_several_cards_the_first_is_measured_and_lost_ones_are_told():
    several = seen(nvmlDeviceGetCount=3, nvmlDeviceGetPersistenceMode=0)
    assert "CUDA_VISIBLE_DEVICES to its UUID" in lines(several)[-1]
    lost, first, second = (one.problem for one in advice(several))
    assert lost.startswith("1 more card(s)")
    assert (first[:6], second[:6]) == ("GPU 0:", "GPU 2:")
    assert "(now 2)" in lines(dataclasses.replace(several, visible="2"))[-1]


def test_a_torch_without_cuda_and_hidden_cards_are_found():
    hidden = dataclasses.replace(seen(), cpu_torch="2.9+cpu", visible="")
    torch, cuda = advice(hidden)
    assert "torch 2.9+cpu" in torch.problem
    assert "hides every card" in cuda.problem
    assert without_cuda("cuda: Optional[str] = None\nhip = None")
    assert not without_cuda("cuda: Optional[str] = '12.8'\nhip: Optional[str] = None")
    assert cpu_torch() is None or cpu_torch() == importlib.metadata.version("torch")


def test_a_part_of_a_card_is_asked_for_itself_and_its_card_for_the_rest():
    library = FakeNvml(nvmlDeviceGetMigMode=[1, 1], nvmlSystemGetDriverVersion=b"550.54")
    card = nvml.card("5678", lambda: library)
    assert card.facts() == {"boost_mhz": 1900, "memory_mhz": 7000, "ecc": False, "mig": True}
    assert (card.driver(), card.memory(), card.clock_reasons()) == ("550.54", 8 * 2**30, [])
    assert card.state()["power_w"] == 20.4
    assert ("nvmlDeviceGetClockInfo", "card 0", 1) in library.asked
    assert ("nvmlDeviceGetMemoryInfo", "MIG-5678") in library.asked
    assert nvml.card("1234", lambda: library).handle == "GPU-1234"
    assert nvml.card("9", lambda: library) is None


def test_the_package_has_all_that_is_asked_of_it():
    pynvml = pytest.importorskip("pynvml")
    source = Path(nvml.__file__).read_text()
    text = "".join(source.replace("{kind}", kind) for kind in ("Compute", "MPSCompute", "Graphics"))
    for name in {*re.findall(r"\b(?:nvml[A-Z]|NVML_)\w+", text)}:
        assert hasattr(pynvml, name), name
