"""Numbers that know how sure they are. Not for computing them: see `scores` and `impact`."""

from __future__ import annotations

from dataclasses import dataclass

ESTIMATE_COLUMNS = ("value", "low", "high", "n", "unit", "source")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value and the confidence interval around it.

    Attributes:
        metric: Glossary name, such as ``"nps"``.
        value: Point estimate, in ``unit``.
        low: Lower end of the interval, in ``unit``; intervals need not be symmetric.
        high: Upper end of the interval, in ``unit``.
        n: Customers (or answers) behind the number.
        unit: ``"points"``, ``"share"``, ``"days"``, ``"sentiment"`` or a currency code.
        source: Paper or formula the interval comes from.
        confidence: Coverage of the interval, between 0 and 1.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    unit: str
    source: str
    confidence: float = 0.95

    def __str__(self) -> str:
        return f"{self.value:.1f} {self.unit} [{self.low:.1f} to {self.high:.1f}], n = {self.n:,}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is withheld because the data cannot carry it.

    Attributes:
        reason: Why there is no number, with the count found and the count needed.
        needed: What data would give the answer.
    """

    reason: str
    needed: str

    def __str__(self) -> str:
        return f"Not enough data: {self.reason} Needed: {self.needed}"
