"""What a machine's cores are, told from what its system shows, and which of them a worker gets."""

from __future__ import annotations

import os
import platform

import pytest

from guideline_benchmarks.reports.run.heading import cores_text, describe, processor
from guideline_benchmarks.results.record.platform import Cluster, Machine
from guideline_benchmarks.runners.worker.machine import cores, host, system, warmth
from guideline_benchmarks.runners.worker.machine.arm_cores import CORES, core_name
from guideline_benchmarks.runners.worker.machine.cores import NoSuchCoreError
from tests.synthetic import run_of

A53, A57, A72 = ("0x41", "0xd03"), ("0x41", "0xd07"), ("0x41", "0xd08")


@pytest.fixture
def show(tmp_path, monkeypatch):
    """Make the system show these cores: (implementer, part), highest kHz or None, capacity."""
    monkeypatch.setattr(system, "ROOT", tmp_path)

    def made(kinds):
        cpus = tmp_path / "sys" / "devices" / "system" / "cpu"
        blocks = []
        for cpu, ((implementer, part), highest, capacity) in enumerate(kinds):
            blocks.append(
                f"processor\t: {cpu}\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd crc32\n"
                f"CPU implementer\t: {implementer}\nCPU part\t: {part}\nCPU revision\t: 3\n"
            )
            folder = cpus / f"cpu{cpu}"
            if highest:
                write(folder / "cpufreq" / "cpuinfo_max_freq", highest)
                write(folder / "cpufreq" / "cpuinfo_min_freq", 384000)
                write(folder / "cpufreq" / "scaling_governor", f"governor of {cpu}")
            if capacity:
                write(folder / "cpu_capacity", capacity)
            write(folder / "cache" / "index0" / "level", 1)
            write(folder / "cache" / "index0" / "type", "Data")
            write(folder / "cache" / "index0" / "size", f"{32 if part == '0xd03' else 48}K")
        write(tmp_path / "proc" / "cpuinfo", "\n".join(blocks) + "\nHardware\t: A board\n")
        allowed = set(range(len(kinds)))
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: allowed, raising=False)

    return made


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{content}\n")


SNAPDRAGON_810 = [(A53, 1555200, 446)] * 4 + [(A57, 1958400, 1024)] * 4


def test_clusters_are_named_and_listed_with_their_clocks_the_fastest_first(show):
    show(SNAPDRAGON_810)
    assert cores.clusters() == [
        {"core": "Cortex-A57", "count": 4, "cpus": [4, 5, 6, 7], "min_mhz": 384, "max_mhz": 1958},
        {"core": "Cortex-A53", "count": 4, "cpus": [0, 1, 2, 3], "min_mhz": 384, "max_mhz": 1555},
    ]
    facts = host.facts()
    assert facts["cpu_model"] == "Cortex-A57 + Cortex-A53"
    # Of the cores that are measured.
    assert facts["caches"] == {"L1d": 48 * 1024}
    assert facts["governor"] == "governor of 4"
    assert facts["cpu_features"] == ["asimd", "crc32", "fp"]
    Machine.model_validate(facts)


def test_a_system_that_shows_little_is_not_guessed_at(show):
    show([(A53, None, None), (("0x41", "0xabc"), None, None), (("0x99", "0x1"), None, None)])
    assert [c["core"] for c in cores.clusters()] == [
        "implementer 0x99 part 0x1",
        "ARM part 0xabc",
        "Cortex-A53",
    ]
    assert all(c["max_mhz"] is None and c["min_mhz"] is None for c in cores.clusters())


def test_the_kernel_s_capacity_outweighs_the_clock(show):
    show([(A53, 2000000, 400), (A72, 1800000, 1024)])
    assert [c["core"] for c in cores.clusters()] == ["Cortex-A72", "Cortex-A53"]


def test_fields_that_stand_once_belong_to_every_processor(show, tmp_path):
    show([(A57, None, None)])
    write(
        tmp_path / "proc" / "cpuinfo",
        "Processor : AArch64 Processor rev 1\nprocessor : 0\nprocessor : 1\n"
        "CPU implementer : 0x41\nCPU part : 0xd07\n",
    )
    (found,) = cores.clusters()
    assert (found["core"], found["cpus"]) == ("Cortex-A57", [0, 1])


def test_names_of_cores_are_as_their_makers_call_them():
    assert core_name("0x41", "0xd07") == "Cortex-A57"
    assert core_name("0x41", "0xd0b") == "Cortex-A76"
    assert core_name("0x41", "0xd0c") == "Neoverse-N1"
    assert core_name("0x51", "0x804") == "Kryo-4xx-Gold"
    assert core_name("", "") == "implementer  part "
    # They are typed on command lines.
    assert all(" " not in name for name in CORES.values())


@pytest.mark.parametrize(
    ("wanted", "threads", "found"),
    [
        (None, 1, [7]),
        (None, 4, [4, 5, 6, 7]),
        (None, 2, [6, 7]),
        ("cortex-a53", 1, [3]),
        ("Cortex-A53", 2, [2, 3]),
        ("2", 1, [2]),
        ("0-1", 2, [0, 1]),
        ("7,5", 2, [5, 7]),
    ],
)
def test_a_worker_is_kept_on_the_fastest_cores_or_on_those_asked_for(show, wanted, threads, found):
    show(SNAPDRAGON_810)
    assert cores.choose(wanted, threads) == found


@pytest.mark.parametrize(
    ("wanted", "threads", "said"),
    [
        ("8", 1, r"4-7 \(Cortex-A57\), 0-3 \(Cortex-A53\)"),
        ("4-9", 1, "not among the cores"),
        ("cortex-a72", 1, "not among the cores"),
        ("7-4", 1, "not among the cores"),
        ("", 1, "not among the cores"),
        ("4", 2, "2 threads need as many cores"),
        ("4,4", 2, "2 threads need as many cores of one kind, and there is 1$"),
        (None, 5, "5 threads need as many cores of one kind, and there are 4$"),
        ("5,0", None, "threads need cores of one kind, and 0,5 are of several"),
        ("5,0", 2, "threads need cores of one kind, and 0,5 are of several"),
        ("0-99999999999", 1, "not among the cores"),
    ],
)
def test_a_core_that_is_not_there_is_refused_with_those_that_are(show, wanted, threads, said):
    show(SNAPDRAGON_810)
    with pytest.raises(NoSuchCoreError, match=said):
        cores.choose(wanted, threads)


def test_hardware_threads_of_one_core_are_one_core(show, tmp_path):
    show(SNAPDRAGON_810)
    for cpu, siblings in ((4, "4-5"), (5, "4-5"), (6, "6-7"), (7, "6-7")):
        write(tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", siblings)
    assert cores.choose(None, 2) == [5, 7]
    assert cores.choose(None, None) == [5, 7]
    assert cores.choose("4-5", None) == [5]
    with pytest.raises(NoSuchCoreError, match=r"there are 2$"):
        cores.choose(None, 3)


def test_a_container_s_share_of_time_bounds_its_threads(show, tmp_path):
    show(SNAPDRAGON_810)
    write(tmp_path / "sys" / "fs" / "cgroup" / "cpu.max", "200000 100000")
    assert cores.choose(None, 2) == cores.choose(None, None) == [6, 7]
    with pytest.raises(NoSuchCoreError, match="there are 2 whose time this container is given"):
        cores.choose(None, 3)


def test_only_cores_that_the_process_may_use_are_chosen(show, monkeypatch):
    show(SNAPDRAGON_810)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert cores.choose(None, 1) == [1]
    with pytest.raises(NoSuchCoreError, match=r"which are 0-1 \(Cortex-A53\)"):
        cores.choose("cortex-a57", 1)


def test_where_the_system_shows_no_cores_the_last_allowed_one_is_taken(show, tmp_path, monkeypatch):
    show([])
    (tmp_path / "proc" / "cpuinfo").unlink()
    assert cores.clusters() == []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 5}, raising=False)
    assert cores.choose(None, 1) == [5]


def test_a_mac_lists_its_levels_and_pins_nothing(monkeypatch):
    answers = {
        "machdep.cpu.brand_string": "Apple M2",
        "hw.nperflevels": "2",
        "hw.perflevel0.name": "Performance",
        "hw.perflevel0.logicalcpu": "4",
        "hw.perflevel0.l1dcachesize": "131072",
        "hw.perflevel0.l2cachesize": "16777216",
        "hw.perflevel1.name": "Efficiency",
        "hw.perflevel1.logicalcpu": "4",
    }
    for module in (cores, host):
        monkeypatch.setattr(module, "sysctl", answers.get)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    facts = host.facts()
    assert facts["cpu_model"] == "Apple M2"
    assert facts["caches"] == {"L1d": 131072, "L2": 16777216}
    shown = processor(Machine.model_validate(facts | {"virtualisation": None}))
    assert shown.startswith("Apple M2: Performance ×4 + Efficiency ×4; L1d 128 KiB")
    assert cores.choose(None, 1) == []
    with pytest.raises(NoSuchCoreError, match="does not keep a program on a core"):
        cores.choose("4", 1)


def test_reports_say_which_cores_there_are_and_which_was_measured():
    big = Cluster(core="Cortex-A57", count=4, cpus=[4, 5, 6, 7], min_mhz=384, max_mhz=1958)
    little = Cluster(core="Cortex-A53", count=4, cpus=[0, 1, 2, 3], min_mhz=None, max_mhz=1555)
    run = run_of(["g1"], lambda *_: 1.0)
    of_a_phone = run.fingerprint.model_copy(update={"clusters": [big, little]})
    run = run.model_copy(update={"fingerprint": of_a_phone})
    shown = dict(describe(run))
    assert "Cortex-A57 ×4 (cores 4-7, 384 to 1958 MHz) + Cortex-A53 ×4" in shown["Processor"]
    assert "(cores 0-3, up to 1555 MHz)" in shown["Processor"]
    assert "1 thread on core 1 (Cortex-A53)" in shown["Protocol"]
    assert cores_text([0, 1, 4], [big, little]) == "cores 0,1,4 (Cortex-A57, Cortex-A53)"
    assert cores_text(None, [big]) == ""
    assert cores_text(5, [big]) == "core 5"


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "250000 100000"}, 2),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "nonsense"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
    ],
)
def test_the_cores_that_may_be_used_are_those_allowed_as_far_as_the_quota_goes(
    show, tmp_path, files, count
):
    show(SNAPDRAGON_810)
    for name, content in files.items():
        write(tmp_path / "sys" / "fs" / "cgroup" / name, content)
    assert cores.usable() == count


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins nothing")
def test_a_process_that_is_released_gets_no_more_cores_than_it_had():
    before = cores.allowed()
    one = {min(before)}
    with cores.released(one):
        assert cores.allowed() == one
    with cores.released(set()):
        assert cores.allowed() == before
    assert cores.allowed() == before


def test_the_warmest_sensor_and_the_clock_of_the_core_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "ROOT", tmp_path)
    # A sensor that is not there shows what no machine has.
    for zone, milli in enumerate((41_500, 54_200, 216_000, -40_000)):
        folder = tmp_path / f"sys/class/thermal/thermal_zone{zone}"
        folder.mkdir(parents=True)
        (folder / "temp").write_text(f"{milli}\n")
    clock = tmp_path / "sys/devices/system/cpu/cpu3/cpufreq"
    clock.mkdir(parents=True)
    (clock / "scaling_cur_freq").write_text("2400000\n")
    assert warmth.now(3) == {"celsius": 54.2, "mhz": 2400}
    assert warmth.now([3, 4]) == {"celsius": 54.2, "mhz": 2400}
    assert warmth.now(0) == {"celsius": 54.2, "mhz": None}
    assert warmth.now(None)["mhz"] is None
    monkeypatch.setattr(system, "ROOT", tmp_path / "nothing")
    assert warmth.now(3) == {"celsius": None, "mhz": None}


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"proc/device-tree/compatible": "linux,dummy-virt\0"}, "virtual machine (QEMU)"),
        ({"proc/device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0"}, None),
        ({"vendor": "QEMU", "product": "KVM Virtual Machine"}, "virtual machine (QEMU)"),
        ({"vendor": "Amazon EC2", "product": "c7g.4xlarge"}, "virtual machine (Amazon EC2)"),
        ({"vendor": "Amazon EC2", "product": "c7g.metal"}, None),
        ({"vendor": "Google", "product": "Google Compute Engine"}, "virtual machine (Google)"),
        ({"vendor": "Google", "product": "Kevin"}, None),
        ({"vendor": "Apple Inc.", "product": "Mac14,2"}, None),
    ],
)
def test_a_virtual_machine_on_arm_is_told_by_its_firmware(shown, said, show, tmp_path):
    show([(A57, None, None)] * 2)
    for name, content in shown.items():
        dmi = {"vendor": "sys_vendor", "product": "product_name"}
        write(tmp_path / (f"sys/class/dmi/id/{dmi[name]}" if name in dmi else name), content)
    assert (
        (host.facts()["virtualisation"] or "").removesuffix("container").rstrip(", ") or None
    ) == said
