"""Names and numbers as they are written in figures: cleaned, measured, wrapped, rounded.

Not for sentences (`prose`) and not for drawing.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape

# Advance widths of DejaVu Sans for codes 32 to 126, in hundredths of the font size. It is wider
# than the fonts most readers have, so text measured by it fits.
_ASCII = (
    31, 40, 45, 83, 63, 95, 77, 27, 39, 39, 50, 83, 31, 36, 31, 33, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 33, 33, 83, 83, 83, 53, 100, 68, 68, 69, 77, 63, 57, 77, 75, 29, 29, 65, 55, 86, 74,
    78, 60, 78, 69, 63, 61, 73, 68, 98, 68, 61, 68, 39, 33, 39, 83, 50, 50, 61, 63, 54, 63, 61, 35,
    63, 63, 27, 27, 57, 27, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 81, 59, 59, 52, 63, 33, 63, 83,
)  # fmt: skip
_BOLD = 1.15
_HYPHEN = "\u00ad"  # set where a word is broken; drawn as a hyphen
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
_SHORT = re.compile(r"\b(nps|csat|ces|faq|sms|crm)\b")
_ACRONYMS = {
    "nps": "NPS", "csat": "CSAT", "ces": "CES", "clv": "Customer lifetime value",
    "reaches_outcome": "Share with the outcome", "reaches_purchase": "Share who buy at all",
    "touchpoints_per_journey": "Touchpoints a journey",
    "ab_test": "A/B test",
}  # fmt: skip


def is_missing(value: object) -> bool:
    """Tell whether a cell is empty, whatever kind of empty its column has.

    Args:
        value: None, NaN, NaT, pandas' NA, or a value.

    Returns:
        Whether there is no value.
    """
    try:
        return value is None or bool(value != value)  # noqa: PLR0124
    except TypeError:  # pandas' NA refuses to be compared
        return True


def clean_label(value: object) -> str:
    r"""Make a client's name safe to show: one line, no control or direction characters.

    Args:
        value: A name, or a missing value.

    Returns:
        The name in composed Unicode, or an empty string.

    Example:
        >>> clean_label("  check\nout\u202e ")
        'check out'
    """
    if is_missing(value):
        return ""
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return " ".join(_UNSEEN.sub(" ", unicodedata.normalize("NFC", text)).split())


def escape_label(value: object) -> str:
    """Make a name safe inside HTML and SVG, in text and in attributes alike.

    Args:
        value: A name, or a missing value.

    Returns:
        Cleaned and escaped text.
    """
    return escape(clean_label(value), quote=True)


def plot_label(value: object, width: int = 28) -> str:
    r"""Make a name safe on a matplotlib axis: cleaned, cut to a width, dollars not mathematics.

    Args:
        value: A name, or a missing value.
        width: Most characters shown.

    Returns:
        Text for matplotlib.

    Example:
        >>> plot_label("$5 to $10")
        '\\$5 to \\$10'
    """
    text = clean_label(value)
    if len(text) > width:
        text = text[: width - 1].rstrip() + "…"
    return text.replace("$", r"\$")


def _character_width(character: str) -> float:
    code = ord(character)
    if 32 <= code <= 126:
        return _ASCII[code - 32] / 100
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if character.isupper():
        return 0.85
    if unicodedata.bidirectional(character) in {"R", "AL"}:
        return 0.62
    return 0.68 if character.isalpha() else 0.9


def text_width(text: str, size: float = 12, *, bold: bool = False) -> float:
    """Estimate how wide a line of text is, on the safe side.

    Args:
        text: One line.
        size: Font size in pixels.
        bold: Whether it is set in bold.

    Returns:
        Width in pixels.
    """
    width = sum(map(_character_width, text)) * size
    return width * _BOLD if bold else width


def ellipsise(text: str, width: float, size: float = 12, *, bold: bool = False) -> str:
    """Cut a line so that it fits, ending it in an ellipsis.

    Args:
        text: One line.
        width: Room in pixels.
        size: Font size in pixels.
        bold: Whether it is set in bold.

    Returns:
        The text itself if it fits.
    """
    if text_width(text, size, bold=bold) <= width:
        return text
    kept = text
    while kept and text_width(kept + "…", size, bold=bold) > width:
        kept = kept[:-1].rstrip()
    return kept + "…"


def wrap_label(
    text: str, width: float, size: float = 12, *, bold: bool = False, lines: int = 2
) -> tuple[str, ...]:
    """Break a name into lines that fit; what is left over ends in an ellipsis.

    Args:
        text: A cleaned name.
        width: Room in pixels.
        size: Font size in pixels.
        bold: Whether it is set in bold.
        lines: Most lines.

    Returns:
        At least one line, at most ``lines``.

    Example:
        >>> wrap_label("check in at the front desk", 100)
        ('check in at the', 'front desk')
        >>> wrap_label("Kundenzufriedenheit", 80)
        ('Kundenzufr-', 'iedenheit')
    """
    # Exports write names with underscores; a break may follow one.
    words = re.findall(r"[^\s_/-]*[_/-]|[^\s_/-]+|\s+", text.strip())
    out, line = [], ""
    for part in (part for word in words for part in _broken(word, width, size, bold=bold)):
        if line and text_width((line + part).rstrip(), size, bold=bold) > width:
            out.append(line.rstrip())
            line = ""
        line = (line + part) if line else part.lstrip()
    out.append(line.rstrip())
    out = [part for part in out if part] or [""]
    if len(out) > lines:
        out = [*out[: lines - 1], _rejoined(text, out[: lines - 1])]
    return tuple(ellipsise(part, width, size, bold=bold).replace(_HYPHEN, "-") for part in out)


def _broken(word: str, width: float, size: float, *, bold: bool) -> list[str]:
    """Break a word that no line can hold; scripts without blanks may break after any sign."""
    if text_width(word, size, bold=bold) <= width:
        return [word]
    parts, line = [], ""
    for sign in word:
        full = line and text_width(line + sign + _HYPHEN, size, bold=bold) > width
        if full and not unicodedata.combining(sign):
            # Letters with a case belong to scripts that part words by a hyphen.
            parts.append(line + _HYPHEN * (line[-1].islower() and sign.islower()))
            line = ""
        line += sign
    return [*parts, line]


def _rejoined(text: str, taken: list[str]) -> str:
    """Return what follows the lines already taken, so that the cut shows as one ellipsis."""
    rest = text.strip()
    for part in taken:
        rest = rest[len(part.rstrip(_HYPHEN)) :].lstrip()
    return rest


def share_text(share: float) -> str:
    """Write a share as a percentage, with a decimal only below 20 %.

    Args:
        share: 0 to 1; missing gives an en dash.

    Returns:
        Text such as ``41 %`` or ``3.2 %``.
    """
    if is_missing(share):
        return "–"
    percent = 100 * share
    text = f"{percent:.1f}" if 0 < abs(percent) < 19.95 else f"{percent:.0f}"
    return text.removesuffix(".0").replace("-", "−") + " %"


def count_text(count: float, min_cell: int = 0) -> str:
    """Write a count with thousands separated; a small one is not told exactly.

    Args:
        count: Customers, events or answers; missing gives an en dash.
        min_cell: Counts above zero and below it are written as ``<10``.

    Returns:
        Text such as ``2,310``.
    """
    if is_missing(count):
        return "–"
    if 0 < count < min_cell:
        return f"<{min_cell}"
    return f"{count:,.0f}"


def money_text(amount: float, currency: str = "") -> str:
    """Write an amount of money, whole, with its sign in front.

    Args:
        amount: In ``currency``; missing gives an en dash.
        currency: ISO code, or empty.

    Returns:
        Text such as ``€12,400`` or ``CHF 12,400``.
    """
    if is_missing(amount):
        return "–"
    sign = _SIGNS.get(currency.upper(), f"{currency} " if currency else "")
    return ("−" if amount < 0 else "") + f"{sign}{abs(amount):,.0f}"


def value_text(value: float, unit: str = "", *, signed: bool = False) -> str:
    """Write a value as its unit asks, rounded for reading.

    Args:
        value: In ``unit``; missing gives an en dash.
        unit: ``share``, ``sentiment``, ``points``, ``days``, a currency code, or anything.
        signed: Whether a plus is written too.

    Returns:
        Text such as ``41 %``, ``+0.31`` or ``2.4 days``.
    """
    if is_missing(value):
        return "–"
    plus = "+" if signed and value > 0 else ""
    if unit == "share":
        return plus + share_text(value)
    if len(unit) == 3 and unit.isupper():
        return plus + money_text(value, unit)
    if unit == "sentiment":
        return f"{value:+.2f}".replace("-", "−")
    size = abs(value)
    digits = 0 if size >= 100 or value == round(value) else 1 if size >= 10 else 2
    text = f"{value:,.{min(digits, 1) if unit == 'days' else digits}f}".replace("-", "−")
    text = text.removesuffix(".0").removesuffix(".00")
    return plus + text + (f" {unit}" if unit and unit not in {"count", "none"} else "")


def interval_text(low: float, high: float, unit: str = "") -> str:
    """Write an interval, its unit once.

    Args:
        low: Lower end; missing gives an empty text.
        high: Upper end.
        unit: As in `value_text`.

    Returns:
        Text such as ``38 to 44 %``.
    """
    if is_missing(low) or is_missing(high):
        return ""
    first, last = value_text(low, unit), value_text(high, unit)
    tail = last.rpartition(" ")[2]
    if tail and not tail[-1].isdigit() and first.endswith(f" {tail}"):
        first = first.removesuffix(f" {tail}")
    return f"{first} to {last}"


def place_text(touchpoint: object, channel: object = "", *, quoted: bool = False) -> str:
    """Write where something happens, such as ``check in (app)``, or ``“check in” (app)`` quoted.

    A channel that is empty, missing or ``all`` stands for whichever, and is not written.
    """
    name = clean_label(touchpoint).replace("_", " ")
    inside = "" if is_missing(channel) else clean_label(channel).replace("_", " ")
    shown = f"“{name}”" if quoted else name
    return f"{shown} ({inside})" if inside and inside != "all" else shown


def metric_name(metric: object) -> str:
    """Write a metric's identifier as a reader says it.

    Args:
        metric: Such as ``retention_rate`` or ``nps``.

    Returns:
        Text such as ``Retention rate`` or ``NPS``.
    """
    text = clean_label(metric)
    words = _ACRONYMS.get(text.lower(), text.replace("_", " "))
    return words[:1].upper() + words[1:]


def sentence_case(name: object) -> str:
    """Write an identifier as words, its first letter raised.

    Args:
        name: Such as ``check_in``.

    Returns:
        Text such as ``Check in``; names of scores and the like stay in capitals.
    """
    words = clean_label(name).replace("_", " ").strip()
    words = _SHORT.sub(lambda found: found[0].upper(), words)
    return words[:1].upper() + words[1:]


def estimate_text(
    value: float, low: float, high: float, unit: str = "", *, difference: bool = False
) -> str:
    """Write an estimate with its interval, all three numbers with the same digits, the unit once.

    Args:
        value: In ``unit``; missing gives an en dash.
        low: Lower end; a missing end gives the value alone.
        high: Upper end.
        unit: As in `value_text`.
        difference: Whether it is a difference: it gets a sign, and shares become points.

    Returns:
        Text such as ``41.0 % (38.2 to 43.9)`` or ``+4.0 pp (+2.0 to +6.1)``.

    Example:
        >>> estimate_text(0.04, 0.02, 0.061, "share", difference=True)
        '+4.0 pp (+2.0 to +6.1)'
        >>> estimate_text(64.8, 63.1, 66.6, "EUR")
        '€64.80 (63.10 to 66.60)'
    """
    if is_missing(value):
        return "–"
    numbers = [number for number in (value, low, high) if not is_missing(number)]
    endless = numbers[-1] == float("inf")  # a median whose upper end the curve never reaches
    numbers = numbers[:-1] if endless else numbers
    scale, digits = (100.0, 1) if unit == "share" else (1.0, _digits(numbers, unit))
    signed = difference or unit == "sentiment"
    texts = [_signed(scale * number, digits, signed=signed) for number in numbers]
    if unit == "share":
        first = f"{texts[0]} {'pp' if difference else '%'}"
    elif len(unit) == 3 and unit.isupper():
        sign = _SIGNS.get(unit, f"{unit} ")
        mark = texts[0][0] if texts[0][0] in "+−" else ""
        first = f"{mark}{sign}{texts[0].removeprefix(mark)}"
    else:
        first = texts[0] + (f" {unit}" if unit not in {"", "sentiment", "count", "none"} else "")
    if endless and len(texts) == 2:
        return f"{first} ({texts[1]} or more)"
    return first + (f" ({texts[1]} to {texts[2]})" if len(texts) == 3 else "")


def _digits(numbers: list[float], unit: str) -> int:
    """Choose decimals by the spread of the interval, so that its ends can be told apart."""
    largest = max(abs(number) for number in numbers)
    if len(unit) == 3 and unit.isupper():
        return 0 if largest >= 1000 else 2
    if unit in {"points", "days"}:
        return 1
    width = max(numbers) - min(numbers)
    return 2 if unit == "sentiment" or width >= 0.1 else 4 if 0 < width < 0.01 else 3


def _signed(number: float, digits: int, *, signed: bool) -> str:
    text = f"{number:{'+' if signed else ''},.{digits}f}"
    return text.replace("-", "−")
