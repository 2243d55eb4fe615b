"""Run folders: the files that training writes, and reading them.

A run folder holds

    recipe.toml    every key spelled out
    run.json       versions, data and its hash, parameters, MACs, progress, best epoch, hashes of these files
    history.csv    one line for each epoch
    last.keras     weights and optimiser state of the last complete epoch
    best.keras     weights of the epoch with the highest validation accuracy
    previous/      these files as they were one epoch before, see `checkpoints`
    metrics.json, curves.png, confusion.png    written at the end, for the validation split

Where the recipe divides the data into folds, metrics.json also has the scores on the fold `test`. A test
split of the data themselves is not scored here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data import ferplus
from ..data.dataset import Dataset
from ..data.ferplus import Votes
from ..errors import DataError, FerliteError, MissingFileError, UsageError, unknown
from ..models.files import read_bytes, write_bytes
from ..models.labels import LABELS
from . import checkpoints
from .recipes import Recipe
from .recipes import load as load_recipe

if TYPE_CHECKING:
    from .heads import Head

_SOURCES = ("data", "extra", "votes", "teachers")


@dataclass(frozen=True)
class Run:
    """A run folder and what is known of it.

    Attributes:
        folder: The run folder.
        recipe: The recipe of the training.
        info: The content of run.json.
    """

    folder: Path
    recipe: Recipe
    info: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Read a run folder.

        Raises:
            MissingFileError: It holds no recipe.toml or run.json.
            DataError: One of them is damaged.
        """
        folder = Path(folder)
        info = checkpoints.read_info(folder)
        return cls(folder, load_recipe(folder / "recipe.toml"), info)

    def votes(self) -> Votes | None:
        """Read the votes of FER+ that the run was trained with, for `preparation.prepare`; None if it used none.

        Raises:
            MissingFileError: The file was moved or removed.
            DataError: Its content has changed.
        """
        entry = self.info.get("votes")
        if not entry:
            return None
        votes = ferplus.read(entry["path"])
        if votes.sha256 != entry["sha256"]:
            raise DataError(f"{votes.path} is not what {self.folder} was trained with; put the votes back")
        return votes

    def check_head(self, head: Head) -> None:
        """Refuse a head that the run does not have.

        Raises:
            UnknownNameError: There is no such head.
            UsageError: The run has no second head.
        """
        if head not in ("labels", "ferplus"):
            raise unknown("head", head, ["labels", "ferplus"])
        if head == "ferplus" and not self.recipe.ferplus_head:
            raise UsageError(f"{self.folder} has no second head; a recipe with the key ferplus_head gives one")

    def network(self, head: Head = "labels") -> Any:
        """Build the network (a `keras.Model`) in float32 with the best epoch's weights.

        Args:
            head: Head whose answers the network returns: it has one head, also where the run trained two.

        Raises:
            UnknownNameError: There is no such head.
            UsageError: The run has no second head.
            DataError: best.keras is missing or damaged.
        """
        from . import heads
        from .networks.build import build_network

        def build(classes: int) -> Any:
            return build_network(self.recipe.network, classes, self.recipe.size, width=self.recipe.width)

        self.check_head(head)
        model = build(len(self.info["labels"]))
        whole = heads.add(model) if self.recipe.ferplus_head else model
        with checkpoints.named_if_damaged(self.folder / "best.keras") as weights:
            whole.load_weights(weights)
        if head == "labels":
            return model
        second = build(len(LABELS))
        for layer, source in zip(second.layers, model.layers, strict=True):
            ends = layer.name == "logits"
            layer.set_weights((whole.get_layer(heads.LOGITS) if ends else source).get_weights())
        return second


def begin(
    recipe: Recipe,
    folder: Path,
    label_names: Sequence[str],
    sources: Mapping[str, Mapping[str, Any]],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Start or reopen a run folder.

    Args:
        recipe: What to train by.
        folder: The run folder.
        label_names: Of the network's outputs.
        sources: What is trained on, each with its `sha256`: `data`, perhaps `extra`, `votes`, `teachers`, `start`.
        versions: Of the libraries.

    Returns:
        The content of run.json, as it is in the folder.

    Raises:
        UsageError: The folder holds another run, or one that began from another start.
        OutputError: The folder can't be written.
    """
    if (folder / "run.json").exists():
        before = Run.open(folder)
        same_data = all(
            before.info.get(name, {}).get("sha256") == sources.get(name, {}).get("sha256") for name in _SOURCES
        )
        if before.recipe != recipe or not same_data:
            raise UsageError(
                f"{folder} holds a run with another recipe or other data; choose another --out, or remove it"
            )
        _same_start(folder, before.info.get("start", {}), sources.get("start", {}))
        return before.info
    info: dict[str, Any] = {
        "recipe": recipe.name,
        **sources,
        "labels": list(label_names),
        "versions": dict(versions),
        "epochs_done": 0,
    }
    with removed_if_empty(folder):
        recipe.save(folder / "recipe.toml")
        checkpoints.write_state(folder, info)
    return info


@contextmanager
def removed_if_empty(folder: Path) -> Iterator[None]:
    """Remove a run that fails before its first epoch is complete, so that a corrected recipe can use its folder.

    Ctrl-C leaves the run, to be resumed.
    """
    try:
        yield
    except Exception:
        if not (folder / "last.keras").exists():
            with suppress(OSError):  # a file in the way of the folder; or the folder holds something else
                checkpoints.remove(folder)
        raise


def _same_start(folder: Path, recorded: Mapping[str, str], given: Mapping[str, str]) -> None:
    if not given:
        return
    same_path = "path" in recorded and Path(recorded["path"]).resolve() == Path(given["path"]).resolve()
    if recorded.get("sha256", same_path) in (True, given.get("sha256")):  # older runs kept no hash
        return
    if same_path:
        raise UsageError(
            f"{given['path']} does not hold the weights any more that {folder} began from; leave --start out to go on "
            "with it, or choose another --out"
        )
    raise UsageError(
        f"{folder} did not begin from {given['path']} but from {recorded.get('path', 'what its recipe says')}; "
        "start it from that again, or choose another --out"
    )


def begun_from(folder: Path) -> str | None:
    """Return the start of a run that has completed no epoch; None for any other, or where none was given."""
    if (folder / "last.keras").exists() or not (folder / "run.json").exists():
        return None
    return Run.open(folder).info.get("start", {}).get("path")


def source(dataset: Dataset, faces: Mapping[str, int]) -> dict[str, Any]:
    """Return the entry of a data set in run.json: name, path, hash, and the number of faces used of each split."""
    return {"name": dataset.name, "path": dataset.path, "sha256": dataset.sha256, "faces": dict(faces)}


def criterion(recipe: Recipe) -> str:
    """Return the column of history.csv whose maximum is the best epoch.

    For a recipe that balances classes it is the mean recall, in which all classes count the same.
    """
    return "val_accuracy" if recipe.balance == "none" else "val_balanced_accuracy"


def read_history(folder: Path, epochs: int = 0) -> list[dict[str, float]]:
    """Return the lines of history.csv, none where there is no such file.

    Args:
        folder: The run folder.
        epochs: How many lines there must be at least.

    Raises:
        DataError: It is damaged.
    """
    path = folder / "history.csv"
    try:
        lines = csv.DictReader(io.StringIO(read_bytes(path).decode() if path.exists() else ""))
        rows = [{k: int(v) if k == "epoch" else float(v) for k, v in row.items()} for row in lines]
        found = [row.get("epoch") for row in rows]
        if found != list(range(1, len(rows) + 1)) or len(rows) < epochs:
            raise ValueError(f"it has the epochs {found}, not 1 to {epochs}")
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{path} is damaged: {error}; {checkpoints.REMEDY}") from error
    return rows


def write_history(folder: Path, history: list[dict[str, float]]) -> None:
    """Write history.csv; see `models.files.replacing` for how."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_bytes(folder / "history.csv", text.getvalue().encode())


def summaries(folder: str | Path) -> list[dict[str, Any]]:
    """Sum up the run folders in a folder, by name.

    Returns:
        JSON-ready, for each run: name, recipe, data, parameters, macs, epochs_done, epochs, best_epoch,
        val_accuracy, minutes, augmentation_share (of the time of an epoch), None for what is not known
        yet; or name and `error` where the run is damaged.

    Raises:
        MissingFileError: There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MissingFileError(f"there is no folder {folder}; 'ferlite train' makes one for each run")
    marks = ("recipe.toml", "run.json", "history.csv")
    found = [path for path in sorted(folder.iterdir()) if any((path / mark).is_file() for mark in marks)]
    return [{"name": path.name} | _summary(path) for path in found]


def _summary(folder: Path) -> dict[str, Any]:
    try:
        run = Run.open(folder)
        history = read_history(folder, run.info["epochs_done"])
        best: Mapping[str, Any] = max(history, key=lambda row: row[criterion(run.recipe)], default={})
        seconds = sum(row["seconds"] for row in history)
        return {
            "recipe": run.recipe.name,
            "data": run.info["data"]["name"],
            "parameters": run.info.get("parameters"),
            "macs": run.info.get("macs"),
            "epochs_done": len(history),
            "epochs": run.recipe.epochs,
            "best_epoch": best.get("epoch"),
            "val_accuracy": best.get("val_accuracy"),
            "minutes": seconds / 60,
            "augmentation_share": sum(row["augmentation_seconds"] for row in history) / seconds if seconds else None,
        }
    except FerliteError as error:
        return {"error": str(error)}
    except (LookupError, TypeError) as error:
        return {"error": f"{folder} is damaged: {type(error).__name__} {error}"}
