"""Says what was planted at BrightDesk, in the units a notebook measures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from journeylib import sample_software as plan
from journeylib.sample_parts import share_of


def planted_churn(accounts: pd.DataFrame, months: pd.DataFrame) -> list[dict[str, Any]]:
    """Say what makes accounts cancel, as designed and as it came out."""
    confused = (accounts["errors"] > 0).to_numpy()[months["who"]]
    return [
        {
            "name": "failed card payments double cancellation",
            "measure": "share of account-months that end in cancelling, after the first failed "
            "payment against before or without one, at equal persona and month since sign-up",
            "touchpoint": "card_payment_failed", "channel": "email",
            "designed": {"hazard_ratio": plan.FAILED_CARD},
            "realised": _contrast(accounts, months, months["had_failed"].to_numpy()),
            "customers": int(months.loc[months["failed"], "who"].nunique()),
        },
        {
            "name": "a confusing set-up loses accounts",
            "measure": "share of account-months that end in cancelling, accounts with a set-up "
            "error against the others, at equal persona and month since sign-up",
            "touchpoint": "setup_error", "channel": "app",
            "designed": {"hazard_ratio": plan.CONFUSED, "error_share": {"app": 0.52, "web": 0.27}},
            "realised": _contrast(accounts, months, confused),
            "customers": int((accounts["errors"] > 0).sum()),
        },
    ]  # fmt: skip


def _contrast(
    accounts: pd.DataFrame, months: pd.DataFrame, exposed: np.ndarray[Any, Any]
) -> dict[str, float]:
    with_it, without = months.loc[exposed, "cancelled"], months.loc[~exposed, "cancelled"]
    return {
        "with": share_of(with_it),
        "without": share_of(without),
        "ratio": round(float(with_it.mean() / without.mean()), 4),
        "ratio_by_persona_and_month": round(_mantel_haenszel(accounts, months, exposed), 4),
    }


def _mantel_haenszel(
    accounts: pd.DataFrame, months: pd.DataFrame, exposed: np.ndarray[Any, Any]
) -> float:
    # Accounts that stay long are loyal and have had more chances to fail; strata take that out.
    persona = accounts["persona"].to_numpy()[months["who"]]
    stratum = months["month"].to_numpy() * len(plan.PERSONAS) + persona
    cancelled = months["cancelled"].to_numpy()
    counts = pd.crosstab(stratum, exposed)
    lost = pd.crosstab(stratum, exposed, values=cancelled, aggfunc="sum").fillna(0)
    total = counts[True] + counts[False]
    upper = (lost[True] * counts[False] / total).sum()
    return float(upper / (lost[False] * counts[True] / total).sum())


def planted_series(series: pd.DataFrame) -> dict[str, Any]:
    """Say what the e-mails did to weekly activation, and what a plain comparison would claim."""
    after = series["week"] >= pd.Timestamp(plan.EMAILS_START)
    plain = series.loc[after, "activation"].mean() - series.loc[~after, "activation"].mean()
    line = np.column_stack([np.ones(len(series)), np.arange(len(series)), after])
    level = np.linalg.lstsq(line, series["activation"].to_numpy(), rcond=None)[0][2]
    return {
        "name": "onboarding e-mails raise activation on a growing trend",
        "measure": "level change of weekly activation at the start, beside its linear trend",
        "intervention": "Onboarding e-mails",
        "designed": {"level": 0.05, "slope_per_week": 0.0013, "slope_change": 0.0, "ar1": 0.3},
        "realised": {"level_least_squares": round(float(level), 4),
                     "plain_before_after": round(float(plain), 4)},
        "trap": "a plain before/after comparison counts the trend too and about doubles the effect",
    }  # fmt: skip


def planted_null(test: pd.DataFrame) -> dict[str, Any]:
    """Say that the redesign has no effect, and what chance made of it."""
    active = (test["active_week_4"] == "TRUE").groupby(test["variant"]).mean()
    return {
        "name": "the redesign does nothing",
        "measure": "difference in share of seats active in week 4, new minus old",
        "intervention": "New dashboard",
        "designed": {"active_week_4": 0.0, "minutes_week_4": 0.0, "split": 0.5},
        "realised": {"active_week_4": round(float(active["new"] - active["old"]), 4)},
        "units": len(test),
    }
