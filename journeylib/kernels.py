"""Runs one notebook in a fresh kernel and tells truly whether it finished.

For a batch, keep one fork server for all processes of the run::

    with warm_kernels():            # in the process that owns the pool, before its workers start
        ...                         # spawned workers find the server by the environment

``execute_notebook`` uses the server that it finds, starts one of its own process where there is
none, and falls back to ordinary kernels where the machine cannot fork. It says which cell runs by
``on_cell(number, of)`` and takes ``memory`` (bytes, None for no limit).
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeylib import _faststart  # noqa: F401  # before nbformat, see there
from journeylib.endings import Run, tell_ending
from journeylib.errors import RunError
from journeylib.forkclient import ADDRESS, find_server, stop_servers
from journeylib.outputs import TELL, Intake, keep_said, mark_failure, read_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CELL_SECONDS = 600
START_SECONDS = 120
THREAD_SECONDS = 10
STARTS = 2
ENGINE = "journey"
KERNELSPECS = Path(__file__).with_name("kernelspecs")


@dataclass(frozen=True, slots=True)
class Executed:
    """A notebook that ran to its end.

    Attributes:
        notebook: The notebook with its outputs, an ``nbformat`` node.
        seconds: Wall time.
    """

    notebook: Any
    seconds: float


def _last_exit() -> Any:
    from journeylib.provisioner import ENDED

    return ENDED[-1] if ENDED else None


@dataclass(slots=True)
class _Watch:
    """What is seen of a notebook while it runs."""

    limit: float
    on_cell: Callable[[int, int], None] | None
    folder: Path | None = None
    notebook: Any = None
    cell: int = 0
    heard: Mapping[str, Any] = field(default_factory=dict)
    before: Any = field(default_factory=_last_exit)
    started: float = field(default_factory=time.monotonic)

    def start_cell(self, cell: Any, cell_index: int) -> None:
        del cell
        self.cell = cell_index + 1
        if self.on_cell is not None:
            self.on_cell(self.cell, len(self.notebook.cells))

    @property
    def place(self) -> str:
        """The cell that ran last, named by the heading above it."""
        above = self.notebook.cells[: self.cell] if self.notebook is not None else []
        heads = [cell.source.splitlines()[0] for cell in above if _is_heading(cell)]
        return f"cell {self.cell}" + (f' ("{heads[-1].lstrip("# ")}")' if heads else "")

    def ended(self) -> Any:
        """How the kernel ended, where the provisioner saw it."""
        last = _last_exit()
        return None if last is self.before else last


def _is_heading(cell: Any) -> bool:
    return bool(cell.cell_type == "markdown" and cell.source.startswith("#"))


_WATCHED: list[_Watch] = []


@contextmanager
def warm_kernels() -> Iterator[bool]:
    """Keep one fork server for this process and for all that it starts meanwhile.

    Yields:
        Whether kernels are forked; False where ordinary ones have to do.
    """
    server = find_server()
    inherited = os.environ.get(ADDRESS)
    if server is not None:
        os.environ[ADDRESS] = server.address
    try:
        yield server is not None
    finally:
        if server is not None and inherited is None:
            os.environ.pop(ADDRESS, None)
            stop_servers()


def execute_notebook(  # noqa: PLR0913  # one for each thing that a kernel is given
    path: Path,
    *,
    client: str,
    save_to: Path | None = None,
    timeout: int = CELL_SECONDS,
    memory: int | None = None,
    folder: Path | None = None,
    on_cell: Callable[[int, int], None] | None = None,
) -> Executed:
    """Run a notebook for one client by papermill, in a kernel of its own.

    Args:
        path: The notebook.
        client: The client file, handed over as the notebook's only parameter.
        save_to: Where what was run of it is kept when it does not finish; None keeps nothing.
        timeout: Seconds that one cell may take.
        memory: Bytes that the kernel may take; None sets no limit.
        folder: The kernel's working folder; None takes that of this process.
        on_cell: Called with the number of each cell that starts, and how many there are.

    Returns:
        The executed notebook, every code cell of which was answered by the kernel.

    Raises:
        RunError: A cell or a thread that it started raised, it took too long, or the kernel died;
            says which and why.
    """
    watch = _Watch(timeout, on_cell, folder)
    _WATCHED.append(watch)
    try:
        node = _start_papermill(path, client, watch, memory)
        _check_threads(node, path.stem, watch)
        check_complete(node, path.stem)
        keep_said(node, watch.heard)
    except Exception as failed:
        _save(watch.notebook, save_to)
        run = Run(path.stem, watch.place, timeout, memory, watch.ended(), watch.cell)
        told = tell_ending(failed, run)
        if told is None:
            raise
        raise told from None
    finally:
        _WATCHED.remove(watch)
    return Executed(node, time.monotonic() - watch.started)


def _start_papermill(path: Path, client: str, watch: _Watch, memory: int | None) -> Any:
    """Run a notebook, in a second kernel where the first one did not even start."""
    for _ in range(STARTS - 1):
        try:
            return _run_papermill(path, client, watch, memory)
        except RuntimeError:
            if watch.cell:
                raise
    return _run_papermill(path, client, watch, memory)


def _check_threads(notebook: Any, name: str, watch: _Watch) -> None:
    failed = mark_failure(notebook, watch.heard)
    if failed is not None:
        watch.cell, kind, text = failed
        what = f"{name} stopped in {watch.place}: {kind} in a background thread."
        raise RunError(what, [text or "it gave no reason"])


def _run_papermill(path: Path, client: str, watch: _Watch, memory: int | None) -> Any:
    import papermill
    from traitlets.config import Config

    from journeylib.provisioner import KERNEL

    register_kernels()
    arguments = [
        "--log-level=50",
        "--HistoryManager.enabled=False",
        "--IPKernelApp.extra_extensions=journeylib.witness",
    ]
    if memory is not None:
        arguments.append(f"--memory={memory}")
    config = Config(
        {
            "KernelManager": {"transport_encryption": "auto"},
            "NotebookClient": {"extra_arguments": arguments},
        }
    )
    place = str(path).replace("{", "{{").replace("}", "}}")  # papermill fills in what stands so
    return papermill.execute_notebook(
        place, None, {"client": client}, engine_name=ENGINE, kernel_name=KERNEL,
        language="python", progress_bar=False, log_output=False, execution_timeout=int(watch.limit),
        start_timeout=START_SECONDS, request_save_on_cell_execute=False, config=config,
        on_cell_start=watch.start_cell,
    )  # fmt: skip


def register_kernels() -> None:
    """Make the kernelspec and the provisioner known to this process, installed or not."""
    import papermill.engines
    from jupyter_client.provisioning import KernelProvisionerFactory

    from journeylib.provisioner import NAME

    for name in ("papermill", "traitlets"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    known = os.environ.get("JUPYTER_PATH", "").split(os.pathsep)
    if str(KERNELSPECS) not in known:
        os.environ["JUPYTER_PATH"] = os.pathsep.join([*filter(None, known), str(KERNELSPECS)])
    KernelProvisionerFactory.instance().provisioners[NAME] = EntryPoint(
        NAME, "journeylib.provisioner:WarmProvisioner", KernelProvisionerFactory.GROUP_NAME
    )
    if ENGINE not in papermill.engines.papermill_engines._engines:
        papermill.engines.papermill_engines.register(ENGINE, _make_engine())


def _make_engine() -> Any:
    from papermill.engines import NBClientEngine

    listening = _make_client()

    class Watched(NBClientEngine):  # type: ignore[misc]
        """Papermill's own engine, which lets us see the notebook while it runs."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **settings: Any) -> Any:
            _WATCHED[-1].notebook = nb_man.nb
            dropped = {"input_path", "log_output", "stdout_file", "stderr_file"}
            kept = {name: value for name, value in settings.items() if name not in dropped}
            kept["timeout"] = kept.pop("execution_timeout")
            kept["startup_timeout"] = kept.pop("start_timeout")
            if _WATCHED[-1].folder is not None:
                kept["resources"] = {"metadata": {"path": str(_WATCHED[-1].folder)}}
            return listening(nb_man, kernel_name=kernel_name, **kept).execute()

    return Watched


def _make_client() -> Any:
    from papermill.clientwrap import PapermillNotebookClient

    class Listening(PapermillNotebookClient):  # type: ignore[misc]
        """Papermill's own client, with bounded outputs; it asks the kernel what it heard."""

        intake = Intake()

        def execute_cell(self, cell: Any, cell_index: int, **settings: Any) -> Any:
            self.intake = Intake()
            try:
                return super().execute_cell(cell, cell_index, **settings)
            finally:
                self.intake.finish()

        def output(self, outs: Any, *message: Any) -> Any:
            out = super().output(outs, *message)
            if out is not None and outs and outs[-1] is out:
                self.intake.take(outs)
            return out

        def papermill_execute_cells(self) -> None:
            super().papermill_execute_cells()
            if not any(_shows_error(cell) for cell in self.nb.cells):
                told = {"told": TELL.format(patience=min(THREAD_SECONDS, self.timeout / 2))}
                asked = self.kc.execute("", silent=True, user_expressions=told)
                _WATCHED[-1].heard = read_reply(self.wait_for_reply(asked))

    return Listening


def _shows_error(cell: Any) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))


def _save(notebook: Any, path: Path | None) -> None:
    if path is not None and notebook is not None:
        import nbformat
        from papermill.execute import remove_error_markers

        notebook = remove_error_markers(notebook)  # cells that papermill put in: we tell it better
        part = path.with_name(f"{path.name}.part")
        nbformat.write(notebook, part)
        part.replace(path)


def check_complete(notebook: Any, name: str) -> None:
    """Hold an executed notebook to its word: the kernel answered every cell, and none failed.

    Papermill's own status says *completed* after a crash, so only the kernel's replies count.

    Args:
        notebook: An ``nbformat`` node.
        name: What messages call it.

    Raises:
        RunError: A cell was not answered or shows an error.
    """
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        answered = "shell.execute_reply" in cell.metadata.get("execution", {})
        if _shows_error(cell) or not answered:
            raise RunError(
                f"{name} did not finish.", [f"cell {number} was not run to its end: run it again"]
            )
