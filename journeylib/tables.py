"""The tables that come in and the tables that go out: names, columns, and the check that they fit.

Not for reading or writing files; `sources` and `workspace` do that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib.errors import DataError, Problem
from journeylib.estimates import ESTIMATE_COLUMNS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: Column name.
        kind: ``"id"``, ``"time"``, ``"number"``, ``"text"`` or ``"flag"``.
        meaning: What it holds, with unit.
        required: Whether a table without it is refused.
        synonyms: Other names under which exports write it.
    """

    name: str
    kind: str
    meaning: str
    required: bool = False
    synonyms: tuple[str, ...] = ()


# The names of the XES standard come first: nothing else can be meant by them.
_CUSTOMER = (
    "case:concept:name", "customer", "client_id", "user_id", "account_id", "contact_id", "case_id",
    "guest_no",
)  # fmt: skip
_TIME = (
    "time:timestamp", "time", "date", "datetime", "created_at", "occurred_at", "event_time", "ts",
)  # fmt: skip
_ACTIVITY = ("concept:name", "event", "activity")
_VALUE = ("revenue", "amount", "total", "price")


def _id(*, required: bool = True) -> Column:
    return Column("customer_id", "id", "Whose journey this row belongs to", required, _CUSTOMER)


def _time(*, required: bool = True) -> Column:
    return Column("timestamp", "time", "When it happened", required, _TIME)


def _text(name: str, meaning: str, *synonyms: str, required: bool = False) -> Column:
    return Column(name, "text", meaning, required, synonyms)


def _number(name: str, meaning: str, *synonyms: str, required: bool = False) -> Column:
    return Column(name, "number", meaning, required, synonyms)


_CHANNEL = _text("channel", "Where it happened: web, app, store, email, phone, social")
# What joins records of one customer; `identity` takes them out of the tables again.
_MAIL = "E-mail address; joins records, never shown"
_CALL = "Phone number; joins records, never shown"
_KEYS = (
    _text("email", _MAIL, "email_address", "e_mail"),
    _text("phone", _CALL, "phone_number"),
)
_TOUCHPOINT = _text("touchpoint", "What the customer did or met", "event", "activity", "event_type")

INPUTS: dict[str, tuple[Column, ...]] = {
    "events": (
        _id(),
        _time(),
        _text("touchpoint", "What the customer did or met", *_ACTIVITY, required=True),
        _CHANNEL,
        _text("stage", "Stage of the journey, of the client's stage model", "phase"),
        _number("value", "Money, in the client's currency", *_VALUE),
        _number("sentiment", "Tone, -1 to 1 after scaling"),
        _number("order", "Breaks ties between equal timestamps", "seq", "sequence"),
        _text("text", "The customer's own words", "comment"),
        *_KEYS,
    ),
    "orders": (
        _id(),
        _time(),
        _number("value", "Money of this row; refunds are negative", *_VALUE, required=True),
        Column("order_id", "id", "Rows of one order share it", synonyms=("invoice", "order_no")),
        _number("items", "Number of items", "quantity"),
        _CHANNEL,
        _TOUCHPOINT,
        *_KEYS,
    ),
    "surveys": (
        _time(required=False),
        _text("wave", "Label of the survey wave"),
        _number("score", "The answer", "rating", "answer", required=True),
        _text("metric", "nps, csat or ces", required=True),
        _id(required=False),
        _TOUCHPOINT,
        _text("text", "The customer's own words", "comment"),
        _number("weight", "Survey weight"),
        *_KEYS,
    ),
    "tickets": (
        _id(),
        _time(),
        _text("topic", "What it was about", "subject", "category"),
        _text("text", "The customer's own words", "description", "comment"),
        _CHANNEL,
        Column("resolved_at", "time", "When it was solved", synonyms=("closed_at", "solved_at")),
        Column("reopened", "flag", "Whether it was opened again"),
        *_KEYS,
    ),
    "feedback": (
        _text("text", "The customer's own words", "comment", "review", "content"),
        _number("rating", "Stars or score", "stars", "overall_rating"),
        _id(required=False),
        _time(required=False),
        _TOUCHPOINT,
        _text("language", "Language of the text", "lang"),
        _CHANNEL,
        *_KEYS,
    ),
    "customers": (
        _id(),
        _text("name", "Name; never leaves the log's building", "full_name"),
        _text("email", _MAIL, "e_mail", "mail", "email_address"),
        _text("phone", _CALL, "telephone", "mobile", "phone_number", "mobile_phone"),
        _text("segment", "The client's own segment"),
        Column("signup", "time", "When the customer joined", synonyms=("created_at", "joined")),
        Column("churned_at", "time", "When the customer left", synonyms=("cancelled_at",)),
        _number("tenure", "How long the customer has been one"),
        Column("churned", "flag", "Whether the customer has left", synonyms=("churn",)),
        Column("observed_from", "time", "Since when the record can be trusted"),
    ),
    "experiments": (
        Column("unit_id", "id", "Who or what was assigned", synonyms=("unit", "visitor")),
        _text("variant", "Arm of the test", "group", "arm", required=True),
        Column("assigned_at", "time", "When it was assigned", synonyms=("timestamp",)),
        _number("count", "Units in this arm (aggregated form)"),
        _number("mean", "Mean outcome of this arm (aggregated form)"),
        _number("variance", "Variance of the outcome in this arm (aggregated form)"),
    ),
    "measurements": (
        _text("unit", "What was measured: a shop, a region, a team", required=True),
        Column("time", "time", "When it was measured", required=True, synonyms=("timestamp",)),
        _number("value", "What was measured", "rate", required=True),
        Column("treated", "flag", "Whether the unit was treated at that time"),
        _number("population", "Offset of a count", "offset"),
    ),
}

# Further columns by table; "*" marks tables whose rows are estimates and so end in the six columns.
RESULTS: dict[str, tuple[str, ...]] = {
    "sources": (
        "source", "kind", "rows_read", "rows_used", "rows_dropped", "reasons", "first", "last",
        "customers", "value_sum", "rows_outside",
    ),
    "quality": ("check", "source", "status", "affected", "message"),
    "identity": ("source", "records", "customers", "matched_share", "conflicts"),
    "metrics": ("metric", "segment", "target", "*"),
    "beliefs": (
        "touchpoint", "stage", "aspect", "believed", "measured", "verdict", "hint", "line",
        "counts", "*",
    ),
    "personas": (
        "persona", "name", "customers", "share", "stability", "verdict", "traits", "description",
        "*",
    ),
    "touchpoints": (
        "touchpoint", "channel", "stage", "timing", "customers", "events", "sentiment", "support",
        "*",
    ),
    "stages": ("stage", "persona", "reached", "share", "to_next", "median_days", "sentiment", "*"),
    "transitions": ("from", "to", "customers", "count", "share", "median_hours", "*"),
    "paths": ("path", "journeys", "share", "converted_share", "*"),
    "loops": ("touchpoint", "repeats", "customers", "extra_days", "*"),
    "pains": (
        "rank", "stage", "touchpoint", "channel", "persona", "kind", "customers", "effect",
        "p_adjusted", "money_value", "money_low", "money_high", "evidence", "top3_probability", "*",
    ),
    "delights": (
        "rank", "stage", "touchpoint", "channel", "persona", "kind", "customers", "effect",
        "p_adjusted", "money_value", "money_low", "money_high", "evidence", "top3_probability", "*",
    ),
    "themes": (
        "theme", "mentions", "share", "sentiment", "quote_1", "quote_2", "quote_3", "stage", "*",
    ),
    "opportunities": (
        "rank", "pain", "action", "reach", "effect", "effort", "money_value", "money_low",
        "money_high", "days_to_test",
    ),
    "impacts": (
        "intervention", "design", "metric", "arm", "segment", "relative", "p_value", "p_adjusted",
        "n_treated", "n_control", "evidence", "verdict", "*",
    ),
    "impact_checks": ("intervention", "check", "status", "statistic", "message"),
    "forecasts": ("scenario", "metric", "baseline", "change", "*"),
    "predictions": ("customer", "next_touchpoint", "churn_probability"),
    "drift": ("metric", "before", "after", "change", "p_adjusted", "verdict", "*"),
    "assumptions": ("assumption", "notebook", "statement", "status", "consequence"),
}  # fmt: skip

ALLOWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("quality", "status"): ("pass", "warn", "fail"),
    ("impact_checks", "status"): ("pass", "warn", "fail"),
    ("personas", "verdict"): ("natural", "constructed", "unstable"),
    ("touchpoints", "timing"): ("pre_purchase", "purchase", "post_purchase"),
    ("touchpoints", "support"): ("strong", "fair", "thin", "none"),
    ("pains", "kind"): ("loss", "delay", "repeat", "sentiment", "inconsistency"),
    ("pains", "evidence"): ("A", "B", "C", "D"),
    ("impacts", "evidence"): ("A", "B", "C", "D"),
    ("impacts", "verdict"): (
        "works, worth it", "works, size uncertain", "works, too small to matter",
        "works, direction only", "harms", "no meaningful effect", "cannot tell",
        "not interpretable",
    ),
    ("beliefs", "verdict"): (
        "seen", "never seen", "not thought of", "agrees", "elsewhere", "feels better",
        "feels worse", "confirmed", "absent", "missed", "none, as believed", "cannot tell", "",
    ),
    ("drift", "verdict"): ("changed", "same", "cannot tell"),
}  # fmt: skip


def result_columns(table: str) -> list[str]:
    """Name the columns of a result table, in the order in which it is written.

    Args:
        table: Name of a result table, such as ``"pains"``.

    Returns:
        Column names; tables of estimates end in ``value, low, high, n, unit, source``.

    Raises:
        KeyError: There is no such table.

    Example:
        >>> result_columns("quality")
        ['check', 'source', 'status', 'affected', 'message']
    """
    named: list[str] = []
    for column in RESULTS[table]:
        named.extend(ESTIMATE_COLUMNS if column == "*" else (column,))
    return named


def complete_result(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Give a result table all its columns, in order; those not computed yet stay empty.

    Args:
        table: Name of a result table.
        frame: Rows with any of its columns; further columns are kept behind the named ones.

    Returns:
        A new frame.
    """
    named = result_columns(table)
    further = [column for column in frame.columns if column not in named]
    return frame.reindex(columns=[*named, *further])


def is_everyone(table: pd.DataFrame) -> pd.Series:
    """Tell the rows of all customers from those of a persona; a row without a word is of all.

    Args:
        table: A table with a column ``persona``.
    """
    return table["persona"].fillna("all").astype(str).isin(["all", ""])


def check_result(table: str, frame: pd.DataFrame) -> None:
    """Hold a result table to its contract.

    Args:
        table: Name of a result table.
        frame: The table as it would be written.

    Raises:
        DataError: A column is missing, a word is not one of those allowed, a share lies outside
            0 to 1, or an estimate lies outside its own interval.
    """
    import pandera.errors
    import pandera.pandas as pa

    columns = {name: pa.Column(nullable=True, required=True) for name in result_columns(table)}
    for (owner, name), words in ALLOWED.items():
        if owner == table:
            columns[name] = pa.Column(checks=pa.Check.isin(words), nullable=True)
    if {"low", "value", "high"} <= set(columns):
        known = frame.dropna(subset=[c for c in ("low", "value", "high") if c in frame])
        checks = [
            pa.Check(
                lambda rows: _ordered(rows.loc[rows.index.isin(known.index)]),
                error="low <= value <= high does not hold",
            )
        ]
    else:
        checks = []
    try:
        pa.DataFrameSchema(columns, checks=checks).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as refused:
        cases = refused.failure_cases.head(5)
        problems = [
            Problem(
                "E-RESULT", f"{case['check']}: {case['failure_case']}", column=str(case["column"])
            )
            for case in cases.to_dict("records")
        ]
        raise DataError(f"The table {table} does not fit its contract.", problems) from None


def _ordered(rows: pd.DataFrame) -> bool:
    slack = 1e-9 * (1 + rows["value"].abs())
    below = rows["low"] <= rows["value"] + slack
    above = rows["value"] <= rows["high"] + slack
    return bool((below & above).all())
