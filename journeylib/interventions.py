"""What a client file says about changes that were made. Not for measuring them; `impact` does that.

The first line of the class and the text below a key are what ``params/README.md`` and
``params/schema.json`` say about it.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field
from pydantic_core import InitErrorDetails

from journeylib.errors import did_you_mean
from journeylib.inputs import Kind, SourceName
from journeylib.sections import Section, conflict, reversed_days
from journeylib.values import Amount, Count, Day, Positive, Text, Value, shown

NEEDED: dict[str, tuple[str, ...]] = {
    "ab_test": ("source",),
    "difference_in_differences": ("metric", "start", "unit", "treated"),
    "interrupted_time_series": ("metric", "start"),
    "before_after": ("metric", "start"),
}


class Intervention(Section):
    """A change that was made, and how its effect is to be measured."""

    name: Text
    """What the report calls it; each intervention has its own."""
    design: Literal[
        "ab_test", "difference_in_differences", "interrupted_time_series", "before_after"
    ]
    """How with and without are compared."""
    metric: Text | None = None
    """What should move; needed by every design but ab_test."""
    direction: Literal["up", "down"] = "up"
    """Which way is better."""
    touchpoint: Text | None = None
    """Touchpoint that was changed; links the result to a pain point."""
    start: Day | None = None
    """First day with the change; needed by every design but ab_test."""
    end: Day | None = None
    """Last day with the change; unset means that it goes on."""
    unit: Text | None = None
    """Column that names what was treated or not, such as property or customer_id; needed by
    difference_in_differences, except from a `measurements` source."""
    treated: list[Value] | None = Field(default=None, min_length=1)
    """Units that had the change; needed by difference_in_differences, except from a `measurements`
    source, which can have a column `treated`."""
    chosen: Literal["random", "convenience", "worst"] | None = None
    """How the treated units were picked."""
    worthwhile: Positive | None = None
    """Smallest effect worth having, in the metric's unit."""
    cost: Amount | None = None
    """What the change cost, in the client's currency."""
    value: Amount | None = None
    """What one unit more of the metric brings, in the client's currency: one customer more for a
    share, one point for a score. Unset, money comes from an outcome in money, or from the value of
    an order where the metric counts orders."""
    reach: Positive | None = None
    """Customers, visitors or other units a year that the change reaches. Unset, `population` of the
    measurements, else the customers who met the touchpoint."""
    source: SourceName | None = None
    """Source that holds the result; ab_test needs one of kind `experiments`."""
    control: Value | None = None
    """Variant without the change, for ab_test."""
    outcomes: list[Text] | None = Field(default=None, min_length=1)
    """Columns compared by ab_test, or names of `ratios`; the first is the primary metric."""
    ratios: dict[Text, Annotated[list[Text], Field(min_length=2, max_length=2)]] = Field(default={})
    """Outcomes that are a total divided by a total: `name: [numerator, denominator]`, two columns
    of an ab_test, such as `revenue_per_order: [revenue, orders]`."""
    placebo_outcomes: list[Text] = Field(default=[])
    """Outcomes that the change cannot move: columns of the source, or other metrics of the survey.
    When one of them moves, something else is going on."""
    guardrails: dict[Text, Amount] = Field(default={})
    """Metric that must not get worse: harm that is tolerated."""
    split: list[Positive] | None = Field(default=None, min_length=2)
    """Planned share of each variant, control first, the others by name; together 1."""
    sample: Count | None = None
    """Units planned in all variants together."""
    looks: Count = 1
    """Times the result was planned to be looked at, evenly spaced, the last time included."""
    looks_taken: Count | None = None
    """Times it was looked at so far; unset means as planned. More than planned widens the interval
    so that it holds at every look."""
    covariate: Text | None = None
    """Column from before the test that sharpens the result (CUPED)."""
    strata: Text | None = None
    """Column from before the test within which variants are compared, to sharpen the result."""
    segments: list[Text] = Field(default=[])
    """Columns from before the test by which the result is shown; declared in advance."""

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse an end before the start and shares that do not add up."""
        found = reversed_days(raw)
        try:
            total = sum(float(share) for share in raw.get("split") or [1])
        except (TypeError, ValueError):
            return found
        if abs(total - 1) > 0.011:
            message = f"the shares add up to {total:g}, not to 1."
            found.append(conflict("split", message=message))
        return found


def name_of(entry: object) -> str | None:
    """Name an entry of a list of sections; None where it has no usable name."""
    name = entry.get("name") if isinstance(entry, dict) else getattr(entry, "name", None)
    return name if isinstance(name, str) else None


def unmet_needs(raw: dict[str, Any]) -> list[InitErrorDetails]:
    """Find what the interventions of a client file lack for their designs.

    Args:
        raw: The whole client file as written; nothing is certain about its values.

    Returns:
        One problem for each key that is missing and each source that is not there or not right.
    """
    sources, entries = raw.get("sources"), raw.get("interventions")
    if not isinstance(entries, list) or not isinstance(sources, list):
        return []
    kinds = {name: _kind_of(source) for source in sources if (name := name_of(source))}
    found: list[InitErrorDetails] = []
    for at, entry in enumerate(entries):
        given = entry if isinstance(entry, dict) else getattr(entry, "__dict__", {})
        found += [
            conflict("interventions", at, key, message=message, fix=fix, code=code)
            for key, code, message, fix in _needs(given, kinds)
        ]
    return found


def _kind_of(source: object) -> str:
    kind = source.get("kind") if isinstance(source, dict) else getattr(source, "kind", "")
    return kind if isinstance(kind, str) else ""


def _needs(given: dict[str, Any], kinds: dict[str, str]) -> list[tuple[str, str, str, str]]:
    source, design = given.get("source"), str(given.get("design"))
    kind = kinds.get(str(source)) if source is not None else None
    found: list[tuple[str, str, str, str]] = []
    if isinstance(source, str) and kind is None:
        names = [shown(name) for name in kinds]
        message = f"{shown(source)} is not a source; there are {', '.join(names)}."
        found.append(("source", "E-PARAMS-VALUE", message, did_you_mean(shown(source), names)))
    if design == "ab_test" and kind in get_args(Kind) and kind != "experiments":
        message = f"ab_test needs a source of kind experiments; {shown(source)} is {kind}."
        found.append(("source", "E-PARAMS-VALUE", message, ""))
    needed = NEEDED.get(design, ())
    if kind == "measurements":
        needed = tuple(key for key in needed if key not in ("unit", "treated"))
    misspelt = {did_you_mean(str(key), Intervention.model_fields) for key in given}
    for key in needed:
        if given.get(key) is None and f'Did you mean "{key}"?' not in misspelt:
            message = f"{design} needs it: {Intervention.model_fields[key].description}"
            found.append((key, "E-PARAMS-MISSING", message, ""))
    return found
