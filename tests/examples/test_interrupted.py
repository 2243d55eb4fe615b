import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ferlite

EXAMPLES = sorted((Path(ferlite.__file__).parent / "examples").glob("*.py"))

# Where the tests run in the background SIGINT is ignored; a child would inherit that.
PROGRAM = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_ctrl_c_ends_an_example_without_a_traceback(example, tmp_path):
    command = [sys.executable, "-u", "-c", PROGRAM, example, "virtual:live=true"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert "running" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=20)
    assert (errors, child.returncode) == ("", 0)
