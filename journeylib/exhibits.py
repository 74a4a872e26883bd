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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

SHARES = frozenset(
    {
        "share", "to_next", "converted_share", "matched_share", "relative", "top3_probability",
        "difference", "wrong_side", "here", "elsewhere", "bad_share", "lost_share", "went_share",
        "loop_index", "sure", "with_it", "without",
    }
)  # fmt: skip
WHOLE = frozenset(
    {"customers", "events", "reached", "count", "journeys", "repeats", "n", "rank", "k"}
)
# Counts of people that are always known: an empty one stands for too few of them.
PEOPLE = frozenset({"customers", "reached", "journeys", "mentions"})
WITHHOLDS = "withheld"
DATED = frozenset({"first", "last", "start"})
# Names that sources write as identifiers; pages show them as words, files keep them.
NAMED = frozenset(
    {"touchpoint", "channel", "stage", "from", "to", "better", "worse", "path", "state"}
)
CODED = frozenset({"metric", "kind", "check", "design", "timing"})
HEADERS = {
    "to_next": "Go on", "median_days": "Median days", "median_hours": "Median hours",
    "rows_read": "Rows read", "rows_used": "Rows used", "rows_dropped": "Left out",
    "reasons": "Why", "value_sum": "Money", "matched_share": "Also in other sources",
    "affected": "Rows", "message": "What was found and what follows",
    "converted_share": "With the outcome", "extra_days": "Days between",
    "p_adjusted": "p, adjusted", "told": "Told by", "support_why": "Why",
    "rated": "With a rating", "wrong_side": "Bad ratings that read as good",
    "stay": "Time in it", "measure": "Which is the", "open": "Still there",
    "days": "Half by day", "stands_for": "Like it", "went": "Went on",
    "lost_share": "Of those who left",
    "went_share": "Of those who went on", "loop_index": "Visits that are returns",
    "sure": "Right this often", "rule": "For the client file",
    "reader": "Read by", "labels": "Ratings", "bad_share": "Of them bad",
    "quote_1": "In their words", "quote_2": "And", "quote_3": "And", "words": "Words that tell it",
    "here": "There", "sentiment_n": "Rated by",
    "mapping": "How it becomes −1 to 1", "mix": "Sources",
    "with_it": "Outcome with it", "without": "Without",
    "n_treated": "n with", "n_control": "n without", "n": "n",
}  # fmt: skip
# Columns that the notebooks show of each table; "estimate" is value, interval and unit in one.
VIEWS: dict[str, tuple[str, ...]] = {
    "sources": (
        "source", "kind", "rows_read", "rows_used", "rows_dropped", "reasons", "first", "last",
    ),
    "identity": ("source", "records", "customers", "matched_share", "conflicts"),
    "quality": (
        "check", "source", "status", "affected", "message",
    ),
    "assumptions": ("statement", "status", "consequence"),
    "personas": (
        "name", "customers", "estimate", "verdict", "stability", "description",
    ),
    "metrics": (
        "metric", "segment", "estimate", "n", "target", "source",
    ),
    "touchpoints": (
        "touchpoint", "channel", "stage", "customers", "events", "estimate", "support",
        "support_why",
    ),
    "stages": (
        "stage", "persona", "reached", "share", "estimate", "median_days", "sentiment",
    ),
    "transitions": (
        "from", "to", "customers", "count", "estimate", "median_hours",
    ),
    "paths": (
        "path", "journeys", "estimate", "converted_share",
    ),
    "loops": (
        "touchpoint", "repeats", "customers", "estimate", "extra_days",
    ),
    "passages": ("stage", "end", "customers", "estimate", "days", "stay", "measure", "open"),
    "funnels": ("stage", "counted", "estimate", "n"),
    "flows": ("from", "to", "customers", "count", "estimate"),
    "ribbons": ("place", "from", "to", "customers", "count"),
    "places": ("place", "state", "customers", "count", "estimate"),
    "occupancy": ("days", "state", "estimate", "n"),
    "representatives": (
        "path", "journeys", "stands_for", "estimate", "converted_share",
    ),
    "rework": (
        "stage", "customers", "visits", "loop_index", "reworkers", "estimate",
    ),
    "consistency": (
        "touchpoint", "better", "worse", "customers", "estimate", "n", "p_adjusted", "verdict",
    ),
    "cells": (
        "stage", "channel", "customers", "estimate", "tone", "tone_n",
    ),
    "detours": (
        "stage", "touchpoint", "kind", "lost", "lost_share", "went", "went_share", "estimate",
        "p_adjusted",
    ),
    "deviations": (
        "kind", "stage", "customers", "journeys", "share", "with_it", "without", "estimate",
    ),
    "suggestions": (
        "touchpoint", "customers", "events", "share", "stage", "sure", "known", "rule",
    ),
    "cohorts": ("cohort", "age", "customers", "active", "estimate", "partial"),
    "tenure": ("months", "estimate", "n"),
    "stays": ("group", "customers", "ended", "estimate", "measure"),
    "divides": ("attribute", "groups", "customers", "chi_square", "freedom", "p_adjusted"),
    "tone": (
        "touchpoint", "channel", "stage", "customers", "estimate", "support",
    ),
    "scales": (
        "source", "told", "scale", "mapping", "answers", "customers",
    ),
    "tones": (
        "source", "language", "texts", "rated", "reader", "estimate", "n", "wrong_side", "verdict",
    ),
    "lines": (
        "stage", "told", "estimate", "n",
    ),
    "agreements": (
        "aspect", "believed", "estimate", "n", "source",
    ),
    "beliefs": (
        "aspect", "touchpoint", "stage", "believed", "measured", "verdict", "estimate", "hint",
    ),
    "pains": (
        "rank", "touchpoint", "channel", "kind", "customers", "estimate", "p_adjusted", "evidence",
    ),
    "delights": (
        "rank", "touchpoint", "channel", "customers", "estimate", "p_adjusted",
    ),
    "themes": ("theme", "mentions", "estimate", "sentiment", "sentiment_n", "stage", "words"),
    "quotes": ("theme", "quote_1", "quote_2", "quote_3"),
    "theme_stability": ("theme", "kind", "comments", "customers", "stability", "verdict"),
    "theme_links": ("pain", "theme", "here", "elsewhere", "estimate", "n", "p_adjusted"),
    "theme_changes": ("theme", "estimate", "n", "p_adjusted", "verdict"),
    "judgements": ("language", "reader", "labels", "bad_share", "estimate", "n", "verdict"),
    "impacts": (
        "intervention", "metric", "arm", "segment", "estimate", "p_adjusted", "evidence", "verdict",
    ),
    "used": ("source", "rows_used", "rows_dropped"),
    "top_pains": (
        "rank", "touchpoint", "channel", "kind", "customers", "estimate", "evidence",
    ),
    "verdicts": (
        "intervention", "metric", "estimate", "evidence", "verdict",
    ),
    "caveats": (
        "chapter", "statement", "consequence",
    ),
}  # fmt: skip
# Frames of one chapter that are no result tables: they stand nowhere but on the page.
SHOWN_ONLY = frozenset(
    {
        "passages", "funnels", "flows", "ribbons", "places", "occupancy", "representatives",
        "theme_stability", "theme_links", "theme_changes", "judgements", "quotes",
        "rework", "consistency", "cells", "detours", "suggestions", "cohorts", "tenure", "divides",
        "stays", "deviations",
    }
)  # fmt: skip
STATUS_SIGNS = {"pass": "✓ pass", "warn": "! warn", "fail": "✗ fail"}
ESTIMATE = "estimate"
# Columns with ends of their own, such as `stay_low`, and the unit of all three.
SPANS = {"stay": "days", "tone": "sentiment"}
WITHHELD = "not interpretable"  # a check failed: the figure is in tables/, not on the page
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
    """A computed sentence; ``**bold**`` is its only markup, all else is plain text."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f'<p class="said">{bold(self)}</p>'


def bold(text: str) -> str:
    """Escape a text and turn ``**…**`` into bold."""
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", html.escape(text, quote=False))


def show_sentences(sentences: Iterable[str]) -> Exhibit:
    """Show sentences as a numbered list, in their order."""
    items = "".join(f"<li>{bold(sentence)}</li>" for sentence in sentences)
    return Exhibit(f'<ol class="findings said">{items}</ol>' if items else "")


def show_notice(text: str) -> Exhibit:
    """Show why there is nothing to show; `keys` of the client file stand between backticks."""
    told = re.sub(r"`(.+?)`", r"<code>\1</code>", bold(text))
    return Exhibit(f'<p class="notice said" role="note">{told}</p>')


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
        return estimate_text(row[name], row[f"{name}_low"], row[f"{name}_high"], SPANS[name])
    unit = "" if is_missing(row.get("unit")) else str(row["unit"])
    if row.get("verdict") == WITHHELD:
        return "withheld"
    signed = {"arm", "change", "effect", "lost_share", "with_it", "elsewhere", "before"}
    difference = bool(signed & set(row))
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
}
