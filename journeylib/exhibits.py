"""Tables, figures and sentences as accessible HTML, the same in JupyterLab and in the report.

Everything from the data is escaped here. Not for computing anything, nor for whole pages.
"""

from __future__ import annotations

import base64
import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from journeylib.labels import (
    clean_label,
    count_text,
    estimate_text,
    is_missing,
    metric_name,
    sentence_case,
    share_text,
    value_text,
)
from journeylib.views import (
    CODED,
    DATED,
    DIFFERENCES,
    HEADERS,
    NAMED,
    PEOPLE,
    SHARES,
    SHOWN_ONLY,
    SPANS,
    VIEWS,
    WHOLE,
    WITHHOLDS,
    WORDY,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

STATUS_SIGNS = {"pass": "✓ pass", "warn": "! warn", "fail": "✗ fail"}
ESTIMATE = "estimate"
WITHHELD = "not interpretable"  # a check failed: the figure is in tables/, not on the page
# Columns that stand only in tables whose estimates are differences.
SIGNED = frozenset(
    {"arm", "change", "effect", "lost_share", "with_it", "elsewhere", "before", "naive", "plain",
     "shape"}
)  # fmt: skip
LEFT = ' style="text-align:left"'  # JupyterLab would set texts to the right
TABLE_CSS = (
    ".exhibit{margin:1.2em 0}.exhibit table{border-collapse:collapse;width:100%;font-size:.92em;"
    "font-variant-numeric:tabular-nums}.exhibit caption{text-align:left;font-weight:600;"
    "padding:.2em 0 .5em}.exhibit th,.exhibit td{padding:.38em .7em;text-align:left;"
    "vertical-align:top;border-bottom:1px solid #d5dce1}.exhibit thead th{border-bottom:2px solid "
    "#52616d;white-space:nowrap}.exhibit td.number,.exhibit th.number{text-align:right;"
    "white-space:nowrap}.exhibit .scroll{overflow-x:auto}.exhibit img{max-width:100%;height:auto}"
    ".exhibit .more,.exhibit figcaption{color:#52616d;font-size:.88em}.said{max-width:72ch}"
)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A piece of HTML that shows itself at the end of a cell.

    Attributes:
        html: The markup; everything from the data in it is escaped.
    """

    html: str

    def _repr_html_(self) -> str:
        return self.html


class Sentence(str):
    """A computed sentence; ``**bold**`` and keys between backticks are its only markup."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f'<p class="said">{bold(self)}</p>'


def bold(text: str) -> str:
    """Escape a text and turn ``**…**`` into bold, and keys between backticks into code."""
    strong = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(text, quote=False))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", strong)


def show_sentences(sentences: Iterable[str]) -> Exhibit:
    """Show sentences as a numbered list, in their order; one alone needs no number."""
    sentences = list(sentences)
    if len(sentences) == 1:
        return Exhibit(f'<p class="said">{bold(sentences[0])}</p>')
    items = "".join(f"<li>{bold(sentence)}</li>" for sentence in sentences)
    return Exhibit(f'<ol class="findings said">{items}</ol>' if items else "")


def show_notice(text: str) -> Exhibit:
    """Show why there is nothing to show; `keys` of the client file stand between backticks."""
    return Exhibit(f'<p class="notice said" role="note">{bold(text)}</p>')


def show_figure(ax: Axes | None, *, absent: str = "") -> Exhibit:
    """Show a chart as an image whose text alternative is its finding.

    Args:
        ax: A chart of `charts`; None where there was nothing to draw.
        absent: What to say in that case.

    Returns:
        A figure that needs no script, style or file beside it.
    """
    if ax is None:
        return show_notice(absent or "Nothing to draw: the table behind this figure is empty.")
    import matplotlib.pyplot as plt

    from journeylib.theme import figure_svg, finding

    title = finding(ax)
    data = base64.b64encode(figure_svg(ax).encode()).decode()
    plt.close(ax.get_figure(root=True))
    image = f'<img alt="{html.escape(title)}" src="data:image/svg+xml;base64,{data}">'
    return Exhibit(f'<figure class="exhibit">{image}</figure>')


def show_table(
    table: pd.DataFrame,
    *,
    caption: str,
    columns: Sequence[str] | str | None = None,
    rows: int = 12,
    absent: str = "",
) -> Exhibit:
    """Show a table with headings, units and one column for each estimate and its interval.

    Args:
        table: Rows to show, in their order.
        caption: What the table is.
        columns: Columns to show, or the name of one of ``VIEWS``; ``"estimate"`` stands for value,
            interval and unit.
        rows: Most rows to show; how many are left out is said below.
        absent: What to say when there is no row.

    Returns:
        The table; empty columns are left out.
    """
    if table.empty:
        return show_notice(absent or f"{caption}: nothing to show, no source provides it.")
    if "money_value" in table:
        table = table.assign(money=table["money_value"])
    behind = {"low", "high", "source"} if {"low", "high"} <= set(table) else set()
    elsewhere = " in the tables folder beside this report."
    if isinstance(columns, str):
        elsewhere = "." if columns in SHOWN_ONLY else elsewhere
        columns = VIEWS[columns]
    picked = list(columns) if columns else [str(name) for name in table if name not in behind]
    shown = table.head(rows)
    picked = [name for name in picked if name == ESTIMATE or _filled(shown, name)]
    records: list[Any] = shown.to_dict("records")
    numeric: set[str] = {name for name in picked if _is_number(shown, name)}
    head = "".join(_heading(name, numeric) for name in picked)
    body = "".join(
        "<tr>" + "".join(_cell(row, name, numeric) for name in picked) + "</tr>" for row in records
    )
    left = len(table) - len(shown)
    more = f'<p class="more">{left:,} more rows{elsewhere}</p>' if left > 0 else ""
    return Exhibit(
        f'<div class="exhibit"><div class="scroll" tabindex="0"><table>'
        f"<caption>{html.escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}</div>"
    )


def _filled(table: pd.DataFrame, name: str) -> bool:
    return name in table and bool((table[name].notna() & (table[name].astype("str") != "")).any())


def _is_number(table: pd.DataFrame, name: str) -> bool:
    return name == ESTIMATE or pd.api.types.is_numeric_dtype(table[name])


def _heading(name: str, numeric: set[str]) -> str:
    label = HEADERS.get(name) or sentence_case(name)
    number = ' class="number"' if name in numeric else LEFT
    return f'<th scope="col"{number}>{html.escape(label)}</th>'


def _cell(row: Mapping[Any, Any], name: str, numeric: set[str]) -> str:
    text = cell_text(row, name)
    number = ' class="number"' if name in numeric else LEFT
    if name in DATED:
        number = ' style="text-align:left;white-space:nowrap"'
    if name in WORDY:
        number = ' style="text-align:left;min-width:17em"'
    return f"<td{number}>{html.escape(text, quote=False)}</td>"


def cell_text(row: Mapping[Any, Any], name: str) -> str:
    """Write one cell as its column asks: shares as percent, counts whole, estimates with interval.

    Args:
        row: The row, by column name.
        name: Column, or ``"estimate"``.
    """
    if name == ESTIMATE or (name in SPANS and f"{name}_low" in row):
        return _estimate_cell(row, name)
    value = row[name]
    if is_missing(value):
        return WITHHOLDS if name in PEOPLE else "–"
    written = WRITERS.get(name)
    if written is not None:
        return written(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _plain_number(float(value), str(row.get("unit") or "") if name == "target" else "")
    return clean_label(value)


def _estimate_cell(row: Mapping[Any, Any], name: str) -> str:
    if name in SPANS:
        own = SPANS[name] or str(row.get("money_unit") or row.get("unit") or "")
        ends = (row[name], row[f"{name}_low"], row[f"{name}_high"])
        return estimate_text(*ends, own, difference=name in DIFFERENCES)
    unit = "" if is_missing(row.get("unit")) else str(row["unit"])
    if row.get("verdict") == WITHHELD:
        return "withheld"
    difference = bool(SIGNED & set(row))
    return estimate_text(row["value"], row["low"], row["high"], unit, difference=difference)


def _plain_number(value: float, unit: str) -> str:
    return count_text(value) if not unit and abs(value) >= 1000 else value_text(value, unit)


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _words(name: object) -> str:
    return clean_label(name).replace("_", " ")


WRITERS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(NAMED, _words),
    **dict.fromkeys(CODED, metric_name),
    **dict.fromkeys(SHARES, share_text),
    **dict.fromkeys(WHOLE, count_text),
    "status": lambda status: STATUS_SIGNS.get(str(status), str(status)),
    "sentiment": lambda tone: value_text(tone, "sentiment"),
    "p_adjusted": _p_value,
    "p_value": _p_value,
    "dated_p": _p_value,
}
