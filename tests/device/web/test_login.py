import pytest

from ferlite import DataError, MissingFileError
from ferlite.device.web.login import Login, TooManyAttempts, read_token


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_cookie_outlives_a_restart_and_ends_after_30_days(clock):
    cookie = Login("first-token-of-all", clock).cookie()
    again = Login("first-token-of-all", clock)
    assert again.knows(cookie)
    clock.now += 30 * 86400 + 1
    assert not again.knows(cookie)


def test_a_cookie_ends_with_its_token(clock):
    assert not Login("another-token-now", clock).knows(Login("first-token-of-all", clock).cookie())


@pytest.mark.parametrize("forged", ["", "-", "99999999999-", "99999999999", "1e9-x", "٣-x", "9" * 5000, "x\0"])
def test_a_forged_cookie_is_not_known(clock, forged):
    assert not Login("first-token-of-all", clock).knows(forged)


def test_a_cookie_can_t_be_made_longer(clock):
    login = Login("first-token-of-all", clock)
    end, _, signature = login.cookie().partition("-")
    assert not login.knows(f"{int(end) + 1}-{signature}")


def test_attempts_are_counted_by_address_and_forgotten_after_a_minute(clock):
    login = Login("first-token-of-all", clock)
    for _ in range(5):
        assert not login.right("wrong", "192.0.2.1")
    with pytest.raises(TooManyAttempts):
        login.right("first-token-of-all", "192.0.2.1")
    assert login.right("first-token-of-all", "192.0.2.2")
    clock.now += 61
    assert login.right("first-token-of-all", "192.0.2.1")


def test_one_network_of_ipv6_is_one_client(clock):
    login = Login("first-token-of-all", clock)
    for number in range(5):
        assert not login.right("wrong", f"2001:db8::{number}")
    with pytest.raises(TooManyAttempts):
        login.right("wrong", "2001:db8::ffff")
    assert not login.right("wrong", "2001:db8:0:1::1")


def test_a_flood_of_addresses_does_not_grow_the_memory(clock):
    login = Login("first-token-of-all", clock)
    for number in range(3000):
        login.right("wrong", f"10.0.{number // 250}.{number % 250}")
    assert len(login._wrong) == 1000


def test_a_token_file_holds_one_line(tmp_path):
    path = tmp_path / "token"
    path.write_text("first-token-of-all\n")
    assert read_token(path) == "first-token-of-all"
    for wrong in ("", "short", "two words in it", "line one more\nline two more", "ä" * 20):
        path.write_text(wrong)
        with pytest.raises(DataError, match="12 to 200"):
            read_token(path)
    with pytest.raises(MissingFileError):
        read_token(tmp_path / "none")
