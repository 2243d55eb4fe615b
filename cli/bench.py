"""`ferlite bench`: accuracy and latency."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .console import console, print_json, progress
from .train import DATA_HELP

app = typer.Typer(help="Measure model files: accuracy and latency.", no_args_is_help=True)

Models = Annotated[list[str], typer.Argument(help="Shipped models or .tflite files; each is compared with the first.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def accuracy(
    models: Models,
    data: Annotated[Path, typer.Option(help=DATA_HELP, show_default=False)],
    split: Annotated[str, typer.Option(help="train, validation (FER2013's PublicTest).")] = "validation",
    limit: Annotated[int | None, typer.Option(min=1, help="Score only the first so many faces.")] = None,
    final: Annotated[
        Path | None,
        typer.Option(
            metavar="LOG",
            help="Score the test split (FER2013's PrivateTest), once for each model, and note it in LOG.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score models on labelled faces, with intervals, and each against the first."""
    from ..benchmarks import accuracy as bench
    from ..models.errors import UsageError
    from ..train import datasets

    if final is None and datasets.split_name(split) == "test":
        raise UsageError(
            "the test split is for one last look: give --final LOG, which scores it and notes that it was seen; "
            "choose models on the validation split"
        )
    with console.status(f"reading {data}"):
        dataset = datasets.load(data)
    if final is not None:
        split, limit = "test", None
        bench.refuse_second_look(models, dataset, final)
    with progress("accuracy") as show:
        result = bench.measure(
            models,
            dataset,
            split,
            limit=limit,
            on_face=lambda done, total: show(done / total, f"{done}/{total}"),
        )
    if final is not None:
        bench.log_final(result, final)
    if as_json:
        print_json(result)
        return
    _print_accuracy(result, f"{dataset.name}, {result['data']['split']}, n = {result['data']['faces']}")
    without = result.get("without_duplicates")
    if without:
        _print_accuracy(without, f"the same without {without['duplicates']} faces that are also in the training split")
    typer.echo(_place(result))


@app.command()
def latency(
    models: Models,
    threads: Annotated[int, typer.Option(min=1, help="Threads for one inference.")] = 1,
    seconds: Annotated[float, typer.Option(min=0, help="Least time for each model.")] = 10.0,
    queries: Annotated[int, typer.Option(min=1, help="Least number of inferences of each model.")] = 1024,
    as_json: Json = False,
) -> None:
    """Time single inferences of models that take turns in one run."""
    from ..benchmarks import latency as bench

    with progress("latency") as show:
        result = bench.measure(
            models, threads=threads, seconds=seconds, queries=queries, on_round=lambda share: show(share, "")
        )
    if as_json:
        print_json(result)
        return
    table = Table("model", "scheme", "KB", "p50 ms [95 %]", "p90 ms", "p99 ms", "µs/MMAC", "XNNPACK", "times the first")
    ratios = ["", *(f"{pair['median_ratio']:.2f}" for pair in result["pairs"])]
    for row, ratio in zip(result["models"], ratios, strict=True):
        low, high = row["p50_interval"]
        table.add_row(
            row["file"],
            row["scheme"],
            f"{row['bytes'] / 1e3:,.0f}",
            f"{row['p50']:.3f} [{low:.3f}, {high:.3f}]",
            f"{row['p90']:.3f}",
            f"{row['p99']:.3f}",
            f"{1e9 * row['p50'] / row['macs']:.1f}" if row["macs"] else "",
            "yes" if row["xnnpack"] else "no",
            ratio,
        )
    Console().print(table)
    typer.echo(f"{_place(result)}; {threads} thread(s), models interleaved")


def _print_accuracy(result: dict[str, Any], title: str) -> None:
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
    Console().print(table)
    for pair in result["pairs"]:
        low, high = pair["difference_interval"]
        typer.echo(
            f"{pair['models'][1]} against {pair['models'][0]}: {100 * pair['difference']:+.2f} points "
            f"[{100 * low:+.2f}, {100 * high:+.2f}], same answer on {pair['agreement']:.2%}, right alone on "
            f"{pair['only_second_right']} against {pair['only_first_right']}, McNemar p = {pair['mcnemar_p']:.2f}"
        )


def _place(result: dict[str, Any]) -> str:
    machine = result["machine"]
    return f"{machine['model']}, {machine['architecture']}, {machine['cores']} cores; {result['runtime']}"
