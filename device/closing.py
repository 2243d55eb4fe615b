"""What is closed at the end of a `with` statement."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self


class Closing(Protocol):
    """Closes itself at the end of a `with` statement."""

    def close(self) -> None:
        """Give back what is held; may be called again."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
