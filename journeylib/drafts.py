"""`journey new`: a first client file from files that nobody has described yet.

Every line that was guessed says so and why; cells of the files stand neither in the client file nor
on the terminal. Not for guessing (`guesses`, `sketches`) or proving (`fittings`).
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeylib.engine import open_connection
from journeylib.errors import DataError, JourneyError, ParamsError, Problem, did_you_mean
from journeylib.exports import find_shape, recognise
from journeylib.expressions import quote_name
from journeylib.fittings import MEMORY, fit_sketch
from journeylib.formats import read_files
from journeylib.guesses import Looks, folded, look_at
from journeylib.inputs import DATABASE_FILES, Format
from journeylib.sketches import Sketch, quoted, sketch_lines, sketch_source
from journeylib.values import read_slug

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

LOOKED_AT = 50_000
_ATTEMPTS = 4
_HEAD = """\
# yaml-language-server: $schema=schema.json
# A first draft by `journey new`. Each line marked "review" was guessed from the files: correct it,
# then take the mark away. Every key is explained in README.md of this folder.
"""


@dataclass(slots=True)
class Draft:
    """A first client file.

    Attributes:
        path: Where it is written.
        sketches: Its sources.
        left_out: Files of a folder that hold no table, each with the reason.
    """

    path: Path
    sketches: list[Sketch] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def questions(self) -> list[str]:
        """What has to be answered before the client can be read, by source."""
        return [f"{one.name}: {asked}" for one in self.sketches for asked in one.questions]

    def lines(self) -> list[str]:
        """Say in a few lines what was guessed, and what comes next."""
        told = [f"✓ {self.path.as_posix()}: {len(self.sketches)} source(s)"]
        for one in self.sketches:
            preset = f", preset {one.keys['preset']}" if "preset" in one.keys else ""
            mapped = ", ".join(f"{n} = {own}" for n, own in one.keys.get("columns", {}).items())
            told.append(f"  {one.name} ({one.kind}{preset}): {mapped or 'no column mapped'}")
        told += [f"  left out: {why}" for why in self.left_out]
        told += [f"? {asked}" for asked in self.questions]
        next_one = "Answer what is asked, review the rest" if self.questions else "Review it"
        return [*told, f"{next_one}, then: journey check {self.path.as_posix()}"]

    def text(self) -> str:
        """Write the client file."""
        lines = [
            f"client: {quoted(self.path.stem)}",
            "# currency: EUR                          # review: the currency of all money",
            "# timezone: Europe/Berlin                # review: of times without one; else UTC",
            "", "sources:",
        ]  # fmt: skip
        body = [line for sketch in self.sketches for line in sketch_lines(sketch)]
        return _HEAD + "\n".join([*lines, *body]) + "\n"


@dataclass(slots=True)
class _Opened:
    """One table that was found: its place, how it is written, what stands in its columns."""

    path: Path
    columns: list[Looks]
    layout: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    table: str = ""

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(folded(own.name) for own in self.columns)


def write_draft(name: str, given: Sequence[Path], params: Path) -> Draft:
    """Look at files and write a first client file for them.

    Args:
        name: Name of the client: small letters, digits and hyphens.
        given: Files and folders; a folder whose files share a header becomes one source.
        params: Folder of the client files; made where it is missing.

    Returns:
        What was written, and what is left to be answered.

    Raises:
        ParamsError: The name cannot be used, or its client file exists already.
        DataError: A file cannot be read, or none was given.
    """
    path = params / f"{_checked(name)}.yml"
    if path.exists():
        fix = "Choose another name, or move the file away."
        problem = Problem("E-EXISTS", "this client file exists already.", path.name, fix=fix)
        raise ParamsError(f"{path.name} was not written.", [problem])
    draft = Draft(path)
    for source, opened in _found(given, draft.left_out):
        sketch = _sketched(source, opened, draft)
        sketch_source(sketch, opened.columns)
        fit_sketch(sketch, path)
        draft.sketches.append(sketch)
    if not draft.sketches:
        problem = Problem("E-NO-FILE", "no file that holds a table was found.", fix="Name files.")
        raise DataError("There is nothing to look at.", [problem])
    params.mkdir(parents=True, exist_ok=True)
    path.write_text(draft.text(), encoding="utf-8", newline="\n")
    return draft


def _checked(name: str) -> str:
    try:
        return str(read_slug(name))
    except ValueError as refused:
        context = getattr(refused, "context", None) or {}
        problem = Problem(
            "E-PARAMS-VALUE", str(refused), name, column="client", fix=context.get("fix", "")
        )
        raise ParamsError("The client needs another name.", [problem]) from None


# ------------------------------------------------------------------ finding


def _found(given: Sequence[Path], left_out: list[str]) -> Iterator[tuple[Path, _Opened]]:
    """Give each source's path with what was found there; files of one header go together."""
    for path in given:
        if path.is_dir():
            yield from _in_folder(path, left_out)
        elif path.exists():
            yield from ((path, table) for table in _open(path))
        else:
            near = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
            fix = did_you_mean(path.name, near) or "Check the path."
            problem = Problem("E-NO-FILE", "there is no such file.", path.name, fix=fix)
            raise DataError(f"{path.name} cannot be read.", [problem])


def _in_folder(folder: Path, left_out: list[str]) -> Iterator[tuple[Path, _Opened]]:
    inside = sorted(one for one in folder.iterdir() if one.name[0] not in "._")
    tables: list[_Opened] = []
    for path in inside:
        if path.is_dir():
            yield from _in_folder(path, left_out)
        elif path.is_file():
            try:
                tables += [one for one in _open(path) if _is_table(one)]
            except JourneyError as refused:
                left_out.append(f"{path.name}: {refused.problems[0].message}")
    groups: dict[tuple[str, ...], list[_Opened]] = {}
    for table in tables:
        groups.setdefault((table.table, *table.header), []).append(table)
    for alike in groups.values():
        whole = _whole(folder, alike, inside)
        if whole is not None and not alike[0].table:
            yield whole, alike[0]
        else:
            yield from ((one.path, one) for one in alike)


def _is_table(opened: _Opened) -> bool:
    """Tell whether it holds several rows of several columns; notes and settings do not."""
    return len(opened.columns) > 1 and opened.columns[0].rows > 1


def _whole(folder: Path, alike: list[_Opened], inside: list[Path]) -> Path | None:
    """Name files of one header by their folder, else by a pattern that fits no other file."""
    names = [one.path.name for one in alike]
    if len(names) == 1:
        return None
    if len(names) == len(inside):
        return folder
    first, last = min(names), max(names)
    same = next((at for at, sign in enumerate(first) if last[at : at + 1] != sign), len(first))
    start = first[:same].rstrip("0123456789")
    if len(start) < 3:
        return None
    pattern = f"{start}*{alike[0].path.suffix}"
    matching = [path.name for path in inside if fnmatchcase(path.name, pattern)]
    return folder / pattern if matching == sorted(names) else None


# ------------------------------------------------------------------ opening


def _open(path: Path) -> list[_Opened]:
    """Look at a file: one table, or those of a database."""
    if path.suffix.lower() in DATABASE_FILES:
        return _open_database(path)
    layout: dict[str, Any] = {}
    why: dict[str, str] = {}
    for _ in range(_ATTEMPTS):
        try:
            opened = _open_file(path, layout)
            break
        except DataError as refused:
            if not _adapt(layout, why, refused.problems[0]):
                raise _without_cells(refused) from None
    else:
        opened = _open_file(path, layout)
    opened.why = why
    if len(opened.columns) == 1 and not layout:
        opened = _open_spaced(path) or opened
    return [opened]


def _without_cells(refused: DataError) -> DataError:
    """Say why a file cannot be read without what stands in it."""
    problems = [
        replace(one, message=re.sub(r"\(.*?\)|'.*'", "…", one.message)) for one in refused.problems
    ]
    return DataError(refused.what, problems)


def _open_file(path: Path, layout: dict[str, Any]) -> _Opened:
    with tempfile.TemporaryDirectory() as scratch:
        con = open_connection(memory=MEMORY, scratch=Path(scratch))
        try:
            opened = _look(con, path, layout, Path(scratch))
        finally:
            con.close()
    return opened


def _look(
    con: duckdb.DuckDBPyConnection, path: Path, layout: dict[str, Any], scratch: Path
) -> _Opened:
    raw = read_files(con, [path], "first", layout=Format.model_validate(layout), scratch=scratch)
    known = recognise(raw.columns)
    shape = find_shape(known[0].name, known[1]) if known else None
    own = dict(shape.keys.get("format", {})) if shape else {}
    if not own.keys() <= layout.keys():
        folder = scratch / "again"
        folder.mkdir()
        form = Format.model_validate({**own, **layout})
        raw = read_files(con, [path], "again", layout=form, scratch=folder)
    return _Opened(path, look_at(con, raw.name, raw.columns), dict(layout))


def _adapt(layout: dict[str, Any], why: dict[str, str], problem: Problem) -> bool:
    """Declare what a file needs to be opened, as its refusal says."""
    found: dict[str, tuple[Any, str]] = {}
    if problem.code == "E-ENCODING":
        found["encoding"] = ("cp1252", "the file is not UTF-8; Western European Windows is usual")
    elif problem.code == "E-NO-HEADER":
        above = re.search(r"skip_rows: (\d+)", problem.fix)
        if above:
            found["skip_rows"] = (int(above[1]), "a title stands above the header")
        else:
            found["header"] = ("false", "the first row holds data")
    elif problem.code == "E-SHEET-CHOICE":
        sheet = problem.fix.removeprefix("Set sheet: ").rstrip(".").split(" or ")[0]
        found["sheet"] = (sheet, "the first of several sheets")
    elif problem.code == "E-MISSING-COLUMN":
        found["header_rows"] = (2, "columns without a name are named in the second row")
    new = {key: value for key, value in found.items() if key not in layout}
    layout.update({key: value for key, (value, _) in new.items()})
    why.update({key: reason for key, (_, reason) in new.items()})
    return bool(new)


def _open_spaced(path: Path) -> _Opened | None:
    """Read columns that are set apart by blanks; None where rows do not agree."""
    for layout in ({"sep": "whitespace"}, {"sep": "whitespace", "header": "false"}):
        try:
            opened = _open_file(path, layout)
        except DataError:
            continue
        names = [own.name for own in opened.columns]
        if len(names) > 1 and not any(
            name[:1].isdigit() for name in names if "header" not in layout
        ):
            opened.why = dict.fromkeys(layout, "blanks stand between the columns")
            return opened
    return None


def _open_database(path: Path) -> list[_Opened]:
    import pyarrow as pa

    tables = []
    link = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        names = [
            row[0] for row in link.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
                "ORDER BY name"
            )
        ]  # fmt: skip
        for name in names:
            rows = link.execute(f"SELECT * FROM {quote_name(name)} LIMIT {LOOKED_AT}")
            columns = [column[0] for column in rows.description]
            cells = list(zip(*rows.fetchall(), strict=True)) or [()] * len(columns)
            texts = {
                column: pa.array([None if one is None else str(one) for one in own], pa.string())
                for column, own in zip(columns, cells, strict=True)
            }
            tables.append(_Opened(path, _look_at_arrow(pa.table(texts), columns), table=name))
    except sqlite3.Error:
        fix = "Check that it is an SQLite database."
        problem = Problem("E-DATABASE", "the database cannot be read.", path.name, fix=fix)
        raise DataError(f"{path.name} cannot be read.", [problem]) from None
    finally:
        link.close()
    return tables


def _look_at_arrow(table: Any, columns: list[str]) -> list[Looks]:
    with tempfile.TemporaryDirectory() as scratch:
        con = open_connection(memory=MEMORY, scratch=Path(scratch))
        con.register("first", table)
        looks = look_at(con, "first", columns)
        con.close()
    return looks


# ------------------------------------------------------------------ naming


def _sketched(path: Path, opened: _Opened, draft: Draft) -> Sketch:
    """Start a source with its name, its path and how its file is written."""
    label = opened.table or path.name.partition(".")[0].rstrip("*_- ")
    slug = re.sub(r"[^a-z0-9]+", "_", label.casefold()).strip("_") or "source"
    taken = {one.name for one in draft.sketches}
    names = (slug if n == 1 else f"{slug}_{n}" for n in range(1, len(taken) + 2))
    name = next(one for one in names if one not in taken)
    sketch = Sketch(name[:64], "events", _relative(path, draft.path.parent), label)
    if opened.table:
        sketch.keys["table"] = opened.table
    for key, value in opened.layout.items():
        sketch.say("format", key, value, opened.why.get(key, ""))
    return sketch


def _relative(path: Path, params: Path) -> str:
    """Write a path from the folder that holds ``params``, where it lies below it."""
    folder = params.absolute()
    root = folder.parent if folder.name == "params" else folder
    whole = path.absolute()
    return (whole.relative_to(root) if whole.is_relative_to(root) else whole).as_posix()
