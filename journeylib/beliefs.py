"""The workshop map: what a team believed of the journey before it was measured.

Read as strictly as a client file. Not for scoring it against the data; `agreement` does that.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any

import pandas as pd
from pydantic import BeforeValidator, Field
from pydantic_core import InitErrorDetails

from journeylib.errors import ParamsError, Problem, did_you_mean
from journeylib.params import Params, read_section
from journeylib.sections import Section, conflict
from journeylib.values import Day, Text, number, refuse, shown

FEELINGS = {"very bad": -2.0, "bad": -1.0, "neutral": 0.0, "good": 1.0, "very good": 2.0}
_NUMBER = number(-2, 2)
COLUMNS = ("touchpoint", "stage", "feeling", "pain", "line")


def _read_feeling(value: object) -> float:
    """Read a feeling as a word or as a number from -2 to 2."""
    text = str(value) if isinstance(value, str) else ""
    word = " ".join(re.split(r"[\s_-]+", text.casefold().strip()))
    if word in FEELINGS:
        return FEELINGS[word]
    allowed = f"{', '.join(FEELINGS)}, or a number from -2 to 2"
    if re.search(r"[^\W\d]", text):
        message = f"{shown(value)} is no feeling; allowed are {allowed}."
        refuse(message, fix=did_you_mean(text, FEELINGS))
    return float(_NUMBER(value))


Feeling = Annotated[float, Field(ge=-2, le=2), BeforeValidator(_read_feeling)]


class StageBelief(Section):
    """How the team believed a stage feels."""

    name: Text
    """Stage of the client's model."""
    feeling: Feeling
    """very bad, bad, neutral, good, very good, or -2 to 2."""


class TouchpointBelief(Section):
    """What the team believed of a touchpoint."""

    name: Text
    """Touchpoint, as the data names it."""
    stage: Text | None = None
    """Stage it was placed in."""
    feeling: Feeling | None = None
    """very bad, bad, neutral, good, very good, or -2 to 2."""
    pain: Text | None = None
    """What was believed to hurt there, in the team's words."""


class WorkshopMap(Section):
    """What the team believed."""

    held: Day | None = None
    """Day of the workshop."""
    stages: list[StageBelief] = Field(default=[])
    """How the stages were believed to feel."""
    touchpoints: list[TouchpointBelief] = Field(min_length=1)
    """The touchpoints that were put on the wall."""

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse a stage or touchpoint named twice; the second is the one at fault."""
        found = []
        for key in ("stages", "touchpoints"):
            entries = raw.get(key)
            named = [
                plain_name(entry.get("name", "")) if isinstance(entry, dict) else ""
                for entry in (entries if isinstance(entries, list) else [])
            ]
            for at, name in enumerate(named):
                if name and (first := named.index(name)) < at:
                    message = f"{shown(entries[at]['name'])} is also entry {first + 1}."  # type: ignore[index]
                    found.append(conflict(key, at, "name", message=message))
        return found


@dataclass(frozen=True, slots=True)
class Beliefs:
    """A workshop map as frames.

    Attributes:
        held: Day of the workshop, or empty.
        touchpoints: Columns ``touchpoint, stage, feeling`` (-2 to 2, missing where not discussed)
            ``, pain`` (empty where none was believed) ``, line`` (of the file).
        stages: Columns ``stage, feeling, line``.
    """

    held: str
    touchpoints: pd.DataFrame
    stages: pd.DataFrame


def plain_name(name: object) -> str:
    """Write a name so that letter case, blanks, hyphens and underscores do not matter."""
    return re.sub(r"[\s_-]+", "_", str(name).strip().casefold())


def read_beliefs(params: Params) -> Beliefs | None:
    """Read the workshop map that a client file names.

    Args:
        params: The client file.

    Returns:
        What the team believed; None where the client file names no workshop map.

    Raises:
        ParamsError: The file cannot be read, or something in it is wrong. Every problem is in
            ``problems``, with its line, what is allowed and a near miss.
    """
    if params.workshop_map is None:
        return None
    path = params.find_path(params.workshop_map)
    found, line_at = read_section(path, WorkshopMap)
    stages = [
        (one.name, one.feeling, line_at(("stages", at, "name")))
        for at, one in enumerate(found.stages)
    ]
    rows = [
        (one.name, one.stage, one.feeling, one.pain or "", line_at(("touchpoints", at, "name")))
        for at, one in enumerate(found.touchpoints)
    ]
    known = {plain_name(stage): stage for stage in params.stages.names}
    placed = [
        (stage, line_at((key, at, field)), f"{key}[{at}].{field}")
        for key, field, listed in (
            ("stages", "name", [row[0] for row in stages]),
            ("touchpoints", "stage", [row[1] for row in rows]),
        )
        for at, stage in enumerate(listed)
        if stage is not None
    ]
    problems = [
        _unknown(stage, line, column, path.name, list(known.values()))
        for stage, line, column in placed
        if plain_name(stage) not in known
    ]
    if problems:
        raise ParamsError(f"{path.name} has {len(problems)} problem(s).", problems)
    touchpoints = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"feeling": "float64"})
    touchpoints["stage"] = touchpoints["stage"].map(plain_name, na_action="ignore").map(known)
    moods = pd.DataFrame(stages, columns=["stage", "feeling", "line"])
    moods["stage"] = moods["stage"].map(plain_name).map(known)
    return Beliefs(str(found.held or ""), touchpoints, moods)


def _unknown(stage: str, line: int | None, column: str, file: str, known: list[str]) -> Problem:
    message = f"{shown(stage)} is not a stage; the model has {', '.join(known)}."
    fix = did_you_mean(stage, known)
    return Problem("E-PARAMS-VALUE", message, file, line, column, fix)
