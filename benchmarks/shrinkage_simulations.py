"""Simulations of shrunken rates and of pains by persona for `run_calibration`."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from planted_leaks import SUPPORT, knowing_personas, steady_events
from small_logs import CODES, NAMES, write_log

from journeylib.comparisons import Comparison
from journeylib.dating import ALPHA, WORTH, find_episode
from journeylib.onward import PARTS, share_onward
from journeylib.pains import compare_touchpoints, part_personas
from journeylib.shrinkage import shrink_rates
from journeylib.subgroups import pool_personas
from journeylib.summaries import Tally

# What costs seconds a data set is drawn this many times less often.
SLOW = 20
SILENCE = pd.DataFrame(columns=["customer", "touchpoint", "channel", "source", "sentiment"])


def worst_rates(runs, rng):
    """Forty touchpoints of skewed volume; the five that look worst are looked at."""
    own = naive = 0
    for seed in range(runs):
        cases = np.round(np.exp(rng.normal(4.5, 1, 40))).astype(int) + 5
        truth = rng.beta(8, 32, 40)
        table = shrink_rates(rng.binomial(cases, truth), cases, seed=seed)
        inside = (table["low"] <= truth) & (truth <= table["high"])
        plain = (table["raw_low"] <= truth) & (truth <= table["raw_high"])
        own += inside[table["value"].nlargest(5).index].sum()
        naive += plain[table["raw"].nlargest(5).index].sum()
    return own / runs / 5, naive / runs / 5


def few_rates(runs, rng):
    """Eight touchpoints only: the prior itself is in doubt."""
    own = naive = 0
    for seed in range(runs):
        cases, truth = rng.integers(30, 200, 8), rng.beta(8, 32, 8)
        table = shrink_rates(rng.binomial(cases, truth), cases, seed=seed)
        inside = (table["low"] <= truth) & (truth <= table["high"])
        plain = (table["raw_low"] <= truth) & (truth <= table["raw_high"])
        own += inside[table["value"].nlargest(2).index].sum()
        naive += plain[table["raw"].nlargest(2).index].sum()
    return own / runs / 2, naive / runs / 2


def worst_personas(runs, rng):
    """Four personas at ten touchpoints, as counts; the five that look worst are looked at."""
    own = naive = 0
    place = np.repeat(np.arange(10), 4)
    names = pd.DataFrame({"stage": "s", "touchpoint": place, "channel": "web", "kind": "loss"})
    names = names.assign(unit="share", source="", persona=np.tile(np.arange(4), 10))
    for _ in range(runs):
        base = rng.uniform(0.4, 0.7, 40)
        truth = rng.normal(-0.03, 0.06, 10)[place] + rng.normal(0, 0.03, 40)
        n, m = rng.integers(30, 400, 40), rng.integers(100, 800, 40)
        hits, others = rng.binomial(n, base + truth), rng.binomial(m, base)
        plain = Comparison(*(pd.Series(one) for one in (hits, n, others, m))).frame(0.95)
        pooled = pool_personas(pd.concat([names, plain], axis=1))
        for table, low, high in ((pooled, "low", "high"), (plain, "low", "high")):
            worst = table["value"].nsmallest(5).index
            inside = ((table[low] <= truth) & (truth <= table[high]))[worst].sum()
            own, naive = (own + inside, naive) if table is pooled else (own, naive + inside)
    return own / runs / 5, naive / runs / 5


def recent_visits(runs, rng):
    """A third of the visits was watched in part; the rival counts all as watched to the end."""
    own = naive = 0
    truth = 1 - np.exp(-0.7)
    for _ in range(runs):
        took, watched = rng.exponential(1 / 0.7, 200), np.minimum(rng.uniform(0, 3, 200), 1)
        came = took <= watched
        part = np.minimum(took, watched) * PARTS
        key = np.where(came, np.minimum(part, PARTS - 1), part).astype(int)
        row = share_onward(Tally.of(key, came, ~came), np.array([0])).iloc[0]
        for share, n in ((row["onward_good"] / row["onward"], row["onward"]), (came.mean(), 200)):
            inside = abs(share - truth) <= 1.96 * np.sqrt(share * (1 - share) / n)
            own, naive = (own + inside, naive) if n == row["onward"] else (own, naive + inside)
    return own / runs, naive / runs


def knowing(runs, _rng):
    """Personas sorted by what followed a visit; the rival lets all outcomes count."""
    found, logs = np.zeros(2), max(1, runs // SLOW)
    for seed in range(logs):
        events = steady_events(seed)
        people = knowing_personas(events, cut=CODES.end - CODES.follow, outcome=CODES.good[0])
        with tempfile.TemporaryDirectory() as folder:
            log = write_log(Path(folder), events, codes=replace(CODES))
            for at, known_from in enumerate((None, 0)):
                groups = part_personas(log, people, known_from=known_from)
                table = compare_touchpoints(log, SILENCE, personas=groups)
                own = table[(table["persona"] != "all") & (table["touchpoint"] == NAMES[SUPPORT])]
                found[at] += bool((own["p_adjusted"] <= 0.1).any())
    return tuple(found / logs)


def episodes(runs, rng):
    """Weekly shares that stay the same; the rival tests the worst run as if it were the only."""
    own = naive = 0
    for _ in range(runs):
        cases = rng.integers(20, 120, 26)
        found = find_episode(cases.astype(float), rng.binomial(cases, 0.15).astype(float), rng)
        if found is None:
            continue
        clear = found["episode_share"] >= WORTH * found["usual_share"]
        own += found["dated_p"] * 2 <= ALPHA and clear
        naive += found["score"] > 1.92 and clear
    return own / runs, naive / runs


SHRINKAGE_COVERAGE = {
    "shares, worst five of forty touchpoints": (worst_rates, "Wilson interval of each"),
    "shares, worst two of eight touchpoints": (few_rates, "Wilson interval of each"),
    "pains by persona, worst five of forty": (worst_personas, "Newcombe interval of each"),
    "share gone on, recent visits watched in part": (recent_visits, "all as watched to the end"),
}
SHRINKAGE_ALARMS = {
    "pain of a persona that knows what is to come": (knowing, "outcomes from the first day", 0.10),
    "steady weekly share dated": (episodes, "likelihood ratio of the worst run", 0.05),
}
