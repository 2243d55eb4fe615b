import json

import cv2
import numpy as np
import pytest

from ferlite.benchmarks import faces as bench
from ferlite.benchmarks import gates, overhead, pasted_faces
from ferlite.data.dataset import Faces
from ferlite.data.load import load_dataset
from ferlite.device.classifier import Classifier
from ferlite.device.faces.finder import FaceFinder
from ferlite.device.pipeline import Pipeline
from ferlite.device.sources.virtual import VirtualCamera
from ferlite.errors import DataError, MissingFileError
from ferlite.models import eigenfaces
from ferlite.models.labels import FER2013_LABELS
from ferlite.models.pictures import read_picture


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder of the kind that is measured, of drawn faces."""
    folder = tmp_path_factory.mktemp("data")
    images, labels = eigenfaces.load().sample(14, seed=0)
    codes = [FER2013_LABELS.index(eigenfaces.load().labels[label]) for label in labels]
    rows = [f"{code},{' '.join(map(str, face.ravel()))}" for code, face in zip(codes, images, strict=True)]
    lines = ["emotion,pixels,Usage", *(f"{row},PublicTest" for row in rows), f"{rows[0]},Training"]
    (folder / "fer2013.csv").write_text("\n".join(lines) + "\n")
    photos = folder / "media" / "voc_faces"
    photos.mkdir(parents=True)
    camera = VirtualCamera(faces=2)
    cv2.imwrite(str(photos / "two.png"), camera.frame(0).image)
    boxes = [(x, y, x + width, y + height) for x, y, width, height in (true.box for true in camera.truth(0))]
    # The third one is not there.
    boxes.append((600, 440, 630, 470))
    lines = ["file,x1,y1,x2,y2", *("two.png," + ",".join(str(round(v)) for v in box) for box in boxes)]
    (photos / "boxes.csv").write_text("\n".join(lines))
    writer = cv2.VideoWriter(str(folder / "media" / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 480))
    for frame in VirtualCamera(faces=2, frames=6):
        writer.write(frame.image)
    writer.release()
    return folder


def test_photos_clips_and_pasted_faces_are_measured(data, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "CLIPS", {"clip.avi": 2})
    result = bench.measure(data, rolls=(0, 20), out=tmp_path)
    (row,) = result["detectors"]
    assert (row["photos"]["faces"], row["photos"]["hits"]) == (3, 2)
    assert row["photos"]["views"] == 30
    (clip,) = row["clips"]
    assert (clip["frames"], clip["exact"], clip["tracks"]) == (6, 1.0, 2)
    upright, turned = result["pasted"]
    assert upright["faces"] == turned["faces"] == 14
    assert upright["found"] > 0.8
    assert upright["direct"] is not None
    assert upright["device"] is not None
    assert upright["loss"] == pytest.approx(upright["direct"] - upright["device"])
    assert read_picture(tmp_path / "mean-faces.png").shape == (200, 400, 3)
    json.dumps(result)


def test_a_missing_clip_is_named(data, tmp_path):
    with pytest.raises(MissingFileError, match="head-pose"):
        bench.measure(data)
    with pytest.raises(MissingFileError, match=r"boxes\.csv"):
        bench.measure(tmp_path)


@pytest.mark.parametrize(
    "line",
    ["../two.png,1,2,3,4", "a\0.png,1,2,3,4", "two.png,1,2,3", "two.png,1,2,3,inf", "two.png,1,2,3," + "9" * 5000],
)
def test_a_table_of_boxes_that_is_none_is_named(tmp_path, line):
    (tmp_path / "boxes.csv").write_text(f"file,x1,y1,x2,y2\n{line}\n")
    with pytest.raises(DataError, match=r"boxes\.csv is no table of file, x1, y1, x2, y2"):
        bench.photos(tmp_path, FaceFinder())


def test_changes_of_a_label_are_counted():
    assert bench.changes([]) == 0
    assert bench.changes(["happy", "happy", "sad", "happy"]) == 2


def test_a_pasted_face_is_cut_as_it_was():
    images, labels = eigenfaces.load().sample(7, seed=1)
    faces = Faces(images, labels.astype(np.int64), np.arange(len(images)))
    classifier = Classifier.load()
    for roll in (0, 15):
        seen = pasted_faces.look(faces, roll, FaceFinder(), classifier)
        assert seen.found.sum() >= 6
        inner = np.s_[:, 10:-10, 10:-10]
        pairs = zip(seen.crops[inner], images[seen.found][inner], strict=True)
        likeness = [np.corrcoef(crop.ravel(), original.ravel())[0, 1] for crop, original in pairs]
        assert np.mean(likeness) > 0.8


def test_accuracy_by_size_blur_turn_and_confidence_is_measured():
    dataset = load_dataset("eigenfaces")
    result = gates.measure(dataset, limit=20)
    assert (result["sizes"][0]["accuracy"] or 0) >= (result["sizes"][-1]["accuracy"] or 1)
    sharp = [row["sharpness"] for row in result["blurs"]]
    assert sharp == sorted(sharp, reverse=True)
    assert result["blurs"][-1]["refused"] > result["blurs"][0]["refused"]
    coverage = [row["coverage"] for row in result["thresholds"]]
    assert coverage == sorted(coverage, reverse=True)
    assert coverage[0] == 1
    assert sum(row["faces"] for row in result["turns"]) <= 20
    json.dumps(result)


def test_the_pipeline_is_held_against_its_networks():
    ticks = iter(range(10**6))
    with Pipeline.open("virtual:faces=2,frames=30") as pipeline:
        result = overhead.measure(pipeline, clock=lambda: next(ticks))
        assert overhead.measure(pipeline) is None
    assert result is not None
    # Each measurement takes one tick: the pipeline, and three times a network.
    assert (result["frames"], result["faces"]) == (10, 2.0)
    assert result["ratio"] == pytest.approx(1 / 3)
    assert result["classifier"] == pytest.approx(500)
