"""`ferlite bench footprint`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from ...device.classifier import DEFAULT_MODEL
from ..console import Json, PlainConsole, echo, place, print_json, status


def footprint(
    model: Annotated[str, typer.Argument(help="Shipped model or .tflite file.")] = DEFAULT_MODEL,
    runs: Annotated[int, typer.Option(min=1, help="How often each start is repeated.")] = 5,
    as_json: Json = False,
) -> None:
    """Measure what an installation takes: disk, time to start, time to the first result, memory."""
    from ...benchmarks import footprint as bench

    with status("starting ferlite over and over"):
        result = bench.measure(model, runs=runs)
    if as_json:
        print_json(result)
        return
    table = Table("package", "MB installed")
    for name, size in result["packages"].items():
        if size >= 1e6:
            table.add_row(name, f"{size / 1e6:.1f}")
    table.add_row("all", f"{result['installed_bytes'] / 1e6:.1f}")
    PlainConsole().print(table)
    limits = result["limits"]
    echo(
        f"import ferlite {result['import_ms']:.0f} ms (limit {limits['import_ms']}); first result of `ferlite run` on "
        f"a picture after {result['first_result_ms']:.0f} ms (limit {limits['first_result_ms']}), "
        f"of which Python's own start takes {result['python_ms']:.0f} ms; "
        f"peak memory {result['peak_rss_bytes'] / 1e6:.0f} MB (limit {limits['peak_rss_bytes'] / 1e6:.0f})"
    )
    echo(place(result))
