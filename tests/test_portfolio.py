"""The pages over all clients: true, whole, searchable, and silent about other clients."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib import digests, history, peer_charts, peers, portfolio, swaps
from journeylib.benchmark_page import name_peers, write_benchmark, write_overviews
from journeylib.errors import JourneyError
from journeylib.pooling import pool_means
from journeylib.shrinkage import shrink_rates

WILSON = "Wilson score interval (Wilson 1927)"


def metric(name, value, low, high, n, *, unit="share", source=WILSON):
    return {
        "metric": name, "segment": "all", "target": None, "value": value, "low": low,
        "high": high, "n": n, "unit": unit, "source": source,
    }  # fmt: skip


def results(client, when="2026-11-01T06:00:00+00:00", **tables):
    return {
        "client": client,
        "period": {"start": "2025-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
        "currency": "EUR", "generated": when, "version": "0.5.0", "tables": tables,
    }  # fmt: skip


def pain(touchpoint, money=(None, None, None), persona="all", kind="loss"):
    return {
        "rank": 1, "touchpoint": touchpoint, "channel": "app", "persona": persona, "kind": kind,
        "money_value": money[0], "money_low": money[1], "money_high": money[2],
    }  # fmt: skip


def write_client(reports, client, *, title="", status="finished", told=None, **run):
    """A client's folder as a run leaves it, as far as the pages over all clients read it."""
    folder = reports / client
    folder.mkdir(parents=True)
    told = results(client) if told is None else told
    (folder / "results.json").write_text(json.dumps(told))
    whole = {
        "client": client, "title": title or client.title(), "status": status, "error": "",
        "generated": told["generated"], "seconds": {"01": 3.2, "02": 4.1},
        "headline": "Fewer go on from checkout.", "summary": digests.digest_results(told),
        "since": "", "changes": [], **run,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(whole))
    (folder / f"{client}.html").write_text("<p>the report</p>")
    return folder


def text_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<(style|script)>.*?</\1>|<[^>]+>", " ", page, flags=re.S))


SHARES = {"anna": 812, "bert": 9, "cora": 430, "dora": 610, "emil": 55, "fritz": 20}
CASES = {"anna": 2000, "bert": 20, "cora": 1000, "dora": 1500, "emil": 150, "fritz": 40}


def shares(names=tuple(SHARES)):
    rows = []
    for name in names:
        told = shrink_rates([SHARES[name]], [CASES[name]]).iloc[0]
        rows.append({
            "client": name,
            **metric("retention_rate", told["raw"], told["raw_low"], told["raw_high"], CASES[name]),
        })  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def five(tmp_path):
    for row in shares().to_dict("records"):
        client = row.pop("client")
        told = results(client, metrics=[row])
        write_client(tmp_path, client, title=f"{client.title()} Canary GmbH", told=told)
    return tmp_path


# ---------------------------------------------------------------- peers: golden


def test_counted_shares_are_pooled_as_the_beta_binomial_model_pools_them():
    rows = peers.compare_peers(shares())
    model = shrink_rates(
        [SHARES[name] for name in rows["client"]], [CASES[c] for c in rows["client"]]
    )
    np.testing.assert_allclose(rows["value"], model["value"])
    np.testing.assert_allclose(rows[["low", "high"]], model[["low", "high"]])
    np.testing.assert_allclose(rows["plain"], model["raw"])


def test_scores_are_pooled_by_morris_and_money_by_its_logarithm():
    rng = np.random.default_rng(2)
    means, errors = rng.normal(30, 12, 7), rng.uniform(2, 9, 7)
    reach = 1.959963984540054
    frame = pd.DataFrame({
        "client": list("abcdefg"), "metric": "nps", "value": means, "low": means - reach * errors,
        "high": means + reach * errors, "n": 300, "unit": "points", "source": "Rocks 2016",
    })  # fmt: skip
    rows = peers.compare_peers(frame)
    np.testing.assert_allclose(rows["value"], pool_means(means, errors).value)
    ends = ["value", "low", "high"]
    money = frame.assign(metric="clv", unit="EUR", **np.exp(frame[ends] / 10))
    rows = peers.compare_peers(money)
    np.testing.assert_allclose(rows["value"], np.exp(pool_means(means / 10, errors / 10).value))
    assert rows["source"].str.contains("logarithm").all()


def test_an_interval_of_less_confidence_tells_of_the_same_error():
    frame = shares().assign(unit="sentiment", source="other")
    narrow = frame.assign(confidence=0.9)
    shrunk = 1.6448536269514722 / 1.959963984540054
    for end in ("low", "high"):
        narrow[end] = frame["value"] + (frame[end] - frame["value"]) * shrunk
    wide, same = peers.compare_peers(frame), peers.compare_peers(narrow)
    np.testing.assert_allclose(wide["value"], same["value"])
    np.testing.assert_allclose(wide["low"], same["low"])


# ---------------------------------------------------------------- peers: boundary and property


def test_five_clients_are_compared_and_four_are_not():
    assert len(peers.compare_peers(shares(list(SHARES)[:5]))) == 5
    assert peers.compare_peers(shares(list(SHARES)[:4])).empty
    assert peers.compare_peers(pd.DataFrame()).empty


def test_money_of_two_currencies_is_not_compared():
    frame = shares().assign(metric="clv", unit=["EUR", "EUR", "EUR", "USD", "USD", "USD"])
    assert peers.compare_peers(frame).empty


def test_what_each_client_defines_for_itself_is_left_out():
    assert peers.compare_peers(shares().assign(metric="outcome_rate")).empty


def test_clients_measured_in_another_way_are_pointed_out():
    frame = shares()
    assert peers.compare_peers(frame)["alike"].all()
    dated = [f"bought from 2025-0{n}-01 on; {WILSON}" for n in range(1, 7)]
    assert peers.compare_peers(frame.assign(source=dated))["alike"].all()
    frame.loc[0, "source"] = f"no order in the last 160 days; {WILSON}"
    assert not peers.compare_peers(frame)["alike"].any()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-80, 80), st.floats(0.5, 20)), min_size=5, max_size=9),
    st.randoms(use_true_random=False),
)
def test_pooling_keeps_order_of_rows_out_of_it_and_never_passes_the_centre(found, shuffle):
    frame = pd.DataFrame(found, columns=["value", "half"])
    frame = frame.assign(
        client=[f"c{n}" for n in range(len(frame))], metric="nps", unit="points", n=100,
        source="x", low=frame["value"] - frame["half"], high=frame["value"] + frame["half"],
    )  # fmt: skip
    rows = peers.compare_peers(frame)
    other = peers.compare_peers(frame.sample(frac=1, random_state=shuffle.randrange(99)))
    pd.testing.assert_frame_equal(rows, other)
    between = (rows["value"] - rows["centre"]) * (rows["plain"] - rows["centre"])
    assert (between >= -1e-9).all()
    assert rows["kept"].between(0, 1).all()
    assert (rows["low"] <= rows["value"] + 1e-9).all()
    assert sorted(rows["place"])[0] == 1


def test_thin_clients_are_drawn_further_than_thick_ones():
    kept = peers.compare_peers(shares()).set_index("client")["kept"]
    assert kept["bert"] < kept["emil"] < kept["anna"]


@given(st.floats(-1e4, 1e4), st.floats(1e-2, 1e6))
def test_ticks_hold_the_range_and_are_evenly_spaced(low, span):
    ticks = peer_charts.nice_ticks(low, low + span)
    gaps = np.diff(ticks)
    assert ticks[0] <= low + 1e-9 * abs(low) + 1e-12
    assert ticks[-1] >= low + span - 1e-6 * (abs(low) + span)
    assert 2 <= len(ticks) <= 8
    assert gaps.min() > 0
    np.testing.assert_allclose(gaps, gaps[0], rtol=1e-4)


# ---------------------------------------------------------------- benchmark page


def test_the_consultants_page_names_every_client_with_both_figures(five):
    page = write_benchmark(five).read_text()
    for name in SHARES:
        assert f"{name.title()} Canary GmbH" in page
    assert "40.6 % (38.5 to 42.8)" in page  # anna: 812 of 2,000
    assert "not to be passed on" in page


def test_an_edition_for_one_client_names_no_other_and_tells_no_others_figures(five):
    page = write_benchmark(five, client="cora").read_text()
    shown = text_of(page)
    assert "Cora Canary GmbH" in shown
    for name in set(SHARES) - {"cora"}:
        assert name.title() not in page
        assert name not in page.lower()
    assert "client A" in shown
    assert shown.count("43.0 %") >= 1
    assert "2,000" not in shown
    assert not (five / "cora" / "benchmark.html").exists()


def test_letters_are_dealt_anew_for_each_metric_and_again_the_same():
    first = pd.DataFrame({"client": [f"c{n}" for n in range(12)], "value": 0.1, "n": range(12)})
    second = first.assign(value=np.linspace(0, 1, 12))
    dealt = name_peers(first, "c0")
    assert sorted(dealt.values()) == [f"client {letter}" for letter in "ABCDEFGHIJK"]
    assert "c0" not in dealt
    assert name_peers(first, "c0") == dealt
    assert name_peers(second, "c0") != dealt


def test_too_few_clients_are_told_so_and_an_old_page_goes(tmp_path):
    write_client(tmp_path, "anna", told=results("anna", metrics=[metric("nps", 4, 1, 7, 90)]))
    assert "Nothing is compared" in text_of(write_benchmark(tmp_path).read_text())
    write_overviews(tmp_path)
    assert not (tmp_path / "benchmark.html").exists()


def test_an_unknown_client_is_refused_with_those_that_are_there(five):
    with pytest.raises(JourneyError, match="anna, bert"):
        write_benchmark(five, client="nobody")


# ---------------------------------------------------------------- index


def test_the_index_tells_status_headline_money_changes_and_links(tmp_path):
    told = results(
        "anna", pains=[pain("checkout", (5257, 3965, 6856)), pain("late", (900, 100, 2000))]
    )
    write_client(
        tmp_path, "anna", title="Anna & Söhne <b>", told=told, since="2026-10-01T06:00:00+00:00",
        changes=["NPS 5 points → 7 points", "b", "c", "d"],
    )  # fmt: skip
    page = portfolio.write_index(tmp_path).read_text()
    shown = text_of(page)
    assert "Anna &amp; Söhne &lt;b&gt;" in page
    assert "✓ finished" in shown
    assert "€5,257 (3,965 to 6,856)" in shown
    assert "checkout (app), loss; and 1 more with a price" in shown
    assert "NPS 5 points → 7 points" in shown
    assert "1 more" in shown
    assert "compared with 1 Oct 2026, 06:00" in shown
    assert 'href="anna/anna.html"' in page
    assert 'href="anna/results.json"' in page
    assert "1 Jan 2025 – 31 Dec 2025" in shown


def test_the_index_runs_only_the_script_its_policy_names_and_loads_nothing(five):
    write_overviews(five)
    page = (five / "index.html").read_text()
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert not re.search(r"\bon[a-z]+\s*=\s*[\"']", page)
    assert not re.search(r'(?:src|href)="(?:https?:|//)', page)
    assert "innerHTML" not in script
    assert "benchmark.html" in page


def test_a_failure_keeps_the_standing_report_its_day_and_its_figures(tmp_path):
    told = results("anna", pains=[pain("basket", (10, 5, 20))])
    good = {
        "status": "finished", "generated": "2026-10-01T06:00:00+00:00", "headline": "old",
        "summary": digests.digest_results(told),
    }  # fmt: skip
    write_client(
        tmp_path, "anna", status="failed", error="It stopped.\n  - do this", good_run=good,
        last_good=good["generated"],
    )  # fmt: skip
    shown = text_of(portfolio.write_index(tmp_path).read_text())
    assert "✗ failed" in shown
    assert "It stopped." in shown
    assert "The report shown is of 1 Oct 2026, 06:00." in shown
    assert "€10" in shown
    assert "1 client: 0 finished, 1 not" in shown


def test_a_broken_run_json_and_a_half_built_folder_stop_no_page(tmp_path):
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "run.json").write_text('{"clie')
    (tmp_path / ".bert.x1.part").mkdir()
    (tmp_path / ".bert.x1.part" / "run.json").write_text('{"title": "Half"}')
    page = portfolio.write_index(tmp_path).read_text()
    assert "! unreadable" in page
    assert "Half" not in page


def test_runs_of_older_versions_are_read_from_their_results(tmp_path):
    told = results("anna", metrics=[metric("nps", 7, 3, 11, 300, unit="points")])
    folder = write_client(tmp_path, "anna", told=told)
    run = json.loads((folder / "run.json").read_text())
    for key in ("summary", "since", "changes"):
        run.pop(key)
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "history").mkdir()
    before = results("anna", "2026-09-01T06:00:00+00:00",
                     metrics=[metric("nps", 5, 1, 9, 300, unit="points")])  # fmt: skip
    (folder / "history" / "20260901T060000Z.json").write_text(json.dumps(before))
    assert "NPS 5.0 points → 7.0 points" in text_of(portfolio.write_index(tmp_path).read_text())


def test_the_index_is_the_same_however_often_it_is_written(five):
    first = write_overviews(five).read_bytes()
    assert write_overviews(five).read_bytes() == first
    assert not list(five.glob("*.part"))


# ---------------------------------------------------------------- digests


def test_a_price_that_may_be_nothing_is_no_money_at_stake():
    unclear = results("a", pains=[pain("late", (50, 0, 90)), pain("slow", (80, -2, 90))])
    assert digests.digest_results(unclear)["money"] is None
    clear = results("a", pains=[pain("late", (50, 0.5, 90)), pain("slow", (80, -2, 90))])
    assert digests.digest_results(clear)["money"]["value"] == 50


def test_what_moved_is_told_with_what_else_differs():
    tried = {"intervention": "Guest checkout", "metric": "converted", "segment": "all"}
    before = results(
        "a",
        pains=[pain("late")],
        metrics=[metric("nps", 5.0, 1, 9, 300, unit="points")],
        impacts=[{**tried, "verdict": "cannot tell"}],
    )
    now = json.loads(json.dumps(before))
    assert digests.tell_changes(*map(digests.digest_results, (now, before))) == []
    now["tables"]["metrics"][0]["value"] = 7.5
    now["tables"]["pains"].insert(0, pain("basket", (900.4, 120, 1800)))
    now["tables"]["impacts"][0]["verdict"] = "works, worth it"
    now["period"]["end"], now["version"] = "2026-02-01T00:00:00Z", "0.6.0"
    said = digests.tell_changes(*map(digests.digest_results, (now, before)))
    assert said == [
        "first pain point now “basket (app), loss”, before “late (app), loss”",
        "1 new pain point",
        "at stake a year: no clear price → €900",
        "Guest checkout, Converted: cannot tell → works, worth it",
        "NPS 5.0 points → 7.5 points",
        "data to 31 January 2026, before to 31 December 2025",
        "made by version 0.6.0, before 0.5.0",
    ]


@pytest.mark.parametrize(
    ("start", "after"),
    [
        ("2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z"),
        ("2024-12-31T18:30:00Z", "2025-12-31T18:30:00Z"),
        ("2025-01-01T08:00:00Z", "2026-01-01T08:00:00Z"),
    ],
    ids=["London", "Berlin", "Kolkata", "Los Angeles"],
)
def test_days_of_a_period_are_the_clients_own(start, after):
    days = digests.period_days([start, after])
    assert [f"{day:%Y-%m-%d}" for day in days] == ["2025-01-01", "2025-12-31"]
    assert digests.period_days([None, None]) is None
    assert digests.period_days([]) is None


def test_no_results_give_an_empty_digest_and_no_changes():
    assert digests.digest_results({}) == {}
    assert digests.tell_changes({}, {}) == []
    assert digests.tell_changes(digests.digest_results(results("a")), {}) == []


# ---------------------------------------------------------------- history and swaps


def test_the_newest_twelve_and_the_last_of_each_month_are_kept():
    days = pd.date_range("2020-01-01 06:00", "2026-11-22 06:00", freq="D", tz="UTC")
    names = [history.past_name(day.isoformat()) for day in days]
    kept = history.thin_history(names)
    assert kept[-12:] == names[-12:]
    assert len(kept) == 12 + 48
    assert "20260930T060000Z.json" in kept
    assert "20260915T060000Z.json" not in kept
    assert "20200105T060000Z.json" in history.thin_history(names, fixed=["20200105T060000Z.json"])


@settings(max_examples=30)
@given(st.lists(st.datetimes(), max_size=80, unique=True))
def test_thinning_twice_is_thinning_once_and_the_newest_always_stays(moments):
    names = sorted({f"{moment:%Y%m%dT%H%M%SZ}.json" for moment in moments})
    kept = history.thin_history(names)
    assert history.thin_history(kept) == kept
    assert kept[-1:] == names[-1:]


def test_what_is_replaced_becomes_history_and_a_named_file_stays(tmp_path):
    old, built = tmp_path / "anna", tmp_path / "built"
    built.mkdir()
    (old / "history").mkdir(parents=True)
    (old / "results.json").write_text(json.dumps(results("anna", "2026-11-01T06:00:00+00:00")))
    (old / "history" / "20251101T060000Z.json").write_text("{}")
    (old / "history" / "notes.txt").write_text("not ours")
    kept = history.keep_history(old, built, named=[old / "history" / "20251101T060000Z.json"])
    assert [path.name for path in kept] == ["20251101T060000Z.json", "20261101T060000Z.json"]
    assert history.list_history(built) == kept
    assert json.loads(kept[-1].read_text())["client"] == "anna"


def test_broken_results_become_no_history(tmp_path):
    (tmp_path / "anna").mkdir()
    (tmp_path / "built").mkdir()
    (tmp_path / "anna" / "results.json").write_text('{"tables": {')
    assert history.keep_history(tmp_path / "anna", tmp_path / "built") == []
    assert not (tmp_path / "built" / "history").exists()


@pytest.mark.parametrize("exchange", [True, False], ids=["exchanged", "two renames"])
def test_a_folder_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(swaps, "_exchange", lambda *_: False)
    final = tmp_path / "anna"
    for word in ("first", "second"):
        built = swaps.begin_folder(final)
        (built / "page.html").write_text(word)
        assert swaps.swap_folder(built, final) == final
        assert (final / "page.html").read_text() == word
        assert [path.name for path in tmp_path.iterdir()] == ["anna"]


def test_a_kill_between_two_renames_is_mended_with_the_old_folder(tmp_path):
    final = tmp_path / "anna"
    (tmp_path / ".anna.old").mkdir()
    (tmp_path / ".anna.old" / "page.html").write_text("old and whole")
    (tmp_path / ".anna.abc.part").mkdir()
    (tmp_path / ".anna-b.abc.part").mkdir()
    swaps.mend_folder(final)
    assert (final / "page.html").read_text() == "old and whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".anna-b.abc.part", "anna"]


SWAPPER = """
import sys
from pathlib import Path
from journeylib.swaps import begin_folder, mend_folder, swap_folder
final = Path(sys.argv[1])
mend_folder(final)
print("ready", flush=True)
for number in range(100_000):
    built = begin_folder(final)
    for name in ("page.html", "results.json", "run.json"):
        (built / name).write_text(f"{number} {'x' * 4000}")
    swap_folder(built, final)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="two folders are exchanged at once on Linux only"
)
def test_a_reader_and_a_kill_at_any_moment_find_one_whole_folder(tmp_path):
    final, rng, seen = tmp_path / "anna", random.Random(5), False
    for _ in range(5):
        arguments = [sys.executable, "-c", SWAPPER, str(final)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as swapper:
            assert swapper.stdout is not None
            assert swapper.stdout.readline() == b"ready\n"
            until = time.monotonic() + rng.uniform(0.05, 0.4)
            while not seen or time.monotonic() < until:
                assert final.exists() or not seen  # at no moment is there none
                seen = seen or final.exists()
            swapper.send_signal(signal.SIGKILL)
        found = {path.read_text() for path in final.iterdir()}
        assert len(found) == 1
        assert len(list(final.iterdir())) == 3
    swaps.mend_folder(final)
    assert [path.name for path in tmp_path.iterdir()] == ["anna"]
