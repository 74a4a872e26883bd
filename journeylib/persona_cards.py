"""Persona cards: who they are, what they are worth, what became of them, how they come.

One card a persona, drawn as HTML with small SVG pictures, and the same numbers in a table. Not for
computing any of them: every figure comes with the frames.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from journeylib import labels, theme
from journeylib.card_parts import CARD_CSS, draw_interval, draw_lean, draw_people
from journeylib.exhibits import Exhibit, show_notice
from journeylib.glossary import NO_PERSONAS
from journeylib.labels import escape_label as safe
from journeylib.svg_parts import channel_dot, paint
from journeylib.traits import feature_words, find_features, name_trait, unit_of_feature

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CHANNELS = 3
NEARLY_ALL = 0.95
# Narrowest card by number of cards, so that a page has no single card in its last row.
LEAST, WIDEST_LEAST = {4: 240, 7: 240, 8: 240}, 310
MONEY, OUTCOME = "value_per_customer", "outcome_rate"
# What stands in their place where the period could not be parted.
INSTEAD = {
    MONEY: ("average_order_value",),
    OUTCOME: ("retention_rate", "conversion_rate", "repeat_purchase_rate"),
}
VERDICTS = {
    "natural": "stands apart in the data",
    "constructed": "a slice of a continuum, its edges are a choice",
}


@dataclass(frozen=True, slots=True)
class Cast:
    """Everything that stands on the cards.

    Attributes:
        table: The result table ``personas``; a blank count is withheld.
        profile: ``Personas.profile``.
        metrics: The result table ``metrics``; ``outcome_rate`` and ``value_per_customer`` are used.
        visits: From ``portraits.choose_way`` for every persona.
        channels: From ``portraits.describe_channels``.
        pains: Columns ``persona, touchpoint, value`` (share who meet it), ``everyone``; may be
            empty.
        outcome: What became of them, such as ``ordered again within 120 days``; or empty.
        days: Length of the outcome window, days; 0 without one.
        note: Below the cards: when the features end, and how far the cards carry.
        currency: ISO code, or empty.
    """

    table: pd.DataFrame
    profile: pd.DataFrame
    metrics: pd.DataFrame
    visits: pd.DataFrame
    channels: pd.DataFrame
    pains: pd.DataFrame = field(default_factory=pd.DataFrame)
    outcome: str = ""
    days: int = 0
    note: str = ""
    currency: str = ""


def draw_personas(cast: Cast) -> Exhibit:
    """Draw a card for each persona, with the same numbers in a table below them.

    Args:
        cast: Frames of the cards. Names may hold anything; they are cleaned and escaped.

    Returns:
        ``<figure class="jp-cards">`` with its styles; it needs no script and no file. A notice
        where there are no personas.
    """
    rows = cast.table[cast.table["verdict"].isin(list(VERDICTS))]
    if rows.empty:
        return show_notice(NO_PERSONAS)
    marks = theme.persona_marks(rows["name"])
    said = cast_sentence(cast)
    digest = hashlib.sha256("|".join(map(str, rows["name"])).encode()).hexdigest()[:6]
    cards: list[str] = []
    facts: list[tuple[str, str, str, str]] = []
    for place, row in enumerate(rows.to_dict("records")):
        one = _Card(cast, row, marks[str(row["name"])].name, f"jp-{digest}-{place}", [])
        cards.append(one.html().replace(" %", "\N{NO-BREAK SPACE}%"))
        facts += one.facts
    least = LEAST.get(len(cards), WIDEST_LEAST)
    note = f"<figcaption>{safe(cast.note)}</figcaption>" if cast.note else ""
    return Exhibit(
        f'<figure class="jp-cards exhibit" aria-labelledby="jp-{digest}">'
        f'<style>{CARD_CSS}</style><p class="jp-said" id="jp-{digest}">{safe(said)}</p>'
        f'<div class="jp-grid" style="--jp-least:{least}px">{"".join(cards)}</div>'
        f"{_twin(facts)}{note}</figure>"
    )


def cast_sentence(cast: Cast) -> str:
    """Say which persona's outcome stands out, or that none does."""
    names = cast.table["name"].tolist()
    count = f"{len(names)} personas" if len(names) > 1 else "One persona"
    told = cast.metrics[cast.metrics["metric"] == OUTCOME] if len(cast.metrics) else cast.metrics
    told = told.dropna(subset=["value"]) if len(told) else told
    if len(told) and "useful" in cast.table and (cast.table["useful"] == "no").any():
        return f"{count}; they describe customers, but do not help to foretell the outcome"
    everyone = told[told["segment"] == "all"] if len(told) else told
    if not len(everyone):
        return f"{count}; what became of them cannot be told apart from how they were found"
    base = float(everyone["value"].iloc[0])
    own = told[told["segment"].isin(names) & ((told["low"] > base) | (told["high"] < base))]
    if own.empty:
        return f"{count}; none differs clearly from all in the outcome"
    top = own.assign(far=(own["value"] - base).abs()).nlargest(1, "far").iloc[0]
    return (
        f"{count}; “{labels.clean_label(top['segment'])}” stands out most: "
        f"{labels.share_text(top['value'])} {cast.outcome}, of all {labels.share_text(base)}"
    )


@dataclass(frozen=True, slots=True)
class _Card:
    """One card on its way: what is written on it goes into ``facts`` too."""

    cast: Cast
    row: Mapping[Any, Any]
    hue: str
    name: str
    facts: list[tuple[str, str, str, str]]

    def html(self) -> str:
        title = safe(self.row["name"])
        head = (
            f'<article class="jp-card" aria-labelledby="{self.name}" '
            f'style="border-top:6px solid {paint(self.hue)}">'
        )
        named = f'<p class="jp-name" id="{self.name}" role="heading" aria-level="3">{title}</p>'
        if labels.is_missing(self.row["customers"]):
            few = "Too few customers to be described: withheld."
            return f'{head}{named}<p class="jp-soft">{few}</p></article>'
        parts = (self._size(), self._traits(), self._money(), self._outcome(), self._channels(),
                 self._way(), self._pains())  # fmt: skip
        return f"{head}{named}{''.join(parts)}</article>"

    def _told(self, measure: str, value: str, everyone: str = "") -> None:
        self.facts.append((str(self.row["name"]), measure, value, everyone))

    def _size(self) -> str:
        share, low, high = (float(self.row[c]) for c in ("share", "low", "high"))
        count = labels.count_text(self.row["customers"])
        ends = labels.interval_text(low, high, "share")
        verdict = VERDICTS[str(self.row["verdict"])]
        self._told("Share of customers", f"{labels.share_text(share)} ({ends}), n = {count}")
        self._told("Verdict", f"{self.row['verdict']}: {verdict}")
        text = f"{labels.share_text(share)} of the customers"
        return (
            f'<p class="jp-soft">{safe(verdict)}</p>'
            f"{draw_people(share, self.hue, self.name + 'p', text)}"
            f"<p><strong>{labels.share_text(share)}</strong> of customers "
            f'<span class="jp-soft">({ends}; {count})</span></p>'
        )

    def _traits(self) -> str:
        own = self.cast.profile[self.cast.profile["persona"] == self.row["name"]]
        apart = own.set_index("feature")["value"].astype(float)
        items: list[str] = []
        for feature in find_features(apart):
            far = float(apart[feature])
            natural = self._natural(feature, own[own["feature"] == feature].iloc[0])
            words, trait = feature_words(feature), name_trait(feature, far, self._leading())
            sd = f"{far:+.1f}".replace("-", "−")
            self._told(f"{trait}: {words}", " ".join(filter(None, (f"{sd} SD;", natural[0]))),
                       natural[1])  # fmt: skip
            told = f"{natural[0]}, all {natural[1]}" if natural[0] else f"{sd} SD"
            alt = f"{trait}: {words}, {sd} standard deviations from the average customer"
            items.append(
                f'<li><div class="jp-row"><span><strong>{safe(trait)}</strong></span>'
                f"<span>{safe(words)}: {safe(told)}</span></div>"
                f"{draw_lean(far, self.hue, f'{self.name}t{len(items)}', alt)}</li>"
            )
        if not items:
            return '<p class="jp-h">What sets them apart</p><p>Close to average in everything.</p>'
        return f'<p class="jp-h">What sets them apart</p><ul>{"".join(items)}</ul>'

    def _leading(self) -> str:
        own = self._own_channels()
        return f"channel:{own['channel'].iloc[0]}" if len(own) else ""

    def _own_channels(self) -> pd.DataFrame:
        every = self.cast.channels
        own = every[every["persona"] == self.row["name"]] if len(every) else every
        return own.sort_values("value", ascending=False) if len(own) else own

    def _natural(self, feature: str, row: pd.Series) -> tuple[str, str]:
        """Write a trait in natural units, for the persona and for all."""
        unit = unit_of_feature(feature, self.cast.currency)
        pair = [float(row[column]) for column in ("own", "everyone")]
        if any(map(labels.is_missing, pair)):
            return "", ""
        digits = [_counted(number, unit) for number in pair]
        texts = [_natural_text(number, unit) for number in digits]
        return ("", "") if texts[0] == texts[1] else (texts[0], texts[1])

    def _chosen(self, metric: str, said: str) -> tuple[str, str]:
        """Choose the metric of a card, and its words; another one where there is no window."""
        rows = self.cast.metrics
        known = set(rows["metric"]) if len(rows) else set()
        others = [one for one in INSTEAD[metric] if one in known]
        if metric in known or not others:
            return metric, said
        return others[0], f"{labels.metric_name(others[0]).lower()}, same period"

    def _metric(self, metric: str) -> tuple[dict[Any, Any], dict[Any, Any]] | None:
        rows = self.cast.metrics
        rows = rows[rows["metric"] == metric] if len(rows) else rows
        pair = [rows[rows["segment"] == name].to_dict("records") if len(rows) else []
                for name in (self.row["name"], "all")]  # fmt: skip
        return (pair[0][0], pair[1][0]) if pair[0] and pair[1] else None

    def _measure(self, metric: str, heading: str, said: str) -> str:
        metric, said = self._chosen(metric, said)
        found = self._metric(metric)
        if found is None:
            return ""
        own, everyone = found
        if labels.is_missing(own["value"]) or labels.is_missing(everyone["value"]):
            few = "Withheld: it would tell of too few customers."
            return f'<p class="jp-h">{safe(heading)}</p><p class="jp-soft">{few}</p>'
        unit = str(own["unit"])
        value = labels.share_text(own["value"]) if unit == "share" else labels.value_text(
            round(float(own["value"])), unit)  # fmt: skip
        low, high = (_rounded(own[end], unit) for end in ("low", "high"))
        ends = labels.interval_text(low, high, unit)
        base = labels.value_text(_rounded(everyone["value"], unit), unit)
        self._told(heading, f"{value} ({ends}), n = {labels.count_text(own['n'])}; {said}", base)
        rows = self.cast.metrics[self.cast.metrics["metric"] == metric].dropna(subset=["high"])
        most = float(rows["high"].max())
        alt = f"{heading}: {value}, interval {ends}; all customers {base}"
        named = (self.name + metric[0], alt)
        return (
            f'<p class="jp-h">{safe(heading)}</p><div class="jp-row"><span><span class="jp-big">'
            f"{safe(value)}</span> {safe(said)}</span>"
            f'<span class="jp-all">all {safe(base)}</span></div>'
            f"{draw_interval(own, float(everyone['value']), most, self.hue, named)}"
            f'<p class="jp-soft">{safe(ends)}; n = {labels.count_text(own["n"])}</p>'
        )

    def _money(self) -> str:
        return self._measure(MONEY, "What they are worth",
                             f"a customer in {self.cast.days} days")  # fmt: skip

    def _outcome(self) -> str:
        return self._measure(OUTCOME, "What became of them", self.cast.outcome)

    def _channels(self) -> str:
        own = self._own_channels().head(MOST_CHANNELS)
        if own.empty:
            return ""
        marks = theme.channel_marks(self.cast.channels["channel"])
        items = []
        for row in own.to_dict("records"):
            value, base = labels.share_text(row["value"]), labels.share_text(row["everyone"])
            ends = labels.interval_text(row["low"], row["high"], "share")
            self._told(f"Channel {row['channel']}", f"{value} of contacts ({ends})", base)
            dot = channel_dot(9, 9, 8, mark=marks[str(row["channel"])])
            items.append(
                f'<li><svg viewBox="0 0 18 18" aria-hidden="true">{dot}</svg>'
                f"<span>{safe(labels.sentence_case(row['channel']))}</span> "
                f'<span class="jp-soft">{value} of contacts (all {base})</span></li>'
            )
        return f'<p class="jp-h">Favourite channels</p><ul class="jp-chan">{"".join(items)}</ul>'

    def _way(self) -> str:
        own = self.cast.visits
        own = own[own["persona"] == self.row["name"]] if len(own) else own
        if own.empty:
            return ""
        items = []
        for row in own.to_dict("records"):
            name, value = labels.sentence_case(row["touchpoint"]), _met(float(row["value"]))
            self._told(f"Meets {name}", value, _met(float(row["everyone"])))
            items.append(f'<li>{safe(name)} <span class="jp-soft">{value}</span> </li>')
        heading = '<p class="jp-h">Usual way, and how many meet it</p>'
        return f'{heading}<ol class="jp-way">{"".join(items)}</ol>'

    def _pains(self) -> str:
        own = self.cast.pains
        own = own[own["persona"] == self.row["name"]] if len(own) else own
        if own.empty:
            return ""
        items = []
        for row in own.to_dict("records"):
            name = labels.sentence_case(row["touchpoint"])
            value, base = _met(float(row["value"])), _met(float(row["everyone"]))
            self._told(f"Pain {name}", f"{value} meet it", base)
            met = f"{value} meet it (all {base})"
            if min(float(row["value"]), float(row["everyone"])) >= NEARLY_ALL:
                met = "nearly all meet it, like everybody"
            items.append(f'<li class="jp-row"><span>{safe(name)}</span><span>{met}</span></li>')
        return f'<p class="jp-h">Pains they meet</p><ul>{"".join(items)}</ul>'


def _rounded(value: float, unit: str) -> float:
    return float(value) if unit == "share" else float(round(value))


def _natural_text(number: float, unit: str) -> str:
    text = labels.value_text(number, unit)
    return text if unit else text.rstrip("0").removesuffix(".") if "." in text else text


def _counted(number: float, unit: str) -> float:
    """Round days to whole ones and counts to tenths: more would look surer than it is."""
    if unit:
        return round(number) if unit == "days" else number
    return round(number, 1) if abs(number) >= 1 else round(number, 2)


def _met(share: float) -> str:
    """Write a share of customers; nearly all is not told exactly, the rest of them are few."""
    return "over 95 %" if share >= NEARLY_ALL else labels.share_text(share)


def _twin(facts: list[tuple[str, str, str, str]]) -> str:
    """Lay out in a table all that the cards say."""
    rows = "".join(
        f'<tr><th scope="row">{safe(name)}</th><td>{safe(measure)}</td><td>{safe(value)}</td>'
        f"<td>{safe(everyone) or '–'}</td></tr>"
        for name, measure, value, everyone in facts
    )
    head = "".join(
        f'<th scope="col">{text}</th>' for text in ("Persona", "Measure", "Value", "All")
    )
    return (
        '<details class="jp-more"><summary>The cards as a table</summary><div class="scroll" '
        f'tabindex="0" role="region" aria-label="The cards as a table"><table><thead><tr>{head}'
        f"</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )
