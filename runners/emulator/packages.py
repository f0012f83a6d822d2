"""Packages of this machine's distribution, unpacked into a folder without installing them.

apt gets a state of its own, in which nothing is installed, and so finds all that a package needs;
neither root nor the system's own package database is touched.
"""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from guideline_benchmarks.results.errors import PlatformError

# Debian's last release whose qemu-user loads plugins; later ones link it statically. Its packages
# run on the others, too, since they bring all their libraries.
_DEBIAN_RELEASE = "bookworm"
_DEBIAN_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Ubuntu keeps other architectures in an archive of its own, named as its home page is.
_UBUNTU_PORTS = "http://ports.{domain}/ubuntu-ports"
_UBUNTU_KEYS = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"

_CONFIGURATION = """
Dir::State "{state}";
Dir::State::status "{state}/status";
Dir::Cache "{state}/cache";
Dir::Log "{state}";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Debug::NoLocking "true";
"""


def unpack(packages: Sequence[str], architecture: str, folder: Path) -> None:
    """Unpack `packages`, and all that they depend on, into `folder`, which is created.

    `architecture` is Debian's name, "arm64" or "amd64". Raises PlatformError when a package cannot
    be had.
    """
    with tempfile.TemporaryDirectory() as name:
        state = Path(name)
        environment = os.environ | {"APT_CONFIG": str(_configure(state, architecture))}
        # Some source of the machine's may fail and all packages be there; so the next step decides.
        listed = _run(["apt-get", "-q", "update"], environment)
        download = ["apt-get", "-q", "-y", "--download-only", "install", *packages]
        found = _run(download, environment)
        if found.returncode != 0:
            raise PlatformError(
                f"apt cannot download {', '.join(packages)} for {architecture}: "
                f"{_complaint(found, listed)}."
            )
        folder.mkdir(parents=True, exist_ok=True)
        for archive in sorted((state / "cache" / "archives").glob("*.deb")):
            unpacked = _run(["dpkg-deb", "-x", str(archive), str(folder)], environment)
            if unpacked.returncode != 0:
                raise PlatformError(f"{archive.name} cannot be unpacked: {_complaint(unpacked)}.")


def _configure(state: Path, architecture: str) -> Path:
    """Write apt's configuration into `state` and return its path."""
    for place in ("lists/partial", "cache/archives/partial"):
        (state / place).mkdir(parents=True)
    (state / "status").touch()
    content = _CONFIGURATION.format(state=state, architecture=architecture)
    release = _os_release()
    sources = other_sources(release, architecture, _debian_mirror(release))
    if sources:
        (state / "sources.list").write_text(sources)
        content += f'Dir::Etc::sourcelist "{state}/sources.list";\nDir::Etc::sourceparts "-";\n'
    file = state / "apt.conf"
    file.write_text(content)
    return file


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _debian_mirror(release: dict[str, str]) -> str:
    """Return the address from which this machine takes its own release, "" if apt does not say."""
    listed = _run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"],
        dict(os.environ),
    )
    for line in listed.stdout.splitlines():
        if line.startswith(f"{release.get('VERSION_CODENAME')} main "):
            return line.split()[2]
    return ""


def other_sources(release: dict[str, str], architecture: str, mirror: str) -> str:
    """Return apt sources to be used instead of the machine's own, "" for those.

    `release` is what /etc/os-release says, `mirror` where a Debian machine takes its packages from.
    """
    system, codename = release.get("ID"), release.get("VERSION_CODENAME")
    if system == "debian" and codename != _DEBIAN_RELEASE and mirror:
        options = f"arch={architecture} signed-by={_DEBIAN_KEYS}"
        return f"deb [{options}] {mirror} {_DEBIAN_RELEASE} main\n"
    if system == "ubuntu" and codename and architecture != "amd64":
        home = urlsplit(release.get("HOME_URL", "")).hostname or ""
        address = _UBUNTU_PORTS.format(domain=home.removeprefix("www."))
        source = f"deb [arch={architecture} signed-by={_UBUNTU_KEYS}] {address}"
        suites = (codename, f"{codename}-updates", f"{codename}-security")
        return "".join(f"{source} {suite} main universe\n" for suite in suites)
    return ""


def _run(command: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False
    )


def _complaint(*commands: subprocess.CompletedProcess[str]) -> str:
    """Return the last error that one of some commands printed."""
    lines = [line for done in reversed(commands) for line in done.stderr.splitlines()]
    errors = [line for line in lines if line.startswith("E:")] or lines or ["no reason was given"]
    return errors[-1].removeprefix("E:").strip().rstrip(".")
