"""JSON into raw tables, one object after the other. Not for other formats."""

from __future__ import annotations

import codecs
import json
from array import array
from typing import TYPE_CHECKING, Any

from journeylib.archives import copy_text
from journeylib.raw import check_names, refuse
from journeylib.spool import Spool, lines_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from journeylib.inputs import Format
    from journeylib.raw import RawTable

_FIX = "Export it again, as an array of objects or one object a line."
_TOO_DEEP = "it is nested too deeply, or holds a number of thousands of digits."
_DEEPEST = 50
_CHUNK = 1 << 20
_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n"
_BLANK_BYTES = b" \t\r\n"
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_json(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    table: str,
    *,
    layout: Format,
    raw: RawTable,
    scratch: Path,
) -> None:
    """Read a JSON array of objects, one object a line, or one object that holds such an array.

    Lines and arrays are read piece by piece; an object that holds the array is read whole.

    Args:
        con: Connection in which the table is made.
        path: The file.
        table: Name of the table: one row an object; keys of nested objects are joined by a dot,
            lists stay JSON text.
        layout: `encoding` is used; JSON is UTF-8 where it is not declared.
        raw: Takes the lines of the rows.
        scratch: Existing folder for batches.

    Raises:
        DataError: It is no such JSON; names the line.
    """
    plain = _as_utf8(path, layout.encoding or "utf-8", scratch)
    spool, lines = Spool(scratch, path.name), array("q")
    for line, entry in _entries(plain, path.name):
        if not isinstance(entry, dict):
            raise refuse("E-JSON", path.name, "an entry is not an object.", _FIX, line=line)
        spool.add(_flat(entry))
        lines.append(line)
    raw.lines.append(lines_at(lines))
    names = spool.names
    names = [name for name in names if not _is_hollow(name, names, spool)]
    if not names:
        raise refuse("E-NO-ROWS", path.name, "it holds no object.", "Check the export's filter.")
    check_names(names, path.name, None)
    spool.write(con, table, {name: name for name in names})


def _as_utf8(path: Path, encoding: str, scratch: Path) -> Path:
    """Write a file of another encoding again as UTF-8."""
    with path.open("rb") as handle:
        encoding = _BOMS.get(handle.read(2), encoding)
    if codecs.lookup(encoding).name in {"utf-8", "utf-8-sig", "ascii"}:
        return path
    plain = scratch / "json.utf8"
    try:
        with path.open(encoding=encoding, newline="") as opened:
            copy_text(opened, plain)
    except UnicodeError:
        fix = "Save it as UTF-8, or correct format: encoding."
        raise refuse("E-ENCODING", path.name, f"it is not {encoding}.", fix) from None
    return plain


def _is_hollow(name: str, names: list[str], spool: Spool) -> bool:
    """Tell whether a name only stands for a nested object where that is missing."""
    return spool.is_empty(name) and any(other.startswith(f"{name}.") for other in names)


def _flat(row: dict[str, Any], above: str = "", depth: int = 0) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value and depth < _DEEPEST:
            flat |= _flat(value, f"{name}.", depth + 1)
        else:
            flat[name] = value
    return flat


# ---------------------------------------------------------------- entries, each with its line


def _entries(path: Path, file: str) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as handle:
        array_follows = _bare(handle.read(_CHUNK))[:1] == b"["
    if array_follows:
        return _in_array(path, file)
    return _on_lines(path, file) if _is_lined(path) else _inside(path, file)


def _head(path: Path) -> tuple[bytes, bool]:
    """Give the first line that is not blank, and tell whether others follow it."""
    with path.open("rb") as handle:
        filled = (text for line in handle if (text := _bare(line)))
        return next(filled, b""), any(True for _ in filled)


def _bare(line: bytes) -> bytes:
    return line.removeprefix(codecs.BOM_UTF8).strip(_BLANK_BYTES)


def _is_lined(path: Path) -> bool:
    """Tell whether the first line is an object of its own."""
    head, further = _head(path)
    if not head.startswith(b"{"):
        return False
    try:
        return further or not _list_inside(json.loads(head.decode()))
    except UnicodeDecodeError:
        return True
    except (ValueError, RecursionError):
        return head != b"{" and b'"' in head and head.endswith(b"}")


def _on_lines(path: Path, file: str) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            text = _decoded(_bare(line), file, number - 1)
            if not text:
                continue
            try:
                yield number, json.loads(text)
            except (ValueError, RecursionError):
                message = "the line is not a JSON object."
                raise refuse("E-JSON", file, message, _FIX, line=number) from None


def _decoded(content: bytes, file: str, above: int) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as bad:
        message = f"byte {bad.object[bad.start]:#04x} is not UTF-8."
        fix = "Save it as UTF-8, or set format: encoding, for example cp1252."
        line = above + content.count(b"\n", 0, bad.start) + 1
        raise refuse("E-ENCODING", file, message, fix, line=line) from None


def _inside(path: Path, file: str) -> Iterator[tuple[int, Any]]:
    """Give the objects of the one list that an object holds, or the object itself."""
    text = _decoded(path.read_bytes().removeprefix(codecs.BOM_UTF8), file, 0)
    try:
        found = json.loads(text)
    except json.JSONDecodeError as bad:
        raise refuse("E-JSON", file, f"it is not JSON: {bad.msg}.", _FIX, line=bad.lineno) from None
    except (ValueError, RecursionError):
        raise refuse("E-JSON", file, _TOO_DEEP, _FIX) from None
    yield from enumerate(_list_inside(found) or [found], start=1)


def _list_inside(found: object) -> list[Any]:
    """Find the one list of objects in an object such as ``{"data": [...]}``."""
    inside = found.values() if isinstance(found, dict) else ()
    lists = [own for own in inside if isinstance(own, list) and own and isinstance(own[0], dict)]
    plain = isinstance(found, dict) and len(found) <= 4
    return lists[0] if len(lists) == 1 and plain else []


class _Window:
    """The part of a JSON array that is being read; what was read is forgotten."""

    def __init__(self, path: Path, file: str) -> None:
        self.file, self.text, self.at, self.line = file, "", 0, 1
        self._handle = path.open("rb")
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._read_lines = 0
        self._step = _CHUNK

    def more(self) -> bool:
        """Read on; each time twice as much, lest a long entry be looked at for ever."""
        chunk = self._handle.read(self._step)
        try:
            decoded = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as bad:
            line = self._read_lines + bad.object[: bad.start].count(b"\n") + 1
            message, fix = f"byte {bad.object[bad.start]:#04x} is not UTF-8.", "Save it as UTF-8."
            raise refuse("E-ENCODING", self.file, message, fix, line=line) from None
        self._read_lines += decoded.count("\n")
        self.text, self.at = self.text[self.at :] + decoded, 0
        self._step *= 2
        return bool(chunk)

    def sign(self) -> str:
        """Pass over blanks and give the sign that follows; empty at the end."""
        while True:
            start = self.at
            while self.at < len(self.text) and self.text[self.at] in _BLANK:
                self.at += 1
            self.line += self.text.count("\n", start, self.at)
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def entry(self) -> Any:
        """Read one value."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as bad:
                line = self.line + bad.doc.count("\n", self.at, bad.pos)
                if self.more():
                    continue
                message = f"it is not JSON: {bad.msg}."
                raise refuse("E-JSON", self.file, message, _FIX, line=line) from None
            except (ValueError, RecursionError):
                raise refuse("E-JSON", self.file, _TOO_DEEP, _FIX, line=self.line) from None
            self.line += self.text.count("\n", self.at, end)
            self.at, self._step = end, _CHUNK
            return value

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def _in_array(path: Path, file: str) -> Iterator[tuple[int, Any]]:
    window = _Window(path, file)
    try:
        window.sign()
        sign, window.at = "[", window.at + 1
        while sign in {"[", ","}:
            if window.sign() == "]" and sign == "[":
                break
            line = window.line
            yield line, window.entry()
            sign = window.sign()
            window.at += 1
        else:
            if sign != "]":
                message = "a comma or the closing bracket is missing behind an entry."
                raise refuse("E-JSON", file, message, _FIX, line=window.line)
            if window.sign():
                message = "something follows the closing bracket."
                raise refuse("E-JSON", file, message, _FIX, line=window.line)
    finally:
        window.close()
