"""Names of columns, from a header of one row or of several. Not for finding the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def name_columns(rows: Sequence[Sequence[object]]) -> list[str]:
    """Name the columns below a header.

    Survey tools write a question once, over the first of its columns, and the answers below it.

    Args:
        rows: Cells of the header's rows; the first row gives the names.

    Returns:
        One name for each cell of the first row. A cell without a name takes the name to its left
        and the text in the second row, if there is one; else its position. Where a header of
        several rows gives a name twice, the later one takes its position too.

    Example:
        >>> name_columns([["id", "Which apply?", ""], ["", "Web", "App"]])
        ['id', 'Which apply?', 'Which apply?: App']
    """
    first = [_text(cell) for cell in rows[0]]
    below = [_text(cell) for cell in rows[1]] if len(rows) > 1 else []
    names: list[str] = []
    question = ""
    for at, own in enumerate(first):
        question = own or question
        answer = below[at] if at < len(below) else ""
        name = own or (f"{question}: {answer}" if question and answer else f"column {at + 1}")
        twice = len(rows) > 1 and name.casefold() in {known.casefold() for known in names}
        names.append(f"{name} (column {at + 1})" if twice else name)
    return names


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
