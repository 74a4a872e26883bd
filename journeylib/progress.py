"""Progress of a run: live on a terminal, plain lines elsewhere; and its table at the end."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from journeylib.workspace import NOTEBOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from journeylib.clientrun import Outcome
    from journeylib.standing import Standing

STOPS = (*NOTEBOOKS, "report")
SIGNS = {"finished": "✓", "unchanged": "✓", "partial": "✓", "failed": "✗"}
STANDING_SIGNS = {"up to date": "✓", "failed": "✗", "cannot be run": "✗", "running": "…"}


class News(NamedTuple):
    """What a client is doing.

    Attributes:
        client: Slug of the client.
        doing: A notebook, ``"report"``, or the status it ended with.
        cell: Number of the cell that runs; 0 where there is none.
        of: How many cells there are.
        seconds: Wall time since the client was started.
    """

    client: str
    doing: str
    cell: int = 0
    of: int = 0
    seconds: float = 0.0

    @property
    def share(self) -> float:
        """How much of the client's work is behind it, 0 to 1, all notebooks alike."""
        if self.doing not in STOPS:
            return 1.0
        within = self.cell / self.of if self.of else 0.0
        return (STOPS.index(self.doing) + within) / len(STOPS)


def read_news(path: Path) -> News | None:
    """Read what a client said last; None where it said nothing.

    Args:
        path: The file it writes into.
    """
    try:
        return News(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@dataclass(slots=True)
class Course:
    """How far a run is.

    Attributes:
        clients: How many clients there are.
        latest: What each client said last.
    """

    clients: int
    latest: dict[str, News] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    at_once: float = 0.0

    def take(self, news: News) -> bool:
        """Take in what a client said; gives whether it began something new."""
        before = self.latest.get(news.client)
        self.latest[news.client] = news
        if news.doing not in STOPS and not news.seconds:
            self.at_once += 1  # unchanged or refused: says nothing about how long others take
        return before is None or before.doing != news.doing

    @property
    def share(self) -> float:
        """How much of all work is done, 0 to 1."""
        return sum(news.share for news in self.latest.values()) / max(1, self.clients)

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.started

    @property
    def remaining(self) -> float | None:
        """Seconds still to go, by how long the work took so far; None where nothing tells."""
        done = sum(news.share for news in self.latest.values()) - self.at_once
        if done < min(0.25, 0.1 * self.clients):  # the start, when libraries load, tells too little
            return None
        return self.elapsed / done * (self.clients - self.at_once - done)


@contextmanager
def follow_run(
    clients: int, *, quiet: bool = False, which: str = ""
) -> Iterator[Callable[[News], object]]:
    """Show how far a run is, on the error stream.

    Args:
        clients: How many clients are run.
        quiet: Whether nothing is shown.
        which: Which run it is, where there are several, such as ``First run``.

    Yields:
        A function that is told what a client is doing.
    """
    from rich.console import Console

    console = Console(stderr=True)
    course = Course(clients)
    if quiet:
        yield course.take
    elif not console.is_terminal:
        told = "1 client" if clients == 1 else f"{clients} clients"
        console.print(f"{which}{': ' if which else ''}{told}", highlight=False, markup=False)
        yield lambda news: _write_line(console, course, news)
    else:
        with _live(console, course) as tell:
            yield tell


def _write_line(console: Any, course: Course, news: News) -> None:
    if course.take(news):
        told = f"{news.client}: {news.doing} ({clock(course.elapsed)} elapsed"
        left = course.remaining
        told += f", about {clock(left)} to go)" if left is not None and left > 0 else ")"
        console.print(told, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _live(console: Any, course: Course) -> Iterator[Callable[[News], None]]:
    from rich.live import Live

    with Live(_picture(course), console=console, refresh_per_second=4, transient=True) as live:

        def tell(news: News) -> None:
            course.take(news)
            live.update(_picture(course))

        live.get_renderable = lambda: _picture(course)  # type: ignore[method-assign]  # clocks go on
        yield tell


def _picture(course: Course) -> Any:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for news in course.latest.values():
        if news.doing in STOPS:
            cell = f"cell {news.cell} of {news.of}" if news.of else ""
            grid.add_row(Text(news.client), Text(news.doing), cell, clock(news.seconds))
    done = sum(news.doing not in STOPS for news in course.latest.values())
    left = course.remaining
    ahead = f", about {clock(left)} to go" if left is not None else ""
    line = f"{done} of {course.clients} clients, {clock(course.elapsed)} elapsed{ahead}"
    return Group(grid, ProgressBar(total=1.0, completed=course.share, width=60), Text(line))


def clock(seconds: float) -> str:
    """Write a duration as a clock does.

    Args:
        seconds: How long.

    Example:
        >>> clock(7.6), clock(3725)
        ('0:08', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


# ---------------------------------------------------------------- tables


def print_summary(outcomes: Sequence[Outcome], index: Path) -> None:
    """Show how a run ended: one row for each client, the reasons of failures below.

    Args:
        outcomes: From `batch.run_clients`.
        index: The page over all clients.
    """
    rows = [
        (
            f"{SIGNS.get(one.status, '!')} {one.status}", one.client, clock(one.seconds),
            ", ".join(name[:2] for name in one.ran) or ("none" if one.ok else ""), one.report,
        )
        for one in outcomes
    ]  # fmt: skip
    _print_table(("Status", "Client", "Time", "Notebooks run", "Report"), rows)
    counts = {one.status: 0 for one in outcomes}
    for one in outcomes:
        counts[one.status] += 1
    _print_texts(f"✗ {one.client}: {one.error}" for one in outcomes if one.status == "failed")
    _print_texts(_tell_warnings(one) for one in outcomes if one.warnings)
    _print_texts([", ".join(f"{n} {status}" for status, n in counts.items()) + f": {index}"])


def _tell_warnings(outcome: Outcome) -> str:
    counted = "1 warning" if outcome.warnings == 1 else f"{outcome.warnings:,} warnings"
    return f"! {outcome.client}: {counted}; run.json and the pages in analyst/ say which"


def print_standings(standings: Sequence[Standing]) -> None:
    """Show how clients stand.

    Args:
        standings: From `standing.look_at`.
    """
    rows = [
        (
            f"{STANDING_SIGNS.get(one.state, '!')} {one.state}", one.client,
            one.when[:16].replace("T", " "), ", ".join(one.kept) or "none",
            "; ".join(reason.replace("\n", " ") for reason in one.reasons[:3]),
        )
        for one in standings
    ]  # fmt: skip
    _print_table(("State", "Client", "Report of (UTC)", "Notebooks kept", "Why"), rows)


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table on a terminal, or lines whose columns a tab divides."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for row in rows:
            console.out("\t".join(row), highlight=False)
        return
    table = Table(*heads, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(text, overflow="fold") for text in row))
    console.print(table)


def _print_texts(texts: Any) -> None:
    from rich.console import Console

    console = Console()
    for text in texts:
        console.out(text, highlight=False)
