"""A tiny client with a folder of its own, for tests that run notebooks."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ROAD = ["ad", "product page", "basket", "checkout", "order confirmation", "delivery"]
PARAMS = """\
title: {title}
currency: EUR
timezone: Europe/Berlin
period: {{start: 2025-01-01, end: 2025-06-30}}
outcome: {{kind: repeat_purchase, within_days: 60}}
sources:
  - name: visits
    kind: events
    path: data/{client}/visits.csv
    columns: {{customer_id: who, timestamp: at, touchpoint: page, channel: device}}
  - name: orders
    kind: orders
    path: data/{client}/orders.csv
    columns: {{customer_id: who, timestamp: at, value: total, order_id: number}}
report: {{accent: "#0b6e99"}}
"""


def write_tiny_client(root: Path, client: str, *, seed: int = 1, word: str = "page") -> Path:
    """Write a client file and its data below a folder; `word` is a canary in its touchpoints."""
    rng = random.Random(seed)
    folder = root / "data" / client
    folder.mkdir(parents=True)
    visits, orders = ["who,at,page,device"], ["who,at,total,number"]
    for customer in range(260):
        time = datetime(2025, 1, 2) + timedelta(minutes=rng.randrange(200_000))
        name, device = f"{client[:1].upper()}{customer:04d}", rng.choice(["web", "app"])
        for _ in range(rng.choice([1, 1, 2, 3])):
            for step, touchpoint in enumerate(ROAD[: rng.choice([2, 3, 4, 6, 6])]):
                time += timedelta(minutes=rng.randrange(1, 90 if step < 4 else 9000))
                if f"{time:%m-%d %H}" == "03-30 02":  # an hour that Berlin's clocks leap over
                    time += timedelta(hours=1)
                visits.append(f"{name},{time:%Y-%m-%d %H:%M:%S},{touchpoint} {word},{device}")
                if touchpoint.startswith("order"):
                    total = f"{rng.uniform(10, 90):.2f}"
                    orders.append(f"{name},{time:%Y-%m-%d %H:%M:%S},{total},{len(orders)}")
            time += timedelta(days=rng.randrange(5, 40))
    (folder / "visits.csv").write_text("\n".join(visits) + "\n", encoding="utf-8")
    (folder / "orders.csv").write_text("\n".join(orders) + "\n", encoding="utf-8")
    (root / "params").mkdir(exist_ok=True)
    path = root / "params" / f"{client}.yml"
    path.write_text(PARAMS.format(client=client, title=client.title()), encoding="utf-8")
    return path
