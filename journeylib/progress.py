"""Progress of a run: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from journeylib.workspace import NOTEBOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STOPS = (*NOTEBOOKS, "report")


@contextmanager
def follow_run(clients: int) -> Iterator[Callable[[str, str], None]]:
    """Show how far a run is.

    Args:
        clients: How many clients are run.

    Yields:
        A function that is told the client and what it is doing.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(), console=console, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("starting", total=clients * len(STOPS))
        reached: dict[str, int] = {}

        def tell(client: str, doing: str) -> None:
            done = STOPS.index(doing) if doing in STOPS else len(STOPS)
            reached[client] = done
            bar.update(task, completed=sum(reached.values()), description=f"{client}: {doing}")
            if not console.is_terminal:
                console.print(f"{client}: {doing}", highlight=False)

        yield tell
