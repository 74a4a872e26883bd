"""The client file: found, read strictly, and every problem in it reported at once.

Not for what the keys mean (`settings`), nor for the data it names (`sources`).
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from journeylib.errors import ParamsError, Problem, did_you_mean
from journeylib.sections import Section
from journeylib.settings import Params
from journeylib.values import Written
from journeylib.yaml_tree import Place, key_path, line_of, read_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Params", "find_client_file", "read_params", "read_section"]

_Kind = TypeVar("_Kind", bound=Section)

LARGEST_BYTES = 1_000_000
_VARIABLE = re.compile(r"\$\{([^}]*)\}?")
_SECRET = re.compile(
    r"(^|[_.-])(pass(word|wd|phrase)|pwd|tokens?|secrets?|credentials?|api_?key|access_?key|"
    r"private_?key|auth_?key)($|[_.-])"
)
# Here the keys are names of columns, touchpoints or metrics, and so are the values.
_NAME_MAPS = frozenset(
    ["columns", "missing", "compute", "dates", "rules", "guardrails", "targets", "names"]
)


def read_params(path: str | Path) -> Params:
    """Read a client file.

    Args:
        path: The file, absolute or from the working folder.

    Returns:
        The validated contents; ``path``, ``root`` and ``digest`` say where they came from.

    Raises:
        ParamsError: The file cannot be read, or something in it is wrong. Every problem found is
            in ``problems``, with its line, its key, what is allowed and a near miss.
    """
    file = Path(path)
    content = _read_bytes(file)
    tree, spoilt = read_tree(_decode(content, file.name), file.name)
    spoilt += [*_take_secrets(tree, file.name), *_fill_in(tree, file.name)]
    with _problems(tree, file.name, spoilt):
        params = Params.model_validate(_named(tree, file))
    return params.read_from(file.absolute(), hashlib.sha256(content).hexdigest())


def read_section(path: Path, kind: type[_Kind]) -> tuple[_Kind, Callable[[Place], int | None]]:
    """Read another file by the rules of client files.

    Args:
        path: The file.
        kind: What it holds.

    Returns:
        The validated contents, and what gives the line of a place in it.

    Raises:
        ParamsError: The file cannot be read, or something in it is wrong, as for `read_params`.
    """
    tree, spoilt = read_tree(_decode(_read_bytes(path), path.name), path.name)
    with _problems(tree, path.name, spoilt):
        found = kind.model_validate(tree)
    return found, partial(_line_at, tree)


@contextmanager
def _problems(tree: dict[str, Any], file: str, spoilt: list[Problem]) -> Iterator[None]:
    """Raise everything that is wrong with a file at once, in the order of its lines."""
    places = {problem.column for problem in spoilt}
    try:
        found = []
        yield
    except ValidationError as refused:
        found = [_problem(error, tree, file) for error in refused.errors()]
    fresh = [item for item in found if item.column not in places]
    if problems := sorted([*spoilt, *fresh], key=lambda problem: problem.line or 0):
        raise ParamsError(f"{file} has {len(problems)} problem(s).", problems)


def find_client_file(client: str, *, start: Path | None = None) -> Path:
    """Find a client file by its path, from any folder of the repository.

    Args:
        client: Path of the client file, absolute or relative to the repository's root.
        start: Folder to look from, then each folder above it; default the working folder.

    Returns:
        An existing file, absolute.

    Raises:
        ParamsError: There is none; near names are given.
    """
    folder = (start or Path.cwd()).absolute()
    tried = [Path(client)] if Path(client).is_absolute() else []
    above = (folder, *folder.parents)
    tried = tried or [place / client for place in above]
    for file in tried:
        if _is_file(file):
            return file
    near = _near_files(Path(client), tried, above)
    meant = next((f'Did you mean "{name}"?' for name in near if Path(name).stem == client), "")
    fix = meant or did_you_mean(Path(client).as_posix(), near) or _listed(near)
    raise _unreadable("E-NO-FILE", client, f"there is no client file {client}.", fix)


# ------------------------------------------------------------------ the file


def _unreadable(
    code: str, file: str, message: str, fix: str, line: int | None = None
) -> ParamsError:
    problem = Problem(code, message, file, line, fix=fix)
    return ParamsError(f"{file or 'The client file'} cannot be read.", [problem])


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _client_files(file: Path) -> list[str]:
    """Name the client files in a file's folder, or in the folder itself."""
    try:
        folder = file if file.is_dir() else file.parent
        return sorted(p.name for p in folder.iterdir() if p.suffix in {".yml", ".yaml"})
    except (OSError, ValueError):
        return []


def _near_files(written: Path, tried: list[Path], above: tuple[Path, ...]) -> list[str]:
    """Name the client files where one was looked for, and those in ``params``."""
    near = [(written.parent / name).as_posix() for file in tried for name in _client_files(file)]
    usual = [place / "params" / written.name for place in above]
    near += [f"params/{name}" for file in usual for name in _client_files(file)]
    return list(dict.fromkeys(near))


def _listed(names: list[str]) -> str:
    more = ", …" if len(names) > 10 else ""
    return f"There are: {', '.join(names[:10])}{more}." if names else "Check the path."


def _read_bytes(file: Path) -> bytes:
    name = file.name
    if not _is_file(file):
        near = _client_files(file)
        if name and file.exists():
            message = "it is a folder." if file.is_dir() else "it is not a regular file."
            raise _unreadable(
                "E-NOT-A-FILE", name, message, f"Name one client file. {_listed(near)}"
            )
        fix = did_you_mean(name, near) or _listed(near)
        raise _unreadable("E-NO-FILE", name, "there is no such file.", fix)
    try:
        content = file.read_bytes() if file.stat().st_size <= LARGEST_BYTES else None
    except OSError as refused:
        message = f"{refused.strerror}."
        raise _unreadable("E-NO-ACCESS", name, message, "Check who may read it.") from None
    if content is None:
        message = f"it is larger than {LARGEST_BYTES:,} bytes."
        raise _unreadable(
            "E-PARAMS-YAML", name, message, "A client file names data; it holds none."
        )
    return content


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        line = content.count(b"\n", 0, bad.start) + 1
        message = f"byte {content[bad.start]:#04x} is not UTF-8."
        raise _unreadable(
            "E-PARAMS-ENCODING", name, message, "Save the file as UTF-8.", line
        ) from None


def _named(tree: dict[str, Any], file: Path) -> dict[str, Any]:
    """Give a client without name that of its file, and one without title its name."""
    stem = re.sub(r"[ _.]+", "-", file.stem.lower())
    client = tree.get("client", Written(stem, shown=file.stem))
    return {"client": client, "title": client, **tree}


# ------------------------------------------------------------------ secrets


def _places(node: object, place: Place = ()) -> Iterator[tuple[Any, Any, Place]]:
    """Walk the tree: each container, the key or position of one thing in it, and its place."""
    if isinstance(node, (dict, list)):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            here = (*place, key)
            yield node, key, here
            if not isinstance(node, dict) or key in node:
                yield from _places(node[key], here)


def _take_secrets(tree: dict[str, Any], file: str) -> list[Problem]:
    """Take typed secrets out of the tree, so that no later message can show them."""
    found = []
    for holder, key, place in _places(tree):
        in_names = len(place) > 1 and place[-2] in _NAME_MAPS
        if not isinstance(holder, dict) or in_names or not _SECRET.search(_snake(key)):
            continue
        value = holder[key]
        if isinstance(value, Written) and _VARIABLE.fullmatch(value):
            continue
        del holder[key]
        fix = "Put it in an environment variable and write ${NAME} inside url."
        message = "a secret is typed into the file."
        found.append(
            Problem("E-PARAMS-SECRET", message, file, key.line, column=key_path(place), fix=fix)
        )
    return found


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()


def _fill_in(tree: dict[str, Any], file: str) -> list[Problem]:
    """Fill ``${NAME}`` from the environment; messages keep showing the name."""
    found = []
    for holder, key, place in _places(tree):
        value = holder[key]
        if not isinstance(value, Written) or "${" not in value:
            continue
        names = _VARIABLE.findall(value)
        for name in sorted({name for name in names if name not in os.environ}):
            message = f"the environment variable {name or 'in ${}'} is not set."
            fix = did_you_mean(name, os.environ) or "Set it before the run."
            column = key_path(place)
            found.append(Problem("E-PARAMS-ENV", message, file, value.line, column, fix))
        text = _VARIABLE.sub(lambda match: os.environ.get(match[1], ""), value)
        holder[key] = Written(text, line=value.line, plain=False, shown=str(value))
    return found


# ------------------------------------------------------------------ problems


def _problem(error: Any, tree: dict[str, Any], file: str) -> Problem:
    place = tuple(part for part in error["loc"] if part != "[key]")
    context = error["ctx"]
    line = _line_at(tree, place)
    return Problem(error["type"], context["message"], file, line, key_path(place), context["fix"])


def _line_at(tree: dict[str, Any], place: Place) -> int | None:
    """Find the line of a key, or of the nearest thing above it that was written."""
    node: Any = tree
    line: int | None = None
    for step in place:
        if isinstance(node, list) and isinstance(step, int) and step < len(node):
            node = node[step]
            line = line_of(node) or line
        elif isinstance(node, dict) and str(step) in node:
            key = next(key for key in node if key == str(step))
            line, node = key.line, node[key]
        else:
            break
    return line
