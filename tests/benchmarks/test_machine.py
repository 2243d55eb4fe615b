from typing import Any

import pytest

from ferlite.benchmarks import machine
from ferlite.benchmarks.machine import State, disturbances

REST = State(
    time=0.0,
    governor="performance",
    mhz=1800.0,
    full_mhz=1800.0,
    celsius=50.0,
    throttled=0,
    load=0.1,
    busy=100.0,
    own=10.0,
)


def later(before=REST, **changes):
    """The state ten seconds later, all of them used by the measurement."""
    values: dict[str, Any] = before.to_json() | {"time": before.time + 10, "own": before.own + 10}
    if before.busy is not None:
        values["busy"] = before.busy + 10
    return State(**values | changes)


@pytest.fixture
def board(tmp_path):
    """The files that a Raspberry Pi shows its state in."""
    files = {
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_cur_freq": "1500000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1800000\n",
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/class/thermal/thermal_zone1/temp": "51000\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
        "proc/stat": "cpu  1000 200 300 99999 5 10 20 70 3 0\ncpu0 1 1 1 1\n",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_a_state_is_read_from_the_files_of_the_system(board, monkeypatch):
    monkeypatch.setattr(machine.os, "sysconf", lambda name: 100)
    state = State.read(board)
    assert (state.governor, state.mhz, state.full_mhz, state.celsius) == ("ondemand", 1500.0, 1800.0, 51.0)
    assert state.throttled == 0x50005
    assert state.busy == pytest.approx(16.0)


def test_what_a_machine_does_not_tell_is_none(tmp_path):
    state = State.read(tmp_path)
    readings = (state.governor, state.mhz, state.full_mhz, state.celsius, state.throttled, state.busy)
    assert readings == (None,) * 6


def test_flags_are_asked_of_the_firmware_where_the_kernel_does_not_show_them(tmp_path, monkeypatch):
    program = tmp_path / "vcgencmd"
    program.write_text("#!/bin/sh\necho throttled=0x50000\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert State.read().throttled == 0x50000
    program.write_text("#!/bin/sh\necho VCHI initialization failed\n")
    assert State.read().throttled is None


def test_this_machine_can_be_read():
    assert State.read().own > 0


def test_a_run_in_peace_is_not_disturbed():
    assert disturbances(REST, later()) == []
    assert disturbances(REST, later(busy=(REST.busy or 0) + 10.9)) == []


@pytest.mark.parametrize(
    ("changes", "complaints"),
    [
        ({"throttled": 0x4}, ["the firmware reports throttled"]),
        ({"throttled": 0x20000}, ["the firmware reports frequency capped"]),
        ({"throttled": 0x50005}, ["the firmware reports under-voltage", "the firmware reports throttled"]),
        ({"mhz": 1700.0}, ["the CPU ended at 1700 of 1800 MHz"]),
        ({"busy": 113.0}, ["other programs used 0.30 cores"]),
    ],
)
def test_what_disturbs_is_named(changes, complaints):
    assert disturbances(REST, later(**changes)) == complaints


def test_flags_from_before_the_run_do_not_count_but_those_that_hold_do():
    before = later(throttled=0x50000)
    assert disturbances(before, later(before)) == []
    before = later(throttled=0x50001)
    assert disturbances(before, later(before, throttled=0x50000)) == ["the firmware reports under-voltage"]


def test_a_governor_that_wakes_up_is_no_drop():
    before = later(mhz=600.0, governor="ondemand")
    assert disturbances(before, later(before, mhz=1800.0)) == []


def test_without_times_of_others_the_load_at_the_start_counts():
    before = later(busy=None, load=2.5)
    assert disturbances(before, later(before)) == ["the load was 2.50 at the start"]


def test_a_run_too_short_for_the_kernels_clock_is_not_judged_by_it():
    assert disturbances(REST, later(time=0.2, own=10.0)) == []
