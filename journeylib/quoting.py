"""Customers' words made inert: nothing in them can run, link or format, wherever they are shown.

Signs that HTML, Markdown, LaTeX or a template would read as orders are replaced by signs that look
the same. Not for personal details (`redaction`), nor instead of escaping where a page is made.
"""

from __future__ import annotations

import re
import unicodedata

_LOOKALIKES = str.maketrans(
    {
        "<": "‹", ">": "›", "`": "ˋ", "$": "＄", "\\": "∖", "*": "∗", "|": "ǀ", "_": "ˍ", "~": "∼",
        "^": "ˆ",
    }
)  # fmt: skip
# Control characters, and signs that nobody sees but that turn or join what stands beside them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_JOINED = re.compile(r"\](?=[(:\[])|\{(?=[{%#])|!(?=\[)|&(?=#?\w+;)|(?<=[}%#])(?=\})")
_LEADING = re.compile(r"^[\s#>+=@|~:;,.!?)\]}…–—-]+|^\d{1,3}[.)]\s+")
_SCHEME = re.compile(r"\b(javascript|vbscript|data|file|mailto|tel)\s*:", re.IGNORECASE)


def make_inert(text: str) -> str:
    r"""Make a customer's words safe to show in any page, table or document.

    Args:
        text: Words without personal details.

    Returns:
        One line that reads the same and holds no markup of HTML, Markdown, LaTeX or templates. It
        is plain text: where a page is made, it is escaped like any other text.

    Example:
        >>> make_inert("<script>x</script> costs $5 [here](http://a) \\input{x} `rm`")
        '‹script›x‹/script› costs ＄5 [here] (http://a) ∖input{x} ˋrmˋ'
    """
    seen = " ".join(_UNSEEN.sub(" ", unicodedata.normalize("NFC", text)).split())
    text = _LEADING.sub("", seen).translate(_LOOKALIKES)
    text = _SCHEME.sub(r"\1 :", text)
    return _JOINED.sub(lambda found: f"{found[0]} ", text).strip()
