"""The small pictures on persona cards, and the style of the cards. Not for what stands on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from journeylib.labels import escape_label as safe
from journeylib.svg_parts import paint

if TYPE_CHECKING:
    from collections.abc import Mapping

PEOPLE = 20
WIDE, HIGH = 300, 18
FAR = 2.5
CARD_CSS = (
    ".jp-cards{margin:1.2em 0;color:var(--jm-ink,#1c2b36)}.jp-cards .jp-said{font-weight:700;"
    "font-size:1.12em;margin:0 0 .8em;max-width:60ch}.jp-grid{display:grid;gap:18px;"
    "grid-template-columns:repeat(auto-fit,minmax(min(100%,var(--jp-least,310px)),1fr))}"
    ".jp-card{border:1px solid var(--jm-line,#d5dce1);border-radius:12px;background:"
    "var(--jm-paper,#fff);padding:16px 18px 14px;break-inside:avoid;overflow-wrap:break-word;"
    "line-height:1.4;font-size:14px}.jp-card svg{display:block;width:100%;height:auto;"
    "max-width:360px}.jp-card .jp-name{font-size:1.24em;line-height:1.25;font-weight:700;"
    "margin:8px 0 2px}.jp-card .jp-h{font-size:.82em;font-weight:600;letter-spacing:.02em;"
    "color:var(--jm-muted,#55646f);margin:13px 0 3px}.jp-card p{margin:0}"
    ".jp-card .jp-soft{color:var(--jm-muted,#55646f);font-size:.9em}"
    ".jp-card .jp-big{font-size:1.5em;font-weight:700;line-height:1.2}"
    # Three classes outweigh how JupyterLab sets lists.
    ".jp-cards .jp-card.jp-card :is(ul,ol){list-style:none;margin:0;padding:0}"
    ".jp-card li{margin:0 0 6px;padding:0}"
    ".jp-card .jp-row{display:flex;flex-wrap:wrap;gap:0 10px;justify-content:space-between;"
    "align-items:baseline}"
    ".jp-card .jp-row>:last-child{color:var(--jm-muted,#55646f);font-size:.9em}"
    ".jp-card .jp-all{flex:none;white-space:nowrap}"
    ".jp-card .jp-way li{display:inline;margin:0}.jp-card .jp-way li+li::before{content:'→ ';"
    "color:var(--jm-muted,#55646f)}.jp-card .jp-chan li{display:flex;gap:8px;align-items:center}"
    ".jp-card .jp-chan svg{width:18px;flex:none}"
    ".jp-more summary{cursor:pointer;margin-top:10px;font-size:.92em}"
    ".jp-more .scroll{overflow-x:auto}.jp-more table{border-collapse:collapse;font-size:.88em}"
    ".jp-more th,.jp-more td{text-align:start;padding:.3em .7em;border-bottom:1px solid "
    "var(--jm-line,#d5dce1)}.jp-cards figcaption{font-size:.88em;color:var(--jm-muted,#55646f);"
    "margin-top:.9em;max-width:80ch}"
    "@media print{.jp-grid{grid-template-columns:1fr 1fr;gap:10px}.jp-card{font-size:9pt;"
    "padding:10px 12px}.jp-card .jp-h{margin-top:8px}}"
)


def _picture(name: str, alt: str, height: float, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDE} {height:g}" role="img" aria-labelledby="{name}t {name}d">'
        f'<title id="{name}t">{safe(alt.split(":", maxsplit=1)[0])}</title>'
        f'<desc id="{name}d">{safe(alt)}</desc>'
        f"{inside}</svg>"
    )


def draw_people(share: float, hue: str, name: str, alt: str) -> str:
    """Draw twenty people, filled as far as the share goes: a twentieth each."""
    step = WIDE / PEOPLE
    shape = '<circle cx="{x:.1f}" cy="5" r="3.6"/><path d="M{a:.1f} 22v-7a4.6 4.6 0 0 1 9.2 0v7z"/>'
    drawn = "".join(
        shape.format(x=step * (place + 0.5), a=step * (place + 0.5) - 4.6)
        for place in range(PEOPLE)
    )
    clip = f'<clipPath id="{name}c"><rect width="{WIDE * share:.1f}" height="24"/></clipPath>'
    inside = (
        f'{clip}<g fill="{paint("line")}">{drawn}</g>'
        f'<g fill="{paint(hue)}" clip-path="url(#{name}c)">{drawn}</g>'
    )
    return _picture(name, alt, 24, inside)


def draw_lean(far: float, hue: str, name: str, alt: str) -> str:
    """Draw how far a persona leans to one side of the average customer, in standard deviations."""
    middle = WIDE / 2
    end = middle + max(-1.0, min(1.0, far / FAR)) * (middle - 8)
    inside = (
        f'<path d="M8 7H{WIDE - 8}" stroke="{paint("line")}" stroke-width="2"/>'
        f'<path d="M{middle:.1f} 7H{end:.1f}" stroke="{paint(hue)}" stroke-width="6"/>'
        f'<path d="M{middle:.1f} 1V13" stroke="{paint("ink")}" stroke-width="1.5"/>'
        f'<circle cx="{end:.1f}" cy="7" r="5.5" fill="{paint(hue)}"/>'
    )
    return _picture(name, alt, 14, inside)


def draw_interval(
    own: Mapping[Any, Any], base: float, most: float, hue: str, named: tuple[str, str]
) -> str:
    """Draw a value with its interval on a scale from 0, and all customers as a line across."""
    scale = (WIDE - 16) / (most if math.isfinite(most) and most > 0 else 1)
    low, value, high, line = (8 + scale * max(0.0, float(x))
                              for x in (own["low"], own["value"], own["high"], base))  # fmt: skip
    inside = (
        f'<path d="M8 {HIGH / 2}H{WIDE - 8}" stroke="{paint("line")}" stroke-width="2"/>'
        f'<path d="M{low:.1f} {HIGH / 2}H{high:.1f}" stroke="{paint(hue)}" stroke-width="7" '
        f'stroke-opacity="0.45"/><circle cx="{value:.1f}" cy="{HIGH / 2}" r="5.5" '
        f'fill="{paint(hue)}"/><path d="M{line:.1f} 1V{HIGH - 1}" stroke="{paint("ink")}" '
        f'stroke-width="1.5" stroke-dasharray="3 2"/>'
    )
    return _picture(named[0], named[1], HIGH, inside)
