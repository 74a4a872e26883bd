"""What a person asked the runner to do: which clients, where, within which limits, what anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib.errors import ParamsError, Problem, did_you_mean
from journeylib.executors import LOCAL, check_executor
from journeylib.workspace import NOTEBOOKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """How clients are run.

    Attributes:
        executor: ``"local"``, ``"dask=tcp://host:8786"``, or an executor with the shape of
            ``concurrent.futures`` that the caller keeps.
        timeout: Seconds that one cell may take.
        limit: Seconds that one client may take.
        memory: Bytes that one notebook may take; None takes nine tenths of the machine's.
        force: Whether everything is run, changed or not.
        only: Number of the only notebook to run, such as ``"04"``, with what it needs; or empty.
        start: Number of the first notebook that is run again, changed or not; or empty.
    """

    executor: str | Executor = LOCAL
    timeout: int = 600
    limit: int = 7200
    memory: int | None = None
    force: bool = False
    only: str = ""
    start: str = ""

    def check(self) -> None:
        """Refuse what nobody can mean, before anything is looked at.

        Raises:
            ParamsError: There is no such executor, or two options contradict each other.
        """
        if isinstance(self.executor, str):
            check_executor(self.executor)
        if self.only and (self.start or self.force):
            fix = "Leave one out: --only runs its notebook anew in any case."
            message = "it cannot be combined with --from, --force or --verify."
            problem = Problem("E-OPTIONS", message, column="--only", fix=fix)
            raise ParamsError("Nothing was run.", [problem])

    @property
    def again(self) -> frozenset[str]:
        """Numbers of the notebooks that are run whether or not anything changed."""
        numbers = [name[:2] for name in NOTEBOOKS]
        if self.only:
            return frozenset([self.only])
        first = numbers[0] if self.force else self.start
        return frozenset(number for number in numbers if first and number >= first)


def find_client_files(paths: Sequence[Path]) -> list[Path]:
    """List the client files that files and folders mean.

    Args:
        paths: Client files, or folders of them; ``*.workshop.yml`` is no client file.

    Returns:
        The files in order, each once.

    Raises:
        ParamsError: A path is not there, or a folder holds no client file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted([*path.glob("*.yml"), *path.glob("*.yaml")])
            own = [file for file in inside if ".workshop." not in file.name]
            if not own:
                raise _not_found(path, "the folder holds no client file (*.yml).")
            found += own
        elif path.is_file():
            found.append(path)
        else:
            near = did_you_mean(path.name, [other.name for other in _beside(path)])
            raise _not_found(path, "there is no such file or folder.", near)
    return list(dict.fromkeys(path.resolve() for path in found))


def _beside(path: Path) -> list[Path]:
    """List what stands where a path that does not exist would."""
    return sorted(path.parent.iterdir()) if path.parent.is_dir() else []


def _not_found(path: Path, why: str, fix: str = "") -> ParamsError:
    return ParamsError(f"{path} cannot be run.", [Problem("E-NO-FILE", why, path.name, fix=fix)])


def read_number(text: str, option: str) -> str:
    """Read the number of a notebook as a person writes it: ``4``, ``04`` or its whole name.

    Args:
        text: What was written; empty stays empty.
        option: The option, for the message.

    Raises:
        ParamsError: There is no such notebook.

    Example:
        >>> read_number("4", "--only"), read_number("03_stage_mapping", "--from")
        ('04', '03')
    """
    numbers = {key: name[:2] for name in NOTEBOOKS for key in (name, name[:2], name[1])}
    if not text or text in numbers:
        return numbers.get(text, "")
    fix = did_you_mean(text, NOTEBOOKS) or f"Write one of {', '.join(n[:2] for n in NOTEBOOKS)}."
    problem = Problem("E-NO-NOTEBOOK", f'there is no notebook "{text}".', column=option, fix=fix)
    raise ParamsError("Nothing was run.", [problem])
