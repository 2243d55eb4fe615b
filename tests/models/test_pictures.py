"""Pictures that are turned, cut off, or larger than can be read."""

import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

from ferlite.errors import DataError
from ferlite.models.pictures import read_picture

TURNED = [  # by orientation, from 1 (EXIF 2.32, 4.6.5.1)
    lambda image: image,
    lambda image: image[:, ::-1],
    lambda image: image[::-1, ::-1],
    lambda image: image[::-1],
    lambda image: image.transpose(1, 0, 2),
    lambda image: np.rot90(image, -1),
    lambda image: np.rot90(image, -1)[::-1],
    np.rot90,
]


def a_picture(width=96, height=64):
    """A picture without any symmetry, BGR."""
    small = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def tiled_tiff(image, orientation, order="<", side=32):
    """A TIFF of uncompressed square tiles (TIFF 6.0, section 15)."""
    height, width = image.shape[:2]
    corners = [(y, x) for y in range(0, height, side) for x in range(0, width, side)]
    tiles = b"".join(image[y : y + side, x : x + side, ::-1].tobytes() for y, x in corners)
    bits, places, lengths = 10, 16, 16 + 4 * len(corners)  # bytes into the file
    start = lengths + 4 * len(corners)
    page = start + len(tiles)
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 2)]
    entries += [(274, 3, 1, orientation), (277, 3, 1, 3), (322, 3, 1, side), (323, 3, 1, side)]
    entries += [(324, 4, len(corners), places), (325, 4, len(corners), lengths)]
    data = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I2x3H", page, 8, 8, 8)
    data += struct.pack(f"{order}{len(corners)}I", *range(start, page, 3 * side * side))
    data += struct.pack(f"{order}{len(corners)}I", *[3 * side * side] * len(corners))
    data += tiles + struct.pack(f"{order}H", len(entries))
    for tag, kind, count, value in entries:
        short = kind == 3 and count == 1
        data += struct.pack(f"{order}HHI{'H2x' if short else 'I'}", tag, kind, count, value)
    return data + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiled_tiff_is_upright_by_its_orientation(tmp_path, orientation, order):
    path = tmp_path / "a.tif"
    path.write_bytes(tiled_tiff(a_picture(), orientation, order))
    assert np.array_equal(read_picture(path), TURNED[orientation - 1](a_picture()))


def huge_png(width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def test_a_picture_with_more_pixels_than_can_be_read_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(huge_png(100_000, 100_000))
    with pytest.raises(DataError, match=r"a\.png does not decode as a picture: it has more pixels than OpenCV reads"):
        read_picture(tmp_path / "a.png")


def files(folder):
    """Damaged pictures of every format."""
    for name in ("a.jpg", "a.png", "a.webp", "a.bmp", "a.tif"):
        data = cv2.imencode(name[1:], a_picture())[1].tobytes()
        for share in (0.02, 0.5, 0.99):
            yield folder / f"{share}{name}", data[: int(share * len(data))]
    yield folder / "header.png", huge_png(20_000, 3_000)
    yield folder / "width.png", huge_png(1 << 20, 3)
    yield folder / "empty.jpg", b""
    yield folder / "page.tif", b"II*\0\xff\xff\xff\xff"


def test_pictures_that_are_cut_off_are_named_and_no_library_speaks(tmp_path):
    paths = []
    for path, data in files(tmp_path):
        path.write_bytes(data)
        paths.append(str(path))
    program = """
import sys
from ferlite.errors import DataError
from ferlite.models.pictures import read_picture
for path in sys.argv[1:]:
    try:
        read_picture(path)
    except DataError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    remedy = "it is damaged, cut off, or no picture; replace or remove it"
    assert run.stdout.splitlines() == [f"{path} does not decode as a picture: {remedy}" for path in paths]
