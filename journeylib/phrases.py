"""Figures in words, for the sentences of checks: percentage points, money, times in a hundred.

Not for figures and the report's own sentences; `labels` and `prose` write those.
"""

from __future__ import annotations

import math

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}


def level_words(value: float, unit: str = "") -> str:
    """Write a level: a share as a percentage, money with its sign.

    Args:
        value: In ``unit``.
        unit: ``share``, ``points``, a currency code, or anything else.

    Returns:
        Text such as ``41.2 %``, ``€12.40`` or ``3.2 minutes``.

    Example:
        >>> level_words(0.412, "share"), level_words(12.4, "EUR")
        ('41.2 %', '€12.40')
    """
    if math.isnan(value):
        return "an unknown amount"
    if unit == "share":
        return f"{_number(100 * value)} %"
    if len(unit) == 3 and unit.isupper():
        sign = _SIGNS.get(unit, f"{unit} ")
        return f"{'−' if value < 0 else ''}{sign}{abs(value):,.{0 if abs(value) >= 100 else 2}f}"
    return f"{_number(value)} {unit}".strip()


def gap_words(value: float, unit: str = "", *, signed: bool = False) -> str:
    """Write a difference: of shares in percentage points, else as a level.

    Args:
        value: In ``unit``.
        unit: As in `level_words`; ``share per period`` is read too.
        signed: Whether a plus is written.

    Returns:
        Text such as ``2.9 percentage points`` or ``+€2.62``.

    Example:
        >>> gap_words(0.0288, "share"), gap_words(2.62, "EUR", signed=True)
        ('2.9 percentage points', '+€2.62')
    """
    plus = "+" if signed and value > 0 else ""
    kind, per, period = unit.partition(" per ")
    is_share = kind == "share" and not math.isnan(value)
    text = _points(_number(100 * value)) if is_share else level_words(value, kind)
    return f"{plus}{text}{per}{period}"


def span_words(low: float, high: float, unit: str = "") -> str:
    """Write the two ends of an interval of a difference.

    Args:
        low: Lower end.
        high: Upper end.
        unit: As in `gap_words`.

    Returns:
        Text such as ``between −0.2 and +1.4 percentage points``.

    Example:
        >>> span_words(-0.002, 0.014, "share")
        'between −0.2 and +1.4 percentage points'
    """
    kind, per, period = unit.partition(" per ")
    if kind == "share":
        ends = [_signed(100 * end) for end in (low, high)]
        return f"between {ends[0]} and {_points(ends[1])}{per}{period}"
    ends = [gap_words(end, kind if len(kind) == 3 else "", signed=True) for end in (low, high)]
    tail = "" if len(kind) == 3 else f" {kind}".rstrip()
    return f"between {ends[0]} and {ends[1]}{tail}{per}{period}"


def chance_words(p_value: float) -> str:
    """Write a p-value as how often chance alone does as much.

    Args:
        p_value: Between 0 and 1.

    Returns:
        Text such as ``4 times in 100``.

    Example:
        >>> chance_words(0.043), chance_words(0.0002)
        ('4 times in 100', 'less than once in 1,000')
    """
    if p_value < 0.001:
        return "less than once in 1,000"
    if p_value < 0.0095:
        times = max(1, round(1000 * p_value))
        return f"{'once' if times == 1 else f'{times} times'} in 1,000"
    times = round(100 * p_value)
    return f"{'once' if times == 1 else f'{times} times'} in 100"


def _points(number: str) -> str:
    return f"{number} percentage point{'' if number.lstrip('+−') == '1' else 's'}"


def _number(value: float) -> str:
    size = abs(value)
    digits = 0 if size >= 99.95 or size == 0 else 1
    if 0 < size < 0.995:
        # Two figures, never an exponent: 0.0288, not 2.9e-02.
        digits = min(8, 1 - math.floor(math.log10(size)))
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + _number(value)
