"""Ids and the keys they share as a graph: who is one customer, and what may not join anybody.

Works on codes alone: an id and a key are numbers here, in the order of what they stand for, so that
the order of sources and rows changes nothing. Not for reading them; `identity` does that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from journeylib.keys import EMAIL, PHONE

Codes = NDArray[np.int64]

# A mailbox is shared by a couple with a child, a phone by a household, a device by a little more.
MOST_IDS_PER_KEY = {EMAIL: 3, PHONE: 4}
MOST_IDS_PER_OTHER_KEY = 5
# Twice ten systems: more ids than one person leaves anywhere; chains of shared keys are longer.
MOST_IDS_PER_CUSTOMER = 20
CROWDED, CHAINED, TWICE = (
    "shared by too many ids", f"a chain of more than {MOST_IDS_PER_CUSTOMER} ids",
    "two records of one system",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Links:
    """Ids, and which keys each of them has.

    Attributes:
        ids: Number of ids; their codes run from 0, the ones that name a customer best first.
        strong: Whether a system gave the id; else a key stands for it.
        id: Code of an id, one entry for each key it has.
        key: Code of that key.
        kind: Position of the key's kind in ``kinds``.
        kinds: Kinds of keys, such as ``email``.
        systems: For each customers source, by name, the codes of its records.
        spaces: Number of sources whose ids mean something there only; 1 where all share theirs.
    """

    ids: int
    strong: NDArray[np.bool_]
    id: Codes
    key: Codes
    kind: Codes
    kinds: tuple[str, ...]
    systems: tuple[tuple[str, Codes], ...] = ()
    spaces: int = 1

    def where(self, kept: NDArray[np.bool_]) -> Links:
        """Keep some of the links."""
        return replace(self, id=self.id[kept], key=self.key[kept], kind=self.kind[kept])

    def of(self, *kinds: str) -> NDArray[np.bool_]:
        """Tell which links are of some kinds."""
        return np.isin(self.kind, [at for at, kind in enumerate(self.kinds) if kind in kinds])


@dataclass(frozen=True, slots=True)
class Joined:
    """Who is one customer.

    Attributes:
        customer: For each id, the code of the id that names its customer.
        conflicts: Columns ``key`` (a kind, or ``customer``), ``reason``, ``ids``; what was not
            joined although a key is shared.
        members: Columns ``conflict`` (row of ``conflicts``) and ``id``.
    """

    customer: Codes
    conflicts: pd.DataFrame
    members: pd.DataFrame

    @property
    def customers(self) -> int:
        """Number of customers."""
        return int((self.customer == np.arange(len(self.customer))).sum())

    def sizes(self) -> Codes:
        """Ids of each customer."""
        counts: Codes = np.bincount(self.customer)
        return counts[counts > 0]


def join_ids(links: Links, *, guarded: bool = True, allow_merge: bool = False) -> Joined:
    """Join ids that share a key, but for keys and chains that many people share.

    Args:
        links: Ids and their keys.
        guarded: Whether crowded keys, long chains and doubled records are kept apart.
        allow_merge: Whether two records of one system may be one customer.

    Returns:
        The customer of each id, and the conflicts.
    """
    if not guarded:
        return Joined(_components(links), *_told([]))
    kept, crowded = _guard(links)
    kept, chained = _unchain(kept)
    customer, twice = _components(kept), []
    for name, records in links.systems if not allow_merge else ():
        customer, found = _split(kept, customer, name, records)
        twice += found
    return Joined(customer, *_told([*crowded, *chained, *twice]))


Conflict = tuple[str, str, str, Codes]


def _told(found: list[Conflict]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the conflicts, the largest first, and the ids that each one concerns."""
    found = sorted(found, key=lambda one: (one[1], one[0], -len(one[3]), int(one[3].min())))
    rows = [(key, reason, system, len(ids)) for key, reason, system, ids in found]
    conflicts = pd.DataFrame(rows, columns=["key", "reason", "system", "ids"])
    sizes = [len(ids) for *_, ids in found]
    members = pd.DataFrame(
        {
            "conflict": np.repeat(np.arange(len(found)), sizes),
            "id": np.concatenate([np.zeros(0, np.int64), *(ids for *_, ids in found)]),
        }
    )
    return conflicts, members


def _components(links: Links) -> Codes:
    """Give each id the smallest code among the ids it is connected with."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    own: Codes = np.arange(links.ids)
    if not len(links.id):
        return own
    size = links.ids + int(links.key.max()) + 1
    ones = np.ones(len(links.id), np.int8)
    edges = coo_array((ones, (links.id, links.key + links.ids)), (size, size))
    _, component = connected_components(edges, directed=False)
    return _smallest(component[: links.ids])


def _smallest(group: Codes) -> Codes:
    """Give each place the first place of its group."""
    first = np.zeros(int(group.max()) + 1 if len(group) else 0, np.int64)
    # of values written to one place the last one stays, so the smallest is written last
    first[group[::-1]] = np.arange(len(group))[::-1]
    smallest: Codes = first[group]
    return smallest


# ---------------------------------------------------------------- guards


def _guard(links: Links) -> tuple[Links, list[Conflict]]:
    """Leave out keys that too many ids share: a till's e-mail is nobody's."""
    if not len(links.id):
        return links, []
    degree = np.bincount(links.key[links.strong[links.id]], minlength=int(links.key.max()) + 1)
    most = [MOST_IDS_PER_KEY.get(kind, MOST_IDS_PER_OTHER_KEY) for kind in links.kinds]
    # where ids mean something in their own system only, one person has one in each
    allowed = np.maximum(np.array(most), links.spaces)[links.kind]
    crowded = degree[links.key] > allowed
    found = [
        (links.kinds[kind], CROWDED, "", ids)
        for kind, ids in _by_group(links.key[crowded], links.kind[crowded], links.id[crowded])
    ]
    return links.where(~crowded), found


def _by_group(group: Codes, kind: Codes, ids: Codes) -> list[tuple[int, Codes]]:
    """Give the kind and the ids of each group."""
    order = np.lexsort((ids, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    parts = np.split(ids[order], starts[1:]) if len(starts) else []
    return [(int(kind[order[start]]), part) for start, part in zip(starts, parts, strict=True)]


def _unchain(links: Links) -> tuple[Links, list[Conflict]]:
    """Take e-mail and phone from customers of too many ids: chains of families, not a person."""
    customer = _components(links)
    long = np.bincount(customer, minlength=links.ids) > MOST_IDS_PER_CUSTOMER
    weak = long[customer[links.id]] & links.of(EMAIL, PHONE)
    if not weak.any():
        return links, []
    inside = np.flatnonzero(long[customer])
    weakened = np.isin(customer[inside], customer[links.id[weak]])
    inside = inside[weakened]
    parts = _by_group(customer[inside], np.zeros(len(inside), np.int64), inside)
    return links.where(~weak), [("customer", CHAINED, "", ids) for _, ids in parts]


# ---------------------------------------------------------------- two records of one system


def _split(
    links: Links, customer: Codes, name: str, records: Codes
) -> tuple[Codes, list[Conflict]]:
    """Part customers that hold several records of one system, along their weakest links.

    Every other id stays with the record with which it shares a key that no other record has,
    the strongest kind first; an id that speaks for two records, or for none, stays without.
    """
    held = np.bincount(customer[records], minlength=links.ids)
    inside = np.flatnonzero(held[customer] > 1)
    if not len(inside):
        return customer, []
    within = np.zeros(links.ids, bool)
    within[inside] = True
    local = links.where(within[links.id])
    # an earlier split may have parted the ids of a key; it counts in each part by itself
    _, key = np.unique(
        customer[local.id] * (int(local.key.max()) + 1) + local.key, return_inverse=True
    )
    local = replace(local, key=key)
    owner: Codes = np.full(links.ids, -1)
    doubled = records[within[records]]
    owner[doubled] = doubled
    _attach(local, owner)
    free = owner[local.id] < 0
    touched = np.zeros(int(local.key.max()) + 1, bool)
    touched[local.key[~free]] = True
    rest = _components(local.where(~touched[local.key]))
    parted = np.where(owner >= 0, owner, rest)[inside]
    split = customer.copy()
    split[inside] = inside[_smallest(np.unique(parted, return_inverse=True)[1])]
    parts = _by_group(customer[inside], np.zeros(len(inside), np.int64), inside)
    return split, [("customer", TWICE, name, ids) for _, ids in parts]


def _attach(links: Links, owner: Codes) -> None:
    """Give ids the owner of a key they share, the strongest kind of key first, until none is left.

    Args:
        links: Links among the ids in question.
        owner: Owner of each id, or -1; filled in.
    """
    others = [at for at, kind in enumerate(links.kinds) if kind not in (EMAIL, PHONE)]
    levels = [
        links.where(np.isin(links.kind, others)),
        *(links.where(links.of(k)) for k in (PHONE, EMAIL)),
    ]
    while any(_attach_once(level, owner) for level in levels):
        pass


def _attach_once(links: Links, owner: Codes) -> bool:
    """Attach each id whose keys name one owner; a key or an id of two owners says nothing."""
    known = owner[links.id]
    keys = int(links.key.max()) + 1 if len(links.key) else 0
    low, high = _ends(links.key[known >= 0], known[known >= 0], keys)
    pure = (known < 0) & (low[links.key] == high[links.key])
    ids, place = np.unique(links.id[pure], return_inverse=True)
    low, high = _ends(place, low[links.key[pure]], len(ids))
    found = low == high
    owner[ids[found]] = low[found]
    return bool(found.any())


def _ends(group: Codes, values: Codes, groups: int) -> tuple[Codes, Codes]:
    """Give the smallest and the largest value of each group; an empty group's two differ."""
    low, high = np.full(groups, np.iinfo(np.int64).max), np.full(groups, -1)
    np.minimum.at(low, group, values)
    np.maximum.at(high, group, values)
    return low, high
