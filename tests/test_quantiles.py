import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeylib import quantiles
from journeylib.quantiles import Durations

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1e4)), max_size=60)


def durations(pairs):
    return Durations.of(
        np.array([group for group, _ in pairs], dtype=np.int64),
        np.array([value for _, value in pairs], dtype=np.float64),
    )


@given(PAIRS, st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]))
def test_few_durations_have_the_quantiles_of_pandas(pairs, share):
    table = pd.DataFrame(pairs, columns=["group", "value"]).astype({"group": int, "value": float})
    expected = table.groupby("group")["value"]
    found = durations(pairs).quantiles(share)
    assert found == pytest.approx(expected.quantile(share).to_dict(), rel=1e-9, abs=1e-9)


@given(PAIRS, st.integers(0, 60))
def test_durations_add_up_in_any_cut(pairs, cut):
    whole = durations(pairs).quantiles(0.5)
    assert (durations(pairs[:cut]) + durations(pairs[cut:])).quantiles(0.5) == whole


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_binned_quantiles_are_within_one_percent(monkeypatch, share):
    monkeypatch.setattr(quantiles, "EXACT", 500)
    rng = np.random.default_rng(1)
    group, value = rng.integers(0, 3, 30_000), rng.lognormal(2, 1.5, 30_000)
    parts = [Durations.of(group[i::3], value[i::3]) for i in range(3)]
    total = parts[0] + parts[1] + parts[2]
    assert len(total.group) < 10_000
    found = total.quantiles(share)
    for one in range(3):
        exact = np.quantile(value[group == one], share)
        assert found[one] == pytest.approx(exact, rel=0.01)


def test_a_million_groups_take_seconds_not_minutes():
    group = np.arange(300_000)
    assert len(Durations.of(group, group * 1.0).quantiles(0.5)) == 300_000


def test_no_durations_have_no_quantiles():
    assert durations([]).quantiles(0.5) == {}
