"""From an interval to one of eight verdicts. Not for computing the interval; see `impact`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from scipy import stats

from journeylib.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from journeylib.estimates import Estimate

WORTH_IT = "works, worth it"
UNCERTAIN = "works, size uncertain"
TOO_SMALL = "works, too small to matter"
DIRECTION_ONLY = "works, direction only"
HARMS = "harms"
NO_EFFECT = "no meaningful effect"
CANNOT_TELL = "cannot tell"
NOT_INTERPRETABLE = "not interpretable"

VERDICTS = (
    WORTH_IT, UNCERTAIN, TOO_SMALL, DIRECTION_ONLY, HARMS, NO_EFFECT, CANNOT_TELL,
    NOT_INTERPRETABLE,
)  # fmt: skip

# Too small to matter means inside the bar on both sides, which is what "no meaningful effect" says.
_ONE_NOTCH_DOWN = {
    WORTH_IT: UNCERTAIN,
    UNCERTAIN: CANNOT_TELL,
    TOO_SMALL: NO_EFFECT,
    DIRECTION_ONLY: CANNOT_TELL,
}


def choose_verdict(
    estimate: Estimate | None,
    *,
    worthwhile: float | None = None,
    direction: str = "up",
    gates_passed: bool = True,
    guardrails_held: bool = True,
    narrow: tuple[float, float] | None = None,
) -> str:
    """Say in one of eight fixed phrases what an effect's interval supports.

    Args:
        estimate: The effect, with minus without; None or NaN where there is no number.
        worthwhile: Smallest effect worth having, above 0, in the estimate's unit. Without it
            only the direction is judged.
        direction: ``"up"`` when more is better, ``"down"`` when less is.
        gates_passed: False when a check forbids reading the effect at all.
        guardrails_held: False when another metric may have been harmed beyond its margin; the
            verdict then goes one notch down.
        narrow: Interval for equivalence, of coverage ``2 * confidence - 1`` (90 % beside 95 %);
            scaled from the estimate's own interval by normal quantiles when None.

    Returns:
        One of `VERDICTS`.

    Raises:
        DataError: The direction is neither up nor down, or ``worthwhile`` is not above 0.

    Example:
        >>> from journeylib.estimates import Estimate
        >>> choose_verdict(Estimate("csat", 0.05, 0.03, 0.07, 900, "share", ""), worthwhile=0.02)
        'works, worth it'
    """
    _check_rule(worthwhile, direction)
    if not gates_passed or estimate is None or math.isnan(estimate.value):
        return NOT_INTERPRETABLE
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return CANNOT_TELL
    inner = narrow or equivalence_interval(estimate)
    if direction == "down":
        estimate = replace(estimate, value=-estimate.value, low=-estimate.high, high=-estimate.low)
        inner = (-inner[1], -inner[0])
    verdict = _judge(estimate, worthwhile, inner)
    return verdict if guardrails_held else downgrade(verdict)


def downgrade(verdict: str) -> str:
    """Take a verdict one notch down; those that claim no benefit stay.

    Args:
        verdict: One of `VERDICTS`.

    Returns:
        The next weaker verdict.
    """
    return _ONE_NOTCH_DOWN.get(verdict, verdict)


def weigh_chance(verdict: str, p_adjusted: float, confidence: float) -> str:
    """Withdraw a verdict that would not survive the number of comparisons made.

    Args:
        verdict: Verdict from the interval of one comparison.
        p_adjusted: p-value after adjusting for the family of comparisons.
        confidence: Coverage asked for, between 0 and 1.

    Returns:
        ``cannot tell`` where the verdict claims an effect that the adjusted p-value does not
        support, else the verdict.
    """
    claims = verdict.startswith("works") or verdict == HARMS
    return CANNOT_TELL if claims and p_adjusted > 1 - confidence + 1e-12 else verdict


def equivalence_interval(estimate: Estimate) -> tuple[float, float]:
    """Narrower interval that two one-sided tests at the same level would use.

    Args:
        estimate: An effect with its interval, of any shape.

    Returns:
        Interval of coverage ``2 * confidence - 1``, each side scaled by normal quantiles.

    References:
        Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15:657-680.
    """
    inner = stats.norm.ppf(estimate.confidence) if estimate.confidence > 0.5 else 0.0
    ratio = float(inner / stats.norm.ppf((1 + estimate.confidence) / 2))
    low = estimate.value - ratio * (estimate.value - estimate.low)
    return low, estimate.value + ratio * (estimate.high - estimate.value)


def side_of(low: float, high: float) -> float:
    """Tell on which side of zero an interval lies.

    Args:
        low: Lower end.
        high: Upper end.

    Returns:
        1 above zero, -1 below, 0 where zero is inside.
    """
    return math.copysign(1, low) if low > 0 or high < 0 else 0.0


def about_n_more(estimate: Estimate, *, worthwhile: float | None, n_per_arm: int) -> int | None:
    """Units still needed in each arm before the data could tell.

    Args:
        estimate: An effect that cannot be told from none.
        worthwhile: Smallest effect worth having, in the estimate's unit; None when undeclared.
        n_per_arm: Units now in the smaller arm.

    Returns:
        Further units per arm for 80 % power to find ``worthwhile``, the spread staying as it is,
        rounded up to two figures; 0 when there are enough, None when nothing was declared.
    """
    if not worthwhile or math.isnan(estimate.high - estimate.low):
        return None
    reach = float(stats.norm.ppf((1 + estimate.confidence) / 2))
    error = (estimate.high - estimate.low) / (2 * reach)
    wanted = n_per_arm * (error * (reach + float(stats.norm.ppf(0.8))) / worthwhile) ** 2
    more = wanted - n_per_arm
    if more <= 0:
        return 0
    grain = int(10 ** max(0, math.floor(math.log10(more)) - 1))
    return math.ceil(more / grain) * grain


def _judge(estimate: Estimate, worthwhile: float | None, inner: tuple[float, float]) -> str:
    low, high = estimate.low, estimate.high
    if high < 0:
        return HARMS
    if low > 0:
        return _size(low, high, worthwhile)
    inside = worthwhile is not None and -worthwhile < inner[0] and inner[1] < worthwhile
    return NO_EFFECT if inside else CANNOT_TELL


def _size(low: float, high: float, worthwhile: float | None) -> str:
    if worthwhile is None:
        return DIRECTION_ONLY
    if low >= worthwhile:
        return WORTH_IT
    return UNCERTAIN if high >= worthwhile else TOO_SMALL


def _check_rule(worthwhile: float | None, direction: str) -> None:
    if direction not in {"up", "down"}:
        hint = did_you_mean(direction, ["up", "down"])
        raise DataError(f'direction must be "up" or "down", found "{direction}". {hint}'.strip())
    if worthwhile is not None and not worthwhile > 0:
        raise DataError(f"worthwhile must be above 0, found {worthwhile}.")
