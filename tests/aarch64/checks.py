"""What is run on every machine, and held against what it gives here."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from failures import CheckError
from numpy.typing import NDArray

from ferlite.device.sources.virtual import VirtualCamera
from ferlite.models import eigenfaces

MODELS = ("ferlite-m", "ferlite-m-ferplus", "ferlite-m-float32")
FLOAT_TOLERANCE = 1e-5
"""Largest difference of a float output: a logit of the twin, a probability or coordinate of O-Net."""
BOX_TOLERANCE = 0.1
"""Largest difference of a face's box as a share of its longer side: OpenCV resizes a little differently by release
and processor, and of two boxes on one face the other may come out as the better."""

_CLIP_FRAMES = 6
_DEMO_FRAMES = 4
_ROWS = 200
_MAIN = "from ferlite.cli.app import main; main()"
# In one process: the start of Python takes most of the time where a processor is emulated.
_SEVERAL = """
import sys
from ferlite.cli.app import main
config = sys.argv[1]
for line in ("config check {}", "run --config {}", "doctor --config {} --quick --json",
             "service install --dry-run --config {}"):
    sys.argv = ["ferlite", *(word.format(config) for word in line.split())]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            sys.exit(f"{line}: code {ended.code}")
"""
_PROBE = Path(__file__).with_name("probe.py")


@dataclass(frozen=True)
class Machine:
    """Where ferlite runs: this machine, or one that is emulated.

    Attributes:
        name: For people, and for files.
        command: What runs Python.
        path: Folders to import from; none leaves PYTHONPATH as it is.
    """

    name: str
    command: tuple[str, ...]
    path: tuple[Path, ...] = ()

    def python(self, *arguments: str) -> str:
        """Run Python and return what it prints.

        Raises:
            CheckError: It ends with another code than 0, or not within a quarter of an hour.
        """
        environment = {**os.environ, "PYTHONNOUSERSITE": "1"}
        if self.path:
            environment["PYTHONPATH"] = os.pathsep.join(map(str, self.path))
        try:
            done = subprocess.run(
                [*self.command, *arguments], env=environment, capture_output=True, text=True, timeout=900, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise CheckError(f"did not end within {error.timeout:.0f} s") from error
        if done.returncode:
            raise CheckError(f"code {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def ferlite(self, *arguments: str | Path) -> str:
        """Run the command `ferlite` and return what it prints."""
        return self.python("-c", _MAIN, *map(str, arguments))


class Checks:
    """The checks. Each runs something on a machine and returns what is worth printing.

    What the first machine gives is what is expected of the others; let it be this one.
    """

    NAMES = ("accuracy", "models", "service", "demo", "clip", "photo")
    """The checks, the longest first."""

    def __init__(self, work: Path) -> None:
        """Take a folder to work in."""
        self._work = work
        self._photo, self._clip, self._rows = work / "photo.png", work / "clip.avi", work / "rows.csv"
        self._expected: dict[str, Any] = {}

    def prepare(self) -> str:
        """Have a photo, a clip and labelled faces: real ones where FERLITE_DATA has them, else drawn ones."""
        data = Path(os.environ.get("FERLITE_DATA", "/nonexistent"))
        media, table = data / "media", data / "fer2013.csv"
        if media.is_dir():
            self._photo = media / "two_people.jpg"
            self._clip = media / "head-pose-face-detection-female-and-male.gif"
        else:
            _draw(self._photo, self._clip)
        self._rows.write_text("".join(_real_rows(table) if table.exists() else _drawn_rows()))
        return (
            f"{self._photo.name}, {self._clip.name}, {_ROWS} rows of {table.name if table.exists() else 'eigenfaces'}"
        )

    def run(self, name: str, machine: Machine) -> str:
        """Run one of the checks.

        Raises:
            CheckError: The machine does not do what it should.
        """
        return getattr(self, f"check_{name}")(machine)

    def check_models(self, machine: Machine) -> str:
        """Run the models alone: int8 must agree bit for bit, float32 nearly."""
        out = self._work / f"{machine.name}.npz"
        facts = json.loads(machine.python(str(_PROBE), str(out), *MODELS))
        idle = [name for name, used in facts["xnnpack"].items() if not used]
        if idle:
            raise CheckError(f"XNNPACK does not run {', '.join(idle)}")
        with np.load(out) as file:
            arrays: dict[str, Any] = dict(file)
        expected, files = self._expected.setdefault("models", (arrays, facts["files"]))
        if facts["files"] != files or not np.array_equal(arrays["faces"], expected["faces"]):
            raise CheckError("other model files or input than here; was the wheel built from this tree?")
        lines = [f"Python {facts['python']}, numpy {facts['numpy']}, OpenCV {facts['opencv']}, {facts['runtime']}"]
        for name in files:
            keys = [key for key in expected if key.startswith(f"{name}/")]
            found, wanted = ([values[key] for key in keys] for values in (arrays, expected))
            lines.append(f"{name}: {_compared(found, wanted)}")
        return "\n              ".join(lines)

    def check_photo(self, machine: Machine) -> str:
        """`ferlite run` on a photo: the same faces."""
        return self._look(machine, "photo", self._photo)

    def check_clip(self, machine: Machine) -> str:
        """`ferlite run` on a clip: the same faces."""
        return self._look(machine, "clip", self._clip)

    def check_demo(self, machine: Machine) -> str:
        """`ferlite demo`, with fewer frames than it has: it writes a video."""
        video = self._work / f"{machine.name}.mp4"
        output = machine.ferlite("demo", "--out", video, "--frames", str(_DEMO_FRAMES))
        if not video.exists() or b"ftyp" not in video.read_bytes()[:16]:
            raise CheckError("it wrote no mp4")
        return next(line for line in output.splitlines() if line.startswith(f"{_DEMO_FRAMES} frames")).partition(";")[0]

    def check_service(self, machine: Machine) -> str:
        """What a device on a wall does, as far as it goes without systemd: a run from one file, doctor, unit."""
        folder = self._work / f"{machine.name} service"
        folder.mkdir()
        config = folder / "ferlite.toml"
        settings = {"output": "faces.csv", "events": "events.jsonl", "annotate": "video.mp4", "counts": "counts.json"}
        config.write_text(
            f'source = "virtual:frames={_DEMO_FRAMES}"\nmqtt = "mqtt://127.0.0.1:1"\nweb = true\nweb-port = 0\n'
            + "".join(f'{key} = "{folder / name}"\n' for key, name in settings.items())
        )
        output = machine.python("-c", _SEVERAL, str(config))
        empty = [name for name in settings.values() if not (folder / name).stat().st_size]
        if empty or b"avc1" not in (folder / "video.mp4").read_bytes():
            raise CheckError(f"it did not write {', '.join(empty) or 'H.264'}")
        if "Type=notify" not in output:
            raise CheckError("it printed no unit")
        findings = json.loads(output[output.index("[\n") : output.index("\n]") + 2])
        return "config, run with page, video and files, unit; " + ", ".join(
            f"{finding['check']} {finding['status']}" for finding in findings
        )

    def check_accuracy(self, machine: Machine) -> str:
        """`ferlite bench accuracy`: the same score, because faces reach the model without being resized."""
        output = machine.ferlite("bench", "accuracy", MODELS[0], "--data", self._rows, "--limit", str(_ROWS), "--json")
        result = json.loads(output)
        row, faces = result["models"][0], result["data"]["faces"]
        score = row["accuracy"], row["macro_f1"], faces
        if score != self._expected.setdefault("accuracy", score) or faces != _ROWS:
            raise CheckError(f"{score} instead of {self._expected['accuracy']}")
        return f"{row['accuracy']:.1%} of {faces}"

    def _look(self, machine: Machine, name: str, source: Path) -> str:
        output = machine.ferlite("run", "--source", source, "--frames", str(_CLIP_FRAMES))
        frames = [json.loads(line)["faces"] for line in output.splitlines()]
        expected = self._expected.setdefault(name, frames)
        counts, wanted = [len(faces) for faces in frames], [len(faces) for faces in expected]
        if counts != wanted or not sum(counts):
            raise CheckError(f"{counts} faces in the frames instead of {wanted}")
        pairs = [
            # From left to right: of two faces of the same size either may come first.
            (a, b)
            for ours, theirs in zip(frames, expected, strict=True)
            for a, b in zip(*(sorted(faces, key=lambda face: face["box"][0]) for faces in (ours, theirs)), strict=True)
        ]
        far = max(float(np.abs(np.subtract(a["box"], b["box"])).max()) / max(b["box"][2:]) for a, b in pairs)
        other = sum(a["label"] != b["label"] for a, b in pairs)
        off = max(abs(a["raw"][label] - b["raw"][label]) for a, b in pairs for label in a["raw"])
        if far > BOX_TOLERANCE:
            raise CheckError(f"boxes are up to {far:.1%} of their size off")
        return (
            f"{len(frames)} frames, {len(pairs)} faces; boxes up to {far:.1%} of their size off, probabilities "
            f"{off:.3f}, {other} other labels"
        )


def _compared(found: list[NDArray[Any]], expected: list[NDArray[Any]]) -> str:
    """Hold a model's outputs against those expected; say their hash, and how far they are off.

    Raises:
        CheckError: Further than they may be.
    """
    digest = sha256(b"".join(values.tobytes() for values in found)).hexdigest()
    off = max(float(np.abs(a.astype(np.float64) - b).max()) for a, b in zip(found, expected, strict=True))
    size, dtype = sum(values.size for values in found), found[0].dtype
    text = f"{size} values, {dtype}, off by up to {off:.2g}, sha256 {digest}"
    if off > (FLOAT_TOLERANCE if dtype == np.float32 else 0):
        raise CheckError(text)
    return text


def _draw(photo: Path, clip: Path) -> None:
    with VirtualCamera(faces=2, frames=_CLIP_FRAMES) as camera:
        writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, camera.size)
        for frame in camera:
            writer.write(frame.image)
            cv2.imwrite(str(photo), frame.image)
        writer.release()


def _real_rows(table: Path) -> list[str]:
    with table.open() as file:
        return [next(file), *islice((row for row in file if row.rstrip().endswith("PublicTest")), _ROWS)]


def _drawn_rows() -> list[str]:
    images, labels = eigenfaces.load().sample(_ROWS, seed=5)
    rows = zip(labels, images, strict=True)
    return ["emotion,pixels,Usage\n", *(f"{n},{' '.join(map(str, i.ravel()))},PublicTest\n" for n, i in rows)]
