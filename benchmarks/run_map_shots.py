"""Made-up journey maps of extreme sizes and scripts, as pages to look at.

    python benchmarks/run_map_shots.py FOLDER

Numbers are invented; what counts is that nothing is cut, covered or unreadable, on a wide screen,
on a phone and printed.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from journeylib.export import report_css
from journeylib.journey_map import JourneyMap, draw_journey_map
from journeylib.moments import find_moments

CHANNELS = ("web", "app", "store", "email", "phone", "social", "chat", "partner")
WORDS = {
    "english": "search ad|home page|product page|basket|checkout|delivery|support call|review",
    "german": "Kundenzufriedenheitsbefragung|Versandbenachrichtigung per E-Mail|Filialabholung|"
    "Warenkorbübersicht|Zahlungsartenauswahl|Rücksendeantrag|Beratungsgespräch|Bewertung",
    "arabic": "البحث عن المنتج|صفحة الدفع عند الاستلام|التوصيل إلى المنزل|خدمة العملاء|"
    "سلة المشتريات|تقييم المتجر|رسالة تأكيد الطلب|برنامج الولاء",
    "hebrew": "חיפוש מוצר|עמוד התשלום|משלוח עד הבית|שירות לקוחות|סל קניות|ביקורת|"
    "אישור הזמנה|מועדון",
    "japanese": "商品検索|お支払い方法の選択ページ|配送状況のお知らせメール|店舗受け取り|"
    "カスタマーサポートへの電話|レビュー投稿|会員登録|返品手続き",
}
CASES = {
    "smallest": ("english", 3, 3, 1),
    "usual": ("english", 5, 30, 4),
    "largest": ("german", 12, 200, 8),
    "arabic": ("arabic", 5, 30, 4),
    "hebrew": ("hebrew", 6, 40, 3),
    "japanese": ("japanese", 8, 60, 5),
}


def make_map(script: str, stages: int, touchpoints: int, personas: int) -> JourneyMap:
    rng = np.random.default_rng(7)
    words = WORDS[script].split("|")
    heads = [f"{words[place % len(words)]} {place + 1}" for place in range(stages)]
    reached = np.sort(rng.integers(300, 6000, stages))[::-1]
    table = pd.DataFrame({"stage": heads, "reached": reached, "share": reached / reached[0]})
    table["to_next"] = rng.uniform(0.3, 0.95, stages)
    table = table.assign(low=table["to_next"] - 0.03, high=table["to_next"] + 0.03, median_days=3.4)
    table.loc[stages - 1, ["to_next", "low", "high"]] = np.nan
    met = make_touchpoints(rng, words, heads, touchpoints)
    names = [
        "all",
        *(f"{words[place % len(words)]} · {words[-place]}" for place in range(personas)),
    ]
    pains = make_pains(rng, met)
    return JourneyMap(
        title=f"{words[0]} – {words[1]}",
        stages=table,
        curve=pd.concat([make_curve(rng, heads, name) for name in names], ignore_index=True),
        touchpoints=met,
        pains=pains,
        delights=make_pains(rng, met).assign(kind="sentiment"),
        metrics=make_metrics(heads),
        opportunities=make_opportunities(pains, words),
        moments=find_moments(pains),
        before=make_curve(rng, heads, "x").assign(reached=900, share=0.6, to_next=0.45),
        outlook=make_outlook(rng, heads, words),
        currency="EUR",
        customers=float(reached[0]),
        period="1 January 2025 to 31 December 2025",
        period_before="1 January 2024 to 31 December 2024",
    )


def make_touchpoints(rng, words, heads, count):
    place = np.arange(count)
    return pd.DataFrame(
        {
            "touchpoint": [f"{words[at % len(words)]} {at // len(words) + 1}" for at in place],
            "channel": [CHANNELS[at % len(CHANNELS)] for at in place],
            "stage": [heads[at % len(heads)] for at in place],
            "customers": (6000 * rng.power(0.3, count) + 3).astype(int),
            "events": 900,
            "sentiment": rng.uniform(-0.8, 0.8, count),
            "support": rng.choice(["strong", "fair", "thin", "none"], count),
        }
    )


def make_curve(rng, heads, name):
    value = np.clip(rng.normal(0.1, 0.35, len(heads)), -0.9, 0.9)
    if name == "all" and len(heads) > 4:
        value[1] = np.nan
    return pd.DataFrame(
        {
            "stage": heads,
            "persona": name,
            "value": value,
            "low": value - 0.08,
            "high": value + 0.08,
            "n": rng.integers(4 if name != "all" else 30, 900, len(heads)),
        }
    )


def make_pains(rng, met):
    rows = met.sample(min(len(met), 30), random_state=int(rng.integers(99)))
    money = rng.integers(800, 90_000, len(rows))
    return rows[["touchpoint", "channel", "stage", "customers"]].assign(
        kind=rng.choice(["loss", "delay", "repeat", "sentiment"], len(rows)),
        rank=range(1, len(rows) + 1),
        effect=-0.12,
        money_value=money,
        money_low=money * 0.4,
        money_high=money * 1.9,
    )


def make_metrics(heads):
    names = ["retention_rate", "churn_rate", "conversion_rate", "nps", "csat", "csat"]
    return pd.DataFrame(
        {
            "metric": names,
            "segment": [*["all"] * 5, heads[1]],
            "value": 0.42,
            "low": 0.38,
            "high": 0.46,
            "unit": "share",
            "target": 0.5,
        }
    )


def make_opportunities(pains, words):
    rows = pains.head(6)
    return pd.DataFrame(
        {
            "rank": rows["rank"],
            "pain": rows["rank"],
            "action": [f"{words[place % len(words)]} + {words[-1]}" for place in range(len(rows))],
            "reach": rows["customers"],
            "effort": "low",
            "money_value": rows["money_value"],
            "money_low": rows["money_low"],
            "money_high": rows["money_high"],
        }
    )


def make_outlook(rng, heads, words):
    tone = pd.DataFrame({"metric": "sentiment", "stage": heads, "value": rng.uniform(0, 0.6)})
    going = pd.DataFrame({"metric": "to_next", "stage": heads[:2], "value": 0.97})
    whole = pd.DataFrame({"metric": ["csat"], "stage": [""], "value": [0.55]})
    return pd.concat([tone, going, whole], ignore_index=True).assign(scenario=words[2])


def write_page(folder: Path, name: str, case: tuple[str, int, int, int]) -> None:
    whole = make_map(*case)
    groups = [
        replace(whole, group=persona, customers=400.0)
        for persona in whole.curve["persona"].unique()[1:3]
    ]
    drawn = draw_journey_map(whole, groups=groups)
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Map</title><meta '
        'name="viewport" content="width=device-width, initial-scale=1"><style>'
        f'{report_css("#0b6e99")}</style></head><body><main class="wide"><h1>Map</h1>'
        f'<div class="output">{drawn}</div></main></body></html>'
    )
    (folder / f"{name}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for title, size in CASES.items():
        write_page(target, title, size)
