from pathlib import Path

import typer

import ferlite
from ferlite.cli.commands import app
from ferlite.tools.cli_page import page


def test_the_committed_page_shows_the_commands_as_they_are():
    committed = Path(ferlite.__file__).parent / "docs" / "cli.md"
    assert committed.read_text() == page(app), "run: python -m ferlite.tools cli-page"


def test_a_page_names_arguments_options_and_defaults():
    small = typer.Typer()

    @small.command()
    def look(
        files: list[str],
        rate: float = typer.Option(5.0, help="Frames | seconds."),
        flip: bool = typer.Option(True, help="Mirror."),
        hidden: str = typer.Option("x", hidden=True),
    ) -> None:
        """Look at files."""

    text = page(small)
    assert "Look at files." in text
    assert "| `FILES ...` | required |  |" in text
    assert "| `--rate` | `5.0` | Frames \\| seconds. |" in text
    assert "| `--flip`, `--no-flip` | `--flip` | Mirror. |" in text
    assert "hidden" not in text
