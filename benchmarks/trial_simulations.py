"""Simulations of A/B tests for `run_calibration`: false alarms, coverage, looks, verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from calibration_tables import TARGET, Line
from scipy import stats

from journeylib.impact import Plan, measure_intervention
from journeylib.looks import follow_looks

BAR = 0.01
LEVEL = 0.1
SHARES = Plan(name="test", outcomes=("converted",), control="A", worthwhile=BAR)
SPENDING = Plan(name="test", outcomes=("revenue",), control="A", worthwhile=0.1)
PARTS = 5
LOOKS = 100
VERDICTS = (
    "works, worth it", "works, size uncertain", "works, too small to matter",
    "no meaningful effect", "cannot tell", "harms",
)  # fmt: skip
# True effect, customers an arm, verdict, least and largest share (operating characteristics of
# the rule; 0.1 without the change).
EXPECTED = {
    (0.0, 32_000): ("no meaningful effect", 0.9), (2 * BAR, 32_000): ("works, worth it", 0.9),
    (0.0, 500): ("cannot tell", 0.83), (BAR, 500): ("cannot tell", 0.83),
    (2 * BAR, 500): ("cannot tell", 0.75),
}  # fmt: skip


def judge(data, plan):
    """Measure a test as the kit does and give its first row."""
    return measure_intervention("ab_test", data, plan).impacts.iloc[0]


def counted(hits, sizes):
    """Lay two arms of 0 and 1 out as sums, control first."""
    return pd.DataFrame({"variant": ["A", "B"], "count": sizes, "mean": np.divide(hits, sizes)})


def claims(verdict):
    return verdict.startswith("works") or verdict == "harms"


def z_of(hits, n):
    """Plain z value of two equal arms, by any leading axes; arms come first."""
    both = hits.sum(axis=0) / (2 * n)
    error = np.sqrt(2 * both * (1 - both) / n)
    apart = (hits[1] - hits[0]) / n
    return np.divide(apart, error, out=np.zeros_like(apart), where=error > 0)


def false_works(runs, rng):
    """A/A tests of 2,000 customers an arm; the rival looks five times at p < 0.05."""
    n = np.arange(1, 6) * 400
    hits = rng.binomial(400, LEVEL, (2, 3 * runs, 5)).cumsum(axis=2)
    own = [judge(counted(pair, [2000, 2000]), SHARES)["verdict"] for pair in hits[:, :, -1].T]
    naive = (np.abs(z_of(hits, n)) > 1.96).any(axis=1).mean()
    return np.mean([verdict.startswith("works") for verdict in own]), naive


def share_coverage(shares, sizes):
    """Cover the difference of two shares; the rival is Wald's interval, good for large arms."""

    def covers(runs, rng):
        hits = rng.binomial(np.array(sizes), np.array(shares), (runs, 2))
        truth, own = shares[1] - shares[0], 0
        for pair in hits:
            row = judge(counted(pair, sizes), SHARES)
            own += row["low"] <= truth <= row["high"]
        seen = hits / np.array(sizes)
        half = 1.96 * np.sqrt((seen * (1 - seen) / np.array(sizes)).sum(axis=1))
        return own / runs, (np.abs(seen[:, 1] - seen[:, 0] - truth) <= half).mean()

    return covers


def revenue_coverage(runs, rng):
    """One customer in five buys; the change makes carts of a small arm dearer by 60 %."""
    sizes, dearer, own, naive = (4000, 1000), (1.0, 1.6), 0, 0
    truth = 0.2 * np.exp(0.5) * 0.6
    for _ in range(runs):
        arms = [
            (rng.random(n) < 0.2) * rng.lognormal(0, 1, n) * much
            for n, much in zip(sizes, dearer, strict=True)
        ]
        mean, variance = ([fit(arm) for arm in arms] for fit in (np.mean, _variance))
        data = pd.DataFrame(
            {"variant": ["A", "B"], "count": sizes, "mean": mean, "variance": variance}
        )
        row = judge(data, SPENDING)
        own += row["low"] <= truth <= row["high"]
        pooled = np.average(variance, weights=sizes)
        half = 1.96 * np.sqrt(pooled * sum(1 / n for n in sizes))
        naive += abs(mean[1] - mean[0] - truth) <= half
    return own / runs, naive / runs


def _variance(values):
    return values.var(ddof=1)


def sessions(rng, n, lift):
    """Draw customers who come again and again, each with a habit of its own."""
    visits = 1 + rng.poisson(rng.gamma(1, 4, 2 * n))
    arm = np.arange(2 * n) >= n
    habit = np.clip(rng.beta(2, 6, 2 * n) + lift * arm, 0, 1)
    unit = np.repeat(np.arange(2 * n), visits)
    return pd.DataFrame(
        {
            "unit_id": unit, "variant": np.where(arm, "B", "A")[unit],
            "converted": rng.binomial(1, habit[unit]),
        }
    )  # fmt: skip


def session_z(rows):
    """Gap of two session-level shares and its standard error."""
    found = rows.groupby("variant")["converted"].agg(["mean", "count"])
    spread = (found["mean"] * (1 - found["mean"]) / found["count"]).sum() ** 0.5
    return found["mean"].iloc[1] - found["mean"].iloc[0], spread


def session_alarms(runs, rng):
    """A/A tests by customer, measured by session; the rival is a z test of sessions."""
    own = naive = 0
    for _ in range(runs):
        rows = sessions(rng, 500, 0.0)
        own += judge(rows, SHARES)["p_value"] < 0.05
        gap, error = session_z(rows)
        naive += abs(gap) > 1.96 * error
    return own / runs, naive / runs


def ratio_coverage(runs, rng):
    """Revenue an order; who orders often spends less each time, the change adds 2 to each order."""
    own = naive = 0
    truth = 2.0
    plan = Plan(
        name="test", outcomes=("basket",), control="A", ratios={"basket": ("revenue", "orders")}
    )
    arm = np.repeat([0, 1], 200)
    for _ in range(runs):
        orders = 1 + rng.poisson(rng.gamma(1, 4, 400))
        unit = np.repeat(np.arange(400), orders)
        size = rng.gamma(4, 10, 400) * 3 / (2 + orders)
        spent = rng.gamma(5, size[unit] / 5) + truth * arm[unit]
        revenue = np.bincount(unit, spent)
        variant = np.where(arm, "B", "A")
        data = pd.DataFrame({"variant": variant, "revenue": revenue, "orders": orders})
        row = judge(data, plan)
        own += row["low"] <= truth <= row["high"]
        by_order = [spent[arm[unit] == side] for side in (0, 1)]
        error = np.sqrt(sum(_variance(part) / len(part) for part in by_order))
        naive += abs(by_order[1].mean() - by_order[0].mean() - truth) <= 1.96 * error
    return own / runs, naive / runs


def strata_coverage(runs, rng):
    """Conversions within three regions that differ."""
    plan = Plan(name="test", outcomes=("converted",), control="A", strata="region")
    own = 0
    variant = np.repeat(["A", "B"], 400)
    for _ in range(runs):
        region = rng.integers(0, 3, 800)
        chance = 0.1 + 0.3 * region + 0.05 * (variant == "B")
        data = pd.DataFrame(
            {"variant": variant, "region": region, "converted": rng.binomial(1, chance)}
        )
        row = judge(data, plan)
        own += row["low"] <= 0.05 <= row["high"]
    return (own / runs,)


def adjusted_coverage(runs, rng):
    """Revenue narrowed by what was bought before; the rival takes what was bought meanwhile."""
    own = naive = 0
    arm = np.repeat([0.0, 1.0], 300)
    plan = Plan(name="test", outcomes=("revenue",), control="A", covariate="before")
    for _ in range(runs):
        before = rng.gamma(2, 10, 600)
        revenue = before + rng.normal(0, 11.5, 600) + 2 * arm
        variant = np.where(arm > 0, "B", "A")
        data = pd.DataFrame({"variant": variant, "revenue": revenue, "before": before})
        row = judge(data, plan)
        own += row["low"] <= 2 <= row["high"]
        meanwhile = 0.5 * revenue + rng.normal(0, 3, 600)
        gap, error = _regressed(revenue, arm, meanwhile)
        naive += abs(gap - 2) <= 1.96 * error
    return own / runs, naive / runs


def _regressed(values, arm, covariate):
    x = np.column_stack([np.ones(len(arm)), arm, covariate])
    beta, rest, *_ = np.linalg.lstsq(x, values, rcond=None)
    error = np.sqrt(rest[0] / (len(arm) - 3) * np.linalg.inv(x.T @ x)[1, 1])
    return beta[1], error


def peeked(runs, rng):
    """Look 100 times without saying so beforehand, and take the most striking; nothing happens."""
    n = np.arange(1, LOOKS + 1) * 100
    own, naive = 0, 0
    plan = Plan(name="test", outcomes=("converted",), control="A", looks=1, looks_taken=LOOKS)
    for _ in range(runs):
        hits = rng.binomial(100, LEVEL, (2, LOOKS)).cumsum(axis=1)
        z = np.abs(z_of(hits, n))
        worst = int(z.argmax())
        own += claims(judge(counted(hits[:, worst], [n[worst]] * 2), plan)["verdict"])
        naive += z.max() > 1.96
    return own / runs, naive / runs


def followed(runs, rng):
    """Follow a test without effect at 100 looks; the rival draws plain intervals at each."""
    n = np.arange(1, LOOKS + 1) * 100
    own = naive = 0
    for _ in range(runs):
        hits = rng.binomial(100, LEVEL, (2, LOOKS)).cumsum(axis=1)
        seen = hits / n
        error = np.sqrt((seen * (1 - seen) / n).sum(axis=0))
        looks = pd.DataFrame({"n": 2 * n, "value": seen[1] - seen[0], "error": error})
        found = follow_looks(looks, planned_n=int(2 * n[-1]))
        own += bool(((found["low"] > 0) | (found["high"] < 0)).any())
        naive += (np.abs(looks["value"]) > 1.96 * error).any()
    return own / runs, naive / runs


def declared(runs, rng):
    """Declare five looks and stop at the first that claims anything; nothing happens."""
    n = np.arange(1, 6) * 400
    hits = rng.binomial(400, LEVEL, (2, runs, 5)).cumsum(axis=2)
    z = np.abs(z_of(hits, n))
    own = 0
    for at in range(runs):
        # No bound lies below that of a single look, so that calmer looks cannot claim anything.
        own += any(
            claims(judge(counted(hits[:, at, k], [n[k]] * 2), _look(k + 1))["verdict"])
            for k in np.flatnonzero(z[at] > 1.9)
        )
    return own / runs, (z > 1.96).any(axis=1).mean()


def _look(taken):
    return Plan(name="test", outcomes=("converted",), control="A", looks=5, looks_taken=taken)


def persona_alarms(runs, rng):
    """Five personas, nothing happens in any; the rival asks which persona won."""
    plan = Plan(
        name="test", outcomes=("converted",), control="A", segments=("persona",), worthwhile=BAR
    )
    own = naive = 0
    variant = np.repeat(["A", "B"], 1500)
    for _ in range(runs):
        persona = rng.integers(0, PARTS, 3000)
        hits = rng.binomial(1, 0.1 + 0.05 * persona)
        data = pd.DataFrame({"variant": variant, "persona": persona, "converted": hits})
        found = measure_intervention("ab_test", data, plan)
        own += (found.checks.query("check == 'interaction'")["statistic"] <= 0.05).any()
        parts = data.groupby(["persona", "variant"])["converted"].agg(["mean", "count"])
        first, second = (parts.xs(name, level="variant") for name in "AB")
        both = (first["mean"] * first["count"] + second["mean"] * second["count"]) / (
            first["count"] + second["count"]
        )
        error = np.sqrt(both * (1 - both) * (1 / first["count"] + 1 / second["count"]))
        naive += ((second["mean"] - first["mean"]).abs() > 1.96 * error).any()
    return own / runs, naive / runs


def broken_split(runs, rng):
    """Lose customers of one arm as in the 821,588 against 815,482 of Fabijan et al. (2019)."""
    total, share = 1_637_070, 821_588 / 1_637_070
    first = rng.binomial(total, share, runs)
    plan = Plan(name="test", outcomes=("converted",), control="A")
    own = 0
    for a in first:
        sizes = np.array([a, total - a])
        found = measure_intervention("ab_test", counted(sizes // 10, sizes), plan)
        own += found.impacts["verdict"].iloc[0] == "not interpretable"
    return own / runs, (np.abs(first / (total - first) - 1) > 0.01).mean()


def kept_split(runs, rng):
    """Assign as planned, 70 to 30; the rival tests against halves that nobody planned."""
    total = 20_000
    plan = Plan(name="test", outcomes=("converted",), control="A", split=(0.7, 0.3))
    first = rng.binomial(total, 0.7, runs)
    own = 0
    for a in first:
        sizes = np.array([a, total - a])
        found = measure_intervention("ab_test", counted(sizes // 10, sizes), plan)
        own += found.impacts["verdict"].iloc[0] == "not interpretable"
    return own / runs, (stats.chi2.sf((2 * first - total) ** 2 / total, 1) < 0.001).mean()


def verdicts_of(effect, n, *, runs, rng):
    """Count the verdicts of tests with a true effect."""
    hits = rng.binomial(n, [LEVEL, LEVEL + effect], (runs, 2))
    found = [judge(counted(pair, [n, n]), SHARES)["verdict"] for pair in hits]
    return {verdict: found.count(verdict) / runs for verdict in VERDICTS}


def rule_lines(runs):
    """Show how often each verdict is given, by true effect and size of the test."""
    lines = [
        "",
        f"Verdicts on a share of {LEVEL:.0%} without the change, smallest worthwhile effect "
        f"{BAR:.0%}, one look, {runs:,} tests a line. No line may say *works* of nothing, or "
        "*harms* of a gain, in more than 4 %; bold shares have a bar of their own, in brackets.",
        "",
        f"| true effect | customers an arm | {' | '.join(VERDICTS)} |",
        f"|{'---|' * (2 + len(VERDICTS))}",
    ]
    wrong = []
    for effect in (0.0, BAR, 2 * BAR):
        for n in (500, 8_000, 32_000):
            found = verdicts_of(effect, n, runs=runs, rng=np.random.default_rng(7))
            wanted, least = EXPECTED.get((effect, n), ("", 0.0))
            wrong += [] if found.get(wanted, 1.0) >= least else [f"{effect:.0%}, {n:,}"]
            too_often = found["harms"] if effect else sum(list(found.values())[:3])
            wrong += [f"{effect:.0%}, {n:,}"] if too_often > 0.04 else []
            cells = [
                f"**{share:.1%}** ({least:.0%})" if verdict == wanted else f"{share:.1%}"
                for verdict, share in found.items()
            ]
            lines.append(f"| {effect:.0%} | {n:,} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return [*lines, "", f"Lines that miss a bar: {'; '.join(wrong) or 'none'}."]


TRIAL_INTERVALS = [
    Line("share 10 %, 1,000 an arm", share_coverage((0.10, 0.12), (1000, 1000)), (), *TARGET),
    Line("share 50 %, 100 an arm", share_coverage((0.5, 0.5), (100, 100)), (), *TARGET),
    Line("share 2 %, arms of 1,900 and 100", share_coverage((0.02, 0.02), (1900, 100)),
         ("Wald interval",), *TARGET),
    Line("share 3 %, arms of 400 and 100", share_coverage((0.03, 0.03), (400, 100)),
         ("Wald interval",), *TARGET),
    Line("share 5 % down to 2 %, arms of 900 and 100", share_coverage((0.05, 0.02), (900, 100)),
         ("Wald interval",), *TARGET),
    Line("revenue, one in five buys, arms of 4,000 and 1,000", revenue_coverage,
         ("one variance for both arms",), *TARGET),
    Line("revenue an order, assigned by customer", ratio_coverage,
         ("orders taken as customers",), *TARGET),
    Line("share compared within regions", strata_coverage, (), *TARGET),
    Line("revenue narrowed by a covariate (CUPED)", adjusted_coverage,
         ("covariate from during the test",), *TARGET),
]  # fmt: skip
TRIAL_ALARMS = [
    Line("A/A test said to work", false_works, ("p below 0.05 at any of five looks",),
         high=0.03, scale=3),
    Line("conversions a session, nothing happens", session_alarms, ("z test of sessions",),
         high=0.07),
    Line("100 undeclared looks, the most striking shown", peeked, ("p below 0.05 at any look",),
         high=0.05),
    Line("100 looks followed by a confidence sequence", followed, ("plain interval at each look",),
         high=0.05),
    Line("five declared looks, stopped at the first claim", declared,
         ("p below 0.05 at any look",), high=0.05),
    Line("one of five personas said to differ", persona_alarms, ("which persona won",), high=0.07),
    Line("split as planned, 70 to 30, said to be broken", kept_split, ("tested against halves",),
         high=0.01),
]  # fmt: skip
TRIAL_FINDS = [
    Line("split broken as 821,588 to 815,482", broken_split, ("arms within 1 % of each other",),
         low=0.85),
]  # fmt: skip
