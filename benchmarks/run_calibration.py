"""How often intervals cover the truth, and how often nothing is taken for something.

    python benchmarks/run_calibration.py [--runs 1000] [--only trials panels]

Writes docs/calibration.md; with ``--only`` the other parts stay as they are, with their dates. Each
line has a naive rival that has to do worse, so that the simulation itself is tested.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from calibration_tables import Line, Section, merge
from check_simulations import check_lines
from forecast_simulations import (
    FORECAST_ALARMS,
    FORECAST_FINDS,
    FORECAST_INTERVALS,
    WORTH_INTERVALS,
)
from impact_simulations import (
    PANEL_ALARMS,
    PANEL_FINDS,
    PANEL_INTERVALS,
    regression_lines,
)
from journey_simulations import JOURNEY_LINES
from pain_simulations import PAIN_ALARMS, PAIN_COVERAGE, pain_lines
from pain_simulations import SLOW as A_THIRD
from persona_simulations import PERSONA_ALARMS, persona_lines
from persona_simulations import SLOW as A_TENTH
from series_simulations import SERIES_ALARMS, bending_lines
from shrinkage_simulations import SHRINKAGE_ALARMS, SHRINKAGE_COVERAGE
from shrinkage_simulations import SLOW as A_TWENTIETH
from trial_simulations import TRIAL_ALARMS, TRIAL_FINDS, TRIAL_INTERVALS, rule_lines

PAGE = Path(__file__).parents[1] / "docs" / "calibration.md"
OPENING = """# Calibration

Made by `make calibrate`, part by part. The rival is what a plain analysis would do on the same
data; it has to miss the bar, or the simulation would not notice a mistake either.
"""


def lines_of(entries, *, slow=1):
    """Read entries of name to function, rival and, for false alarms, the largest rate."""
    return [
        Line(name, function, (rival,), high=limit[0] if limit else None, scale=1 / slow)
        for name, (function, rival, *limit) in entries.items()
    ]


def pain_section():
    logs = {name: one for name, one in SHRINKAGE_ALARMS.items() if name.startswith("pain ")}
    rest = {name: one for name, one in SHRINKAGE_ALARMS.items() if name not in logs}
    intervals = lines_of(SHRINKAGE_COVERAGE) + lines_of(PAIN_COVERAGE, slow=A_THIRD)
    alarms = lines_of(PAIN_ALARMS, slow=A_THIRD) + lines_of(logs, slow=A_TWENTIETH) + lines_of(rest)
    return Section("Pain points", {"interval": intervals, "alarm": alarms}, (pain_lines,))


SECTIONS = {
    "journeys": Section("Journeys, feelings, scores", {"interval": JOURNEY_LINES}),
    "pains": pain_section(),
    "personas": Section(
        "Personas", {"alarm": lines_of(PERSONA_ALARMS, slow=A_TENTH)}, (persona_lines,)
    ),
    "trials": Section(
        "A/B tests",
        {"interval": TRIAL_INTERVALS, "alarm": TRIAL_ALARMS, "find": TRIAL_FINDS},
        (rule_lines,),
    ),
    "panels": Section(
        "Roll-outs by unit",
        {"interval": PANEL_INTERVALS, "alarm": PANEL_ALARMS, "find": PANEL_FINDS},
        (regression_lines,),
    ),
    "series": Section("Series", {"alarm": SERIES_ALARMS}, (bending_lines,)),
    "checks": Section("Checks of a design", {}, (check_lines,)),
    "loyalty": Section("Worth of customers", {"interval": WORTH_INTERVALS}),
    "forecasts": Section(
        "What-if and drift",
        {"interval": FORECAST_INTERVALS, "alarm": FORECAST_ALARMS, "find": FORECAST_FINDS},
    ),
}
GROUPS = {"impact": ("trials", "panels", "series", "checks")}


def chosen(words):
    """Turn names of parts and of groups into parts, in the order of the page."""
    wanted = {part for word in words for part in GROUPS.get(word, (word,))}
    return [part for part in SECTIONS if part in wanted]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="simulated data sets a line")
    parser.add_argument(
        "--only", nargs="+", choices=[*SECTIONS, *GROUPS], default=list(SECTIONS),
        help="parts to measure again; the others stay as they are",
    )  # fmt: skip
    given = parser.parse_args()
    order = [section.title for section in SECTIONS.values()]
    for part in chosen(given.only):
        section = SECTIONS[part]
        text = section.measure(given.runs)
        # Read again after each part, so that two runs of different parts can write one page.
        page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        PAGE.write_text(merge(page, {section.title: text}, order, OPENING), encoding="utf-8")


if __name__ == "__main__":
    main()
