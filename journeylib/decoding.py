"""Text files into UTF-8, every byte looked at once.

Not for what the text says; `textfiles` reads it.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from journeylib.archives import copy_text
from journeylib.errors import Note
from journeylib.raw import refuse

if TYPE_CHECKING:
    from pathlib import Path

    from journeylib.errors import DataError
    from journeylib.inputs import Format

SEPARATORS = (",", ";", "\t", "|")
_CHUNK = 1 << 17  # larger pieces of memory are asked of the system anew each time
_CTRL_Z = "\x1a"
_BLANK = re.compile(r"\n\r?\n\r?[^\r\n]")


@dataclass(slots=True)
class Text:
    """One text file on its way in.

    Attributes:
        name: What messages call it.
        plain: The file as UTF-8.
        layout: The source's `format`.
        notes: Takes what the reader should know.
        lines: Line breaks in it.
        ended: Whether the last line ends in one.
        skip: Lines above the header.
        separator: Sign between columns.
        header: Names of the columns.
    """

    name: str
    plain: Path
    layout: Format
    notes: list[Note]
    lines: int = 0
    ended: bool = True
    skip: int = 0
    separator: str = ","
    header: list[str] = field(default_factory=list)

    @property
    def quote(self) -> str:
        """Sign round texts."""
        return self.layout.quote or '"'

    def refuse(self, code: str, message: str, fix: str, line: int | None) -> DataError:
        """Make the error for this file."""
        return refuse(code, self.name, message, fix, line=line)


def decode_text(text: Text, scratch: Path) -> None:
    """Decode the whole file once; write it again as UTF-8 where that is needed.

    Args:
        text: The file; ``plain``, ``lines`` and ``ended`` are filled in.
        scratch: Existing folder for the file as UTF-8.

    Raises:
        DataError: A byte does not decode, a NUL stands in it, or the file is cut off.
    """
    with text.plain.open("rb") as handle:
        head = handle.read(4)
    encoding = codecs.lookup(text.layout.encoding or "utf-8").name
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
        text.notes.append(Note("N-ENC-UTF16", "read as UTF-16.", text.name))
    elif encoding == "utf-8" and 0 in head[1:2]:
        fix = "Save it as UTF-8, or set format: encoding: utf-16-le."
        raise text.refuse("E-ENCODING", "every second byte is NUL: it is UTF-16.", fix, 1)
    mend = _scan(text, encoding)
    if encoding in {"utf-8", "utf-8-sig", "ascii"} and not mend:
        return
    source = text.plain
    text.plain = scratch / "text.utf8"
    with source.open(encoding=encoding, newline="") as opened:
        copy_text(opened, text.plain)
    if mend:
        _mend(text.plain)


def _scan(text: Text, encoding: str) -> bool:
    """Look at every byte; tell whether line ends are mixed or a Ctrl-Z ends the file."""
    decoder = codecs.getincrementaldecoder(encoding)()
    crlf, blank, tail = 0, False, b""
    with text.plain.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            try:
                decoded = decoder.decode(chunk)
            except UnicodeDecodeError as bad:
                raise _undecoded(text, encoding, bad) from None
            _check_signs(text, encoding, decoded)
            signs = chunk if encoding == "utf-8" else decoded.encode()
            lines, ends, near = _count_lines(tail + signs, len(tail))
            crlf += ends
            text.lines += lines
            if near and not blank:
                joined = tail.decode(errors="ignore") + decoded
                blank = _BLANK.search(joined) is not None
            tail = (tail + signs[-2:])[-2:]
    if decoder.getstate()[0]:
        raise _cut(text, "the file is cut in the middle of a character.")
    stray = tail.endswith(_CTRL_Z.encode())
    if stray:
        place = text.lines + 1
        text.notes.append(Note("N-CTRL-Z", "a Ctrl-Z ends the file.", text.name, place, rows=1))
    if blank:
        _note_blank(text, encoding)
    text.ended = tail.endswith(b"\n") or stray
    return 0 < crlf < text.lines or stray


def _count_lines(signs: bytes, known: int) -> tuple[int, int, bool]:
    """Count line ends behind those known, and the CRLFs; tell whether two may stand together."""
    import numpy as np

    found = np.frombuffer(signs, np.uint8)
    feeds = found == ord("\n")
    lines, near = int(np.count_nonzero(feeds[known:])), bool((feeds[1:] & feeds[:-1]).any())
    if b"\r" not in signs:
        return lines, 0, near
    crlf = feeds[1:] & (found[:-1] == ord("\r"))
    near = near or bool((crlf[1:] & feeds[:-2]).any())
    return lines, int(np.count_nonzero(crlf[max(known - 1, 0) :])), near


def _cut(text: Text, message: str) -> DataError:
    return text.refuse("E-TRUNCATED", message, "Export the file again.", text.lines + 1)


def _undecoded(text: Text, encoding: str, bad: UnicodeDecodeError) -> DataError:
    """Name the line and the column of a byte that does not decode."""
    line = text.lines + bad.object[: bad.start].count(b"\n") + 1
    column = _column_of(text, encoding, line, "\ufffd")
    other = "shift_jis or gb18030" if encoding.lower() in {"cp1252", "latin-1"} else "cp1252"
    fix = f"Save it as UTF-8, or set format: encoding, for example {other}."
    message = f"byte {bad.object[bad.start]:#04x} is not {encoding}."
    return refuse("E-ENCODING", text.name, message, fix, line=line, column=column)


def _column_of(text: Text, encoding: str, line: int, sign: str) -> str:
    """Name the column in which a sign stands, as far as the separators tell."""
    with text.plain.open(encoding=encoding, errors="replace", newline="") as handle:
        lines = list(islice(handle, line))
    separator = max(SEPARATORS, key=lines[0].count)
    names = [name.strip(' "\r\n\ufeff') for name in lines[0].split(separator)]
    at = lines[-1].partition(sign)[0].count(separator)
    return names[at] if 1 < line == len(lines) and at < len(names) else ""


def _check_signs(text: Text, encoding: str, decoded: str) -> None:
    """Refuse NUL; note C1 control characters, which a wrong encoding makes."""
    if "\0" in decoded:
        line = text.lines + decoded[: decoded.index("\0")].count("\n") + 1
        fix = "Remove the NUL byte, or export the file again."
        column = _column_of(text, encoding, line, "\0")
        raise refuse("E-NUL", text.name, "it holds a NUL byte.", fix, line=line, column=column)
    found = None if decoded.isascii() else re.search("[\x80-\x9f]", decoded)
    if found and not any(note.code == "N-C1-CONTROLS" for note in text.notes):
        line = text.lines + decoded[: found.start()].count("\n") + 1
        message = "control characters stand in texts; cp1252 may be the right encoding."
        column = _column_of(text, encoding, line, found[0])
        text.notes.append(Note("N-C1-CONTROLS", message, text.name, line, column, 1))


def _note_blank(text: Text, encoding: str) -> None:
    """Note the first blank line between rows; those inside quotes are part of a text."""
    filled = quoted = False
    with text.plain.open(encoding=encoding, newline="") as handle:
        for number, line in enumerate(handle, start=1):
            if filled and not quoted and not line.strip():
                message = "blank lines were passed over."
                text.notes.append(Note("N-BLANK-LINES", message, text.name, number, rows=1))
                return
            quoted ^= bool(line.count(text.quote) % 2)
            filled = filled or bool(line.strip())


def _mend(plain: Path) -> None:
    mended = plain.with_name(plain.name + ".mended")
    with (
        plain.open(encoding="utf-8", newline="") as source,
        mended.open("w", encoding="utf-8", newline="") as out,
    ):
        for line in source:
            out.write(line.replace("\r\n", "\n").rstrip(_CTRL_Z))
    mended.replace(plain)
