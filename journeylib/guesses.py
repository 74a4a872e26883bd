"""What the columns of an unknown file probably mean, by their names and by what stands in them.

Only ever for a first draft of a client file, which a person reviews; reading never guesses. Values
are counted by pattern here and never kept.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from journeylib.columns import MISSING_TEXT
from journeylib.engine import fetch_row
from journeylib.exports import FOLDER
from journeylib.expressions import quote_name, quote_text
from journeylib.yaml_tree import read_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

LOOKED_AT = 50_000
MOSTLY = 0.9
_MONTH = "[A-Za-zäéû]{3,9}\\.?"
_DAY = "[0-9]{4}[-/][0-9]{1,2}|[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}"
_TIMES = (
    f"({_DAY}|[0-9]{{1,2}}[ -]{_MONTH}[ -][0-9]{{2,4}}|{_MONTH} [0-9]{{1,2}},? [0-9]{{4}}|"
    "Q[1-4][ /-]?[0-9]{4}|[0-9]{4}[ /-]?Q[1-4]|(19|20)[0-9]{6})([T ,].*)?"
)
_PATTERNS = {
    "numbers": (
        "regexp_full_match(t, '([A-Z]{3} ?)?[^0-9A-Za-z]{0,4}[0-9][0-9., '']*"
        "[^0-9A-Za-z]{0,3}([A-Z]{3})?')"
    ),
    "whole": "regexp_full_match(t, '-?[0-9]{1,15}(\\.0)?')",
    "times": f"regexp_full_match(t, {quote_text(_TIMES)})",
    "stamps": "regexp_full_match(t, '1[0-9]{9}([0-9]{3}|[0-9]{6})?')",
    "serials": "regexp_full_match(t, '[34][0-9]{4}(\\.[0-9]+)?')",
    "emails": "regexp_matches(t, '^[^@ ]+@[^@ ]+\\.[A-Za-z]+$')",
    "phones": "regexp_full_match(t, '(\\+|00|0)[0-9 ()/.-]{7,18}')",
    "worded": "regexp_matches(t, '[^ ] +[^ ]+ +[^ ]')",
    "flags": "lower(t) IN ('true','false','yes','no','y','n','ja','nein','oui','non','si','sim')",
}


@dataclass(frozen=True, slots=True)
class Looks:
    """One column, counted.

    Attributes:
        name: The source's own name.
        rows: Rows looked at.
        filled: Rows with a value.
        distinct: Different values.
        length: Mean length of a value.
        low: Smallest number, or None.
        high: Largest number, or None.
        usual: Number that nine in ten do not exceed, or None.
        shares: Share of the filled rows that fit each pattern.
    """

    name: str
    rows: int
    filled: int
    distinct: int
    length: float
    low: float | None
    high: float | None
    usual: float | None
    shares: dict[str, float]

    def mostly(self, pattern: str) -> bool:
        """Tell whether nearly all values fit a pattern."""
        return self.shares[pattern] >= MOSTLY

    @property
    def unique(self) -> bool:
        """Tell whether no value repeats and none is missing."""
        return self.filled == self.rows == self.distinct

    @property
    def timed(self) -> bool:
        """Tell whether it holds days or times, written or counted."""
        return self.mostly("times") or self.mostly("stamps") or self.mostly("serials")


def look_at(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]) -> list[Looks]:
    """Count what stands in the columns of a table.

    Args:
        con: Connection that holds the table.
        table: The table; its first 50,000 rows are looked at.
        columns: The columns, in order.
    """
    return [_look(con, table, name) for name in columns]


def _look(con: duckdb.DuckDBPyConnection, table: str, name: str) -> Looks:
    rows = f"SELECT {quote_name(name)} AS v FROM {quote_name(table)} LIMIT {LOOKED_AT}"
    said = f"SELECT nullif(trim(CAST(v AS VARCHAR)), '') AS text FROM ({rows})"
    texts = f"SELECT CASE WHEN NOT {MISSING_TEXT} THEN text END AS t FROM ({said})"
    plain = "try_cast(replace(t, ',', '.') AS DOUBLE)"
    counts = ", ".join(f"count(*) FILTER (WHERE {one})" for one in _PATTERNS.values())
    found = fetch_row(
        con,
        f"SELECT count(*), count(t), count(DISTINCT t), avg(length(t)), min({plain}), "
        f"max({plain}), quantile_disc({plain}, 0.9), {counts} FROM ({texts})",
    )
    filled = int(found[1])
    shares = {
        key: n / filled if filled else 0.0 for key, n in zip(_PATTERNS, found[7:], strict=True)
    }
    total, distinct, length = int(found[0]), int(found[2]), float(found[3] or 0)
    low, high, usual = found[4:7]
    return Looks(name, total, filled, distinct, length, low, high, usual, shares)


# ------------------------------------------------------------------ names


@cache
def _words(part: str) -> dict[str, tuple[str, ...]]:
    file = FOLDER / "_words.yml"
    tree, _ = read_tree(file.read_text(encoding="utf-8"), file.name)
    return {str(name): tuple(map(str, listed)) for name, listed in tree[part].items()}


def folded(text: str) -> str:
    """Write a name without accents, capitals and signs."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[^a-z0-9]", "", plain.replace("ß", "ss"))


def _parts(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for part in re.split(r"[^\w]+|_", spaced) if (word := folded(part))]


def named(name: str, meaning: str) -> int:
    """Say how well a column's name fits a meaning: 3 the very word, 2 one of its words, 0 not."""
    words, whole = _words("columns")[meaning], folded(name)
    if whole in words:
        return 3
    parts = _parts(name)
    if any(part in words and len(part) > 2 for part in parts):
        return 2
    long = [word for word in words if len(word) > 4]
    compound = len(parts) == 1 and any(whole.startswith(w) or whole.endswith(w) for w in long)
    return 2 if compound else 0


# ------------------------------------------------------------------ meanings


_IDS = {"customer_id", "unit_id", "order_id"}
_TIMED = {"timestamp", "resolved_at", "signup", "churned_at", "assigned_at"}
_MONEY = {"value", "unit_price"}
_SUMS = {*_MONEY, "items", "weight", "tenure", "measure", "population"}
_MARKS = {"score", "rating"}
_FLAGS = {"churned", "reopened", "treated"}
_LABELS = {"touchpoint", "channel", "segment", "topic", "variant", "unit", "wave", "language"}


def fits(own: Looks, meaning: str) -> bool:
    """Tell whether what stands in a column may mean something."""
    tests = (
        (_IDS, _is_id), (_TIMED, lambda one: one.timed), (_SUMS, _is_sum),
        (_MONEY, _is_money), (_MARKS, _is_mark),
        (_FLAGS, lambda one: one.distinct <= 2 or one.mostly("flags")), (_LABELS, _is_label),
        ({"time"}, _is_period), ({"sentiment"}, lambda one: one.distinct <= 12),
        ({"email"}, lambda one: one.shares["emails"] > 0.5),
        ({"phone"}, lambda one: one.shares["phones"] > 0.5),
        ({"text"}, lambda one: one.length > 12 and one.shares["worded"] > 0.3),
    )  # fmt: skip
    return bool(own.filled) and all(test(own) for names, test in tests if meaning in names)


def _is_id(own: Looks) -> bool:
    many = own.distinct >= min(10, own.rows / 3)
    return many and not own.mostly("times") and own.shares["worded"] < 0.2 and own.length <= 64


def _is_sum(own: Looks) -> bool:
    return own.mostly("numbers") and not own.mostly("times")


def _is_money(own: Looks) -> bool:
    counted = own.mostly("whole") and own.distinct <= min(12, own.filled / 2)
    return not counted


def _is_mark(own: Looks) -> bool:
    return own.shares["numbers"] > 0.5 and 2 < own.distinct <= 120 and (own.low or 0) >= -1


def _is_label(own: Looks) -> bool:
    few = own.distinct <= max(20, 0.5 * own.filled) and own.distinct <= 2_000
    return few and not own.mostly("times") and own.length < 60


def _is_period(own: Looks) -> bool:
    years = own.mostly("whole") and 1900 <= (own.low or 0) <= (own.high or 0) < 2100
    return own.timed or years


def best(columns: Sequence[Looks], meaning: str, *, taken: Sequence[str] = ()) -> Looks | None:
    """Find the column that most probably has a meaning; None where no name says so.

    Args:
        columns: The columns of the file.
        meaning: A name of the kit's tables, or ``unit_price`` or ``measure``.
        taken: Columns that mean something else.
    """
    scored = [
        (named(own.name, meaning), -_rank(own.name, meaning), -at, own)
        for at, own in enumerate(columns)
        if own.name not in taken and fits(own, meaning)
    ]
    found = max(scored, key=lambda one: one[:3], default=(0, 0, 0, None))
    return found[3] if found[0] else None


def _rank(name: str, meaning: str) -> int:
    """Give the place of a word among those of its meaning: the surest come first."""
    words, whole = _words("columns")[meaning], folded(name)
    return words.index(whole) if whole in words else len(words)


# ------------------------------------------------------------------ kinds

# What speaks for each kind: a meaning among the columns, and how much it weighs.
_SIGNS: dict[str, dict[str, int]] = {
    "events": {"touchpoint": 5, "status": 2, "timestamp": 1, "customer_id": 1, "channel": 1},
    "orders": {"value": 4, "order_id": 3, "unit_price": 2, "items": 1, "timestamp": 1},
    "surveys": {"score": 5, "text": 1, "timestamp": 1, "weight": 1, "wave": 2},
    "tickets": {"resolved_at": 4, "topic": 2, "reopened": 3, "text": 1, "customer_id": 1},
    "feedback": {"rating": 4, "text": 2, "language": 1, "timestamp": 1},
    "customers": {"email": 2, "phone": 2, "name": 1, "signup": 2, "churned_at": 3, "churned": 3,
                  "segment": 1, "tenure": 2},
    "experiments": {"variant": 4, "assigned_at": 3, "unit_id": 1},
    "measurements": {"unit": 2, "time": 2, "measure": 1, "treated": 2, "population": 1},
}  # fmt: skip
_FILE_WORD, _UNFIT = 3, -20


def guess_kind(file: str, columns: Sequence[Looks]) -> tuple[str, list[str]]:
    """Guess which table a file becomes.

    Args:
        file: Its name, whose words are a hint.
        columns: Its columns.

    Returns:
        The kind, and the meanings that spoke for it.
    """
    if is_wide(columns):
        return "measurements", ["a column for each unit"]
    words = set(_parts(file))
    scores: dict[str, int] = {}
    for kind, signs in _SIGNS.items():
        there = {sign: weight for sign, weight in signs.items() if best(columns, sign)}
        scores[kind] = sum(there.values()) + _bent(kind, columns)
        scores[kind] += _FILE_WORD * bool(words.intersection(_words("files")[kind]))
    if words.intersection(_words("files")["surveys"]) and best(columns, "rating"):
        scores["surveys"] = max(scores["surveys"], scores["feedback"] + 1)
    kind = max(scores, key=lambda one: scores[one])
    return kind, [sign for sign in _SIGNS[kind] if best(columns, sign)]


def is_wide(columns: Sequence[Looks]) -> bool:
    """Tell whether a table has a column of numbers for each unit, beside one of periods."""
    periods = [own for own in columns if named(own.name, "time") and fits(own, "time")]
    others = [own for own in columns if own not in periods]
    numbers = all(own.mostly("numbers") and not named(own.name, "measure") for own in others)
    return len(periods) == 1 and periods[0].unique and len(others) > 3 and numbers


def _bent(kind: str, columns: Sequence[Looks]) -> int:
    """Weigh what names alone do not say: repeated customers, few variants, few units."""
    customer, time = best(columns, "customer_id"), any(own.timed for own in columns)
    if kind == "customers":
        return (5 if customer.unique else -4) if customer else _UNFIT
    if kind == "experiments":
        arm, unit = best(columns, "variant"), best(columns, "unit_id")
        few = arm is not None and 2 <= arm.distinct <= 6
        once = unit.unique if unit is not None else not time
        return 1 if few and once else _UNFIT
    if kind == "measurements":
        return 2 if customer is None and _is_crossed(columns) else _UNFIT
    if kind == "feedback":
        return 0 if best(columns, "text") or best(columns, "rating") else _UNFIT
    if kind == "surveys":
        return 0 if best(columns, "score") else _UNFIT
    needs = {
        "events": ("touchpoint", "status", "timestamp"),
        "orders": ("value", "unit_price"),
        "tickets": ("resolved_at", "reopened", "topic", "text"),
    }[kind]
    return 0 if time and any(best(columns, one) for one in needs) else _UNFIT // 2


def _is_crossed(columns: Sequence[Looks]) -> bool:
    """Tell whether a table has about one row for each unit and period."""
    units = best(columns, "unit")
    periods = best(columns, "time", taken=[units.name]) if units else None
    if units is None or periods is None:
        return False
    return units.rows <= 3 * units.distinct * periods.distinct


def guess_metric(own: Looks, file: str) -> tuple[str, float, float]:
    """Guess the metric of a survey's score, and its scale.

    Args:
        own: The column of the score.
        file: The file's name, whose words are a hint.

    Returns:
        ``nps``, ``csat`` or ``ces``, and the ends of the scale.
    """
    words = {folded(own.name), *_parts(own.name), *_parts(file)}
    usual = own.usual if own.usual is not None else 10
    if words & {"ces", "effort", "aufwand", "esforco", "esfuerzo", "sforzo", "moeite"}:
        return "ces", 1, 7 if usual > 5 else 5
    if words & {"csat", "satisfaction"} or usual <= 5:
        return ("csat", *guess_scale(own))
    return "nps", 0, 10


def guess_scale(own: Looks) -> tuple[int, int]:
    """Guess the ends of a scale from the answers; codes above it are few."""
    low, high = own.low or 0, own.usual or 0
    return int(low >= 1), 1 if high <= 1 else 5 if high <= 5 else 10 if high <= 10 else 100
