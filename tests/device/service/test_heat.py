"""Heat in a time of the test's own, on a board whose temperature follows what it does."""

import logging
from typing import Any

import pytest

from ferlite.device.service.heat import Heat
from ferlite.device.state import RateLimit, State
from ferlite.errors import UsageError


class Board:
    """A pipeline on a board: looks at 16 frames a second unless it is limited."""

    def __init__(self, celsius: float | None = 50.0, flags: int | None = 0, rate: float = 16.0, **options: Any):
        self.now, self.celsius, self.flags, self.most = 0.0, celsius, flags, rate
        self.changes: list[tuple[float, RateLimit | None]] = []
        self.heat = Heat(
            self, celsius=lambda: self.celsius, throttled=lambda: self.flags, clock=lambda: self.now, **options
        )

    @property
    def state(self):
        return State("running", rate=self.rate)

    @property
    def rate(self):
        limit = self.changes[-1][1] if self.changes else None
        return limit.rate if limit else self.most

    def limit(self, limit):
        self.changes.append((self.now, limit))

    def go_on(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.heat.look()
            self.now += 5.0

    @property
    def rates(self):
        return [limit and limit.rate for _, limit in self.changes]


def test_a_hot_board_halves_the_rate_step_by_step_to_two_frames_a_second():
    board = Board(75.0)
    board.go_on(3600)
    assert board.rates == [8.0, 4.0, 2.0]
    assert board.changes[0] == (0.0, RateLimit(8.0, "75 °C"))


def test_a_rate_that_is_no_power_of_two_ends_at_two_as_well():
    board = Board(80.0, rate=15.0)
    board.go_on(3600)
    assert board.rates == [7.5, 3.75, 2.0]


def test_a_board_that_is_cool_again_gets_its_rate_back_step_by_step():
    board = Board(80.0)
    board.go_on(3600)
    board.celsius, cool_at = 69.9, board.now
    board.go_on(600)
    assert board.rates[3:] == [4.0, 8.0, None]
    assert [moment - cool_at for moment, _ in board.changes[3:]] == pytest.approx([60, 120, 180], abs=5)


def test_a_minute_must_be_cool_without_a_break():
    board = Board(80.0)
    board.go_on(5)
    for _ in range(20):
        board.celsius = 69.0
        board.go_on(50)
        board.celsius = 70.5
        board.go_on(5)
    assert board.rates == [8.0]


@pytest.mark.parametrize("period", [10, 60, 120, 300, 600])
def test_about_the_limit_the_rate_changes_twice_in_ten_minutes_at_most(period):
    board = Board()
    while board.now < 7200:
        board.celsius = 74.0 if board.now % period < period / 2 else 76.0
        board.go_on(5)
    moments = [moment for moment, _ in board.changes]
    assert board.rates == [8.0, 4.0, 2.0]
    assert max(sum(start <= moment <= start + 600 for moment in moments) for start in moments) <= 2


@pytest.mark.parametrize(("bit", "reason"), [(0, "under-voltage"), (2, "throttled"), (3, "soft temperature limit")])
def test_a_throttled_board_is_slowed_down_whatever_its_temperature(bit, reason):
    board = Board(50.0, flags=1 << bit)
    board.go_on(60)
    assert board.changes == [(0.0, RateLimit(8.0, reason))]
    board.flags = 0
    board.go_on(120)
    assert board.rates == [8.0, None]


def test_what_was_throttled_since_boot_slows_nothing_down():
    board = Board(50.0, flags=0x70000)
    board.go_on(600)
    assert board.changes == []


def test_another_limit_may_be_given():
    board = Board(80.0, hot=85.0)
    board.go_on(600)
    board.celsius = 85.0
    board.go_on(60)
    board.celsius = 79.0
    board.go_on(120)
    assert board.rates == [8.0, None]
    with pytest.raises(UsageError, match="max_celsius"):
        Board(hot=0.0)


def test_flags_without_a_temperature_do():
    board = Board(None, flags=4)
    board.go_on(60)
    board.flags = 0
    board.go_on(120)
    assert board.rates == [8.0, None]


def test_without_sensors_nothing_happens_and_nothing_is_said(caplog):
    board = Board(None, None)
    board.go_on(3600)
    assert board.changes == []
    assert caplog.text == ""


@pytest.mark.parametrize("rate", [0.0, 1.5, 2.0])
def test_a_rate_that_is_low_already_is_left_as_it_is(rate):
    board = Board(85.0, rate=rate)
    board.go_on(3600)
    assert board.changes == []


def test_a_hot_hour_is_logged_once_at_its_beginning_and_once_at_its_end(caplog):
    caplog.set_level(logging.WARNING)
    board = Board(80.0)
    board.go_on(3600)
    assert [record.getMessage() for record in caplog.records] == [
        "the machine is hot or throttled (80 °C): fewer frames are looked at until it is cool"
    ]
    board.celsius = 60.0
    board.go_on(3600)
    assert [record.getMessage() for record in caplog.records][1:] == [
        "the machine is cool again: all frames are looked at"
    ]
