"""Lines on worth, what-if and drift for `run_calibration`; the simulations have their own files."""

from __future__ import annotations

from calibration_tables import Line
from loyalty_simulations import clv_coverage


def worth_coverage(runs, _rng):
    """Money that customers bring in half a year; the rival knows of parameters alone."""
    found = clv_coverage(runs)
    return found.share, found.rival


FORECAST_INTERVALS = [
    Line("money of all customers in half a year", worth_coverage, ("parameters alone",),
         low=0.92, high=0.98),
]  # fmt: skip
FORECAST_ALARMS = []
