"""What each notebook left, outputs and tables, kept so that unchanged work is not done again.

The workspace itself may be changed by an analyst, or be half-written after a crash; what is kept
here is written whole, and put back where the workspace does not hold it. The log is only checked.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from journeylib.fingerprints import STORE
from journeylib.swaps import begin_folder, mend_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from journeylib.fingerprints import Fingerprints

STEPS, FAILED, LOCK = "steps", "failed", ".lock"
NOTEBOOK = "notebook.ipynb"
LOG = "log/"
_OWN = frozenset({STEPS, FAILED, STORE, "state.json"})


@dataclass(frozen=True, slots=True)
class Step:
    """One notebook that ran to its end.

    Attributes:
        name: The notebook.
        key: Hash of all that its result hangs on.
        notebook: SHA-256 of the executed notebook.
        outputs: SHA-256 by file that it wrote or changed in the workspace, the log's included.
        removed: Files of earlier notebooks that it took away.
        seconds: Wall time.
    """

    name: str
    key: str
    notebook: str
    outputs: Mapping[str, str]
    removed: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(slots=True)
class Kept:
    """The steps of one client.

    Attributes:
        work: The client's workspace.
        prints: Hashes of its files.
    """

    work: Path
    prints: Fingerprints
    _steps: dict[str, Step] = field(default_factory=dict, repr=False)

    def load(self, name: str) -> Step | None:
        """Give what a notebook left last; None where nothing whole is kept.

        Args:
            name: The notebook.
        """
        folder = self._folder(name)
        try:
            told: dict[str, Any] = json.loads((folder / "step.json").read_text(encoding="utf-8"))
            step = Step(**{**told, "removed": tuple(told["removed"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        wanted = {at: digest for at, digest in step.outputs.items() if not at.startswith(LOG)}
        whole = all(self.prints.of(folder / "files" / at) == wanted[at] for at in wanted)
        return step if whole and self.prints.of(folder / NOTEBOOK) == step.notebook else None

    def read_notebook(self, name: str) -> Any:
        """Read the executed notebook that is kept.

        Args:
            name: The notebook.
        """
        import nbformat

        return nbformat.read(self._folder(name) / NOTEBOOK, 4)

    def keep(self, step: Step, notebook: str) -> None:
        """Keep what a notebook left, in place of what it left before.

        Whether it is whole is seen by its hashes when it is loaded, whatever happened meanwhile.

        Args:
            step: What is known of it.
            notebook: The executed notebook, as written into a file.
        """
        final = self._folder(step.name)
        mend_folder(final)
        built = begin_folder(final)
        try:
            (built / NOTEBOOK).write_text(notebook, encoding="utf-8")
            for at in step.outputs:
                if not at.startswith(LOG):
                    (built / "files" / at).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(self.work / at, built / "files" / at)
            (built / "step.json").write_text(json.dumps(asdict(step)), encoding="utf-8")
            shutil.rmtree(final, ignore_errors=True)
            built.replace(final)
        finally:
            shutil.rmtree(built, ignore_errors=True)

    def look(self) -> dict[str, str]:
        """Hash every file of the workspace that notebooks write; none begins with a full stop.

        Returns:
            SHA-256 by path below the workspace.
        """
        if not self.work.is_dir():
            return {}
        found = [path for path in sorted(self.work.iterdir()) if path.name not in _OWN]
        parts = [path for path in found if not path.name.startswith(".")]  # locks, half-written
        files = [path for part in parts for path in _files(part)]
        return {path.relative_to(self.work).as_posix(): self.prints.of(path) for path in files}

    def holds_log(self, steps: Iterable[Step]) -> bool:
        """Say whether the log stands as the notebooks left it: it is too large to be kept twice.

        Args:
            steps: The notebooks that ran, in order.
        """
        wanted = state_after(steps)
        return all(
            self.prints.of(self.work / at) == digest
            for at, digest in wanted.items()
            if at.startswith(LOG)
        )

    def restore(self, steps: Iterable[Step]) -> None:
        """Make the workspace hold just what these notebooks left, the log apart.

        Args:
            steps: The notebooks that ran, in order.
        """
        steps = list(steps)
        wanted, found = state_after(steps), self.look()
        for at in found.keys() - wanted.keys():
            (self.work / at).unlink(missing_ok=True)
        source = {at: step.name for step in steps for at in step.outputs}
        for at, digest in wanted.items():
            if found.get(at) != digest and not at.startswith(LOG):
                (self.work / at).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._folder(source[at]) / "files" / at, self.work / at)

    def _folder(self, name: str) -> Path:
        return self.work / STEPS / name


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [one for one in sorted(path.rglob("*")) if one.is_file()]
    return [path] if path.is_file() else []


def state_after(steps: Iterable[Step]) -> dict[str, str]:
    """Give what stands in a workspace after some notebooks.

    Args:
        steps: The notebooks that ran, in order.

    Returns:
        SHA-256 by path below the workspace.
    """
    state: dict[str, str] = {}
    for step in steps:
        state = {at: digest for at, digest in state.items() if at not in step.removed}
        state.update(step.outputs)
    return state


def find_changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Give the files that a notebook wrote or changed.

    Args:
        before: From `Kept.look`, before it ran.
        after: From `Kept.look`, after it ran.

    Returns:
        SHA-256 by path.
    """
    return {at: digest for at, digest in after.items() if before.get(at) != digest}
