import platform

import pytest

from ferlite.device.sensors import celsius, megahertz, resident_mb, throttled

CPU = "sys/devices/system/cpu/cpu0/cpufreq"


@pytest.fixture
def files(tmp_path):
    """Writes files of `sys`: their texts by their paths."""

    def write(texts):
        for name, text in texts.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


@pytest.fixture
def vcgencmd(tmp_path, monkeypatch):
    """Installs a program that answers as the firmware does."""

    def install(script):
        program = tmp_path / "vcgencmd"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return install


def test_the_clock_is_what_it_is_and_not_what_was_asked_for(files, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    root = files({f"{CPU}/scaling_cur_freq": "1800000\n"})
    assert megahertz(root) is None
    files({f"{CPU}/cpuinfo_cur_freq": "1000000\n"})
    assert megahertz(root) == 1000.0


def test_on_x86_the_kernel_measures_what_it_calls_the_current_frequency(files, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert megahertz(files({f"{CPU}/scaling_cur_freq": "2100000\n"})) == 2100.0


def test_the_firmware_of_a_raspberry_pi_knows_its_clock_best(vcgencmd):
    vcgencmd('[ "$*" = "measure_clock arm" ] && echo "frequency(48)=600117184"')
    assert megahertz() == pytest.approx(600.117184)


@pytest.mark.parametrize("answer", ["echo VCHI initialization failed", "echo throttled=", "exit 1", "echo a=b=c"])
def test_a_firmware_that_does_not_answer_tells_nothing(vcgencmd, answer):
    vcgencmd(answer)
    assert throttled() is None


def test_a_firmware_that_hangs_tells_nothing(vcgencmd, monkeypatch):
    monkeypatch.setattr("ferlite.device.sensors._PATIENCE", 0.01)
    vcgencmd("exec sleep 60")
    assert throttled() is None


def test_the_hottest_zone_counts_and_flags_are_read_from_the_kernel(files):
    root = files(
        {
            "sys/class/thermal/thermal_zone0/temp": "48312\n",
            "sys/class/thermal/thermal_zone1/temp": "51000\n",
            "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
        }
    )
    assert (celsius(root), throttled(root)) == (51.0, 0x50005)


def test_without_sensors_nothing_is_told(tmp_path):
    assert (celsius(tmp_path), throttled(tmp_path), megahertz(tmp_path)) == (None, None, None)


def test_a_process_that_can_open_nothing_is_told_nothing_and_goes_on(files, no_descriptors):
    root = files({"sys/class/thermal/thermal_zone0/temp": "48312\n"})
    with no_descriptors():
        assert (celsius(root), throttled(root), resident_mb()) == (None, None, None)
    assert celsius(root) == 48.312


def test_the_memory_of_this_process_is_known():
    assert (resident_mb() or 0) > 10
