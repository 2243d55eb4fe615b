"""What several tests share: real data where they are at hand, and a tiny model file."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import settings

from ferlite.data.dataset import Dataset
from ferlite.data.load import load_dataset
from ferlite.models import modelfile
from ferlite.models.graph_builder import GraphBuilder
from ferlite.models.labels import FER2013_LABELS
from ferlite.models.record import Crop, Record

# The same examples every time, and no clock in a test.
settings.register_profile("ferlite", deadline=None, derandomize=True)
settings.load_profile("ferlite")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say up front how long the whole suite takes, and what it leaves out."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        faces = "" if os.environ.get("FERLITE_DATA") else ", without the tests on real faces (FERLITE_DATA)"
        reporter.write_line(f"The whole suite takes about 7 minutes on two cores{faces}.")


@pytest.fixture(scope="session", autouse=True)
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What an installation keeps lies in a folder of the tests', not in the user's home."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STATE_DIRECTORY", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets that FERLITE_DATA names."""
    folder = os.environ.get("FERLITE_DATA")
    if not folder:
        pytest.skip("FERLITE_DATA is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def fer2013(real_data: Path) -> Dataset:
    """FER2013, read once: its 300 MB of text take a quarter of a minute."""
    return load_dataset(real_data / "fer2013.csv")


@pytest.fixture(scope="session")
def media(real_data: Path) -> Path:
    """Photos and clips with faces."""
    folder = real_data / "media"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    return folder


@pytest.fixture(scope="session")
def record() -> Record:
    """A record of the shape that `ferlite convert` writes."""
    points = ((0.3, 0.35), (0.7, 0.35), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))
    return Record(
        name="tiny",
        task="expression",
        scheme="float32",
        size=(48, 48),
        channels="grey",
        labels=FER2013_LABELS,
        crop=Crop(points, "made for a test"),
        licence="Apache-2.0",
    )


@pytest.fixture(scope="session")
def graph() -> bytes:
    """A real float32 graph that answers with the brightness of seven bands of the picture."""
    bands = np.zeros((7, 48, 48), np.float32)
    for label in range(7):
        bands[label, label * 6 : label * 6 + 6] = 10 / (6 * 48 * 255)
    builder = GraphBuilder()
    pixels, logits = builder.tensor("pixels", (1, 48, 48, 1)), builder.tensor("logits", (1, 7))
    weights = builder.constant("weights", bands.reshape(7, -1))
    dense = schema.BuiltinOperator.FULLY_CONNECTED
    builder.operator(dense, [pixels, weights, -1], logits, schema.FullyConnectedOptionsT())
    return builder.build([pixels], [logits])


@pytest.fixture
def model_path(tmp_path: Path, graph: bytes, record: Record) -> Path:
    """A model file of that graph; a face with a bright band n has label n."""
    return modelfile.write(tmp_path / "tiny.tflite", graph, record)


@pytest.fixture
def banded() -> Callable[[int], np.ndarray]:
    """Make a picture that the tiny model gives a label: uint8 [48, 48]."""

    def make(label: int) -> np.ndarray:
        image = np.zeros((48, 48), np.uint8)
        image[label * 6 : label * 6 + 6] = 255
        return image

    return make


@pytest.fixture
def no_descriptors():
    """Within a block of this, the process can open nothing."""

    @contextmanager
    def eaten() -> Iterator[None]:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[0], 256), limits[1]))
        with ExitStack() as stack:
            stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
            with suppress(OSError):
                while True:
                    stack.callback(os.close, os.dup(2))
            yield

    return eaten


@pytest.fixture
def mosquitto(tmp_path: Path):
    """A real MQTT broker, not started yet; paho-mqtt is imported where it is used."""
    pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")
    from ferlite.errors import RuntimeMissingError
    from ferlite.tools.mosquitto import Mosquitto

    try:
        broker = Mosquitto(tmp_path)
    except RuntimeMissingError as error:
        pytest.skip(str(error))
    with broker:
        yield broker


@pytest.fixture
def own_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an installation of this test's own."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    from ferlite.device.kept import device_id

    return device_id()
