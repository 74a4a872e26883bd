"""Lessons: answers that are checked kindly. Exercises and solutions come from the real notebooks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib.exhibits import Exhibit, bold

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeylib.workspace import Workspace

CLOSE = 0.10


@dataclass(frozen=True, slots=True)
class Exercise:
    """One question at the end of a notebook.

    Attributes:
        expected: Computes the answer from the workspace's tables.
        hint: What a learner who is off has most likely done.
    """

    expected: Callable[[Workspace], float]
    hint: str


EXERCISES: dict[str, Exercise] = {
    "01": Exercise(
        lambda work: float(work.read("sources")["rows_dropped"].sum()),
        "Add up the column of rows left out over all sources, not only the first.",
    ),
    "02": Exercise(
        lambda work: 100 * float(work.read("personas")["share"].max()),
        "Take the largest share and write it in percent, between 0 and 100.",
    ),
    "03": Exercise(
        lambda work: 100 * float(work.read("stages").query("persona == 'all'")["to_next"].min()),
        "Keep the rows of all customers first; a persona may stay behind even more.",
    ),
    "04": Exercise(
        lambda work: float((work.read("pains")["kind"] == "sentiment").sum()),
        "Losses, delays and repeats are what customers did; count the other kind.",
    ),
    "05": Exercise(
        lambda work: float(
            (work.read("impacts")["high"] - work.read("impacts")["low"]).head(1).sum()
        ),
        "Take the upper end less the lower end of the first row.",
    ),
    "06": Exercise(
        lambda work: float(work.read("impacts")["evidence"].isin(["A", "B"]).sum()),
        "Count the rows whose evidence is A or B; every arm, metric and part is a row.",
    ),
}


def check_answer(work: Workspace, exercise: str, answer: object) -> Exhibit:
    """Say whether an answer is right, close or not there yet, and why.

    Args:
        work: The workspace whose tables hold the answer.
        exercise: Number of the notebook.
        answer: What the learner computed; None or an ellipsis means not answered.

    Returns:
        A remark that never gives the answer away.
    """
    task = EXERCISES[exercise]
    expected = task.expected(work)
    if answer is None or answer is ...:
        return _remark(
            "Your turn", "replace the three dots with your answer and run the cell again."
        )
    try:
        given = float(str(answer))
    except ValueError:
        return _remark("Not yet", f"the answer is one number; this is {type(answer).__name__}.")
    if math.isnan(expected):
        return _remark("Nothing to check", "this client's data does not hold the answer.")
    if math.isclose(given, expected, rel_tol=5e-3, abs_tol=5e-3):
        return _remark("Right", "that is what the tables say.")
    if abs(given - expected) <= CLOSE * max(abs(expected), 1e-9):
        return _remark("Close", f"you are within a tenth. {task.hint}")
    scaled = next((f for f in (100, 0.01) if math.isclose(given * f, expected, rel_tol=5e-3)), None)
    if scaled is not None:
        return _remark("Close", "the digits are right; mind percent and fractions.")
    side = "too large" if given > expected else "too small"
    return _remark("Not yet", f"it is {side}. {task.hint}")


def _remark(verdict: str, why: str) -> Exhibit:
    return Exhibit(f'<p class="said answer">{bold(f"**{verdict}**: {why}")}</p>')
