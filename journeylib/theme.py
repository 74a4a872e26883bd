"""Colours, shapes and fonts that every figure and report page share. Not for drawing anything.

Hues are chosen after Tol (2021, "Colour schemes", SRON/EPS/TN/09-002) and Okabe and Ito (2008): at
least 3:1 against white, and told apart under simulated colour blindness. A shape or a dash
always says the same thing as the colour, so that a grey print can be read.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from journeylib.errors import ParamsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

ACCENT = "#0b6e99"
INK = "#1c2b36"
MUTED = "#55646f"
LINE = "#d5dce1"
WASH = "#f5f7f9"
PAPER = "#ffffff"
GOOD = "#0072b2"
BAD = "#d55e00"
BAD_TEXT = "#b04a00"
OTHER = "#6b7780"

CATEGORIES = ("#332288", "#1b9e9e", "#999933", "#882255", "#117733", "#7a5195")
CATEGORIES_DARK = ("#8f9bff", "#4fc9c9", "#c9c95a", "#e0729f", "#6cc384", "#c39be0")
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "bar")
DASHES = ("6 3", "2 3", "9 3 2 3", "1 4", "12 4", "5 2 1 2 1 2", "3 6", "14 3 3 3")
MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">")

# Channels that nearly every client has keep their colour from one report to the next.
KNOWN_CHANNELS = ("web", "app", "store", "email", "phone", "social")
OTHER_NAMES = {
    "mobile": "app",
    "desktop": "web",
    "e-mail": "email",
    "shop": "store",
    "call": "phone",
}

FONT_STACK = ("Segoe UI", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans")
CSS_FONT = "system-ui,-apple-system,'Segoe UI','Helvetica Neue',Arial,'DejaVu Sans',sans-serif"

LIGHT = {
    "ink": INK,
    "muted": MUTED,
    "line": LINE,
    "wash": WASH,
    "paper": PAPER,
    "good": GOOD,
    "bad": BAD,
    "bad-text": BAD_TEXT,
    "other": OTHER,
    **{f"c{slot}": hue for slot, hue in enumerate(CATEGORIES, start=1)},
}
DARK = {
    "ink": "#e8edf1",
    "muted": "#a9b6c0",
    "line": "#3a444d",
    "wash": "#1c2127",
    "paper": "#14171d",
    "good": "#5bb4e5",
    "bad": "#f08a4b",
    "bad-text": "#f5a06b",
    "other": "#98a4ad",
    **{f"c{slot}": hue for slot, hue in enumerate(CATEGORIES_DARK, start=1)},
}


@dataclass(frozen=True, slots=True)
class Mark:
    """How one channel or persona looks, in colour and without.

    Attributes:
        name: Name of its colour in ``LIGHT`` and ``DARK``.
        colour: That colour on white paper.
        shape: One of ``SHAPES``, the second cue of a channel.
        dash: SVG dash pattern, the second cue of a persona.
        marker: Matplotlib marker that goes with the dash.
    """

    name: str
    colour: str
    shape: str
    dash: str
    marker: str


def _mark(slot: int) -> Mark:
    place = slot % len(CATEGORIES)
    turn = slot % len(DASHES)
    return Mark(f"c{place + 1}", CATEGORIES[place], SHAPES[place], DASHES[turn], MARKERS[turn])


def channel_marks(channels: Iterable[object]) -> dict[str, Mark]:
    """Give each channel a colour and a shape; those that find no free place share grey.

    Args:
        channels: Channel names, repeats allowed; empty and missing ones are left out.

    Returns:
        A mark per channel, known channels first, then by name; the same set of channels always
        gives the same marks.
    """
    names = sorted({str(name) for name in channels if isinstance(name, str) and name})
    lowered = {name.lower() for name in names}
    places = {
        name: KNOWN_CHANNELS.index(usual)
        for name in lowered
        if (usual := _usual_name(name, lowered)) in KNOWN_CHANNELS
    }
    free = [slot for slot in range(len(CATEGORIES)) if slot not in places.values()]
    marks: dict[str, Mark] = {}
    for name in sorted(names, key=lambda n: (places.get(n.lower(), 99), n)):
        slot = places.get(name.lower())
        if slot is None and free:
            slot = free.pop(0)
        marks[name] = Mark("other", OTHER, "ring", "", "o") if slot is None else _mark(slot)
    return marks


def _usual_name(name: str, every: set[str]) -> str:
    """Give a channel's usual name, unless another channel bears it already."""
    usual = OTHER_NAMES.get(name, name)
    return name if usual in every else usual


def persona_marks(personas: Iterable[object]) -> dict[str, Mark]:
    """Give each persona a line style, in the order given; a ninth starts over.

    Args:
        personas: Persona names in the order in which they are listed everywhere.

    Returns:
        A mark per persona.
    """
    names = dict.fromkeys(str(name) for name in personas)
    return {name: _mark(slot) for slot, name in enumerate(names)}


def relative_luminance(colour: str) -> float:
    """Brightness of a colour as WCAG 2.2 defines it, 0 (black) to 1 (white).

    Args:
        colour: ``#rrggbb``.

    Returns:
        The luminance.

    Raises:
        ParamsError: The colour is not written as ``#rrggbb``.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ParamsError(
            f'"{colour}" is not a colour.', ['write report: accent: as six digits, "#0b6e99"']
        )
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_ratio(one: str, other: str) -> float:
    """Contrast of two colours as WCAG 2.2 defines it, 1 (none) to 21.

    Args:
        one: ``#rrggbb``.
        other: ``#rrggbb``.

    Returns:
        The ratio, whichever of the two is brighter.

    Example:
        >>> contrast_ratio("#ffffff", "#000000")
        21.0
    """
    high, low = sorted((relative_luminance(one), relative_luminance(other)), reverse=True)
    return round((high + 0.05) / (low + 0.05), 6)


def readable_accent(accent: str) -> str:
    """Darken a brand colour until white text on it can be read (4.5:1).

    Args:
        accent: ``#rrggbb``.

    Returns:
        The same colour, or the nearest darker one that passes.

    Raises:
        ParamsError: The colour is not written as ``#rrggbb``.
    """
    colour = accent.lower()
    while contrast_ratio(colour, PAPER) < 4.5:
        parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        colour = "#" + "".join(f"{int(part * 0.94):02x}" for part in parts)
    return colour


def css_variables(accent: str = ACCENT, *, dark: bool = False) -> str:
    """Write the palette as CSS declarations, for a report's ``:root`` rule.

    Args:
        accent: Brand colour, ``#rrggbb``.
        dark: Whether to write the set for dark screens.

    Returns:
        Declarations such as ``--jm-ink:#1c2b36;``; the journey map reads the same names.
    """
    palette = {**(DARK if dark else LIGHT), "accent": readable_accent(accent)}
    return "".join(f"--jm-{name}:{hue};" for name, hue in palette.items())


def use_theme(accent: str = ACCENT) -> None:
    """Set how every chart of this notebook looks. Call once, before the first chart.

    Args:
        accent: Brand colour, ``#rrggbb``; darkened if it could not be read on white.

    Raises:
        ParamsError: The colour is not written as ``#rrggbb``.
    """
    import matplotlib as mpl
    from cycler import cycler
    from matplotlib import font_manager

    hues = [readable_accent(accent), *CATEGORIES]
    mpl.rcParams.update({**_SETTINGS, "axes.prop_cycle": cycler(color=hues)})
    # Only fonts named here one by one stand in for each other letter by letter.
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    mpl.rcParams["font.family"] = [name for name in FONT_STACK if name in installed]
    # SVG text is drawn by the reader's browser, which has fonts that this machine may lack.
    warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")


_SETTINGS: dict[str, object] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#9aa7b1",
    "axes.facecolor": PAPER,
    "axes.formatter.use_mathtext": False,
    "axes.grid": False,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 14,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.unicode_minus": True,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.dpi": 100,
    "figure.facecolor": PAPER,
    "figure.figsize": (7.6, 4.0),
    "font.size": 10,
    "grid.color": "#e6ebee",
    "grid.linewidth": 0.8,
    "hatch.color": PAPER,
    "hatch.linewidth": 1.2,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "journey",
    "text.color": INK,
    "xtick.color": "#9aa7b1",
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": 9,
    "xtick.major.size": 3,
    "ytick.color": "#9aa7b1",
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9.5,
    "ytick.major.size": 0,
}


def finding(ax: Axes) -> str:
    """Read the title of a chart as plain text, for captions and alternative texts.

    Args:
        ax: A chart of this kit.

    Returns:
        The finding on one line, or an empty string.
    """
    title = ax.get_title(loc="left") or ax.get_title()
    return " ".join(str(title).replace(r"\$", "$").split())


def figure_svg(ax: Axes) -> str:
    """Write a chart as SVG text that is the same, byte for byte, whenever the data are.

    Args:
        ax: A chart; its whole figure is written.

    Returns:
        SVG without XML declaration, date or random ids; text stays text. The layout of the
        figure is final from then on.
    """
    import matplotlib as mpl

    page = io.StringIO()
    figure = ax.get_figure(root=True)
    if figure is None:
        return ""
    settings = {key: _SETTINGS[key] for key in ("svg.fonttype", "svg.hashsalt")}
    with mpl.rc_context(settings):
        # Each round moves a constrained layout a little further: settle it, then leave it alone.
        engine = figure.get_layout_engine()
        if engine is not None:
            for _ in range(3):
                engine.execute(figure)
        figure.set_layout_engine("none")
        figure.savefig(page, format="svg", metadata={"Date": None, "Creator": None})
    text = page.getvalue()
    return text[text.index("<svg") :]
