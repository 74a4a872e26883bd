"""A few journeys that stand for the many, told in stages. Not for counting; see `journeys`.

A journey stands for another where little has to be changed to turn one into the other (edit
distance). Journeys are chosen one after the other, each the one that stands for most of those left
(Gabadinho and Ritschard 2013, "representative sequences").
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.engine import summarise
from journeylib.ratios import clustered_shares
from journeylib.summaries import summarise_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from journeylib.log import Log

MOST_VARIANTS = 400
RADIUS = 0.25
ARROW = " → "
LOOP = " ⇄ "


def choose_journeys(
    log: Log, *, most: int = 5, enough: float = 0.8, confidence: float = 0.95
) -> pd.DataFrame:
    """Choose the few journeys, in stages, that most others are like.

    Args:
        log: The event log.
        most: Most journeys to choose.
        enough: Stop when so large a share of all journeys is stood for.
        confidence: Coverage of the intervals.

    Returns:
        One row per chosen journey: ``path`` (stages, loops as in `abstract_path`), ``journeys``
        exactly like it, ``stands_for`` (journeys within a quarter of its length in edits, each
        counted once), ``share`` of all journeys stood for, ``converted_share`` among the journeys
        stood for, and ``value, low, high, n, unit, source`` of that share. Each customer's journeys
        are taken as alike.
    """
    found = summarise(functools.partial(summarise_paths, level="stage"), log.readable)
    every = _abstracted(found.frame()) if found is not None else pd.DataFrame()
    rows: list[tuple[str, float, float, float]] = []
    left = every.head(MOST_VARIANTS)
    apart = edit_distances([path.split(ARROW) for path in left["path"]])
    weight, good = left["journeys"].to_numpy(float), left["good"].to_numpy(float)
    total, free = float(every["journeys"].sum()), np.ones(len(left), dtype=bool)
    while len(rows) < most and free.any() and weight[~free].sum() < enough * total:
        near = (apart <= RADIUS) & free
        best = int(np.where(free, near @ weight, -1).argmax())
        mine = near[best]
        rows.append((left["path"].iloc[best], weight[best], weight[mine].sum(), good[mine].sum()))
        free &= ~mine
    table = pd.DataFrame(rows, columns=["path", "journeys", "stands_for", "good"])
    return _with_shares(table, every, confidence)


def abstract_path(path: Sequence[str]) -> list[str]:
    """Write going back and forth between two states as one loop.

    Args:
        path: Names of states in order.

    Returns:
        A shorter sequence; a loop is ``one ⇄ other``, whichever way it was entered.

    Example:
        >>> abstract_path(["ad", "shop", "ad", "shop", "order"])
        ['ad ⇄ shop', 'order']
    """
    out: list[str] = []
    at = 0
    while at < len(path):
        end = at + 2
        while end < len(path) and path[end] == path[end - 2]:
            end += 1
        if end - at > 2:
            out.append(f"{path[at]}{LOOP}{path[at + 1]}")
            at = end
        else:
            out.append(path[at])
            at += 1
    return out


def _abstracted(every: pd.DataFrame) -> pd.DataFrame:
    """Write loops as such and add up the journeys that are then the same."""
    paths = [ARROW.join(abstract_path(path.split(ARROW))) for path in every["path"]]
    whole = ["left", "left_square", "left_customers"]
    how = {"journeys": "sum", "good": "sum", **dict.fromkeys(whole, "first")}
    merged = every.assign(path=paths).groupby("path", sort=False).agg(how).reset_index()
    order = ["journeys", "path"]
    return merged.sort_values(order, ascending=[False, True], ignore_index=True)


def _with_shares(table: pd.DataFrame, every: pd.DataFrame, confidence: float) -> pd.DataFrame:
    whole = ["left", "left_square", "left_customers"]
    sums = every[whole].head(1).reset_index(drop=True).reindex(range(len(table))).ffill()
    alike = table["stands_for"] / sums["left"] * sums["left_square"]
    parts = sums.assign(count=table["stands_for"], square=alike, cross=alike)
    shares = clustered_shares(parts, confidence=confidence).assign(n=sums["left"])
    table = pd.concat([table, shares], axis=1)
    table["share"] = table["value"]
    table["converted_share"] = table["good"] / table["stands_for"]
    table = table.astype({"journeys": "int64", "stands_for": "int64"})
    columns = ["path", "journeys", "stands_for", "share", "converted_share", "value", "low", "high",
               "n", "unit", "source"]  # fmt: skip
    return table[columns]


def edit_distances(paths: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Count the edits between all pairs of sequences, as a share of the longer one.

    Args:
        paths: Sequences of names.

    Returns:
        A square matrix, 0 (alike) to 1; insertions, deletions and swaps cost 1 each.

    References:
        Levenshtein (1966), Soviet Physics Doklady 10:707-710.
    """
    size = len(paths)
    longest = max((len(path) for path in paths), default=0)
    codes = {name: code for code, name in enumerate(dict.fromkeys(n for p in paths for n in p))}
    table = np.full((size, longest), -1)
    for row, path in enumerate(paths):
        table[row, : len(path)] = [codes[name] for name in path]
    lengths = np.array([len(path) for path in paths])
    found = np.zeros((size, size))
    for row, path in enumerate(paths):
        edits = _edits_to_all(table[row, : len(path)], table)
        found[row] = edits[np.arange(size), lengths] / np.maximum(lengths, max(len(path), 1))
    return found


def _edits_to_all(one: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the edits from one sequence to every beginning of every other, all rows at once."""
    before = np.tile(np.arange(table.shape[1] + 1), (len(table), 1))
    for place, state in enumerate(one, start=1):
        now = np.empty_like(before)
        now[:, 0] = place
        for column in range(1, table.shape[1] + 1):
            swap = before[:, column - 1] + (table[:, column - 1] != state)
            now[:, column] = np.minimum(np.minimum(before[:, column], now[:, column - 1]) + 1, swap)
        before = now
    return before
