"""The calibration in small: the kit keeps its bars, plain analyses miss them, the page is honest.

`make calibrate` draws thousands of data sets; these are fewer, with bands of three binomial errors.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import trial_simulations as trials  # noqa: E402
from calibration_tables import Line, Section, merge, misses, table_of  # noqa: E402
from check_simulations import FAULTS  # noqa: E402
from impact_simulations import few_treated, staggered_coverage, worst_alarms  # noqa: E402
from run_calibration import GROUPS, SECTIONS, chosen  # noqa: E402
from series_simulations import series_alarms  # noqa: E402

PAGE = BENCHMARKS.parent / "docs" / "calibration.md"
QUICK = ("placebo_outcome", "srm")


def band(share, runs):
    """Three binomial standard errors of a share."""
    return 3 * (share * (1 - share) / runs) ** 0.5


def simulate(function, runs):
    return function(runs, np.random.default_rng(20))


# the bars, and the rivals that miss them


@pytest.mark.parametrize(
    ("alarms", "runs", "limit"),
    [
        (trials.session_alarms, 100, 0.05),
        (trials.peeked, 80, 0.05),
        (trials.declared, 150, 0.05),
        (few_treated, 40, 0.05),
        (series_alarms(48, 0.6), 100, 0.10),
        (worst_alarms, 25, 0.0),
    ],
    ids=["sessions", "undeclared looks", "declared looks", "two units", "series", "worst"],
)
def test_nothing_is_seldom_taken_for_something_but_rivals_do_it_often(alarms, runs, limit):
    own, *rivals = simulate(alarms, runs)
    assert own <= limit + band(limit, runs)
    assert rivals
    assert min(rivals) > own
    assert max(rivals) > limit + band(limit, runs)


def test_arms_that_are_alike_seldom_work():
    """One in forty works by chance; five looks at p < 0.05 make it one in seven."""
    own, naive = simulate(trials.false_works, 60)
    assert own <= 0.03 + band(0.025, 180)
    assert naive > 0.05 + band(0.05, 180)


@pytest.mark.parametrize(
    ("covers", "runs"),
    [
        (trials.share_coverage((0.02, 0.02), (1900, 100)), 120),
        (trials.ratio_coverage, 80),
        (trials.adjusted_coverage, 40),
        (staggered_coverage, 25),
    ],
    ids=["shares", "ratio", "covariate", "two dates"],
)
def test_intervals_cover_the_truth_and_rivals_do_not(covers, runs):
    own, *rivals = simulate(covers, runs)
    assert own >= 0.95 - band(0.95, runs)
    assert max(rivals) < own
    assert max(rivals) < 0.93


@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if one.check in QUICK], ids=lambda one: one.check
)
def test_checks_speak_up_when_they_should_and_are_quiet_otherwise(fault):
    assert fault.rate(12, planted=True) >= fault.least - band(0.1, 12)
    assert fault.rate(12, planted=False) <= fault.most + band(0.05, 12)


# the page


def test_a_part_is_replaced_and_the_others_keep_their_dates():
    page = merge("", {"One": "## One\n\nold", "Two": "## Two\n\nold"}, ["One", "Two"], "# All\n")
    again = merge(page, {"Two": "## Two\n\nnew"}, ["One", "Two"], "# All\n")
    assert again == "# All\n\n## One\n\nold\n\n## Two\n\nnew\n"


def test_parts_stand_in_their_order_and_unknown_ones_go():
    page = "# All\n\n## Gone\n\nx\n\n## Two\n\nold\n"
    again = merge(page, {"One": "## One\n\nnew"}, ["One", "Two"], "# All")
    assert again == "# All\n\n## One\n\nnew\n\n## Two\n\nold\n"


def test_impact_stands_for_all_designs():
    assert chosen(["impact"]) == list(GROUPS["impact"])
    assert chosen(["panels", "trials"]) == ["trials", "panels"]


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0.05, 0.20), []),
        ((0.055, 0.20), ["Misses its bar, within twice the error of the simulation: x (5.5%)."]),
        ((0.09, 0.20), ["Misses its bar, clearly: x (9.0%)."]),
        ((0.04, 0.05), ["Keeps the bar as well: plain, x (5.0%)."]),
    ],
)
def test_lines_that_miss_and_rivals_that_keep_are_named(shares, said):
    line = Line("x", lambda *_: shares, ("plain",), high=0.05)
    assert misses(line, shares, 1000) == said


def test_a_line_says_how_many_data_sets_it_rests_on():
    line = Line("x", lambda *_: (0.5,), low=0.4, scale=0.1)
    assert table_of("find", [(line, (0.5,))], 1000)[-1] == "| x | 50.0% | 40% | – | – | 100 |"


def test_a_section_is_dated_and_judged(capsys):
    line = Line("x", lambda *_: (0.01, 0.2), ("y",), high=0.05)
    text = Section("Part", {"alarm": [line]}).measure(100)
    assert text.startswith("## Part\n\nMeasured on 20")
    assert "| x | 1.0 % | 5 % | y | 20.0 % | 100 |" in text
    assert text.endswith("Every line with a bar keeps it, and no rival does.")
    assert capsys.readouterr().out.startswith("x: 1.0%, 20.0%")


def test_a_rival_without_a_name_is_not_shown():
    text = Section("Part", {"find": [Line("x", lambda *_: (0.9, 0.8), low=0.5)]}).measure(100)
    assert "| x | 90.0 % | 50 % | – | – | 100 |" in text


def test_the_page_has_every_part_with_its_date():
    page = PAGE.read_text(encoding="utf-8")
    parts = {text.partition("\n")[0]: text for text in page.split("\n## ")[1:]}
    assert list(parts) == [section.title for section in SECTIONS.values()]
    assert all("Measured on 20" in text for text in parts.values())


def test_the_page_has_every_line_of_the_code():
    page = PAGE.read_text(encoding="utf-8")
    lines = [line for one in SECTIONS.values() for part in one.tables.values() for line in part]
    assert [line.name for line in lines if f"| {line.name} |" not in page] == []
    assert [fault.check for fault in FAULTS if f"| `{fault.check}` |" not in page] == []
