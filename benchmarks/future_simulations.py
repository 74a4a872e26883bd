"""Whether what-if intervals cover what a planted change does, and how often drift is a false alarm.

For `run_calibration.py`. A chain of five touchpoints; customers make several journeys each, and
differ from one another, which is what breaks the tests that take every move for itself.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from journeylib.drift import compare_moves, judge_drift
from journeylib.estimates import Refusal
from journeylib.footprints import Footprints
from journeylib.grounds import Ground
from journeylib.scenarios import Edit, Scenario
from journeylib.simulate import play_scenario

NAMES = ("ad", "product", "basket", "checkout", "order", "start", "end", "open")
START, END = 5, 6
SHARES = np.array(
    [
        [0.10, 0.50, 0.10, 0.00, 0.00, 0, 0.30, 0],
        [0.05, 0.30, 0.35, 0.00, 0.00, 0, 0.30, 0],
        [0.00, 0.20, 0.10, 0.50, 0.00, 0, 0.20, 0],
        [0.00, 0.05, 0.10, 0.00, 0.50, 0, 0.35, 0],
        [0.00, 0.00, 0.00, 0.00, 0.00, 0, 1.00, 0],
        [0.60, 0.40, 0.00, 0.00, 0.00, 0, 0.00, 0],
    ]
)
MIXED = 40.0  # Dirichlet weight of the common shares: customers differ mildly
APART = 4.0  # the same where they differ much, as in findings of real logs


def draw_customers(customers, rng, *, alike=MIXED, journeys=2, shares=SHARES):
    """Draw customers' moves; each has shares of their own around the common ones."""
    size = len(NAMES)
    moves = np.zeros((customers, size, size), dtype=np.int64)
    for who in range(customers):
        own = np.array([rng.dirichlet(row * alike + 1e-9) for row in shares])
        for _ in range(1 + rng.poisson(journeys - 1)):
            at = START
            while at != END:
                to = int(rng.choice(size, p=own[at]))
                moves[who, at, to] += 1
                at = to
    who, origin, goal = np.nonzero(moves)
    return Footprints(NAMES, who, origin * size + goal, moves[who, origin, goal])


def outcome_share(shares):
    """Chance that a journey of the common shares reaches the order."""
    left = [START, 0, 1, 2, 3]
    within = shares[np.ix_(left, left)]
    return float(np.linalg.solve(np.eye(5) - within, shares[left, 4])[0])


def planted_lift():
    """What halving the loss at the checkout does to the outcome, exactly."""
    after = SHARES.copy()
    lost = after[3, END]
    after[3] *= (1 - lost / 2) / (1 - lost)
    after[3, END] = lost / 2
    return outcome_share(after) - outcome_share(SHARES)


def what_if_coverage(draws, seed, *, customers=400, alike=200.0):
    """Cover a planted lift; the rival takes all but the lost share as certain.

    Returns:
        Shares of simulated clients whose interval covers the lift: ours, and that of a binomial
        interval of the lost share alone, the rest of the chain taken as certain.
    """
    rng, truth = np.random.default_rng(seed), planted_lift()
    scenario = Scenario("half lost", (Edit("checkout", "end", 0.5),))
    hit = naive = 0
    for at in range(draws):
        prints = draw_customers(customers, rng, alike=alike, journeys=2)
        ground = Ground(prints.closed(), ("order",))
        found = play_scenario(ground, scenario, seed=at, draws=150)
        row = found[found["metric"] == "reaches_outcome"].iloc[0]
        hit += row["low"] <= truth <= row["high"]
        naive += _plain_covers(prints.counts(), truth)
    return hit / draws, naive / draws


def _plain_covers(counts, truth):
    """The rival: only the share lost at the checkout is uncertain."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    visits, lost = counts[3].sum(), shares[3, END]
    ends = stats.binom.ppf([0.025, 0.975], int(visits), lost) / visits
    lifts = []
    for share in ends:
        before, after = shares[:6].copy(), shares[:6].copy()
        for made, new in ((before, share), (after, share / 2)):
            made[3] *= (1 - new) / max(1 - lost, 1e-9)
            made[3, END] = new
        lifts.append(outcome_share(after) - outcome_share(before))
    return min(lifts) <= truth <= max(lifts)


def drift_false_alarms(draws, seed, *, customers=150):
    """Compare two periods of one population; nothing has changed.

    Returns:
        Share of comparisons that find the moves changed: ours (customers exchanged), and the
        chi-square test of all moves as if each were drawn for itself.
    """
    rng = np.random.default_rng(seed)
    alarms = naive = 0
    for at in range(draws):
        before, after = (draw_customers(customers, rng, alike=APART, journeys=4) for _ in range(2))
        alarms += _finds(before, after, at)
        naive += _chi_square(before.counts(), after.counts())
    return alarms / draws, naive / draws


def drift_power(draws, seed, *, customers=150, moved=0.15):
    """Compare two periods between which part of the loss at the basket went to the checkout.

    Returns:
        Share of comparisons that find the moves changed.
    """
    rng = np.random.default_rng(seed)
    changed = SHARES.copy()
    changed[2, END], changed[2, 3] = changed[2, END] - moved, changed[2, 3] + moved
    found = 0
    for at in range(draws):
        before = draw_customers(customers, rng, alike=APART, journeys=4)
        after = draw_customers(customers, rng, alike=APART, journeys=4, shares=changed)
        found += _finds(before, after, at)
    return found / draws


def _finds(before, after, seed):
    """Whether any row of moves is told to have changed, whatever the margin."""
    shifted = Footprints(after.names, after.customer + 10**6, after.key, after.count)
    found = compare_moves(before, shifted, seed=seed, margin=1e-9, draws=199)
    if isinstance(found, Refusal):
        return False
    table = judge_drift(found)
    return bool((table["verdict"] == "changed").any())


def _chi_square(before, after):
    """The rival: G² of all moves by the chi-square distribution."""
    from journeylib.homogeneity import compare_counts

    return compare_counts(before, after).p <= 0.05
