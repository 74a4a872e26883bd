"""Where a client's tables stand between notebooks, and what each notebook may count on.

The same folder serves JupyterLab, plain papermill and the runner. A notebook whose forerunners have
not run, or have run on other data, has them run first.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import journeylib
from journeylib.collect import Collected, collect
from journeylib.errors import JourneyError
from journeylib.exhibits import Exhibit, show_table
from journeylib.fingerprints import STORE, Fingerprints, combine, print_inputs
from journeylib.log import Log, open_log
from journeylib.params import Params, find_client_file, read_params
from journeylib.suppression import suppress_table
from journeylib.tables import RESULTS, check_result, complete_result

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOTEBOOKS = (
    "01_data_collection",
    "02_persona_segmentation",
    "03_stage_mapping",
    "04_pain_point_analysis",
    "05_intervention_impact",
    "06_journey_report",
)
STATE = "state.json"
REJECTS = "rejected_rows.csv"
NOTHING_HANDED = "Nothing to hand over: the data does not carry these tables."
_RISKY = ("=", "+", "-", "@", "\t", "\r")


@dataclass(slots=True)
class Workspace:
    """A client's tables between notebooks.

    Attributes:
        params: The client file.
        folder: ``work/<client>/`` beside ``params/``, or below ``JOURNEY_WORK``.
    """

    params: Params
    folder: Path
    _collected: Collected | None = field(default=None, repr=False)

    @property
    def tables(self) -> Path:
        """Folder of the result tables."""
        return self.folder / "tables"

    @property
    def log(self) -> Log:
        """The client's event log; empty where no source has events."""
        return open_log(self.folder / "log")

    def collect(self) -> Collected:
        """Read the sources and build the log; whatever stood in the workspace goes."""
        for part in ("tables", "frames", "log"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        (self.folder / STATE).unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._collected = collect(self.params, self.folder / "log")
        write_text(self.folder / REJECTS, self._collected.rejects.to_csv(index=False))
        return self._collected

    # ------------------------------------------------------------ tables of part 6

    def read(self, table: str) -> pd.DataFrame:
        """Read a result table that an earlier notebook handed over; an absent one is empty."""
        path = self.tables / f"{table}.parquet"
        return pd.read_parquet(path) if path.exists() else complete_result(table, pd.DataFrame())

    def hand_over(self, notebook: str, *, tables: Mapping[str, pd.DataFrame]) -> Exhibit:
        """Check the tables of one notebook, write them, and mark the notebook as done.

        Args:
            notebook: Its number, such as ``"03"``.
            tables: Result tables by name; an empty one is not written but named as absent.

        Returns:
            What was written, to be shown.

        Raises:
            DataError: A table does not fit its contract.
        """
        self.tables.mkdir(parents=True, exist_ok=True)
        written = []
        for name, table in tables.items():
            if table.empty:
                continue
            shown = self.protect(name, complete_result(name, table))
            check_result(name, shown)
            write_table(shown, self.tables / name)
            written.append((name, len(shown), len(shown.columns)))
        self._mark(notebook)
        table = pd.DataFrame(written, columns=["table", "rows", "columns"])
        return show_table(table, caption="Handed over", rows=len(RESULTS), absent=NOTHING_HANDED)

    def protect(self, table: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Blank what stands for too few customers, before it is shown, drawn or handed over.

        Args:
            table: Name of the result table, which says what its counts are.
            frame: Its rows.
        """
        return suppress_table(table, frame, min_cell=self.params.report.min_cell)

    # ------------------------------------------------------------ frames between notebooks

    def keep(self, **frames: pd.DataFrame) -> None:
        """Keep frames for later notebooks that are no result tables."""
        folder = self.folder / "frames"
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            frame.to_parquet(folder / f"{name}.parquet", index=False)

    def recall(self, name: str) -> pd.DataFrame:
        """Read a frame that an earlier notebook kept; an absent one is empty."""
        path = self.folder / "frames" / f"{name}.parquet"
        return pd.read_parquet(path) if path.exists() else pd.DataFrame()

    # ------------------------------------------------------------ state

    @property
    def key(self) -> str:
        """Fingerprint of the client file, of all that it names, and of the kit's version."""
        prints = Fingerprints(self.folder / STORE)
        seen = print_inputs(self.params, prints)
        prints.save()
        return combine({**seen, "the version": journeylib.__version__})

    def done(self) -> set[str]:
        """Numbers of the notebooks whose tables stand here and fit the data."""
        path = self.folder / STATE
        if not path.exists():
            return set()
        state: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        key = self.key
        return {number for number, found in state.items() if found == key}

    def _mark(self, notebook: str) -> None:
        self.mark_done({*self.done(), notebook})

    def mark_done(self, notebooks: Iterable[str]) -> None:
        """Say which notebooks' tables stand here; no other counts as done from then on.

        Args:
            notebooks: Their numbers, such as ``"03"``.
        """
        done = dict.fromkeys(sorted(notebooks), self.key)
        write_text(self.folder / STATE, json.dumps(done, indent=1))

    @property
    def settings(self) -> dict[str, Any]:
        """What the metrics need to know about the client."""
        codes = self.log.codes
        inactive = self.params.outcome.inactive_days
        return {
            "currency": self.params.currency,
            "outcome": codes.outcome,
            "has_orders": any(source.kind == "orders" for source in self.params.sources),
            "start": codes.start,
            "end": codes.end,
            "inactive_days": None if inactive == "auto" else float(inactive),
        }


def open_workspace(client: str, *, notebook: str) -> Workspace:
    """Open a client's workspace for one notebook, with everything it builds on in place.

    Args:
        client: The client file, found from the repository's root.
        notebook: Number of the notebook that opens it, such as ``"03"``; ``"01"`` starts afresh.

    Returns:
        The workspace.

    Raises:
        JourneyError: The client file or the data cannot be used, or a forerunner failed.
    """
    params = read_params(find_client_file(client))
    work = Workspace(params, work_folder(params))
    needed = [name for name in NOTEBOOKS if name[:2] < notebook]
    missing = [name for name in needed if name[:2] not in work.done()]
    if missing and needed:
        _run_forerunners(params, needed[needed.index(missing[0]) :])
    return work


def work_folder(params: Params) -> Path:
    """Give the folder of a client's workspace."""
    base = os.environ.get("JOURNEY_WORK")
    return (Path(base) if base else params.root / "work") / params.client


def notebook_folder(params: Params) -> Path:
    """Find the notebooks: beside ``params/``, else in the source tree of the library."""
    beside = params.root / "notebooks"
    own = Path(journeylib.__file__).parents[1] / "notebooks"
    for folder in (beside, own):
        if (folder / f"{NOTEBOOKS[0]}.ipynb").exists():
            return folder
    raise JourneyError(
        "The notebooks cannot be found.",
        [f"put them into {beside.name}/ beside params/, or install the kit from its repository"],
    )


def _run_forerunners(params: Params, names: list[str]) -> None:
    """Run earlier notebooks in kernels of their own; their tables are what counts."""
    from journeylib.kernels import execute_notebook

    folder = notebook_folder(params)
    for name in names:
        execute_notebook(folder / f"{name}.ipynb", client=str(params.path))


def write_table(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as Parquet and as CSV that no spreadsheet takes for formulas."""
    table.to_parquet(stem.with_suffix(".parquet"), index=False)
    texts = table.select_dtypes(["object", "string"]).columns
    safe = table.assign(
        **{column: table[column].map(_harmless, na_action="ignore") for column in texts}
    )
    write_text(stem.with_suffix(".csv"), safe.to_csv(index=False, lineterminator="\n"))


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds a JSON object; an absent or broken one is empty."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(told) if isinstance(told, dict) else {}


def absent_tables(work: Workspace) -> pd.DataFrame:
    """Name the result tables that were not written, and why.

    Returns:
        Rows of the result table ``assumptions``.
    """
    rows = []
    for table in RESULTS:
        if table != "assumptions" and not (work.tables / f"{table}.parquet").exists():
            reason = _why_unasked(work.params, table) or _why_absent(table)
            rows.append(
                (f"table {table}", "06", f"There is no table {table}: {reason}.", "pass", "")
            )
    columns = ["assumption", "notebook", "statement", "status", "consequence"]
    return pd.DataFrame(rows, columns=columns)


def _why_unasked(params: Params, table: str) -> str:
    """Say why there is nothing imagined or compared, from what the client file asks for."""
    if table == "drift":
        if params.compare_to is None and params.earlier_results is None:
            return "the client file names neither compare_to nor earlier_results"
        return "the earlier period cannot be compared with this one"
    if table == "forecasts":
        if params.scenarios:
            return "the data cannot carry the scenarios of the client file"
        return "no pain point is clear enough to imagine without it, and no scenarios are named"
    return ""


def _why_absent(table: str) -> str:
    reasons = {
        "personas": "too few customers are known to group them",
        "metrics": "no source holds orders, churn or survey scores",
        "impacts": "the client file names no intervention that could be measured",
        "impact_checks": "the client file names no intervention that could be measured",
        "delights": "no touchpoint is rated clearly better than the others",
        "pains": "no touchpoint does clearly worse than its like",
        "themes": "too few comments, or no theme that is the same in two halves of them",
        "opportunities": "no pain point is clear enough to suggest anything",
        "beliefs": "the client file names no workshop_map",
        "paths": "no source holds dated events",
        "predictions": "too few customers were followed to foretell what they do next",
        "loops": "no customer came back to a touchpoint within a journey",
    }
    return reasons.get(table, "no source holds dated events or orders")
