"""Other designs beside a panel's difference: which one is read, and when none is offered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted_changes import MONTHS, measure_shops, message_of, shops, status_of

from journeylib.impact import Plan, measure_intervention


def flagship(effect=0.0, *, donors=12, before=14, mixed=False, seed=0):
    """Draw one treated unit: like the others, or a mixture of two that rise faster than most."""
    draws = np.random.default_rng(seed)
    n = before + 6
    slopes = np.linspace(0.0, 3.0, donors)
    others = 50 + slopes[:, None] * np.arange(n) + draws.normal(0, 0.5, (donors, n))
    own = 0.5 * others[-1] + 0.5 * others[-2] if mixed else others.mean(axis=0)
    own = own + draws.normal(0, 0.3, n) + effect * (np.arange(n) >= before)
    names = ["flagship", *(f"shop {place:02d}" for place in range(donors))]
    grid = pd.DataFrame(np.vstack([own, others]), index=names, columns=MONTHS[:n])
    rows = grid.rename_axis("unit").reset_index().melt("unit", var_name="time")
    plan = Plan("desk", metric="sales", treated=("flagship",), start=MONTHS[before])
    return measure_intervention("difference_in_differences", rows, plan)


def metrics(impact):
    return impact.impacts["metric"].tolist()


def test_a_unit_unlike_the_mean_of_others_is_read_by_its_mixture():
    impact = flagship(8.0, mixed=True, donors=20, before=10)
    assert metrics(impact) == ["sales", "sales:synthetic_did", "sales:synthetic_control"]
    plain, did, control = impact.impacts.to_dict("records")
    assert plain["verdict"] == "not interpretable"
    assert plain["value"] > 12  # the drift of a fast riser is taken for effect
    assert did["value"] == pytest.approx(8, abs=1.5)
    assert control["value"] == pytest.approx(8, abs=1.5)
    assert "sales:synthetic_did" in message_of(impact, "verdict_from")


def test_a_unit_like_the_others_is_read_by_the_plain_difference():
    impact = flagship(8.0, donors=20, before=10)
    assert "not interpretable" not in set(impact.impacts["verdict"])
    assert "plain difference-in-differences" in message_of(impact, "verdict_from")


@pytest.mark.parametrize(("donors", "before", "rows"), [(10, 10, 3), (9, 10, 1), (10, 9, 1)])
def test_mixtures_take_ten_others_and_ten_earlier_times(donors, before, rows):
    assert len(flagship(donors=donors, before=before).impacts) == rows


def test_the_mixture_is_drawn_beside_the_treated_unit_and_its_gap_is_given():
    impact = flagship(8.0, mixed=True)
    drawn = impact.figure_data
    assert {"treated", "control", "gap", "synthetic"} == set(drawn["series"])
    path = impact.details["synthetic_did_path"]
    assert (path["treated"] - path["synthetic"]).tolist() == pytest.approx(path["gap"].tolist())
    assert impact.details["synthetic_did_weights"]["weight"].sum() == pytest.approx(1)
    assert impact.details["synthetic_control_left_out"]["donor"].is_unique


@pytest.mark.parametrize(("treated", "status"), [(10, "pass"), (9, "absent")])
def test_clustered_regression_takes_ten_units_on_either_side(treated, status):
    impact = measure_shops(shops(20, treated, effect=3.0), n_treated=treated)
    assert status_of(impact, "cluster_robust") == status


def test_clustered_regression_is_statsmodels_with_dummies_for_units_and_times():
    import statsmodels.formula.api as smf

    rows = shops(24, 10, effect=1.0)
    found = measure_shops(rows).checks.set_index("check").loc["cluster_robust", "statistic"]
    on = rows["unit"].str[-2:].astype(int).lt(10) & (rows["time"] >= MONTHS[6])
    full = rows.assign(on=on.astype(float), time=rows["time"].astype(str))
    fit = smf.ols("value ~ on + C(unit) + C(time)", full).fit()
    assert found == pytest.approx(fit.params["on"])
    assert found == pytest.approx(measure_shops(rows).impacts["value"].iloc[0])
