import numpy as np
import pytest
from small_logs import CODES, frame_of, random_events, write_log

from journeylib.log import DAY
from journeylib.strains import ABANDONED, REPEATED, measure_strains


def strains(folder, events, **options):
    table = measure_strains(write_log(folder, events, **options))
    return table.set_index(["touchpoint", "signal"])


def test_who_comes_back_within_a_week_is_strain_after_the_purchase_alone(tmp_path):
    events = [(0, 20, "support"), (0, 27, "support"), (1, 20, "support"), (1, 27.1, "support"),
              (2, 20, "ad"), (2, 21, "ad")]  # fmt: skip
    table = strains(tmp_path, frame_of(events))
    row = table.loc[("support", REPEATED)]
    assert (row["share"], row["value"], row["n"]) == (0.5, -0.5, 2)
    assert ("ad", REPEATED) not in table.index


def test_whose_week_is_not_on_record_does_not_count(tmp_path):
    end = CODES.end / DAY
    events = [(0, end - 7, "support"), (1, end - 7.1, "support")]
    assert strains(tmp_path, frame_of(events)).loc[("support", REPEATED), "n"] == 1


def test_who_is_not_seen_again_is_strain_up_to_the_purchase(tmp_path):
    events = [(0, 20, "checkout"), (1, 20, "checkout"), (1, 22, "delivery"), (2, 90, "checkout")]
    table = strains(tmp_path, frame_of(events))
    row = table.loc[("checkout", ABANDONED)]
    assert (row["share"], row["n"]) == (0.5, 2)
    assert ("delivery", ABANDONED) not in table.index
    assert not {"order", "cancellation"} & set(table.index.get_level_values(0))


@pytest.mark.parametrize("seed", range(4))
def test_strains_are_what_a_loop_over_customers_counts(tmp_path, seed):
    events = random_events(seed)
    inside = events[(events["time"] >= CODES.start) & (events["time"] < CODES.end)]
    table = strains(tmp_path, events, parts=3)
    for (name, signal), row in table.iterrows():
        code, hits, n = CODES.touchpoints.index(name), 0, 0
        for _, own in inside.groupby("customer"):
            times = own.loc[own["touchpoint"] == code, "time"].to_numpy()
            if not len(times):
                continue
            if signal == REPEATED and times[0] < CODES.end - 7 * DAY:
                n += 1
                hits += len(times) > 1 and times[1] - times[0] <= 7 * DAY
            if signal == ABANDONED and times[-1] < CODES.end - 30 * DAY:
                n += 1
                hits += own["touchpoint"].iloc[-1] == code
        assert (row["n"], round(row["share"] * n)) == (n, hits), (name, signal)
    assert table["value"].between(-1, 0).all()
    assert (table["low"] <= table["value"] + 1e-12).all()
    assert not np.signbit(table["value"][table["value"] == 0]).any()


def test_an_empty_log_has_no_strain(tmp_path):
    table = measure_strains(write_log(tmp_path, frame_of([])))
    assert len(table) == 0
    assert {"touchpoint", "signal", "value", "low", "high", "n"} <= set(table)
