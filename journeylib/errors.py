"""What goes wrong, said so that a person can mend it. Not for control flow inside the library."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend before the work can go on.

    Attributes:
        code: Stable code, such as ``"E-MISSING-COLUMN"``.
        message: What is wrong, with the value found and what is allowed.
        file: File name as the client wrote it, or empty.
        line: 1-based line in that file, or None where the whole file is meant.
        column: The file's own column name or the key of the client file, or empty.
        fix: What to do.
    """

    code: str
    message: str
    file: str = ""
    line: int | None = None
    column: str = ""
    fix: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line is not None else ""
        where = ", ".join(part for part in (place, self.column) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} {self.fix}".rstrip() + (f"  [{self.code}]" if self.code else "")


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was read or mended on the way in, and that a reader should know.

    Attributes:
        code: Stable code, such as ``"N-TZ-ASSUMED"``.
        message: What was found and what was done with it.
        file: File name as the client wrote it.
        line: 1-based line of the first case, or None.
        column: The file's own column name, or empty.
        rows: Rows affected.
    """

    code: str
    message: str
    file: str = ""
    line: int | None = None
    column: str = ""
    rows: int = 0


class JourneyError(Exception):
    """A mistake that a person can mend; shown without a stack trace.

    Args:
        what: One line that says what is wrong, ending in a full stop.
        problems: Every problem found, or plain texts.
    """

    def __init__(self, what: str, problems: Iterable[Problem | str] = ()) -> None:
        self.what = what
        self.problems = [
            item if isinstance(item, Problem) else Problem("", item) for item in problems
        ]
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what]
        for problem in self.problems:
            named = not problem.file or problem.file in self.what
            lines.append(f"  - {problem}" if named else f"  - {problem.file}, {problem}")
        return "\n".join(lines)


class ParamsError(JourneyError):
    """The client file asks for something that does not exist or does not fit."""


class DataError(JourneyError):
    """A source file or a table does not hold what its contract asks for."""


class RunError(JourneyError):
    """A notebook, a kernel or the machine failed while a client was being run."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Say which allowed word is nearest to a mistyped one.

    Args:
        word: What was written.
        allowed: What would have been accepted.

    Returns:
        A sentence such as ``Did you mean "confidence"?``, or an empty string.

    Example:
        >>> did_you_mean("confidense", ["confidence", "currency"])
        'Did you mean "confidence"?'
    """
    lowered = {name.lower(): name for name in allowed}
    near = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return f'Did you mean "{lowered[near[0]]}"?' if near else ""
