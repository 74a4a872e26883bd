"""Sketched sources held against their files: what does not read is mended or becomes a question.

Reading itself says what is wrong, with codes that tell what to change. Not for guessing; `guesses`
does that.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from journeylib.engine import open_connection
from journeylib.errors import JourneyError, Problem
from journeylib.exports import plain
from journeylib.params import Params
from journeylib.sources import read_source
from journeylib.tables import INPUTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from journeylib.sketches import Sketch

MEMORY = "2GB"
_ROUNDS = 8
_BOTH = {
    "E-DATE-AMBIGUOUS": ("dates", "day-first", "month-first"),
    "E-NUMBER-AMBIGUOUS": ("decimal", ",", "."),
}


def fit_sketch(sketch: Sketch, file: Path) -> None:
    """Read a sketched source, and mend the sketch until it reads or only questions are left.

    Args:
        sketch: The source; its keys and questions change.
        file: The client file that is to be written, from which paths are looked up.
    """
    tried: dict[str, object] = {}
    for _ in range(_ROUNDS):
        problems = _read(sketch, file, tried)
        mended = [_mend(sketch, problem, tried) for problem in problems]
        if not any(mended):
            _ask(sketch, problems)
            return


def _read(sketch: Sketch, file: Path, tried: dict[str, object]) -> list[Problem]:
    """Read the source as it is sketched; tried choices hold for this reading only."""
    keys = sketch.as_source()
    keys["format"] = {**keys.get("format", {}), **tried}
    try:
        params = Params.model_validate(
            {"client": "draft", "title": "draft", "sources": [keys]}
        ).read_from(file.absolute(), "")
    except ValueError as refused:
        return [Problem("E-PARAMS-VALUE", str(refused), column="columns")]
    with tempfile.TemporaryDirectory() as scratch:
        con = open_connection(memory=MEMORY, scratch=Path(scratch))
        try:
            read_source(params, params.sources[0], con, table="draft")
        except JourneyError as refused:
            return refused.problems
        finally:
            con.close()
    return []


def _mend(sketch: Sketch, problem: Problem, tried: dict[str, object]) -> bool:
    """Change what a problem speaks of; tell whether anything was changed."""
    if problem.code in _BOTH:
        return _leave_open(sketch, problem, tried)
    mend = _MENDS.get(problem.code)
    if mend is not None and mend(sketch, problem):
        return True
    return _drop_optional(sketch, problem)


def _leave_open(sketch: Sketch, problem: Problem, tried: dict[str, object]) -> bool:
    """Write both readings as a question; go on with one of them for the rest of the file."""
    key, first, second = _BOTH[problem.code]
    if key in tried:
        return False
    tried[key] = first
    what = "day or month first" if key == "dates" else "decimals or thousands"
    asked = f"{problem.column} can be read in two ways, {what}: take one of two lines of format"
    sketch.questions.append(asked)
    sketch.choices[key] = (first, second)
    return True


def _mapped(sketch: Sketch, problem: Problem) -> str:
    """Name the mapped column that a problem speaks of; empty where it is another."""
    columns = sketch.keys.get("columns", {})
    return next((n for n, own in columns.items() if plain(str(own)) == plain(problem.column)), "")


def _drop_optional(sketch: Sketch, problem: Problem) -> bool:
    """Take back the mapping of a column that does not read as what it was guessed to be."""
    name = _mapped(sketch, problem)
    if not name or problem.code not in _DROPPING:
        return False
    if any(column.name == name and column.required for column in INPUTS[sketch.kind]):
        return False
    sketch.forget("columns", name)
    return True


def _count_time(sketch: Sketch, problem: Problem) -> bool:
    """Name the clock of a column of numbers, by the digits that a clock of this century has."""
    digits = len("".join(sign for sign in problem.message.split("'")[1] if sign.isdigit()))
    clocks = {10: "unix_s", 13: "unix_ms", 16: "unix_us"}
    clock = clocks.get(digits, "excel" if digits <= 9 else "")
    name = _mapped(sketch, problem)
    declared = sketch.keys.get("format", {}).get("dates", {})
    if not clock or not name or name in declared:
        return False
    why = f"{problem.column} holds numbers of that many digits"
    sketch.say("format", "dates", {**declared, name: clock}, why)
    return True


def _allow_future(sketch: Sketch, _: Problem) -> bool:
    if "allow_future" in sketch.keys.get("format", {}):
        return False
    sketch.say("format", "allow_future", "true", "some rows lie in the future, as in bookings")
    return True


def _widen_scale(sketch: Sketch, _: Problem) -> bool:
    if sketch.keys.get("scale", {}).get("high", 0) >= 10:
        return False
    sketch.say("scale", "", {"low": 0, "high": 10}, "answers above 5 stand in the column")
    return True


_MENDS: dict[str, Callable[[Sketch, Problem], bool]] = {
    "E-DATE-SERIAL": _count_time,
    "E-DATE-FUTURE": _allow_future,
    "E-SCORE-RANGE": _widen_scale,
    "E-SENTIMENT-RANGE": _widen_scale,
}
_DROPPING = {
    "E-FLAG", "E-NUMBER-UNREADABLE", "E-NUMBER-RANGE", "E-DATE-UNREADABLE", "E-DATE-MIXED",
    "E-TZ-MIXED", "E-TZ-ABBREV", "E-STAGE-UNKNOWN", "E-SCORE-RANGE", "E-SENTIMENT-RANGE",
    "E-MIXED-CURRENCY", "E-DATE-SERIAL", "E-DST-GAP",
}  # fmt: skip
# Required columns that are missing were asked for when the sketch was made.
_ASKED = {"E-MISSING-COLUMN"}


def _ask(sketch: Sketch, problems: list[Problem]) -> None:
    """Turn what is left into questions, without the values that messages quote."""
    for problem in problems:
        if problem.code not in _ASKED:
            where = f"{problem.column}: " if problem.column else ""
            sketch.questions.append(f"{where}journey check says {problem.code}; {_plain(problem)}")


def _plain(problem: Problem) -> str:
    """Give the remedy of a problem; values of cells stand in its message only."""
    return (problem.fix or "see there").rstrip(".")
