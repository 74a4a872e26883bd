"""What the cells of a notebook put out, as the runner takes it in: joined, cut and fit to be kept.

What a notebook said beside its results (see `witness`) stands in its metadata, for ``run.json``.
"""

from __future__ import annotations

import ast
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SAID = "journey"
MOST_ERRORS = 20_000
MOST_TOLD = 20
TELL = "__import__('journeylib.witness', fromlist=['tell']).tell({patience})"
_PATH = re.compile(r"(?<![\w/.\\])(?:[A-Za-z]:[\\/]|/)(?:[^\s'\":,;()<>\\/]+[\\/])+")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}\b")
_QUOTED = re.compile(r"(?:(?<!\w)|\b[bBrRuU]{1,2})'[^\n]*?'(?!\w)")


# ---------------------------------------------------------------- while a cell runs


class Intake:
    """The streams of the cell that runs, joined as they come.

    Between two tables or pictures standard output stands before the error stream: they are sent
    apart, and which comes first hangs on the clock.
    """

    def __init__(self) -> None:
        self.parts: list[tuple[Any, list[str]]] = []

    def take(self, outs: list[Any]) -> None:
        """Join the output that came last, if it is a stream, to what came since the last picture.

        Args:
            outs: Outputs of the cell so far, changed in place.
        """
        last = outs[-1]
        if last.output_type != "stream":
            return
        near = [output for output in outs[-2:-1] if output.output_type == "stream"]
        near += [output for output in outs[-3:-2] if near and output.output_type == "stream"]
        for output in near:
            if output.name == last.name:
                self._parts_of(output).append(last.text)
                outs.pop()
                return
        if near and last.name == "stdout":
            outs[-2:] = [last, near[0]]

    def _parts_of(self, output: Any) -> list[str]:
        for held, parts in self.parts:
            if held is output:
                return parts
        self.parts.append((output, [output.text]))
        return self.parts[-1][1]

    def finish(self) -> None:
        """Put the joined texts in place."""
        for output, parts in self.parts:
            output.text = "".join(parts)


# ---------------------------------------------------------------- when a notebook has ended


def read_reply(reply: Mapping[str, Any] | None) -> dict[str, Any]:
    """Read what the witness told.

    Args:
        reply: The kernel's answer to `TELL` as the user expression ``told``.

    Returns:
        ``failed`` and ``heard``, as by `witness.tell`; empty where the kernel has no witness.
    """
    content = (reply or {}).get("content", {})
    told = content.get("user_expressions", {}).get("told", {})
    text = told.get("data", {}).get("text/plain", "'{}'")
    found: dict[str, Any] = json.loads(ast.literal_eval(text))
    return found


def mark_failure(notebook: Any, heard: Mapping[str, Any]) -> tuple[int, str, str] | None:
    """Show the exception of a background thread in the cell that started it.

    Args:
        notebook: The executed notebook, changed in place.
        heard: From `read_reply`.

    Returns:
        The cell's number in the notebook, the kind of the exception and its text; None if no thread
        failed.
    """
    from nbformat.v4 import new_output

    for count, kind, text in heard.get("failed", []):
        numbers = _numbers(notebook)
        number = numbers.get(count, max(numbers.values(), default=1))
        shown = new_output("error", ename=kind, evalue=text, traceback=[])
        notebook.cells[number - 1].outputs.append(shown)
        return number, kind, text
    return None


def _numbers(notebook: Any) -> dict[int, int]:
    """Number of each cell in the notebook, by how many were run until then."""
    cells = enumerate(notebook.cells, start=1)
    run = [at for at, cell in cells if cell.metadata.get("execution")]
    return dict(enumerate(run, start=1))


def keep_said(notebook: Any, heard: Mapping[str, Any]) -> None:
    """Make what a notebook said beside its results fit to be published, and note it.

    Args:
        notebook: The executed notebook, changed in place.
        heard: From `read_reply`.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                output.text = _shorten(scrub(output.text[:MOST_ERRORS]), len(output.text))
    numbers = _numbers(notebook)
    told = [
        (numbers.get(count, 0), scrub(text), often) for count, text, often in heard.get("heard", [])
    ]
    if told:
        lines = [f"cell {at}: {text}" + _times(often) for at, text, often in sorted(told)]
        count = sum(often for _, _, often in told)
        notebook.metadata[SAID] = {"warnings": count, "told": lines[:MOST_TOLD]}


def _shorten(text: str, long: int) -> str:
    if long <= MOST_ERRORS:
        return text
    return f"{text}\n… {long - MOST_ERRORS:,} characters more were left out.\n"


def _times(often: int) -> str:
    return f" ({often} times)" if often > 1 else ""


def scrub(text: str) -> str:
    """Take out of a message what must not be published or differs from run to run.

    Args:
        text: What an error or a warning says.

    Returns:
        The text without folders, addresses in memory, personal details and quoted values, which
        may be the data's. The person at the terminal has seen them.

    Example:
        >>> scrub("could not read '1,5' in /home/jo/kit/data/orders.csv")
        "could not read '…' in orders.csv"
    """
    from journeylib.redaction import redact

    for folder in (Path.home(), Path.cwd(), tempfile.gettempdir()):
        text = text.replace(f"{folder}{os.sep}", os.sep) if len(str(folder)) > 1 else text
    text = _ADDRESS.sub("0x…", _PATH.sub("", text))
    text = re.sub(r"(?<![\w/.:])/(?=[\w.-]+\.\w)", "", text)
    return _QUOTED.sub("'…'", redact(text))


def gather_warnings(executed: Mapping[str, Any]) -> dict[str, Any]:
    """Give what each notebook said beside its results.

    Args:
        executed: Executed notebooks by name.

    Returns:
        By notebook ``count`` and ``told``, the first lines; notebooks that said nothing are absent.
    """
    said = {name: node.metadata.get(SAID) for name, node in executed.items()}
    return {
        name: {"count": int(told["warnings"]), "told": list(told["told"])}
        for name, told in said.items()
        if told
    }


def count_warnings(run: Mapping[str, Any]) -> int:
    """Count the warnings that a run tells of.

    Args:
        run: A ``run.json``.
    """
    return sum(int(told["count"]) for told in (run.get("warnings") or {}).values())
