"""Why a notebook did not finish, in words: what a person's data did, a limit, or the machine."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from journeylib.errors import RunError

if TYPE_CHECKING:
    from journeylib.forkclient import Exit

ERROR_LINES = 12
OWN_ERRORS = frozenset({"DataError", "JourneyError", "ParamsError"})
OUT_OF_MEMORY = frozenset(
    {"ArrowMemoryError", "MemoryError", "OutOfMemoryException", "_ArrayMemoryError"}
)


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a notebook that did not finish.

    Attributes:
        name: What messages call it.
        place: The cell that ran last.
        timeout: Seconds that one cell could take.
        memory: Bytes that the kernel could take, or None.
        ended: How the kernel ended, where that is known.
        number: Number of the cell that ran last; 0 if none was started.
    """

    name: str
    place: str
    timeout: float
    memory: int | None
    ended: Exit | None
    number: int = 1


def tell_ending(failed: Exception, run: Run) -> RunError | None:
    """Tell why a notebook did not finish.

    Args:
        failed: What papermill or nbclient raised.
        run: What is known of the notebook.

    Returns:
        The error for a person; None for one that is no ending of a notebook.
    """
    import nbclient.exceptions
    import papermill

    if isinstance(failed, RunError):
        return failed
    if isinstance(failed, papermill.PapermillExecutionError):
        return _tell_cell(failed, run)
    if isinstance(failed, nbclient.exceptions.CellTimeoutError):
        fix = (
            f"{run.place} took more than {run.timeout:.0f} s; set --timeout, "
            "or look for an endless loop"
        )
        return RunError(f"{run.name} did not finish.", [fix])
    if isinstance(failed, nbclient.exceptions.DeadKernelError):
        return RunError(f"{run.name} did not finish.", [_tell_death(run)])
    if isinstance(failed, RuntimeError) and run.number == 0:
        fix = "run it again; if it stays so, `journey doctor` says what is missing"
        return RunError(f"The kernel of {run.name} did not start, tried twice.", [fix])
    return None


def _tell_cell(failed: Any, run: Run) -> RunError:
    """Tell a person's mistake in its own words; anything else with the cell that failed."""
    lines = str(failed.evalue).strip().splitlines() or [str(failed.ename)]
    if failed.ename in OWN_ERRORS:
        return RunError(lines[0], [line.strip().removeprefix("- ") for line in lines[1:]])
    told = " ".join(line.strip() for line in lines[:ERROR_LINES])
    if failed.ename in OUT_OF_MEMORY:
        limit = f" of {_gigabytes(run.memory)}" if run.memory else ""
        fix = f"allow more memory than the limit{limit} (--memory), or run fewer at once (--jobs)"
        return RunError(f"{run.name} ran out of memory in {run.place}.", [told, fix])
    return RunError(f"{run.name} stopped in {run.place}: {failed.ename}.", [told])


def _tell_death(run: Run) -> str:
    """Say how the kernel died: by which signal, and how much memory it had taken."""
    if run.ended is None:
        return f"the kernel died in {run.place}, most likely because the memory ran out"
    code, peak = run.ended.code, run.ended.peak
    took = f", having taken {_gigabytes(peak)}" if peak else ""
    if code >= 0:
        return f"the kernel ended itself in {run.place} with exit code {code}{took}"
    likely = "; most likely the memory ran out: run fewer at once (--jobs)" if code == -9 else ""
    return f"the kernel died in {run.place} by {_signal_name(-code)}{took}{likely}"


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
