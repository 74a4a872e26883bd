"""Lines on worth, what-if and drift for `run_calibration`; the simulations have their own files."""

from __future__ import annotations

from calibration_tables import SEED, Line
from future_simulations import drift_false_alarms, drift_power, what_if_coverage
from loyalty_simulations import clv_coverage

# How well changes are found matters less than how often nothing is taken for one.
POWER = 4


def worth(runs, _rng):
    """Money that customers bring in half a year; the rival knows of parameters alone."""
    found = clv_coverage(runs)
    return found.share, found.rival


def lift(runs, _rng):
    """What halving a loss does; the rival takes all but the lost share as certain."""
    return what_if_coverage(runs, SEED)


def steady_moves(runs, _rng):
    """Two periods of one population; the rival takes each move as drawn for itself."""
    return drift_false_alarms(runs, SEED)


def changed_moves(runs, _rng):
    """Fifteen in a hundred moves from the basket go elsewhere."""
    return (drift_power(max(1, runs // POWER), SEED),)


WORTH_INTERVALS = [
    Line(
        "money of all customers in half a year", worth, ("parameters alone",), low=0.92, high=0.98
    ),
]
FORECAST_INTERVALS = [
    Line(
        "what halving a loss does to orders", lift, ("only the lost share uncertain",),
        low=0.90, high=0.97,
    ),
]  # fmt: skip
FORECAST_ALARMS = [
    Line(
        "moves said to have changed, customers differ", steady_moves, ("chi-square of moves",),
        high=0.08,
    ),
]  # fmt: skip
FORECAST_FINDS = [
    Line(
        "15 points of a loss moved elsewhere, 150 customers", changed_moves, low=0.8,
        scale=1 / POWER,
    ),
]  # fmt: skip
