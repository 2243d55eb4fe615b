"""`ferlite bench accuracy`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ...data.results.accuracy import Scoring
from ...errors import UsageError
from ..console import Json, Models, PlainConsole, echo, place, print_json, progress, status
from ..train import DATA_HELP, MajorityOf


def accuracy(
    models: Models,
    data: Annotated[Path, typer.Option(help=DATA_HELP, show_default=False)],
    split: Annotated[
        str, typer.Option(help="train, validation (FER2013's PublicTest), or all of data without a test split.")
    ] = "validation",
    limit: Annotated[int | None, typer.Option(min=1, help="Score only the first so many faces.")] = None,
    votes: MajorityOf = None,
    labels: Annotated[
        str, typer.Option(help="Labels, with commas: score only their faces, the models choosing among these only.")
    ] = "",
    final: Annotated[
        Path | None,
        typer.Option(
            metavar="LOG",
            help="Score the test split (FER2013's PrivateTest), once for each model, and note it in LOG.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score models on labelled faces, with intervals, and each against each."""
    from ...benchmarks import accuracy as bench
    from ...data import ferplus
    from ...data.load import load_dataset
    from ...data.splits import ALL, split_name

    if final is None and split != ALL and split_name(split) == "test":
        raise UsageError(
            "the test split is for one last look: give --final LOG, which scores it and notes that it was seen; "
            "choose models on the validation split"
        )
    if final is not None and (limit or labels or split != "validation"):
        raise UsageError("--final is the one look at the whole test split: leave out --split, --limit and --labels")
    with status(f"reading {data}"):
        dataset = load_dataset(data)
        if votes:
            dataset = ferplus.majority(dataset, votes)
    if final is not None:
        split = "test"
        bench.refuse_second_look(models, dataset, final)
    with progress("accuracy") as show:
        result = bench.measure(
            models,
            dataset,
            split,
            limit=limit,
            labels=[label.strip() for label in labels.split(",") if label.strip()],
            on_face=lambda done, total: show(done / total, f"{done}/{total}"),
        )
    if final is not None:
        bench.log_final(result, final)
    if as_json:
        print_json(result)
        return
    data_used = result["data"]
    alike = f" in {data_used['groups']:,} groups of one person or picture" if data_used["groups"] else ""
    _print(result, f"{dataset.name}, {data_used['split']}, n = {data_used['faces']}{alike}")
    without = result.get("without_duplicates")
    if without:
        _print(without, f"the same without {without['duplicates']} faces that are also in the training split")
    echo(place(result))


def _print(result: Scoring, title: str) -> None:
    table = Table("model", "scheme", "accuracy [95 %]", "balanced", "macro-F1", "ECE", title=title)
    for row in result["models"]:
        low, high = row["interval"]
        table.add_row(
            row["file"],
            row["scheme"],
            f"{row['accuracy']:.2%} [{low:.1%}, {high:.1%}]",
            f"{row['balanced_accuracy']:.1%}",
            f"{row['macro_f1']:.3f}",
            f"{row['calibration_error']:.3f}",
        )
    PlainConsole().print(table)
    labels = list(result["models"][0]["recall"])
    recall = Table("recall", *labels)
    for row in result["models"]:
        shares = (row["recall"].get(label) for label in labels)
        recall.add_row(row["file"], *("" if share is None else f"{share:.1%}" for share in shares))
    PlainConsole().print(recall)
    for pair in result["pairs"]:
        low, high = pair["difference_interval"]
        echo(
            f"{pair['models'][1]} against {pair['models'][0]}: {100 * pair['difference']:+.2f} points "
            f"[{100 * low:+.2f}, {100 * high:+.2f}], same answer on {pair['agreement']:.2%}, right alone on "
            f"{pair['only_second_right']} against {pair['only_first_right']}, McNemar p = {pair['mcnemar_p']:.2f}"
        )
