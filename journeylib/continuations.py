"""Which touchpoint a customer meets next, foretold from none, one or two touchpoints before it.

Chains of order 0, 1 and 2 are learnt before a cut and tested on the moves after it; each leans on
the one below where it has seen little. Says what comes next if something comes, not whether it
does. Not for chains of stages and what would change them; see `simulate`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.calibration import DRAWN, choose_model, draw_customers
from journeylib.engine import summarise
from journeylib.estimates import Refusal
from journeylib.log import DAY, decode
from journeylib.successions import (
    CHAIN_ORDERS,
    LEARN_MOVES,
    Chain,
    deal_by_silence,
    learn_chains,
    summarise_losses,
    summarise_places,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journeylib.log import Floats, Log

SHARE_LEARNT = 0.75
TEST_MOVES, TEST_CUSTOMERS = 200, 50
BACKED = "back-off chain of order {} (Jelinek and Mercer 1980, weight 5)"
MEASURES = ("log_loss", "top_1", "top_3")
RIGHT_AFTER, STANDING = "right after a touchpoint", "on a given day"
COLUMNS = ["order", "measure", "value", "low", "high", "n", "moves", "unit", "source"]


@dataclass(frozen=True, slots=True)
class Onward:
    """How well the next touchpoint can be foretold.

    Attributes:
        measures: One row per order and measure (``log_loss`` in bits a move, ``top_1`` and
            ``top_3``, shares of moves foretold by the first, or the first three, guesses):
            ``order, measure, value, low, high, n`` (customers), ``moves, unit, source, asked``:
            every move right after a touchpoint, or each customer's next one on the day of the cut.
        gains: How much smaller the log-loss is than that of a lower order: ``order, against,
            value, low, high, n, unit, source, asked``.
        chosen: Order that does best right after a touchpoint: a higher one only where it is
            clearly better.
        used: The same on a given day, which is when customers' next touchpoints are told.
        cut: Microsecond from which moves are tested on.
        chains: From `learn_chains`, of all moves.
    """

    measures: pd.DataFrame
    gains: pd.DataFrame
    chosen: int
    used: int
    cut: int
    chains: Mapping[int, Chain]


# ---------------------------------------------------------------- the test


def compare_chains(log: Log, *, seed: int = 7, confidence: float = 0.95) -> Onward | Refusal:
    """Learn chains of order 0, 1 and 2 from earlier moves and test them on later ones.

    Args:
        log: The event log.
        seed: Seed of the draws.
        confidence: Coverage of the intervals.

    Returns:
        How well each order does, order 0 (always guess what is most frequent) among them; or a
        refusal with fewer than two touchpoints, 500 moves to learn from, or 200 moves of 50
        customers to test on.
    """
    cut = _place_cut(log)
    chains = learn_chains(log, cut)
    refused = _check_learnt(chains[0].zero)
    if refused is not None:
        return refused
    tables: list[pd.DataFrame] = []
    rises: list[pd.DataFrame] = []
    for standing in (False, True):
        pass_over = functools.partial(summarise_losses, chains=chains, start=cut,
                                      standing=standing)  # fmt: skip
        tested = summarise(pass_over, log.readable)
        rows = tested.rows if tested else pd.DataFrame({"moves": []})
        if rows["moves"].sum() < (TEST_CUSTOMERS if standing else TEST_MOVES) or (
            len(rows) < TEST_CUSTOMERS
        ):
            if standing:
                continue
            return Refusal(
                f"{int(rows['moves'].sum()):,} moves of {len(rows):,} customers came in the last "
                "quarter of the time.",
                f"{TEST_MOVES} moves of {TEST_CUSTOMERS} customers.",
            )
        for table, found in zip((tables, rises), _judge(rows, seed=seed, confidence=confidence),
                                strict=True):  # fmt: skip
            table.append(found.assign(asked=STANDING if standing else RIGHT_AFTER))
    measures, gains = (pd.concat(parts, ignore_index=True) for parts in (tables, rises))
    chosen = _choose(gains[gains["asked"] == RIGHT_AFTER])
    day = gains[gains["asked"] == STANDING]
    used = _choose(day) if len(day) else chosen
    return Onward(measures, gains, chosen, used, cut, learn_chains(log, log.codes.end))


def _check_learnt(moves: Floats) -> Refusal | None:
    total, kinds = int(moves.sum()), int((moves > 0).sum())
    if total < LEARN_MOVES:
        return Refusal(
            f"{total:,} moves from one touchpoint to the next were seen in the time to learn from.",
            f"{LEARN_MOVES} moves.",
        )
    if kinds < 2:
        return Refusal("Customers meet one touchpoint only.", "events of two touchpoints or more.")
    return None


def _place_cut(log: Log) -> int:
    """Part the time that the data covers: three quarters to learn from, the last to test on."""
    found = summarise(summarise_places, log.readable)
    last = int(found.rows["last"].max()) if found is not None and len(found.rows) else 0
    end = min(log.codes.end, last + 1)
    whole = max(end - log.codes.start, 0)
    cut = log.codes.start + int(whole * SHARE_LEARNT)
    return cut - cut % DAY if whole > 8 * DAY else cut


def _judge(
    rows: pd.DataFrame, *, seed: int, confidence: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = [f"{measure}_{order}" for order in CHAIN_ORDERS for measure in MEASURES]
    sums, moves = rows[names].to_numpy(float), rows["moves"].to_numpy(float)
    drawn = np.concatenate(
        [(w @ sums) / (w @ moves)[:, None] for w in draw_customers(len(rows), seed=seed)]
    )
    value = sums.sum(axis=0) / moves.sum()
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    facts = {"n": len(rows), "moves": int(moves.sum())}
    table = [
        {"order": order, "measure": measure, "value": value[at], "low": low[at], "high": high[at],
         **facts, "unit": "bits" if measure == "log_loss" else "share",
         "source": f"{BACKED.format(order)}; {DRAWN}"}
        for at, (order, measure) in enumerate((o, m) for o in CHAIN_ORDERS for m in MEASURES)
    ]  # fmt: skip
    gains = []
    for order, against in ((1, 0), (2, 1), (2, 0)):
        one, other = (names.index(f"log_loss_{which}") for which in (order, against))
        ends = np.quantile(drawn[:, other] - drawn[:, one], [tail, 1 - tail])
        gains.append({"order": order, "against": against, "value": value[other] - value[one],
                      "low": ends[0], "high": ends[1], "n": len(rows), "unit": "bits",
                      "source": f"difference of mean log-loss a move; {DRAWN}"})  # fmt: skip
    return pd.DataFrame(table)[COLUMNS], pd.DataFrame(gains)


def _choose(gains: pd.DataFrame) -> int:
    return choose_model(gains.rename(columns={"order": "model"}), CHAIN_ORDERS)


def foretell_next(log: Log, onward: Onward) -> pd.DataFrame:
    """Name the likeliest next touchpoint of each customer, from where they stand at the end.

    Args:
        log: The event log.
        onward: From `compare_chains`.

    Returns:
        One row per customer with events: ``customer, next_touchpoint, next_probability`` (chance
        that it is this one, if something comes).
    """
    found = summarise(summarise_places, log.readable)
    places = found.rows if found else pd.DataFrame({"customer": [], "last": []})
    if places.empty:
        return pd.DataFrame(columns=["customer", "next_touchpoint", "next_probability"])
    # The data may end before the period does, and that is no silence.
    silent = (places["last"].max() - places["last"]).to_numpy(np.int64)
    best, top = np.zeros(len(places), dtype=np.int64), np.zeros(len(places))
    before, here = (places[name].to_numpy(np.int64) for name in ("before", "here"))
    for least, rows in deal_by_silence(onward.chains, silent):
        chain = onward.chains[least]
        kinds, place = np.unique(before[rows] * chain.size + here[rows], return_inverse=True)
        told = chain.tell(kinds // chain.size, kinds % chain.size, onward.used)
        best[rows], top[rows] = told.argmax(axis=1)[place], told.max(axis=1)[place]
    names = decode(log.codes.touchpoints, best)
    return pd.DataFrame(
        {"customer": places["customer"], "next_touchpoint": names, "next_probability": top}
    )
