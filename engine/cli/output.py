"""How commands print: tables for people, JSON lines for programs, one sentence for errors."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TextColumn
from rich.table import Table

from engine.events import Event, GroupEpoch

PIPED_WIDTH = 160  # a file or a pipe has no width of its own
console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


def print_json(content: Any) -> None:
    """One JSON value on one line, flushed, so that a reader follows a run as it trains."""
    sys.stdout.write(json.dumps(_plain(content), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """A table; None shows as a dash, floats with four significant digits."""
    table = Table(*columns, title=escape(title) or None, title_justify="left", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(escape(show(value)) for value in row))
    console.print(table)


@contextmanager
def watching() -> Iterator[Callable[[Event], None]]:
    """A line that says how far training is, for as long as many runs train; gone afterwards."""
    with Progress(TextColumn("{task.description}"), console=console, transient=True) as progress:
        task = progress.add_task("reading the ratings")

        def tell(event: Event) -> None:
            if isinstance(event, GroupEpoch) and event.runs:
                words = f"epoch {event.epoch}, {len(event.runs)} runs training"
                progress.update(task, description=words)

        yield tell


def print_error(message: str) -> None:
    """One sentence on standard error."""
    sys.stderr.write(message + "\n")


def show(value: object) -> str:
    """A value as a person reads it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(content: Any) -> Any:
    """JSON has no NaN: a number that does not exist is null."""
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
