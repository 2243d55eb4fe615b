import os

import pytest

from ferlite.models.native_log import muted_stderr


def test_what_native_code_writes_to_stderr_is_hidden_inside_only(capfd):
    os.write(2, b"before ")
    with muted_stderr():
        os.write(2, b"chatter ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_stderr_is_back_after_an_error(capfd):
    with pytest.raises(RuntimeError), muted_stderr():
        raise RuntimeError
    os.write(2, b"here")
    assert capfd.readouterr().err == "here"


def test_blocks_may_overlap(capfd):
    first, second = muted_stderr(), muted_stderr()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    os.write(2, b"still hidden ")
    second.__exit__(None, None, None)
    os.write(2, b"here")
    assert capfd.readouterr().err == "here"
