"""The words around a workshop: a page for each learner, and the trainer's guide with the truth.

Not for notebooks or data; `lessons` writes those.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeylib.answers import EXERCISES, Answer
from journeylib.labels import interval_text, is_missing, value_text
from journeylib.syllabus import BREAK, CLOSING, LESSONS, OPENING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from journeylib.lessons import Question
    from journeylib.workspace import Workspace

TEMPLATES = Path(__file__).with_name("templates") / "workshop"
TOTAL = OPENING + BREAK + CLOSING + sum(lesson.minutes for lesson in LESSONS)
LOOK_05 = (
    "In notebook 5 the value of **{intervention}** should lie near the realised one, and its "
    "interval should hold the designed one for about nineteen learners in twenty."
)
LOOK_04 = (
    "In notebook 4 look for **{touchpoint}** ({channel}) among the pains and the delights. The "
    "size differs from the one above where the comparison differs: ask which customers are "
    "compared with which."
)


def write_readme(folder: Path, *, client: str, title: str) -> Path:
    """Write a learner's page: what to do, the agenda, objectives and key points.

    Args:
        folder: The learner's folder.
        client: Slug of the client.
        title: The client's name.

    Returns:
        The page.
    """
    return _render("learner.md.j2", folder / "README.md", client=client, title=title)


def write_guide(
    folder: Path, *, title: str, questions: Mapping[str, Sequence[Question]], answers: bool
) -> Path:
    """Write the trainer's guide from every learner's truth.

    Args:
        folder: The trainer's folder, with one working folder for each learner.
        title: The client's name.
        questions: The exercises of each notebook.
        answers: Whether to run the solutions and put what they give into the guide.

    Returns:
        The guide.

    Raises:
        JourneyError: A solution could not be run.
    """
    truths = read_truths(folder)
    works = {name: _run_solutions(folder / name) for name in truths} if answers else {}
    first = next(iter(truths.values()))
    planted = range(len(first["planted"]))
    return _render(
        "guide.md.j2",
        folder / "guide.md",
        title=title,
        names=list(truths),
        questions=questions,
        effects=[_describe_effect(truths, works, number) for number in planted],
        personas=_compare_rows({name: _persona_sizes(truth) for name, truth in truths.items()}),
        mess=_list_mess(first),
        answers=_compare_rows({name: list_answers(work) for name, work in works.items()}),
    )  # fmt: skip


def read_truths(folder: Path) -> dict[str, dict[str, Any]]:
    """Read what was planted for each learner.

    Args:
        folder: The trainer's folder.

    Returns:
        The contents of `truth.json` by the learner's name, in their order.
    """
    files = sorted(folder.glob("*/sample_data/*/truth.json"))
    return {file.parents[2].name: json.loads(file.read_text(encoding="utf-8")) for file in files}


def list_answers(work: Workspace) -> dict[str, str]:
    """List the answers of all exercises from a workspace in which all notebooks have run."""
    return {number: _answer_text(task.expected(work)) for number, task in EXERCISES.items()}


def _render(template: str, path: Path, **values: Any) -> Path:
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    loader = FileSystemLoader(TEMPLATES)
    pages = Environment(loader=loader, autoescape=select_autoescape(), keep_trailing_newline=True)
    plan = {"lessons": LESSONS, "opening": OPENING, "pause": BREAK, "closing": CLOSING}
    text = pages.get_template(template).render(**plan, total=TOTAL, **values)
    path.write_text(text, encoding="utf-8")
    return path


# ---------------------------------------------------------------- the truth


def _describe_effect(
    truths: Mapping[str, dict[str, Any]], works: Mapping[str, Workspace], number: int
) -> dict[str, Any]:
    planted = {name: truth["planted"][number] for name, truth in truths.items()}
    first = next(iter(planted.values()))
    changed = "intervention" in first
    return {
        "name": first["name"],
        "measure": first["measure"],
        "trap": first.get("trap", ""),
        "designed": "; ".join(
            f"{key}: {text}" for key, text in _flatten(first["designed"]).items()
        ),
        "realised": _compare_rows({name: one["realised"] for name, one in planted.items()}),
        "look": (LOOK_05 if changed else LOOK_04).format(**first),
        "notebook": 5 if changed else 4,
        "seen": [(name, _find_effect(work, first)) for name, work in works.items()],
    }


def _compare_rows(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Put each learner's values into one row, under the same columns."""
    flat = {name: _flatten(one) for name, one in values.items()}
    columns = list(dict.fromkeys(key for one in flat.values() for key in one))
    rows = [(name, [one.get(key, "–") for key in columns]) for name, one in flat.items()]
    return {"columns": columns, "rows": rows}


def _flatten(values: Mapping[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in values.items():
        label = key.replace("_", " ")
        if isinstance(value, dict):
            flat |= {f"{label} {part}": text for part, text in _flatten(value).items()}
        else:
            flat[label] = ", ".join(value) if isinstance(value, list) else _number_text(value)
    return flat


def _persona_sizes(truth: Mapping[str, Any]) -> dict[str, int]:
    return {name: persona["customers"] for name, persona in truth["personas"].items()}


def _list_mess(truth: Mapping[str, Any]) -> Iterable[str]:
    """Say what else was planted: gaps, robots, doubles, codes and contact details."""
    gap, robot = truth.get("data_gap"), truth.get("bot")
    if gap:
        where = ", ".join(filter(None, [gap["source"], gap.get("property")]))
        yield f"{where}, {gap['from']} to {gap['to']}: {gap['what']}."
    if robot:
        yield f"{robot['source']}: one robot with {robot['rows']} rows."
    if truth.get("same_person"):
        yield f"{len(truth['same_person'])} customers have two numbers."
    for column, codes in truth["missing_codes"].items():
        yield f"{column}: {' and '.join(map(str, codes))} mean that there is no answer."
    yield f"{len(truth['pii'])} contact details stand in comments."


# ---------------------------------------------------------------- what a learner sees


def _run_solutions(folder: Path) -> Workspace:
    """Run a learner's solutions, and open the workspace that they leave."""
    from journeylib.kernels import execute_notebook
    from journeylib.params import read_params
    from journeylib.workspace import Workspace, work_folder

    (client,) = (folder / "sample_data").iterdir()
    params = read_params(folder / "params" / f"{client.name}.yml")
    for lesson in LESSONS:
        execute_notebook(folder / "notebooks" / f"{lesson.notebook}.ipynb", client=str(params.path))
    return Workspace(params, work_folder(params))


def _find_effect(work: Workspace, planted: Mapping[str, Any]) -> str:
    if "intervention" in planted:
        impacts = work.read("impacts")
        own = impacts[impacts["intervention"] == planted["intervention"]].head(1)
        return _row_text(own, "verdict") or "not measured"
    found = []
    for kind in ("pains", "delights"):
        table = work.read(kind)
        met = table[table["touchpoint"] == planted["touchpoint"]]
        found += [f"{kind}: {text}" for text in [_row_text(met, "kind")] if text]
    return "; ".join(found) or "not listed"


def _row_text(rows: pd.DataFrame, column: str) -> str:
    texts = []
    for row in rows.to_dict("records"):
        value, between = _estimate_text(row)
        texts.append(
            f"{row[column]}: {value} ({between})" if between else f"{row[column]}: {value}"
        )
    return ", ".join(texts)


def _estimate_text(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Write a difference and its interval; that of two shares in points of a hundred."""
    share = row["unit"] == "share"
    unit = "points" if share else str(row["unit"])
    value, low, high = ((100 if share else 1) * row[name] for name in ("value", "low", "high"))
    return value_text(value, unit), interval_text(low, high, unit)


def _answer_text(answer: Answer) -> str:
    return "–" if is_missing(answer) else _number_text(answer)


def _number_text(value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
    return text.replace("-", "−")
