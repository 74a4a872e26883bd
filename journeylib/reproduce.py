"""Proves that the same inputs give the same bytes: runs twice into scratch folders and compares.

The two runs differ in what must not matter: the seed of Python's hashes, the machine's time zone,
and the names of their folders. Not for comparing runs on different data; see `digests`.
"""

from __future__ import annotations

import base64
import difflib
import json
import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from journeylib.history import HISTORY
from journeylib.provenance import NOT_REPEATED
from journeylib.workspace import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from journeylib.batch import Outcome

    Runner = Callable[[Path], Sequence[Outcome]]

MOMENT = "‹generated›"
AROUND, WIDEST = 60, 300
_ROUNDS = (
    {"PYTHONHASHSEED": "1", "TZ": "UTC"},
    {"PYTHONHASHSEED": "271828", "TZ": "Pacific/Auckland"},
)
_PICTURE = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class Verification:
    """What two runs of one client came to.

    Attributes:
        client: Its slug.
        files: Files that were compared.
        differing: Names of those that differ, in order.
        first: The first difference: file, place, and both texts; empty where there is none.
        error: Why a run did not finish, or empty.
    """

    client: str
    files: int = 0
    differing: tuple[str, ...] = ()
    first: str = ""
    error: str = ""

    @property
    def same(self) -> bool:
        """Whether both runs finished and every file is the same."""
        return not self.error and not self.differing and self.files > 0

    def lines(self) -> list[str]:
        """Say it in plain sentences."""
        if self.error:
            return [f"✗ {self.client}: nothing could be compared, {self.error}"]
        if self.same:
            return [
                f"✓ {self.client}: two runs gave the same {self.files} files, byte for byte, "
                f"but for {' and '.join(NOT_REPEATED)}"
            ]
        count = len(self.differing)
        more = "" if count == 1 else f"; also {', '.join(self.differing[1:6])}"
        more += f" and {count - 6} more" if count > 6 else ""
        return [
            f"✗ {self.client}: {count} of {self.files} files differ between two runs{more}",
            *(f"  {line}" for line in self.first.splitlines()),
        ]


def verify_runs(run: Runner) -> list[Verification]:
    """Run everything twice from the start, publish nothing, and compare what was written.

    Args:
        run: Runs all clients into the folder of reports that it is given.

    Returns:
        One verification for each client, in the order of the outcomes.
    """
    with tempfile.TemporaryDirectory(prefix="verify-") as scratch:
        folders, outcomes = [], []
        for number, differing in enumerate(_ROUNDS):
            folder = Path(scratch) / ("a" if number == 0 else "another-folder")
            folder.mkdir()
            with _environment({**differing, "JOURNEY_WORK": str(folder / "work")}):
                outcomes.append(run(folder / "reports"))
            folders.append(folder / "reports")
        return [_verify(pair, folders) for pair in zip(*outcomes, strict=True)]


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the processes started meanwhile, and put back what they were."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _verify(pair: Sequence[Outcome], folders: Sequence[Path]) -> Verification:
    client = pair[0].client
    for number, outcome in enumerate(pair, start=1):
        if outcome.error:
            return Verification(client, error=f"run {number} failed: {outcome.error}")
    if not (folders[0] / client / "run.json").exists():
        return Verification(client, error="no report was published: run all of its notebooks.")
    return compare_folders(folders[0] / client, folders[1] / client)


def compare_folders(one: Path, other: Path) -> Verification:
    """Compare two published folders of a client, byte for byte.

    Args:
        one: The folder of one run.
        other: That of another; its history is not compared, as it tells of other runs.

    Returns:
        What differs. In every file the moment of the run is the only thing that may: where it
        stands, as it is told in ``run.json``, both get the same word first.
    """
    moments = [
        str(read_json(folder / "run.json").get("generated") or "") for folder in (one, other)
    ]
    names = [set(_files(folder)) for folder in (one, other)]
    differing, first = [], ""
    for name in sorted(names[0] | names[1]):
        if name not in names[0] or name not in names[1]:
            said = f"{name} was written by {'the first' if name in names[0] else 'the second'} only"
        else:
            contents = [
                _read(folder / name, moment)
                for folder, moment in zip((one, other), moments, strict=True)
            ]
            said = "" if contents[0] == contents[1] else _difference(name, contents)
        if said:
            differing.append(name)
            first = first or said
    return Verification(one.name, len(names[0] | names[1]), tuple(differing), first)


def _files(folder: Path) -> list[str]:
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return [path.as_posix() for path in found if path.parts[0] != HISTORY]


def _read(path: Path, moment: str) -> bytes:
    """Read a file, with the one moment that may differ replaced by a word."""
    if path.name == "run.json":
        run = read_json(path)
        kept = {key: value for key, value in run.items() if key not in NOT_REPEATED}
        text = json.dumps(kept, ensure_ascii=False, indent=1)
        return text.replace(moment, MOMENT).encode() if moment else text.encode()
    content = path.read_bytes()
    if moment and path.suffix in {".html", ".json"}:
        content = content.replace(moment.encode(), MOMENT.encode())
        content = content.replace(f"drawn up {moment[:10]}".encode(), f"drawn up {MOMENT}".encode())
    return content


# ---------------------------------------------------------------- what differs


def _difference(name: str, contents: Sequence[bytes]) -> str:
    """Say where two files differ first, and what stands there."""
    if name.endswith(".parquet"):
        return _table_difference(name, contents)
    try:
        texts = [content.decode() for content in contents]
    except UnicodeDecodeError:
        place = _first_place(contents[0], contents[1])
        return f"{name}, byte {place + 1:,}: its bytes differ"
    lines = [text.splitlines() for text in texts]
    for number, (mine, theirs) in enumerate(zip(*lines, strict=False), start=1):
        if mine != theirs:
            return _line_difference(f"{name}, line {number:,}", mine, theirs)
    counts = " and ".join(f"{len(part):,}" for part in lines)
    return f"{name}: one goes on where the other ends ({counts} lines)"


def _line_difference(where: str, one: str, other: str) -> str:
    """Show the first difference of two lines, looking into pictures that are written as text."""
    pictures = [_PICTURE.findall(line) for line in (one, other)]
    for number, (mine, theirs) in enumerate(zip(*pictures, strict=False), start=1):
        if mine != theirs:
            inside = [base64.b64decode(one).decode("utf-8", "replace") for one in (mine, theirs)]
            return _line_difference(f"{where}, inside picture {number}", inside[0], inside[1])
    place = _first_place(one, other)
    start = max(one.rfind("\n", 0, place) + 1, place - AROUND)
    shown = [line[start : start + WIDEST].partition("\n")[0] for line in (one, other)]
    return f"{where}, character {place + 1:,}:\nfirst:  {shown[0]}\nsecond: {shown[1]}"


def _first_place(one: str | bytes, other: str | bytes) -> int:
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return place
    return min(len(one), len(other))


def _table_difference(name: str, contents: Sequence[bytes]) -> str:
    """Say which cell of two tables differs first; else that only their bytes do."""
    import io

    import pandas as pd

    tables = [pd.read_parquet(io.BytesIO(content)) for content in contents]
    if list(tables[0]) != list(tables[1]):
        near = difflib.ndiff([str(one) for one in tables[0]], [str(one) for one in tables[1]])
        moved = [line for line in near if line[0] in "+-"]
        return f"{name}: columns differ: {', '.join(moved[:6])}"
    if len(tables[0]) != len(tables[1]):
        return f"{name}: {len(tables[0]):,} rows, and {len(tables[1]):,}"
    for column in tables[0]:
        mine, theirs = tables[0][column], tables[1][column]
        unlike = (mine != theirs) & ~(mine.isna() & theirs.isna())
        if unlike.any():
            row = int(unlike.to_numpy().argmax())
            return (
                f"{name}, row {row + 1:,}, column {column}:\n"
                f"first:  {mine.tolist()[row]!r}\nsecond: {theirs.tolist()[row]!r}"
            )
    return f"{name}: the same cells, written as other bytes"
