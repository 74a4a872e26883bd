"""A workshop in folders: exercises with data of one's own, and solutions for the trainer.

Exercises come from the notebooks themselves, so the two cannot drift apart. What is taught stands
in `syllabus`, how answers are checked in `answers`, the trainer's words in `trainer`.
"""

from __future__ import annotations

import contextlib
import copy
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import journeylib
from journeylib import _faststart  # noqa: F401  # before nbformat, see there
from journeylib.answers import check_answer
from journeylib.errors import JourneyError, did_you_mean
from journeylib.params import read_params
from journeylib.samples import SAMPLE_CLIENTS, write_samples
from journeylib.syllabus import LESSONS
from journeylib.trainer import write_guide, write_readme

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Question", "blank_solutions", "check_answer", "list_questions", "write_workshop"]

TRUTH = "truth.json"
TRAINER = "trainer"
OPEN_ANSWER = "answer = ..."
OTHER_FOLDER = "name a folder that is new or empty"
_DEFAULT = re.compile(r'^(client: str = )"[^"\n]*"', re.MULTILINE)
_CHECKED = re.compile(r'check_answer\(work, "([^"]+)", answer\)')


@dataclass(frozen=True, slots=True)
class Question:
    """An exercise as it stands in a notebook.

    Attributes:
        exercise: Its number, such as ``"03.2"``.
        text: What is asked, in Markdown.
        solution: Code that answers it.
    """

    exercise: str
    text: str
    solution: str


def write_workshop(
    out: Path,
    *,
    client: str = "harbour-hotels",
    learners: int = 3,
    seed: int = 1,
    answers: bool = False,
) -> list[Path]:
    """Write a working folder for every learner, and one for the trainer.

    Args:
        out: Folder that is made; it may exist but must be empty.
        client: One of the sample clients.
        learners: How many learners, 1 or more.
        seed: Seed of the first learner's data, 0 or above; the next ones count up from it.
        answers: Also run every learner's solutions, about half a minute each, and put the answers
            into the trainer's guide.

    Returns:
        The learners' folders, then the trainer's. A learner's holds ``params, sample_data,
        notebooks, README.md`` and no truth; the trainer's holds ``guide.md`` and the same folders
        with truth and solutions.

    Raises:
        JourneyError: The client is none of the samples, a number is too small, the folder is not
            empty or cannot be written, or the kit's notebooks are not there.
    """
    _check_request(client, learners, seed)
    kit = _find_kit(client)
    title = read_params(kit / "params" / f"{client}.yml").title
    names = _name_learners(learners)
    with _room(out) as room:
        for number, name in enumerate(names):
            solved = room / TRAINER / name
            _write_solved(solved, kit, client=client, seed=seed + number)
            _write_learner(room / name, solved)
            write_readme(room / name, client=client, title=title)
        questions = {one.notebook: _questions_of(kit, one.notebook) for one in LESSONS}
        write_guide(room / TRAINER, title=title, questions=questions, answers=answers)
    return [out / name for name in [*names, TRAINER]]


# ---------------------------------------------------------------- notebooks


def read_notebook(path: Path) -> Any:
    """Read a notebook as an ``nbformat`` node."""
    import nbformat

    return nbformat.read(path, as_version=4)


def blank_solutions(notebook: Any) -> Any:
    """Take the solutions out of a notebook; their comments stay and say what is asked for.

    Args:
        notebook: An ``nbformat`` node with cells tagged ``solution``.

    Returns:
        A copy in which each of them ends in ``answer = ...``; nothing else is changed.
    """
    exercise = copy.deepcopy(notebook)
    for cell in exercise.cells:
        if has_tag(cell, "solution"):
            lines = cell.source.splitlines()
            comments = [line for line in lines if line.startswith("#")]
            cell.source = "\n".join([*comments, OPEN_ANSWER])
    return exercise


def set_client(notebook: Any, client: str) -> Any:
    """Give a notebook another default for its parameter `client`.

    Args:
        notebook: An ``nbformat`` node with a cell tagged ``parameters``.
        client: Path of a client file, from the folder that holds ``params/``.

    Returns:
        A changed copy.

    Raises:
        JourneyError: The parameter is not there, once, in its usual form.
    """
    changed, found = copy.deepcopy(notebook), 0
    for cell in changed.cells:
        if has_tag(cell, "parameters"):
            cell.source, times = _DEFAULT.subn(rf'\1"{client}"', cell.source)
            found += times
    if found != 1:
        raise JourneyError(
            f"A notebook has {found} parameters `client`; one is needed.",
            ['write `client: str = "params/…"` in its cell tagged `parameters`'],
        )
    return changed


def list_questions(notebook: Any) -> list[Question]:
    """List a notebook's exercises with their solutions, in order.

    Args:
        notebook: An ``nbformat`` node; an exercise is three cells in a row, tagged ``exercise``,
            ``solution`` and ``answer``.

    Returns:
        The exercises; a heading above the first is left out.
    """
    questions, cells = [], notebook.cells
    for asked, solved, checked in zip(cells, cells[1:], cells[2:], strict=False):
        number = _CHECKED.search(checked.source)
        if has_tag(asked, "exercise") and has_tag(solved, "solution") and number:
            text = re.sub(r"^#+ .*\n+", "", asked.source)
            questions.append(Question(number[1], text, solved.source))
    return questions


def has_tag(cell: Any, tag: str) -> bool:
    """Tell whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])


# ---------------------------------------------------------------- folders


def _name_learners(learners: int) -> list[str]:
    width = max(2, len(str(learners)))
    return [f"learner-{number:0{width}d}" for number in range(1, learners + 1)]


def _questions_of(kit: Path, name: str) -> list[Question]:
    return list_questions(read_notebook(kit / "notebooks" / f"{name}.ipynb"))


def _write_solved(folder: Path, kit: Path, *, client: str, seed: int) -> None:
    """Write a whole working folder with truth and solutions."""
    (folder / "params").mkdir(parents=True)
    for file in _params_files(kit, client):
        shutil.copyfile(file, folder / "params" / file.name)
    write_samples(folder / "sample_data", clients=[client], seed=seed)
    (folder / "notebooks").mkdir()
    for lesson in LESSONS:
        notebook = read_notebook(kit / "notebooks" / f"{lesson.notebook}.ipynb")
        _save(set_client(notebook, f"params/{client}.yml"), folder / "notebooks", lesson.notebook)


def _write_learner(folder: Path, solved: Path) -> None:
    """Copy a working folder, and leave out what a learner is to find."""
    shutil.copytree(solved, folder, ignore=shutil.ignore_patterns(TRUTH))
    for lesson in LESSONS:
        notebook = read_notebook(folder / "notebooks" / f"{lesson.notebook}.ipynb")
        _save(blank_solutions(notebook), folder / "notebooks", lesson.notebook)


def _save(notebook: Any, folder: Path, name: str) -> None:
    import nbformat

    nbformat.write(notebook, folder / f"{name}.ipynb")


def _params_files(kit: Path, client: str) -> list[Path]:
    """Name the client file, what lies beside it under its name, and the pages that explain it."""
    params = kit / "params"
    beside = [params / "README.md", params / "schema.json"]
    return [*sorted(params.glob(f"{client}.*")), *(file for file in beside if file.exists())]


def _find_kit(client: str) -> Path:
    """Find the folder that holds the notebooks and the sample clients' files."""
    own = Path(journeylib.__file__).parents[1]
    needed = [f"params/{client}.yml", *(f"notebooks/{one.notebook}.ipynb" for one in LESSONS)]
    for folder in (own, Path.cwd(), *Path.cwd().parents):
        if all((folder / name).is_file() for name in needed):
            return folder
    raise JourneyError(
        "The notebooks cannot be found.",
        ["run this in the kit's own folder, or install the kit from its repository"],
    )


def _check_request(client: str, learners: int, seed: int) -> None:
    wrong = []
    if client not in SAMPLE_CLIENTS:
        near = did_you_mean(client, SAMPLE_CLIENTS)
        wrong.append(
            f'"{client}" is not a sample client; there are {", ".join(SAMPLE_CLIENTS)}. {near}'
        )
    if learners < 1:
        wrong.append(f"There must be one learner or more; found {learners}.")
    if seed < 0:
        wrong.append(f"The seed must be 0 or above; found {seed}.")
    if wrong:
        raise JourneyError("The workshop cannot be written.", wrong)


@contextlib.contextmanager
def _room(out: Path) -> Iterator[Path]:
    """Give an empty folder to write in, whose contents move into place when all is done."""
    _make_folder(out)
    room = out / ".unfinished"
    room.mkdir()
    try:
        yield room
        for part in sorted(room.iterdir()):
            part.rename(out / part.name)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        filled = any(out.iterdir())
    except OSError as refused:
        raise JourneyError(f"{out} cannot be used: {refused.strerror}.", [OTHER_FOLDER]) from None
    if filled:
        raise JourneyError(f"{out} is not empty; nothing was written.", [OTHER_FOLDER])
