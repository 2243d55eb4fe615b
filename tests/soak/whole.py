"""Whether the files that a run left are whole, and no more than they may be."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from ferlite import open_source
from ferlite.errors import FerliteError


def broken_files(folder: Path, total: float) -> list[str]:
    """Return what is wrong with the files in a folder.

    Args:
        folder: Where they lie.
        total: Bytes that all but the counts may take on the disk.
    """
    files = sorted(file for file in folder.iterdir() if file.is_file())
    found = [f"{file.name}: {problem}" for file in files if (problem := _problem(file))]
    taken = sum(512 * file.stat().st_blocks for file in files if "counts" not in file.name)
    if taken > total:
        found.append(f"the files take {taken:,} bytes, and may take {total:,.0f}")
    return found


def _problem(file: Path) -> str:
    try:
        if file.suffix == ".jsonl":
            for line in file.read_text().splitlines():
                json.loads(line)
        elif file.suffix == ".csv":
            with file.open(newline="") as lines:
                widths = {len(row) for row in csv.reader(lines)}
            return "" if len(widths) == 1 else f"rows have {sorted(widths)} cells"
        elif file.suffix == ".mp4":
            with open_source(file) as video:
                return "" if sum(1 for _ in video) else "it has no frame"
    except (ValueError, FerliteError) as error:
        return str(error)
    return ""
