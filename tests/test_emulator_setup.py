"""Setting the emulated core up: where its parts come from, and what is said without them."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from dataclasses import replace

import pytest

from guideline_benchmarks.results.errors import PlatformError
from guideline_benchmarks.results.record.backends import backend
from guideline_benchmarks.runners.emulator import install, packages
from tests.program import complains

ONNX_RUNTIME, NCNN = backend("onnxruntime-cpu"), backend("ncnn-cpu")
UBUNTU = {"ID": "ubuntu", "VERSION_CODENAME": "noble", "HOME_URL": "https://www.example.com/"}


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    with pytest.raises(PlatformError, match=r"Debian's or Ubuntu's packages.*no apt-get"):
        install.install(tmp_path / "emulator", ONNX_RUNTIME, print)
    monkeypatch.setattr(shutil, "which", lambda tool: tool != "cc" or None)
    with pytest.raises(PlatformError, match=r"no C compiler \(cc\)"):
        install.install(tmp_path / "emulator", ONNX_RUNTIME, print)
    assert not list(tmp_path.iterdir())


def test_a_failing_package_leaves_nothing(monkeypatch, tmp_path):
    if shutil.which("apt-get") is None:
        pytest.skip("there is no apt-get here")
    monkeypatch.setattr(
        packages, "other_sources", lambda *_: "deb http://localhost:1/x none main\n"
    )
    with pytest.raises(PlatformError, match="apt cannot download qemu-user"):
        install.install(tmp_path / "emulator", ONNX_RUNTIME, lambda _: None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("release", "architecture", "source"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "bookworm"}, "arm64", None),
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, "arm64", "http://mirror/debian bookworm"),
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, "amd64", "http://mirror/debian bookworm"),
        (UBUNTU, "amd64", None),
        (UBUNTU, "arm64", "http://ports.example.com/ubuntu-ports noble-updates"),
        ({}, "arm64", None),
    ],
)
def test_packages_come_from_where_the_system_keeps_them(release, architecture, source):
    found = packages.other_sources(release, architecture, "http://mirror/debian")
    if source is None:
        assert found == ""
    else:
        assert source in found
        assert all(line.startswith(f"deb [arch={architecture} ") for line in found.splitlines())


@pytest.mark.parametrize("earlier", [{}, {"numpy": "1", "onnxruntime": "1"}])
def test_an_emulator_of_another_version_is_refused(tmp_path, earlier):
    versions = {"qemu": "7", "python": "3.11", "counter": "0", **earlier}
    (tmp_path / "versions.json").write_text(json.dumps(versions))
    with pytest.raises(PlatformError, match="set up for another version"):
        install.installed(tmp_path, ONNX_RUNTIME)
    (tmp_path / "versions.json").write_text("{")
    with pytest.raises(PlatformError, match=r"is not set up: `make arm-emulator` \(guidelines"):
        install.installed(tmp_path, ONNX_RUNTIME)


def test_a_runtime_is_fetched_only_when_it_is_asked_for(emulator):
    other = replace(ONNX_RUNTIME, name="other-cpu")
    with pytest.raises(
        PlatformError, match=r"has no numpy .* and onnxruntime .*-backend other-cpu\)"
    ):
        install.installed(emulator.folder, other)
    said = []
    install.install(emulator.folder, ONNX_RUNTIME, said.append)
    assert said == []


def test_a_runtime_that_is_not_installed_here_is_named(monkeypatch, tmp_path):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(PlatformError, match=r"pip install 'guideline-benchmarks\[ncnn\]'"):
        install.install(tmp_path / "emulator", replace(NCNN, requirements=("ncnn",)), print)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("torch-cpu", "Nothing is counted of backend torch-cpu"), ("nccn-cpu", "Did you mean ncnn")],
)
def test_what_cannot_be_fetched_is_refused(guidelines, name, said):
    complains(guidelines("arm-emulator", "--backend", name), 2, said)


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        ("arm-emulated", r"`make arm-emulator` \(guidelines arm-emulator\) does it"),
        ("arm-emulated-ncnn", "`make arm-emulator BACKEND=ncnn-cpu`"),
    ],
)
def test_without_an_emulator_the_program_says_how_to_get_one(platform, said, guidelines, tmp_path):
    elsewhere = {"XDG_CACHE_HOME": str(tmp_path)}
    complains(guidelines("run", "g2", "--platform", platform, environment=elsewhere), 3, said)
