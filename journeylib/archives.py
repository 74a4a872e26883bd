"""Files as they arrive into files that can be read: found, told apart, unpacked.

Not for reading them; `formats` does that.
"""

from __future__ import annotations

import gzip
import re
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from journeylib.errors import Note, did_you_mean
from journeylib.raw import refuse

if TYPE_CHECKING:
    from journeylib.errors import DataError

MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"PAR1": "parquet",
    b"%PDF": "pdf",
    b"SQLite format 3": "sqlite",
    b"\xd0\xcf\x11\xe0": "ole",
    b"version https://git-lfs": "lfs",
    b"BZh": "packed",
    b"\xfd7zXZ\x00": "packed",
    b"7z\xbc\xaf\x27\x1c": "packed",
    b"Rar!\x1a\x07": "packed",
}
OTHERS = {
    "pdf": ("E-NOT-CSV", "it is a PDF file.", "Export CSV, not PDF."),
    "ole": ("E-NOT-CSV", "it is an old Excel or Word file.", "Save it as XLSX."),
    "sqlite": ("E-NOT-CSV", "it is an SQLite database.", "Name it .sqlite and give `table`."),
    "lfs": ("E-NOT-CSV", "it is a Git LFS pointer, not the data.", "Run git lfs pull."),
    "html": (
        "E-NOT-CSV", "it is a web page.", "Export CSV; a login page may have been saved instead."
    ),
    "xml": ("E-NOT-CSV", "it is XML, and not an event log.", "Export CSV, or an XES event log."),
    "packed": ("E-ARCHIVE", "it is packed in a way that is not read.", "Unpack it yourself."),
    "gzip": ("E-ARCHIVE", "it is packed inside of an archive.", "Unpack it yourself."),
    "zstd": ("E-ARCHIVE", "it is packed inside of an archive.", "Unpack it yourself."),
    "tar": ("E-ARCHIVE", "it is a tar archive.", "Unpack it and give the folder."),
}  # fmt: skip
LARGEST_RATIO, LARGEST_UNCHECKED = 100, 10_000_000
# Signs that stand in no text; NUL is not among them, for UTF-16 is full of it.
_BINARY = bytes({*range(1, 9), 11, *range(14, 27), *range(28, 32), 127} - {26})
_PACKED = {
    "gzip": ("gzip", {".gz", ".gzip"}, "N-GZIP"),
    "zstd": ("Zstandard", {".zst", ".zstd"}, "N-ZSTD"),
}
_UNZIP = "Unzip it yourself and give the file."
_ABOUT = re.compile(r"(readme|licen[cs]e|copying|changelog)\b", re.IGNORECASE)
_HEAD = 8192
_CHUNK = 1 << 20


def find_files(written: str, found: Path) -> list[Path]:
    """List the files that a path, folder or glob of the client file means.

    Args:
        written: The path as the client wrote it, for messages.
        found: The same, made absolute. A literal file name wins over a glob.

    Returns:
        Existing regular files, sorted by name.

    Raises:
        DataError: Nothing is there, or it is not a regular file or folder.
    """
    try:
        mode = found.stat().st_mode
    except PermissionError:
        raise _no_right(written) from None
    except (OSError, ValueError):
        return _glob(written, found)
    if stat.S_ISDIR(mode):
        files = sorted(path for path in found.iterdir() if path.is_file() and path.name[0] != ".")
        if not files:
            raise refuse("E-NO-FILE", written, "the folder is empty.", "Put the files there.")
        return _filled(files)
    if not stat.S_ISREG(mode):
        raise refuse("E-NOT-A-FILE", written, "it is not a regular file.", "Give a regular file.")
    return _filled([found])


def _filled(files: list[Path]) -> list[Path]:
    for path in files:
        try:
            with path.open("rb") as handle:
                empty = not handle.read(1)
        except PermissionError:
            raise _no_right(path.name) from None
        if empty:
            raise refuse("E-EMPTY", path.name, "the file is empty.", "Export the data again.")
    return files


def _no_right(name: str) -> DataError:
    return refuse("E-PERMISSION", name, "there is no right to read it.", "Grant read permission.")


def _glob(written: str, found: Path) -> list[Path]:
    if found.is_symlink():
        raise refuse("E-NO-FILE", written, "the link points nowhere.", "Mend the link.")
    near = ""
    if found.parent.is_dir():
        if any(sign in found.name for sign in "*?["):
            matching = found.parent.glob(found.name)
            if files := sorted(path for path in matching if path.is_file()):
                return _filled(files)
        near = did_you_mean(found.name, [path.name for path in found.parent.iterdir()])
    raise refuse("E-NO-FILE", written, "there is no such file.", near or "Check `path`.")


def unpack(path: Path, scratch: Path, notes: list[Note]) -> list[Path]:
    """Unpack a gzip, Zstandard or zip file; anything else is given back as it is.

    Args:
        path: A regular file.
        scratch: Existing folder for what is unpacked.
        notes: Takes a note where the name did not say that the file is packed, and where an
            archive holds several files.

    Returns:
        Files with the inner names' suffixes; several only for a zip, sorted by name.

    Raises:
        DataError: The archive is broken, climbs out of its folder, holds files of several kinds or
            none, or grows more than a hundredfold in all.
    """
    kind = magic_of(path)
    if kind in _PACKED:
        name, suffixes, code = _PACKED[kind]
        named = path.suffix.lower() in suffixes
        if not named:
            text = f"the file is packed by {name}; it was unpacked."
            notes.append(Note(code, text, path.name))
        inner = scratch / (path.stem if named else path.name)
        with _opened(path, kind) as packed:
            _write(packed, inner, path, room=_room(path))
        return [inner]
    if kind == "zip" and not is_workbook(path):
        return _unzip(path, scratch, notes)
    return [path]


def _opened(path: Path, kind: str) -> Any:
    if kind == "gzip":
        return gzip.open(path)
    import pyarrow as pa

    return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")


def _room(path: Path) -> int:
    """Say how many bytes an honest archive may hold."""
    return max(LARGEST_UNCHECKED, path.stat().st_size * LARGEST_RATIO)


def _unzip(path: Path, scratch: Path, notes: list[Note]) -> list[Path]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path, notes)
            names = _inner_names(list(members))
            room, files = _room(path), []
            for (_, member), name in zip(members.items(), names, strict=True):
                with archive.open(member) as packed:
                    room -= _write(packed, scratch / name, path, room=room)
                files.append(scratch / name)
    except (zipfile.BadZipFile, RuntimeError):
        if path.suffix.lower() in {".xlsx", ".xlsm"}:
            return [path]
        raise refuse("E-ARCHIVE", path.name, "it is broken or locked.", _UNZIP) from None
    if len(files) > 1:
        _check_alike(files, path)
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        text = f"the archive holds {len(files)} files, which were read as one source: {shown}."
        notes.append(Note("N-ARCHIVE", text, path.name))
    return files


def _members(
    archive: zipfile.ZipFile, path: Path, notes: list[Note]
) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Give the members that hold data, sorted by name."""
    found = {
        PurePosixPath(member.filename.replace("\\", "/")): member
        for member in archive.infolist()
        if not member.is_dir()
    }
    if any(name.is_absolute() or ".." in name.parts for name in found):
        text = "a member's name climbs out of the folder."
        raise refuse("E-ARCHIVE", path.name, text, _UNZIP)
    shown = {name: own for name, own in found.items() if not _is_hidden(name)}
    data = {name: own for name, own in shown.items() if not _ABOUT.match(name.name)} or shown
    if not data:
        raise refuse("E-ARCHIVE", path.name, "it holds no file.", "Pack the export again.")
    if len(data) < len(shown):
        about = ", ".join(sorted(name.name for name in shown.keys() - data.keys()))
        notes.append(Note("N-ARCHIVE", f"{about} was not read as data.", path.name))
    return dict(sorted(data.items()))


def _is_hidden(name: PurePosixPath) -> bool:
    """Tell whether a member is what file managers leave behind."""
    hidden = any(part.startswith(".") for part in name.parts) or name.parts[0] == "__MACOSX"
    return hidden or name.name.lower() in {"thumbs.db", "desktop.ini"}


def _inner_names(members: list[PurePosixPath]) -> list[str]:
    """Name the unpacked files: by the folders too, where two have the same name."""
    names = [member.name for member in members]
    if len({name.casefold() for name in names}) == len(names):
        return names
    return [f"{at} {' '.join(member.parts)}" for at, member in enumerate(members, start=1)]


def _check_alike(files: list[Path], path: Path) -> None:
    """Refuse an archive whose files are of several kinds: they are several sources."""
    kinds = {file.name: detect_kind(file) for file in files}
    if len(set(kinds.values())) > 1:
        shown = ", ".join(f"{name} ({kind})" for name, kind in list(kinds.items())[:5])
        text = f"it holds files of several kinds: {shown}."
        raise refuse("E-ARCHIVE", path.name, text, "Unzip it, and give each kind as a source.")


def _write(packed: Any, inner: Path, path: Path, *, room: int) -> int:
    """Write out what is packed, unless it grows too much to be honest; gives its length."""
    try:
        with inner.open("wb") as out:
            while chunk := packed.read(_CHUNK):
                out.write(chunk)
                if out.tell() > room:
                    text = f"it grows more than {LARGEST_RATIO} times when it is unpacked."
                    fix = "Unpack it yourself and give the file."
                    raise refuse("E-ARCHIVE", path.name, text, fix)
            return out.tell()
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as broken:
        if isinstance(broken, OSError) and broken.errno:
            raise
        text = "it is broken or cut off."
        raise refuse("E-ARCHIVE", path.name, text, "Copy it again.") from None


def copy_text(source: IO[str], target: Path) -> None:
    """Write decoded text as UTF-8."""
    with target.open("w", encoding="utf-8", newline="") as out:
        shutil.copyfileobj(source, out)


def magic_of(path: Path) -> str:
    """Tell what a file is from its first bytes; empty where they say nothing."""
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    for magic, name in MAGIC.items():
        if head.startswith(magic):
            return name
    if head[257:262] == b"ustar":
        return "tar"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "html"
    if text.startswith((b"<?xml", b"<!doctype", b"<log", b"<!--")):
        return "xes" if re.search(rb"<(\w+:)?log[\s>]", text) else "xml"
    return ""


def is_workbook(path: Path) -> bool:
    """Tell whether a zip is an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def detect_kind(path: Path, *, encoding: str = "") -> str:
    """Tell what an unpacked file is from its first bytes, and from its name where they do not say.

    Args:
        path: A regular file.
        encoding: The encoding that is declared for text, or empty.

    Returns:
        ``"csv"``, ``"json"``, ``"parquet"``, ``"excel"`` or ``"xes"``.

    Raises:
        DataError: It is none of them.
    """
    kind, suffix = magic_of(path), path.suffix.lower()
    if suffix == ".xes" and kind in {"", "xml", "xes"}:
        return "xes"
    if kind in OTHERS:
        code, message, fix = OTHERS[kind]
        raise refuse(code, path.name, message, fix, line=1 if kind == "lfs" else None)
    if kind == "parquet" or suffix == ".parquet":
        return "parquet"
    if kind == "zip":
        if not is_workbook(path) and suffix not in {".xlsx", ".xlsm"}:
            code, message, fix = OTHERS["gzip"]
            raise refuse(code, path.name, message, fix)
        return "excel"
    if suffix in {".xlsx", ".xlsm"}:
        raise refuse("E-NOT-WORKBOOK", path.name, "it is not a workbook.", "Download it again.")
    if suffix in {".json", ".jsonl", ".ndjson"}:
        return "json"
    return kind or _text_kind(path, encoding)


def _text_kind(path: Path, encoding: str) -> str:
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    if _is_binary(head, encoding):
        fix = "Give a text file, Parquet, a workbook or JSON; or copy the file again."
        raise refuse("E-ENCODING", path.name, "this is not a text file.", fix)
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    if text[:1] in {b"[", b"{"} and b'"' in text and b":" in text:
        fix = "Rename it to .json, or export CSV."
        raise refuse("E-NOT-CSV", path.name, "it holds JSON.", fix, line=1)
    return "csv"


def _is_binary(head: bytes, encoding: str) -> bool:
    """Tell whether bytes are no text: more than one in fifty is a control character."""
    wide = head[:2] in {b"\xff\xfe", b"\xfe\xff"} or 0 in head[:4]
    if wide or encoding.lower().startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        return False
    strange = len(head) - len(head.translate(None, _BINARY))
    return strange * 50 > len(head) and strange > 4
