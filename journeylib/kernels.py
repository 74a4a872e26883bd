"""Runs one notebook in a fresh kernel and tells truly whether it finished."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from journeylib import _faststart  # noqa: F401  # before nbformat, see there
from journeylib.errors import RunError

if TYPE_CHECKING:
    from pathlib import Path

CELL_SECONDS = 600
START_SECONDS = 120
ERROR_LINES = 12


@dataclass(frozen=True, slots=True)
class Executed:
    """A notebook that ran to its end.

    Attributes:
        notebook: The notebook with its outputs, an ``nbformat`` node.
        seconds: Wall time.
    """

    notebook: Any
    seconds: float


def execute_notebook(
    path: Path,
    *,
    client: str,
    save_to: Path | None = None,
    timeout: int = CELL_SECONDS,
) -> Executed:
    """Run a notebook for one client by papermill, in a kernel of its own.

    Args:
        path: The notebook.
        client: The client file, handed over as the notebook's only parameter.
        save_to: Where the executed notebook is kept, also when it failed; None keeps none.
        timeout: Seconds that one cell may take.

    Returns:
        The executed notebook, every code cell of which was answered by the kernel.

    Raises:
        RunError: A cell raised, took too long, or the kernel died; says which and why.
    """
    import nbclient.exceptions
    import papermill
    from traitlets.config import Config

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    started = time.monotonic()
    config = Config(
        {
            "KernelManager": {"transport_encryption": "auto"},
            "NotebookClient": {"extra_arguments": ["--log-level=50"]},
        }
    )
    try:
        node = papermill.execute_notebook(
            str(path), None if save_to is None else str(save_to), {"client": client},
            progress_bar=False, log_output=False, execution_timeout=timeout,
            start_timeout=START_SECONDS, request_save_on_cell_execute=False, config=config,
        )  # fmt: skip
    except papermill.PapermillExecutionError as failed:
        raise _retold(path.stem, failed) from None
    except nbclient.exceptions.CellTimeoutError:
        fix = f"a cell took more than {timeout} s; set --timeout, or look for an endless loop"
        raise RunError(f"{path.stem} did not finish.", [fix]) from None
    except nbclient.exceptions.DeadKernelError:
        fix = "the kernel died, most likely out of memory; set `memory` in the client file lower"
        raise RunError(f"{path.stem} did not finish.", [fix]) from None
    check_complete(node, path.stem)
    return Executed(node, time.monotonic() - started)


def check_complete(notebook: Any, name: str) -> None:
    """Hold an executed notebook to its word: the kernel answered every cell, and none failed.

    Papermill's own status says *completed* after a crash, so only the kernel's replies count.

    Args:
        notebook: An ``nbformat`` node.
        name: What messages call it.

    Raises:
        RunError: A cell was not answered or shows an error.
    """
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        answered = "shell.execute_reply" in cell.metadata.get("execution", {})
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed or not answered:
            raise RunError(
                f"{name} did not finish.", [f"cell {number} was not run to its end: run it again"]
            )


def _retold(name: str, failed: Any) -> RunError:
    """Tell a person's mistake in its own words; anything else with the cell that failed."""
    lines = str(failed.evalue).strip().splitlines() or [str(failed.ename)]
    if failed.ename in {"DataError", "JourneyError", "ParamsError"}:
        return RunError(lines[0], [line.strip().removeprefix("- ") for line in lines[1:]])
    told = " ".join(line.strip() for line in lines[:ERROR_LINES])
    return RunError(f"{name} stopped in cell {failed.exec_count}: {failed.ename}.", [told])
