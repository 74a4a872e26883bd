"""Files as they arrive into files that can be read: found, told apart, unpacked.

Not for reading them; `formats` does that.
"""

from __future__ import annotations

import gzip
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from journeylib.errors import Note, did_you_mean
from journeylib.raw import refuse

if TYPE_CHECKING:
    from journeylib.errors import DataError

MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PAR1": "parquet",
    b"%PDF": "pdf",
    b"SQLite format 3": "sqlite",
    b"\xd0\xcf\x11\xe0": "ole",
    b"version https://git-lfs": "lfs",
}
OTHERS = {
    "pdf": ("it is a PDF file.", "Export CSV, not PDF."),
    "ole": ("it is an old Excel or Word file.", "Save it as XLSX."),
    "sqlite": ("it is an SQLite database.", "Name it .sqlite and give `table`."),
    "lfs": ("it is a Git LFS pointer, not the data.", "Run git lfs pull."),
    "html": ("it is a web page.", "Export CSV; a login page may have been saved instead."),
}
LARGEST_RATIO, LARGEST_UNCHECKED = 100, 10_000_000
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


def unpack(path: Path, scratch: Path, notes: list[Note]) -> Path:
    """Unpack a gzip file or a zip with one member; anything else is given back as it is.

    Args:
        path: A regular file.
        scratch: Existing folder for what is unpacked.
        notes: Takes a note where the name did not say that the file is packed.

    Returns:
        A file with the inner name's suffix.

    Raises:
        DataError: The archive is broken, climbs out of its folder, holds several files, or grows
            more than a hundredfold.
    """
    kind = magic_of(path)
    if kind == "gzip":
        if path.suffix.lower() != ".gz":
            notes.append(Note("N-GZIP", "the file is compressed; it was unpacked.", path.name))
        inner = path.stem if path.suffix.lower() == ".gz" else path.name
        with gzip.open(path) as packed:
            return _written(packed, scratch / inner, path)
    if kind == "zip" and not is_workbook(path):
        return _unzip(path, scratch)
    return path


def _unzip(path: Path, scratch: Path) -> Path:
    fix = "Unzip it yourself and give the file."
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                member
                for member in archive.infolist()
                if not member.is_dir() and not member.filename.startswith("__MACOSX/")
            ]
            if len(members) != 1:
                text = f"it holds {len(members)} files."
                raise refuse("E-ARCHIVE", path.name, text, fix)
            inner = PurePosixPath(members[0].filename.replace("\\", "/"))
            if inner.is_absolute() or ".." in inner.parts:
                text = "its member's name climbs out of the folder."
                raise refuse("E-ARCHIVE", path.name, text, fix)
            with archive.open(members[0]) as packed:
                return _written(packed, scratch / (inner.name or "member"), path)
    except (zipfile.BadZipFile, RuntimeError):
        if path.suffix.lower() in {".xlsx", ".xlsm"}:
            return path
        raise refuse("E-ARCHIVE", path.name, "it is broken or locked.", fix) from None


def _written(packed: IO[bytes] | gzip.GzipFile, inner: Path, path: Path) -> Path:
    """Write out what is packed, unless it grows too much to be honest."""
    most = max(LARGEST_UNCHECKED, path.stat().st_size * LARGEST_RATIO)
    try:
        with inner.open("wb") as out:
            while chunk := packed.read(_CHUNK):
                out.write(chunk)
                if out.tell() > most:
                    text = f"it grows more than {LARGEST_RATIO} times when it is unpacked."
                    fix = "Unpack it yourself and give the file."
                    raise refuse("E-ARCHIVE", path.name, text, fix)
    except (EOFError, OSError, zlib.error, zipfile.BadZipFile) as broken:
        if isinstance(broken, OSError) and broken.errno:
            raise
        text = "it is broken or cut off."
        raise refuse("E-ARCHIVE", path.name, text, "Copy it again.") from None
    return inner


def copy_text(source: IO[str], target: Path) -> None:
    """Write decoded text as UTF-8."""
    with target.open("w", encoding="utf-8", newline="") as out:
        shutil.copyfileobj(source, out)


def magic_of(path: Path) -> str:
    """Tell what a file is from its first bytes; empty where they say nothing."""
    with path.open("rb") as handle:
        head = handle.read(64)
    kind = next((name for magic, name in MAGIC.items() if head.startswith(magic)), "")
    if not kind and head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "html"
    return kind


def is_workbook(path: Path) -> bool:
    """Tell whether a zip is an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def detect_kind(path: Path) -> str:
    """Tell what an unpacked file is from its first bytes, and from its name where they do not say.

    Args:
        path: A regular file.

    Returns:
        ``"csv"``, ``"json"``, ``"parquet"`` or ``"excel"``.

    Raises:
        DataError: It is none of them.
    """
    kind, suffix = magic_of(path), path.suffix.lower()
    if kind in OTHERS:
        message, fix = OTHERS[kind]
        raise refuse("E-NOT-CSV", path.name, message, fix, line=1 if kind == "lfs" else None)
    if kind == "parquet" or suffix == ".parquet":
        return "parquet"
    if kind == "zip":
        return "excel"
    if suffix in {".xlsx", ".xlsm"}:
        raise refuse("E-NOT-WORKBOOK", path.name, "it is not a workbook.", "Download it again.")
    if suffix in {".json", ".jsonl", ".ndjson"}:
        return "json"
    with path.open("rb") as handle:
        head = handle.read(4096).lstrip(b"\xef\xbb\xbf \r\n\t")
    if head[:1] in {b"[", b"{"} and b'"' in head and b":" in head:
        fix = "Rename it to .json, or export CSV."
        raise refuse("E-NOT-CSV", path.name, "it holds JSON.", fix, line=1)
    return "csv"
