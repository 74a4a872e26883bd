from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_pains import plant

from journeylib.association import adjust, associate, e_sentence, e_value


@pytest.mark.parametrize(("ratio", "expected"), [(3.9, 7.26), (1.8, 3.00)])
def test_e_values_are_those_of_vanderweele_and_ding_2017(ratio, expected):
    assert round(e_value(ratio), 2) == expected


@given(st.floats(1.0, 50))
def test_an_e_value_is_the_same_on_either_side_of_one(ratio):
    assert e_value(ratio) == pytest.approx(e_value(1 / ratio))
    assert e_value(ratio) >= ratio


def test_four_of_the_fifteen_p_values_of_benjamini_and_hochberg_1995_stand():
    p_values = np.array(
        [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
         0.5719, 0.6528, 0.7590, 1.0]
    )  # fmt: skip
    assert (adjust(p_values) <= 0.05).sum() == 4
    assert (p_values * 15 <= 0.05).sum() == 3  # Bonferroni
    from statsmodels.stats.multitest import multipletests

    assert multipletests(p_values, method="holm")[0].sum() == 3
    assert multipletests(p_values, method="fdr_by")[0].sum() == 3


def test_planted_harm_is_found_and_the_plain_difference_is_not_it():
    landmarked, truth = plant()
    table = associate(landmarked)
    assert ((table["low"] <= truth) & (truth <= table["high"])).all()
    assert ((table["aipw_low"] <= truth) & (truth <= table["aipw_high"])).all()
    assert table["verdict"].tolist() == ["worse", "worse", "not told apart"]
    assert (table["naive"] > truth + 0.05).all()
    assert not ((table["naive_low"] <= truth) & (truth <= table["naive_high"])).any()
    assert table["family"].tolist() == [3, 3, 3]
    assert set(table["evidence"]) == {"C"}


def test_a_harm_turned_round_is_better():
    landmarked, _ = plant(harm=np.array([-0.9]))
    assert associate(landmarked)["verdict"].tolist() == ["better"]


def test_a_measured_intervention_raises_the_evidence_of_its_touchpoint():
    landmarked, _ = plant()
    table = associate(landmarked, measured={"trouble 1": "A", "trouble 2": "x"})
    assert table["evidence"].tolist() == ["C", "A", "C"]


@pytest.mark.parametrize(("kept", "refused"), [(30, False), (29, True)])
def test_thirty_who_met_it_are_needed(kept, refused):
    landmarked, _ = plant(harm=np.array([0.5]))
    met = landmarked.exposed & (np.cumsum(landmarked.exposed, axis=0) <= kept)
    row = associate(replace(landmarked, exposed=met)).iloc[0]
    assert (row["verdict"] == "refused") == refused
    assert ("29 who met it" in row["reason"]) == refused
    assert row["evidence"] == ("D" if refused else "C")
    assert np.isnan(row["value"]) == refused


def test_ten_events_are_needed():
    landmarked, _ = plant(harm=np.array([0.5]))
    rows = landmarked.rows.assign(outcome=1)
    row = associate(replace(landmarked, rows=rows)).iloc[0]
    assert row["reason"].startswith("The rarer outcome came to 0 of the")
    assert row["family"] == 0


def test_who_could_not_have_been_spared_is_not_compared():
    landmarked, _ = plant(harm=np.array([0.5]))
    rows = landmarked.rows.assign(contacts=np.where(landmarked.exposed[:, 0], 5.0, -5.0))
    row = associate(replace(landmarked, rows=rows)).iloc[0]
    assert row["verdict"] == "refused"
    assert "hardly anybody alike" in row["reason"]


def test_both_methods_say_when_they_disagree():
    """The model runs straight on few events; the weighted opinion can only do so too, yet differs
    where those who met it are few and far out."""
    landmarked, _ = plant(n=6000)
    strange = landmarked.rows["contacts"] > 0.5
    met = landmarked.exposed.copy()
    rows = landmarked.rows.copy()
    rows.loc[met[:, 0] & strange, "outcome"] = 1
    rows.loc[met[:, 0] & ~strange, "outcome"] = 0
    row = associate(replace(landmarked, rows=rows)).iloc[0]
    gap, half = abs(row["value"] - row["aipw"]), (row["aipw_high"] - row["aipw_low"]) / 1.96
    assert bool(row["warning"]) == (gap > half)


def test_a_customer_counted_twice_makes_no_interval_narrower():
    landmarked, _ = plant(n=2000)
    twice = replace(
        landmarked,
        rows=pd.concat([landmarked.rows, landmarked.rows], ignore_index=True),
        exposed=np.tile(landmarked.exposed, (2, 1)),
        eligible=np.tile(landmarked.eligible, (2, 1)),
    )
    one, two = associate(landmarked), associate(twice)
    width = (one["high"] - one["low"]), (two["high"] - two["low"])
    assert width[0].to_numpy() == pytest.approx(width[1].to_numpy(), rel=0.02)


def test_the_same_data_give_the_same_table():
    landmarked, _ = plant(n=1000)
    pd.testing.assert_frame_equal(associate(landmarked), associate(landmarked))


def test_nothing_to_ask_is_an_empty_table():
    landmarked, _ = plant(n=200)
    none = replace(
        landmarked, exposures=landmarked.exposures[:0], exposed=landmarked.exposed[:, :0]
    )
    assert len(associate(none)) == 0
    assert "p_adjusted" in associate(none)


def test_chance_is_told_before_hidden_causes():
    assert e_sentence(2.0, 1.0).startswith("Chance alone")
    assert "2.0 times" in e_sentence(2.0, 1.5)
