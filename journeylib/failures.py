"""What is said and left behind when a client could not be run: in plain words, with the remedy."""

from __future__ import annotations

import errno
import json
import re
import shutil
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from journeylib.errors import JourneyError, RunError

if TYPE_CHECKING:
    from collections.abc import Collection

    from journeylib.clientrun import Job
    from journeylib.params import Params

TEMPLATES = Path(__file__).with_name("templates")
ERROR_PAGE = "error.html"
RESERVE, RESERVED = "reserve", 256 * 1024
NEEDED_MEGABYTES = 100
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NAMED = re.compile(r"^client:\s*[\"']?([a-z0-9][a-z0-9-]*)[\"']?\s*(#.*)?$", re.MULTILINE)
_NO_SPACE = "No space left on device"


def explain(failed: Exception, reports: Path) -> JourneyError:
    """Tell an error of the machine in plain words, with what to do; a person's mistake as it is.

    Args:
        failed: What was raised.
        reports: Folder of all reports.
    """
    if isinstance(failed, JourneyError):
        if _NO_SPACE not in str(failed):
            return failed
        return RunError(failed.what, [*map(str, failed.problems), _space_fix(reports)])
    if isinstance(failed, OSError):
        return _explain_refusal(failed, reports)
    if isinstance(failed, ImportError):
        return _explain_import(failed)
    if isinstance(failed, MemoryError):
        return RunError("The memory ran out.", ["run fewer clients at once (--jobs)"])
    return RunError(
        f"The kit itself failed in {_place(failed)}: {type(failed).__name__}: {failed}.",
        ["run `journey doctor`; where it finds nothing, this is a mistake of the kit: report it"],
    )


def _explain_import(failed: ImportError) -> RunError:
    if str(failed.name).startswith("journeylib"):
        return RunError("The kit's own code changed while it ran.", ["run it again"])
    return RunError(f"A package is missing: {failed}.", ["run `journey doctor`"])


def _place(failed: Exception) -> str:
    """Name the place in the kit where something went wrong that nobody thought of."""
    place, trace = "an unknown place", failed.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if Path(code.co_filename).parent == TEMPLATES.parent:
            place = f"{Path(code.co_filename).stem}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _explain_refusal(refused: OSError, reports: Path) -> RunError:
    name = Path(str(refused.filename)).name if refused.filename else "a file"
    why = refused.strerror or str(refused)
    if refused.errno in FULL:
        return RunError(f"The disk is full: {name} could not be written.", [_space_fix(reports)])
    if refused.errno in FORBIDDEN:
        fix = "grant the right to write there, or use --reports and JOURNEY_WORK"
        if refused.filename and Path(str(refused.filename)).is_file():
            return RunError(f"{name} cannot be read or written: {why}.", ["grant the right to it"])
        return RunError(f"{name} cannot be written: {why}.", [fix])
    if refused.errno in {errno.EMFILE, errno.ENFILE}:
        fix = (
            f"{_file_limit()}; raise it by `ulimit -n 1024`, or run fewer clients at once (--jobs)"
        )
        return RunError("Too many files are open.", [fix])
    return RunError(f"The machine refused: {why} ({name}).", ["run it again"])


def _space_fix(reports: Path) -> str:
    with suppress(OSError):
        free = shutil.disk_usage(reports if reports.exists() else reports.absolute().parent).free
        return (
            f"free some space: a client needs about {NEEDED_MEGABYTES} MB, "
            f"{free / 1e6:,.0f} MB are free"
        )
    return f"free some space: a client needs about {NEEDED_MEGABYTES} MB"


def _file_limit() -> str:
    try:
        import resource
    except ImportError:
        return "the limit of this machine is reached"
    return f"the limit is {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}"


# ---------------------------------------------------------------- what is left


def make_reserve(folder: Path) -> None:
    """Set a little space aside, so that a failure can be recorded when the disk is full.

    Args:
        folder: Where it stands.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESERVE).write_bytes(b"\0" * RESERVED)


def record_failure(
    job: Job,
    params: Params | None,
    error: JourneyError,
    doing: str,
    *,
    others: Collection[str] = (),
) -> None:
    """Leave an error page and a ``run.json`` that says so; an older report stays, and is marked.

    Args:
        job: What was run.
        params: The client file, or None where it could not be read.
        error: What went wrong and what to do.
        doing: The notebook that was running, or empty.
        others: Clients that other files of the run name: their reports are not marked.
    """
    from journeylib.clientrun import StoppedError
    from journeylib.locks import LockedError

    if isinstance(error, LockedError | StoppedError):
        return  # the other run tells how it ended; an interrupted one goes on the next time
    named: Any = params or _name_of(job)
    if named is None or named.client in others:
        return
    cell = find_failing_cell(params, doing) if params is not None else None
    try:
        _leave(named, error, job.reports, cell)
    except OSError:
        (job.reports / ".journey" / RESERVE).unlink(missing_ok=True)
        with suppress(OSError):  # what the disk does not take is told at the terminal
            _leave(named, error, job.reports, cell)


def _name_of(job: Job) -> Any:
    """Name the client of a file that cannot be read, so that its old report is marked."""
    with suppress(OSError, UnicodeDecodeError):
        found = _NAMED.search(job.file.read_text(encoding="utf-8"))
        slug = found[1] if found else re.sub(r"[ _.]+", "-", job.file.stem.lower())
        if _SLUG.fullmatch(slug):
            return SimpleNamespace(client=slug, title=slug)
    return None


def _leave(named: Any, error: JourneyError, reports: Path, cell: dict[str, str] | None) -> None:
    from journeylib.report import publish_failure
    from journeylib.workspace import read_json, write_text

    publish_failure(named, str(error), reports=reports)
    folder = reports / named.client
    run = read_json(folder / "run.json")
    write_text(folder / ERROR_PAGE, write_error_page(named.title, run, cell))


def find_failing_cell(params: Params, notebook: str) -> dict[str, str] | None:
    """Find the cell in which a notebook stopped, in what was kept of it.

    Args:
        params: The client file.
        notebook: Its name.

    Returns:
        ``notebook``, ``number``, ``heading`` and ``source``; None where nothing was kept.
    """
    from journeylib.kept import FAILED
    from journeylib.workspace import work_folder

    path = work_folder(params) / FAILED / f"{notebook}.failed.ipynb"
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return None
    heading = ""
    for number, cell in enumerate(cells):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and source.startswith("#"):
            heading = source.splitlines()[0].lstrip("# ")
        if cell["cell_type"] == "code" and source.strip() and not _was_answered(cell):
            return {
                "notebook": notebook, "number": str(number), "heading": heading, "source": source,
            }  # fmt: skip
    return None


def _was_answered(cell: dict[str, Any]) -> bool:
    failed = any(output["output_type"] == "error" for output in cell["outputs"])
    return not failed and "shell.execute_reply" in cell["metadata"].get("execution", {})


def keep_failed(path: Path, error: str) -> None:
    """Keep what was run of a notebook under a name and with a banner that nobody overlooks.

    Args:
        path: The notebook as far as it was run; where there is no error, an older failure goes.
        error: What went wrong; empty when it did not.
    """
    kept = path.with_name(f"{path.stem}.failed.ipynb")
    if not error:
        kept.unlink(missing_ok=True)
        return
    with suppress(OSError, ValueError, KeyError):
        told = json.loads(path.read_text(encoding="utf-8"))
        why = f"```\n{error}\n```\n\nWhat stands below is not a result."
        banner = f"# This notebook did not finish\n\n{why}"
        cell = {"cell_type": "markdown", "id": "did-not-finish", "metadata": {}, "source": banner}
        told["cells"].insert(0, cell)
        path.write_text(json.dumps(told, indent=1), encoding="utf-8")
        path.replace(kept)


def write_error_page(title: str, run: dict[str, Any], cell: dict[str, str] | None) -> str:
    """Write the page that stands where a report would.

    Args:
        title: The client's title.
        run: Its ``run.json``, in which values of the data are blanked.
        cell: From `find_failing_cell`.

    Returns:
        One HTML page that loads and runs nothing.
    """
    from jinja2 import Environment, FileSystemLoader

    lines = [line.strip().removeprefix("- ") for line in str(run["error"]).splitlines()]
    pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return pages.get_template("error.html.j2").render(
        title=title, what=lines[0], remedies=lines[1:], cell=cell,
        good=str(run.get("last_good") or "")[:10], page=f"{run['client']}.html",
        when=str(run["generated"])[:16].replace("T", " "), version=run["version"],
    )  # fmt: skip
