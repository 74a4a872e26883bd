"""People in three systems, with the mess of real exports, and the truth of who is who.

CRM, web shop and support each give ids of their own. The same address or number is typed in many
ways; some records hold a kiosk's e-mail, a placeholder, or the phone of the household.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SYSTEMS = {"crm": 0.85, "shop": 0.7, "support": 0.4}
HAS_EMAIL, HAS_PHONE = 0.85, 0.6
KIOSK, PLACEHOLDER, HOUSEHOLD = 0.02, 0.01, 0.02
KIOSKS = np.array(["till@shop.example", "kiosk@shop.example", "reception@shop.example"])
NOBODYS = np.array(["noreply@shop.example", "test@test.example", "n/a", "none@none.example"])
MAILS = (
    lambda text: text, str.upper, lambda text: f" {text} ", lambda text: text.title(),
    lambda text: f"mailto:{text}", lambda text: f"Somebody <{text}>",
    lambda text: text.replace("@", " @ "),
)  # fmt: skip
# A Berlin number of eight digits, as it is written in forms.
CALLS = (
    lambda own: f"+4930{own}", lambda own: f"0049 30 {own}", lambda own: f"030/{own}",
    lambda own: f"+49 (0)30 {own[:4]} {own[4:]}", lambda own: f"(030) {own[:3]}-{own[3:]}",
)  # fmt: skip


def plant_people(people: int, *, seed: int) -> dict[str, pd.DataFrame]:
    """Invent people and their records.

    Args:
        people: Number of people.
        seed: Start of the random draws.

    Returns:
        By system: columns ``customer_id, email, phone`` as exported, ``person``, and what the
        record really holds, ``true_email`` and ``true_phone`` (empty where nobody's).
    """
    rng = np.random.default_rng(seed)
    mails = np.array([f"person.{at}@mail{at % 7}.example" for at in range(people)], dtype=object)
    calls = rng.choice(np.arange(23_000_000, 89_000_000), people, replace=False).astype(str)
    calls = calls.astype(object)
    shared = rng.random(people) < HOUSEHOLD
    calls[1:][shared[1:]] = calls[:-1][shared[1:]]
    return {
        name: _records(rng, name, np.flatnonzero(rng.random(people) < share), mails, calls)
        for name, share in SYSTEMS.items()
    }


def _records(rng, name, person, mails, calls) -> pd.DataFrame:
    size = len(person)
    email = np.where(rng.random(size) < HAS_EMAIL, mails[person], "")
    phone = np.where(rng.random(size) < HAS_PHONE, calls[person], "")
    written = _typed(rng, MAILS, email)
    called = _typed(rng, CALLS, phone)
    dice = rng.random(size)
    nobodys = np.where(dice < KIOSK, rng.choice(KIOSKS, size), rng.choice(NOBODYS, size))
    false = dice < KIOSK + PLACEHOLDER
    records = pd.DataFrame(
        {
            "customer_id": [f"{name[:2]}{at:07d}" for at in rng.permutation(size)],
            "email": np.where(false, nobodys, written),
            "phone": called,
            "person": person,
            "true_email": np.where(false, "", email),
            "true_phone": phone,
        }
    )
    return records.sort_values("customer_id", ignore_index=True)


def _typed(rng, ways, texts) -> np.ndarray:
    """Write each text in one of the ways in which people type it."""
    chosen = rng.integers(0, len(ways), len(texts))
    typed = [ways[at](text) if text else "" for at, text in zip(chosen, texts, strict=True)]
    return np.array(typed, dtype=object)


def pairwise(records: pd.DataFrame) -> tuple[float, float]:
    """Compare the customers found with the people planted, by pairs of records.

    Args:
        records: Columns ``person``, ``customer``, ``true_email``, ``true_phone``.

    Returns:
        Precision, and recall of the pairs that a person's own keys connect.
    """
    found, both = _pairs(records, ["customer"]), _pairs(records, ["customer", "person"])
    known = records.assign(reach=_reachable(records))
    hit = _pairs(known, ["reach", "customer"])
    return both / found, hit / _pairs(known, ["reach"])


def _pairs(records: pd.DataFrame, by: list[str]) -> int:
    size = records.groupby(by).size()
    return int((size * (size - 1) // 2).sum())


def _reachable(records: pd.DataFrame) -> np.ndarray:
    """Label records that one person's e-mail or phone connect; a person has one of each here."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, nodes = [], []
    for kind in ("true_email", "true_phone"):
        held = np.flatnonzero(records[kind] != "")
        rows.append(held)
        nodes.append(records["person"].iloc[held].astype(str) + kind)
    node, _ = pd.factorize(pd.concat(nodes))
    size = len(records) + int(node.max()) + 1
    edges = coo_array(
        (np.ones(len(node)), (np.concatenate(rows), node + len(records))), (size, size)
    )
    return connected_components(edges, directed=False)[1][: len(records)]
