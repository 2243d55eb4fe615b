"""One model, one `.tflite` file: the graph, the record in its metadata, the labels in a zip behind it.

The record is a metadata entry named `ferlite` whose buffer holds JSON. Its first key, `file_sha256`, is the
hash of the whole file with that hash's own 64 digits taken as zeros, and is checked before any runtime
sees a byte. It is a check-sum, not a signature: it finds damage, but whoever changes a file on purpose can
write the fitting hash, too. So a runtime sees a file that ferlite did not ship only after `probe`.
`labels.txt` in the appended zip is for other tools (`unzip -p model.tflite labels.txt`).
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelFormatError
from .files import read_bytes, sha256, write_bytes
from .record import Record

ENTRY = "ferlite"
_KEY = b'"file_sha256":"'
_DIGITS = 64
_TRAILER = b"ferlite record"  # the zip's comment; other tools append a labels.txt too
_METADATA_FIELD, _BUFFERS_FIELD = 6, 4  # of table Model in TensorFlow's schema.fbs


@dataclass(frozen=True)
class ModelFile:
    """A model file that has passed its checks.

    Attributes:
        content: The whole file.
        record: Its record; None for a file that ferlite did not write.
        path: Where it was read from.
    """

    content: bytes
    record: Record | None
    path: Path


def read(path: str | Path) -> ModelFile:
    """Read a model file and check it against its own record.

    Raises:
        MissingFileError: There is no such file.
        ModelFormatError: It is no TFLite file, or it carries a record and was changed or cut.
    """
    path = Path(path)
    content = read_bytes(path)
    try:
        return ModelFile(content, _checked_record(content), path)
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error


def write(path: str | Path, graph: bytes, record: Record) -> Path:
    """Write a model file: the graph with its record and labels.

    Args:
        path: File to write.
        graph: A TFLite flatbuffer, as a converter or quantizer returns it. An older record in it
            is replaced.
        record: What the device must know.

    Raises:
        ModelFormatError: `graph` is no TFLite flatbuffer.
        OutputError: The file can't be written.
    """
    text = record.to_json()
    # The hash goes in twice: as zeros, to be hashed, then as what came out.
    blank = f'{{{_KEY.decode()}{"0" * _DIGITS}",{text[1:]}'.encode()
    content = _with_labels(_with_metadata(graph, blank), record.labels)
    at = content.index(_KEY) + len(_KEY)
    digest = sha256(content).encode()
    return write_bytes(path, content[:at] + digest + content[at + _DIGITS :])


def _checked_record(content: bytes) -> Record | None:
    if content[4:8] != b"TFL3":
        raise ModelFormatError("this is no TFLite file; expected the identifier TFL3 at byte 4")
    # A record leaves three traces. Without any the file never had one; with only some it is damaged.
    try:
        entry = _metadata(content)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ModelFormatError("the file is damaged: its tables point outside of it; copy it again") from error
    keys = content.count(_KEY)
    trailer = content.endswith(_TRAILER)
    if entry is None and not keys and not trailer:
        return None
    if entry is None or keys != 1 or not entry.startswith(b"{" + _KEY):
        raise ModelFormatError("the file is damaged: its record is broken; copy it again")
    at = content.index(_KEY) + len(_KEY)
    stated = content[at : at + _DIGITS]
    actual = sha256(memoryview(content)[:at], b"0" * _DIGITS, memoryview(content)[at + _DIGITS :])
    if actual.encode() != stated:
        raise ModelFormatError("the file was changed or cut after it was written (sha256 differs); copy it again")
    return Record.from_json(b"{" + entry[1 + len(_KEY) + _DIGITS + len('",') :])


def _metadata(content: bytes) -> bytes | None:
    """Find the buffer of the metadata entry `ferlite`; None if there is no such entry.

    Read by hand because tflite_runtime ships no schema. Every offset comes from the file and may be
    wrong: `struct` refuses what lies outside, and counts are held against the file's length.
    """
    root = _u32(content, 0)
    entries = _field(content, root, _METADATA_FIELD)
    buffers = _field(content, root, _BUFFERS_FIELD)
    if entries is None or buffers is None:
        return None
    for table in _tables(content, entries):
        name = _field(content, table, 0)
        if name is None or _bytes(content, name) != ENTRY.encode():
            continue
        index = _field(content, table, 1, follow=False)
        number = _u32(content, index) if index is not None else 0
        data = _field(content, _tables(content, buffers)[number], 0)
        return None if data is None else _bytes(content, data)
    return None


def _u32(content: bytes, at: int) -> int:
    if at < 0:
        raise IndexError(at)
    return struct.unpack_from("<I", content, at)[0]


def _field(content: bytes, table: int, number: int, follow: bool = True) -> int | None:
    """Return where a table's field lies, following its offset, or None if it is not set."""
    vtable = table - struct.unpack_from("<i", content, table)[0]
    if vtable < 0:
        raise IndexError(vtable)
    size = struct.unpack_from("<H", content, vtable)[0]
    if 4 + 2 * number + 2 > size:
        return None
    offset = struct.unpack_from("<H", content, vtable + 4 + 2 * number)[0]
    if not offset:
        return None
    at = table + offset
    return at + _u32(content, at) if follow else at


def _bytes(content: bytes, vector: int) -> bytes:
    length = _u32(content, vector)
    if vector + 4 + length > len(content):
        raise IndexError(length)
    return content[vector + 4 : vector + 4 + length]


def _tables(content: bytes, vector: int) -> list[int]:
    count = _u32(content, vector)
    if vector + 4 + 4 * count > len(content):
        raise IndexError(count)
    places = range(vector + 4, vector + 4 + 4 * count, 4)
    return [place + _u32(content, place) for place in places]


def _with_metadata(graph: bytes, data: bytes) -> bytes:
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    if graph[4:8] != b"TFL3":
        raise ModelFormatError("the graph is no TFLite flatbuffer")
    model: Any = flatbuffer_utils.read_model_from_bytearray(bytearray(graph))
    old = [e for e in model.metadata or [] if e.name == ENTRY.encode()]
    for entry in old:
        model.buffers[entry.buffer].data = None
    model.metadata = [e for e in model.metadata or [] if e not in old]
    buffer = schema.BufferT()
    buffer.data = list(data)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = ENTRY, len(model.buffers) - 1
    model.metadata.append(entry)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _with_labels(content: bytes, labels: tuple[str, ...]) -> bytes:
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        # A fixed date, so that the same model gives the same file.
        archive.comment = _TRAILER
        archive.writestr(zipfile.ZipInfo("labels.txt", (1980, 1, 1, 0, 0, 0)), "".join(f"{n}\n" for n in labels))
    return stream.getvalue()
