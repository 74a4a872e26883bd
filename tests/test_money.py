from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted_pains import plant

from journeylib.association import associate
from journeylib.histories import MONTHS
from journeylib.money import price_pains
from journeylib.pricelist import complete_pains
from journeylib.tables import check_result, complete_result
from journeylib.worth import Terms, value_outcome

VALUE = Terms(value_per_customer=100.0, currency="EUR")


@pytest.fixture(scope="module")
def planted():
    landmarked, truth = plant(3)
    return landmarked, truth, associate(landmarked)


@pytest.fixture(scope="module")
def priced(planted):
    landmarked, _, associated = planted
    return price_pains(landmarked, associated, terms=VALUE, draws=300)


def test_planted_money_lies_inside_the_interval(planted, priced):
    landmarked, truth, _ = planted
    expected = -truth * landmarked.exposures["affected_per_year"].to_numpy() * 100
    rows = priced.pains.set_index("touchpoint")
    for k in (0, 1):
        row = rows.loc[f"trouble {k}"]
        assert row["money_low"] < expected[k] < row["money_high"]
    assert rows.index.tolist() == ["trouble 0", "trouble 1"]


def test_shapleys_parts_add_up_to_what_all_cost_together(planted, priced):
    """Taking both away at once, by the joint model itself, is the sum of the parts."""
    from journeylib.ledgers import open_ledgers
    from journeylib.logits import chance

    landmarked, _, associated = planted
    (ledger,) = open_ledgers(landmarked, associated[associated["verdict"] == "worse"])
    bare = ledger.rows.copy()
    bare[:, -2:] = 0
    gain = chance(bare @ ledger.fit.beta) - chance(ledger.rows @ ledger.fit.beta)
    joint = 100 * float((gain * ledger.scale).sum())
    assert priced.pains["money_value"].sum() == pytest.approx(joint, rel=1e-6)
    assert priced.total["money_value"].iloc[0] == pytest.approx(joint, rel=1e-6)
    assert priced.pains["money_alone"].sum() != pytest.approx(joint, rel=1e-3)


def test_the_80_percent_interval_lies_within_the_95_percent_one(priced):
    for table in (priced.pains, priced.total):
        ends = table[["money_low", "money_low80", "money_value", "money_high80", "money_high"]]
        assert (ends.astype(float).diff(axis=1).iloc[:, 1:] > 0).all(axis=None)


def test_relief_is_a_share_of_the_money(priced):
    halved = priced.scenarios[priced.scenarios["relief"] == 0.5]
    assert halved["money_value"].iloc[0] == pytest.approx(priced.total["money_value"].iloc[0] / 2)
    assert sorted(set(priced.scenarios["relief"])) == [0.1, 0.25, 0.5]


def test_of_two_troubles_both_are_among_the_dearest_three(priced):
    assert priced.pains["top3_probability"].tolist() == [1.0, 1.0]


def test_the_dearest_three_of_five_share_three_places():
    landmarked, _ = plant(5, harm=np.array([1.0, 0.9, 0.8, 0.7, 0.6]))
    found = price_pains(landmarked, associate(landmarked), terms=VALUE, draws=200)
    assert found.pains["top3_probability"].sum() == pytest.approx(3)


def test_without_money_the_outcomes_lost_stand_alone(planted):
    landmarked, _, associated = planted
    found = price_pains(landmarked, associated, draws=50)
    assert found.pains["money_value"].isna().all()
    assert found.pains["top3_probability"].isna().all()
    assert (found.pains["lost_per_year"] > 0).all()
    assert found.reason == "No money is stated: no source holds money."


def test_nothing_clear_is_nothing_priced(planted):
    landmarked, _, associated = planted
    found = price_pains(landmarked, associated.assign(verdict="refused"), terms=VALUE)
    assert found.pains.empty
    assert found.reason.startswith("no trouble")


def spending(landmarked, good, bad, months=MONTHS):
    rows = landmarked.rows.assign(episode=0, place=0)
    for month in range(MONTHS):
        money = np.where(rows["outcome"] == 1, good, bad)
        rows[f"spent_{month}"] = np.where(month < months, money, np.nan)
    return replace(landmarked, rows=rows)


@pytest.mark.parametrize(("horizon", "months", "expected"), [(12, 12, 12), (12, 5, 5), (3, 12, 3)])
def test_worth_is_the_margin_of_good_outcomes_less_that_of_bad_ones(horizon, months, expected):
    landmarked = spending(plant(n=400)[0], 50.0, 20.0, months)
    terms = Terms(margin=0.4, discount=0.0, horizon_months=horizon)
    worth = value_outcome(landmarked, "after", terms)
    assert worth.value == pytest.approx(0.4 * 30 * expected)
    again = worth.again(np.ones((2, 400)))
    assert again == pytest.approx([worth.value] * 2)


def test_good_outcomes_that_bring_no_more_are_worth_nothing_told():
    worth = value_outcome(spending(plant(n=400)[0], 10.0, 20.0), "after", Terms())
    assert np.isnan(worth.value)
    assert "does not show" in worth.reason


def pains_of(*places):
    rows = pd.DataFrame(places, columns=["touchpoint", "channel", "kind"])
    rows = rows.assign(stage="retention", persona="all", customers=40, evidence="D", value=-0.1,
                       low=-0.2, high=-0.01, n=80, unit="share", source="s", effect=-0.1,
                       p_adjusted=0.01, rank=np.arange(1, len(rows) + 1))  # fmt: skip
    return complete_result("pains", rows)


def test_the_list_of_pains_takes_effect_money_and_rank(planted, priced):
    _, _, associated = planted
    listed = pains_of(("other", "web", "delay"), ("trouble 1", "web", "loss"))
    done = complete_pains(listed, associated, priced)
    check_result("pains", done)
    assert done["touchpoint"].tolist() == ["trouble 0", "trouble 1", "other"]
    assert done["rank"].tolist() == [1, 2, 3]
    assert done["evidence"].tolist() == ["C", "C", "D"]
    assert done["money_value"].sum() == pytest.approx(priced.total["money_value"].iloc[0])
    assert done["effect"].iloc[1] == associated["value"].iloc[1]


def test_rows_of_a_persona_carry_no_money_of_all(planted, priced):
    _, _, associated = planted
    own = pains_of(("trouble 0", "web", "loss")).assign(persona="Regulars")
    done = complete_pains(own, associated, priced)
    assert done.loc[done["persona"] == "Regulars", "money_value"].isna().all()


def test_no_pains_and_no_prices_stay_an_empty_table(planted):
    landmarked, _, associated = planted
    nothing = price_pains(landmarked, associated.assign(verdict="refused"))
    assert complete_pains(pains_of(), associated, nothing).empty


def test_a_listed_pain_that_is_not_clear_is_priced_alone_and_ranked_behind(planted, priced):
    landmarked, _, associated = planted
    listed = pains_of(("trouble 2", "web", "loss"), ("trouble 0", "web", "loss"))
    found = price_pains(landmarked, associated, listed=listed, terms=VALUE, draws=300)
    (row,) = found.doubtful.to_dict("records")
    assert row["touchpoint"] == "trouble 2"
    assert row["money_low"] < 0 < row["money_high"]
    own = associated[associated["touchpoint"] == "trouble 2"].iloc[0]
    assert row["money_value"] == pytest.approx(-own["value"] * own["affected_per_year"] * 100)
    assert found.total["money_value"].iloc[0] == pytest.approx(priced.total["money_value"].iloc[0])
    done = complete_pains(listed, associated, found)
    assert done["touchpoint"].tolist() == ["trouble 0", "trouble 1", "trouble 2"]
    assert done["money_unit"].tolist() == ["EUR"] * 3


@pytest.mark.parametrize(("kind", "rows"), [("delay", 1), ("loss", 0)])
def test_what_could_not_be_adjusted_is_priced_as_compared_where_that_is_an_outcome(
    planted, kind, rows
):
    """A loss on the way to a purchase is no loss of the outcome."""
    landmarked, _, associated = planted
    refused = associated["touchpoint"] == "trouble 2"
    marked = associated.assign(verdict=associated["verdict"].where(~refused, "refused"),
                               kind=kind, exposed=20)  # fmt: skip
    listed = pains_of(("trouble 2", "web", kind))
    found = price_pains(landmarked, marked, listed=listed, terms=VALUE, draws=300)
    assert len(found.doubtful) == rows
    if rows:
        row = found.doubtful.iloc[0]
        assert row["money_value"] == pytest.approx(0.1 * row["affected_per_year"] * 100)
        assert "not adjusted" in row["source"]


def test_what_nearly_everybody_passes_has_no_price(planted):
    landmarked, _, associated = planted
    marked = associated.assign(verdict="refused", kind="delay", exposed=20, way="station")
    found = price_pains(landmarked, marked, listed=pains_of(("trouble 2", "web", "delay")),
                        terms=VALUE, draws=50)  # fmt: skip
    assert found.doubtful.empty
