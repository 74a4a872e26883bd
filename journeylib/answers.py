"""The exercises of the notebooks, and answers that are checked kindly. Not for writing lessons."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from journeylib.errors import JourneyError, did_you_mean
from journeylib.exhibits import Exhibit, bold
from journeylib.labels import is_missing

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from journeylib.workspace import Workspace

Answer = float | str | None
Kind = Literal["count", "measure", "choice", "name"]

ROUNDED = 0.005
CLOSE = 0.10
NEAR_NAME = 0.75
NOT_GOOD = ("warn", "fail")
SLIPS = {
    100.0: "the digits are right; mind percent and fractions.",
    0.01: "the digits are right; mind percent and fractions.",
    -1.0: "the size is right; mind the sign.",
}


@dataclass(frozen=True, slots=True)
class Exercise:
    """One question at the end of a notebook.

    Attributes:
        kind: ``count`` must fit exactly, ``measure`` to half a percent, ``choice`` is 1 or 0 and
            gets no side, ``name`` is a word from a table.
        expected: Gives the answer from the workspace's tables; None where they do not hold it.
        hint: What a learner who is off has most likely done.
        meaning: What a right answer is good for.
    """

    kind: Kind
    expected: Callable[[Workspace], Answer]
    hint: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said about an answer.

    Attributes:
        verdict: ``Right``, ``Close``, ``Not yet``, ``Your turn`` or ``Nothing to check``.
        why: One or two sentences that never hold the answer.
    """

    verdict: str
    why: str


# ---------------------------------------------------------------- what the tables say


def _rows_dropped(work: Workspace) -> Answer:
    return float(work.read("sources")["rows_dropped"].sum())


def _checks_of_data(work: Workspace) -> Answer:
    return _count(work.read("quality"), "status", NOT_GOOD)


def _largest_persona(work: Workspace) -> Answer:
    return 100 * float(work.read("personas")["share"].max())


def _made_personas(work: Workspace) -> Answer:
    return _count(work.read("personas"), "verdict", ("constructed", "unstable"))


def _narrowest_passage(work: Workspace) -> Answer:
    stages = work.read("stages")
    everyone = stages[(stages["persona"] == "all") & (stages["to_next"] > 0)]
    return 100 * float(everyone["to_next"].min())


def _most_returned_to(work: Workspace) -> Answer:
    loops = work.read("loops").dropna(subset=["customers"])
    first = loops.sort_values("customers", ascending=False).head(1)["touchpoint"]
    return str(first.item()) if len(first) else None


def _pains_said(work: Workspace) -> Answer:
    return _count(work.read("pains"), "kind", ("sentiment",))


def _false_alarms(work: Workspace) -> Answer:
    compared = work.recall("compared")
    return work.params.pains.fdr * float(compared["p_value"].count()) if len(compared) else None


def _first_width(work: Workspace) -> Answer:
    low, high = _first_interval(work)
    return high - low


def _first_excludes_zero(work: Workspace) -> Answer:
    low, high = _first_interval(work)
    return None if math.isnan(high - low) else float(low > 0 or high < 0)


def _checks_of_changes(work: Workspace) -> Answer:
    return _count(work.read("impact_checks"), "status", NOT_GOOD)


def _overstated(work: Workspace) -> Answer:
    plain = work.recall("plain").head(1)
    return float((plain["plain"] - plain["value"]).sum()) if len(plain) else None


def _graded_ab(work: Workspace) -> Answer:
    return _count(work.read("impacts"), "evidence", ("A", "B"))


def _caveats(work: Workspace) -> Answer:
    return _count(work.read("assumptions"), "status", NOT_GOOD)


def _count(table: pd.DataFrame, column: str, words: tuple[str, ...]) -> float:
    return float(table[column].isin(words).sum())


def _first_interval(work: Workspace) -> tuple[float, float]:
    first = work.read("impacts").head(1)
    return float(first["low"].min()), float(first["high"].min())


# ---------------------------------------------------------------- the exercises

EXERCISES: dict[str, Exercise] = {
    "01.1": Exercise(
        "count", _rows_dropped,
        "Add up the column of rows left out over all sources, not only the first.",
        "A row that is left out is counted with its reason, so nothing is lost in silence.",
    ),
    "01.2": Exercise(
        "count", _checks_of_data,
        "Count the rows whose status is warn or fail; each source is checked by itself.",
        "Each of them says which result to read with care.",
    ),
    "02.1": Exercise(
        "measure", _largest_persona,
        "Take the largest share and write it in percent, between 0 and 100.",
        "A persona that holds most customers says little about any of them.",
    ),
    "02.2": Exercise(
        "count", _made_personas,
        "Read the verdicts: natural groups stand apart by themselves, the others do not.",
        "A constructed group is a useful slice, and where it is cut is a choice.",
    ),
    "03.1": Exercise(
        "measure", _narrowest_passage,
        "Keep the rows of all customers, then take the smallest share.",
        "Whether they are lost or still on the way, this number alone does not say.",
    ),
    "03.2": Exercise(
        "name", _most_returned_to,
        "Order by customers: a few of them may make most of the repeats.",
        "Coming back may be a habit or a trouble; what comes next tells them apart.",
    ),
    "04.1": Exercise(
        "count", _pains_said,
        "Losses, delays and repeats are what customers did; count the other kind.",
        "What is said and what is done need not agree, and both are evidence.",
    ),
    "04.2": Exercise(
        "measure", _false_alarms,
        "Count the comparisons that have a p-value and take the part that `rules.fdr` names.",
        "So many rows would look like a finding in a shop where nothing hurts. Hence the p-values "
        "are adjusted before the list is made.",
    ),
    "05.1": Exercise(
        "measure", _first_width,
        "Take the upper end less the lower end of the first row.",
        "The width says how much the data can tell. It shrinks with the root of the sample only.",
    ),
    "05.2": Exercise(
        "choice", _first_excludes_zero,
        "Look at the signs of the two ends of the first row's interval.",
        "This tells whether there is a difference. How large it is, the whole interval tells.",
    ),
    "05.3": Exercise(
        "count", _checks_of_changes,
        "Count warn and fail alike, over all changes.",
        "A warning lowers what may be claimed; a failure withholds the verdict.",
    ),
    "05.4": Exercise(
        "measure", _overstated,
        "Take what after less before gives in the first row, less what its own design leaves.",
        "The difference is what the trend, the season or everybody's rise added.",
    ),
    "06.1": Exercise(
        "count", _graded_ab,
        "Count the rows whose evidence is A or B; every arm, metric and part is a row.",
        "Only these may be called effects. All else is a change, or a difference between groups.",
    ),
    "06.2": Exercise(
        "count", _caveats,
        "Take the table `assumptions` of this notebook, with all its chapters.",
        "A client who has read them will not be surprised by them later.",
    ),
}  # fmt: skip


def check_answer(work: Workspace, exercise: str, answer: object) -> Exhibit:
    """Say whether an answer is right, close or not there yet, and why.

    Args:
        work: The workspace whose tables hold the answer.
        exercise: Number of the exercise, such as ``"03.2"``.
        answer: What the learner computed; None or an ellipsis means not answered.

    Returns:
        A remark that never gives the answer away.

    Raises:
        JourneyError: There is no such exercise.
    """
    if exercise not in EXERCISES:
        near = did_you_mean(exercise, EXERCISES)
        fix = near or f"There are {', '.join(EXERCISES)}."
        raise JourneyError(f"There is no exercise {exercise}.", [fix])
    if answer is None or answer is ...:
        turn = "replace the three dots with your answer and run both cells again."
        return _show(Remark("Your turn", turn))
    task = EXERCISES[exercise]
    return _show(judge_answer(task, answer, expected=task.expected(work)))


def judge_answer(task: Exercise, answer: object, *, expected: Answer) -> Remark:
    """Compare an answer with what the tables say.

    Args:
        task: The exercise; its kind says how near is right.
        answer: What the learner computed; a table or column of one value counts as that value.
        expected: What the tables say; None or not a number where they say nothing.

    Returns:
        The verdict and the reason for it.
    """
    if expected is None or is_missing(expected):
        return Remark("Nothing to check", "this client's data does not hold the answer.")
    given = _single(answer)
    if isinstance(expected, str):
        return _judge_name(task, given, expected)
    try:
        number = float(str(given))
    except ValueError:
        number = math.nan
    if math.isnan(number):
        return Remark("Not yet", f"the answer is one number; this is {_describe(given)}.")
    return _judge_number(task, number, expected)


def _judge_number(task: Exercise, given: float, expected: float) -> Remark:
    off = abs(given - expected)
    if off <= (ROUNDED if task.kind == "measure" else 1e-9) * abs(expected) + 1e-12:
        return Remark("Right", f"that is what the tables say. {task.meaning}")
    if task.kind == "choice":
        return Remark("Not yet", f"the answer is 1 for yes or 0 for no. {task.hint}")
    if off <= CLOSE * abs(expected):
        return Remark("Close", f"you are within a tenth. {task.hint}")
    for factor, slip in SLIPS.items():
        if math.isclose(given * factor, expected, rel_tol=ROUNDED):
            return Remark("Close", slip)
    side = "too large" if given > expected else "too small"
    return Remark("Not yet", f"it is {side}. {task.hint}")


def _judge_name(task: Exercise, given: object, expected: str) -> Remark:
    if not isinstance(given, str):
        return Remark("Not yet", f"the answer is a name in quotes; this is {_describe(given)}.")
    # Pages show `check_in` as "check in"; either is the name.
    pair = (given.replace("_", " "), expected.replace("_", " "))
    written, wanted = (" ".join(text.split()).casefold() for text in pair)
    if written == wanted:
        return Remark("Right", f"that is what the tables say. {task.meaning}")
    if difflib.SequenceMatcher(None, written, wanted).ratio() >= NEAR_NAME:
        return Remark("Close", "mind the spelling: write the name as the table does.")
    return Remark("Not yet", f"it is another one. {task.hint}")


def _single(answer: Any) -> Any:
    """Take the only value out of a column or table; flags become 1 and 0."""
    if getattr(answer, "size", None) == 1:
        answer = answer.to_numpy() if hasattr(answer, "to_numpy") else answer
        answer = answer.item()
    return int(answer) if isinstance(answer, bool) else answer


def _describe(given: object) -> str:
    size = getattr(given, "size", 1)
    kind = type(given).__name__
    if size != 1:
        return f"a {kind} of {size} values"
    return "a missing value" if is_missing(given) else f"of the type {kind}"


def _show(remark: Remark) -> Exhibit:
    return Exhibit(f'<p class="said answer">{bold(f"**{remark.verdict}**: {remark.why}")}</p>')
