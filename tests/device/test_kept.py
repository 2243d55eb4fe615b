import pytest

from ferlite.device.kept import device_id, state_folder, token
from ferlite.errors import DataError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "own"))
    return tmp_path / "own"


def test_the_id_is_random_and_stays(folder, tmp_path, monkeypatch):
    first = device_id()
    assert device_id() == first
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "another"))
    assert device_id() != first


def test_a_token_is_long_and_for_its_owner_alone(folder):
    assert len(token("web-token")) >= 32
    assert (folder / "web-token").stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_named(folder):
    folder.mkdir()
    (folder / "id").write_text("")
    with pytest.raises(DataError, match="own/id is damaged"):
        device_id()


@pytest.mark.parametrize(
    ("home", "expected"),
    [("/xdg", "/xdg/ferlite"), ("", "/me/.local/state/ferlite"), ("relative", "/me/.local/state/ferlite")],
)
def test_a_user_keeps_it_in_the_home(home, expected, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", home)
    monkeypatch.setenv("HOME", "/me")
    assert str(state_folder()) == expected
