"""Damaged files of every kind that ferlite reads: refused in one line, or read as far as they can be."""

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ferlite.models.labels import FER2013_LABELS

EXAMPLES = int(os.environ.get("FERLITE_ATTACKS", "100"))
tried = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

TRAIN, SCORE = "train --out new --recipe", "bench accuracy tiny.tflite --data"
RUN = "run --model tiny.tflite --output out.jsonl"
READERS = {
    "faces.csv": ["data faces.csv", f"{SCORE} faces.csv", f"{TRAIN} quickstart --data faces.csv"],
    "votes.csv": [f"{SCORE} faces.csv --votes votes.csv", f"{TRAIN} quickstart --data faces.csv --votes votes.csv"],
    "muxspace/data/legend.csv": ["data muxspace"],
    "recipe.toml": [f"{TRAIN} recipe.toml --data faces.csv"],
    "options.toml": [f"{RUN} --config options.toml", "config check options.toml"],
    "study.toml": ["study study.toml --data faces.csv --out new --no-int8"],
    "accuracy.json": ["bench compare accuracy.json accuracy.json", "report ."],
    **{file: [f"{RUN} picture.png --counts {file.removeprefix('.').removesuffix('.now')}"]
       for file in ("counts.csv", "counts.json", ".counts.csv.now")},
    "run/run.json": ["runs .", "runs . --json", "convert run"],
    "run/recipe.toml": ["runs .", "convert run", f"{TRAIN} run/recipe.toml --data faces.csv"],
    "run/history.csv": ["runs ."],
    "tiny.tflite": ["models show tiny.tflite", "models verify tiny.tflite", f"{RUN} picture.png"],
    "bare.tflite": [f"run picture.png --model bare.tflite --output - --labels {','.join(FER2013_LABELS)}"],
    "clip.avi": [f"{RUN} clip.avi", f"{RUN} clip.avi --annotate out.mp4"],
    "sound.wav": [f"{RUN} sound.wav"],
    "faces/train/happy/a.png": ["data faces", f"{TRAIN} quickstart --data faces", f"{SCORE} faces --split train"],
    **{f"picture{suffix}": [f"{RUN} picture{suffix}", f"{RUN} picture{suffix} --annotate out.png"]
       for suffix in (".png", ".jpg", ".tiff", ".webp", ".bmp", ".gif")},
}  # fmt: skip
"""Files, and command lines that read them."""

TOKENS = [
    "\0", "nan", "NaN", "inf", "-1", "0", "1e999", "9" * 400, "1e30", "1.5", "true", "null", '""', "''", "[]", "{}",
    "[" * 3000, '{"a":' * 3000, "\x1b[31m", "[/b]", "../../../escaped", "/escaped", "a" * 300, "\ufeff", "\r", "\n",
    ",", '"', "\\", "\udcff", "\u202e", "a.b.c = 1\n", "2999-01-01", "=", "#", "label", "Training", "contempt",
]  # fmt: skip


def cut(content: bytes, rnd: random.Random) -> bytes:
    return content[: rnd.randrange(len(content))]


def without_a_part(content: bytes, rnd: random.Random) -> bytes:
    start = rnd.randrange(len(content))
    return content[:start] + content[start + rnd.randint(1, 200) :]


def flipped(content: bytes, rnd: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rnd.choice([1, 3, 30])):
        # Headers say most, so half of the changes are near the start.
        changed[rnd.randrange(len(changed) if rnd.random() < 0.5 else min(len(changed), 64))] = rnd.randrange(256)
    return bytes(changed)


def overwritten(content: bytes, rnd: random.Random) -> bytes:
    start, length = rnd.randrange(len(content)), rnd.choice([4, 8, 64, 1000])
    return content[:start] + rnd.choice([b"\0", b"\xff", b"\x7f\xff"]) * length + content[start + length :]


def with_a_token(content: bytes, rnd: random.Random) -> bytes:
    """Put a hostile token in place of a number or word, or between two bytes."""
    token = rnd.choice(TOKENS).encode(errors="surrogateescape")
    words = [match.span() for match in re.finditer(rb"[\w.+-]+", content[:4000])]
    start, end = rnd.choice(words) if words and rnd.random() < 0.8 else (rnd.randrange(len(content)),) * 2
    return content[:start] + token + content[end:]


def of_another_kind(content: bytes, rnd: random.Random) -> bytes:
    return rnd.choice([b"", b"\0" * 5000, rnd.randbytes(500), content * 2, content.decode("latin-1").encode("utf-16")])


DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [
    cut, without_a_part, flipped, overwritten, with_a_token, with_a_token, of_another_kind
]  # fmt: skip


def put(kind: str) -> Callable[[Path], None]:
    """Return what puts something else in the place of a file."""

    def replace(path: Path) -> None:
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind != "nothing":
            path.symlink_to({"device": "/dev/zero", "memory": "/proc/self/mem", "loop": path.name}[kind])

    return replace


def damaged(damage: Callable[[bytes, random.Random], bytes], seed: int) -> Callable[[Path], None]:
    """Return what damages a file."""

    def write(path: Path) -> None:
        path.write_bytes(damage(path.read_bytes(), random.Random(seed)))

    return write


damages = st.builds(damaged, st.sampled_from(DAMAGES), st.integers(0, 2**32))
replacements = st.builds(put, st.sampled_from(["folder", "pipe", "device", "memory", "loop", "nothing"]))


@tried
@given(st.sampled_from(sorted(READERS)), st.data())
def test_no_damaged_file_breaks_a_command(attack, file, data):
    line = data.draw(st.sampled_from(READERS[file]))
    damage = data.draw(st.one_of(damages, damages, damages, replacements))
    attack(*line.split(), prepare=lambda folder: damage(folder / file))
