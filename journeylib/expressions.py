"""Small expressions of the client file (`compute`, `keep`), turned into SQL. Never run as code.

Names, numbers, strings, ``+ - * /``, comparisons, ``and or not in like is null`` and brackets are
all there is; everything else is refused with its position.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from journeylib.errors import JourneyError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*"|`[^`]+`)
    |(?P<name>[^\W\d][\w.]*)|(?P<sign><=|>=|<>|!=|==|=|<|>|\+|-|\*|/|\(|\)|,))""",
    re.VERBOSE,
)
_WORDS = {"and", "or", "not", "in", "like", "is", "null"}
_COMPARISONS = {"==": "=", "!=": "<>"} | {sign: sign for sign in ("=", "<>", "<", ">", "<=", ">=")}
_CUTOFF = 64


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of SQL as text, and as a number where it is one.

    ``column`` names a source column: whether it is a number is only asked where that matters.
    """

    text: str
    number: str = ""
    column: str = ""
    truth: bool = False


def quote_name(name: str) -> str:
    """Write a column name as an SQL identifier.

    Example:
        >>> quote_name('a"b')
        '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(value: str) -> str:
    """Write a text as an SQL literal.

    Example:
        >>> quote_text("o'brien")
        "'o''brien'"
    """
    return "'" + value.replace("'", "''") + "'"


class _Parser:
    """One pass over one expression; each method returns the SQL of what it read."""

    def __init__(
        self, expression: str, numbers: Mapping[str, str], texts: Mapping[str, str]
    ) -> None:
        self.expression, self.numbers, self.texts = expression, numbers, texts
        self.tokens = list(self._tokens())
        self.at = self.depth = 0

    def _tokens(self) -> list[tuple[str, str]]:
        found, position = [], 0
        while position < len(self.expression.rstrip()):
            match = _TOKEN.match(self.expression, position)
            if match is None:
                self.refuse(f"cannot read {self.expression[position:].strip()[:12]!r}")
            kind, value = str(match.lastgroup), match.group(str(match.lastgroup))
            lowered = value.lower()
            word = kind == "name" and lowered in _WORDS
            found.append(("word", lowered) if word else (kind, value))
            position = match.end()
        if len(found) > _CUTOFF * 4:
            self.refuse("it is too long")
        return found

    def refuse(self, why: str) -> NoReturn:
        raise JourneyError(f"The expression {self.expression!r} cannot be used: {why}.")

    def take(self, kind: str, *values: str) -> str | None:
        if self.at < len(self.tokens):
            found, value = self.tokens[self.at]
            if found == kind and (not values or value in values):
                self.at += 1
                return value
        return None

    def whole(self) -> _Piece:
        piece = self.either()
        if self.at < len(self.tokens):
            self.refuse(f"{self.tokens[self.at][1]!r} is not expected there")
        return piece

    def either(self) -> _Piece:
        left = self.both()
        while self.take("word", "or"):
            left = _truth(f"({self.condition(left)} OR {self.condition(self.both())})")
        return left

    def both(self) -> _Piece:
        left = self.negation()
        while self.take("word", "and"):
            left = _truth(f"({self.condition(left)} AND {self.condition(self.negation())})")
        return left

    def negation(self) -> _Piece:
        if self.take("word", "not"):
            return _truth(f"(NOT {self.condition(self.negation())})")
        return self.comparison()

    def condition(self, piece: _Piece) -> str:
        if not piece.truth:
            self.refuse("`and`, `or` and `not` need conditions beside them")
        return piece.text

    def comparison(self) -> _Piece:
        left = self.sum()
        if self.take("word", "is"):
            return self.absence(left)
        negated = "NOT " if self.take("word", "not") else ""
        if self.take("word", "like"):
            pattern = self.take("text") or self.refuse("`like` needs a text in quotes")
            return _truth(f"({left.text} {negated}LIKE {pattern})")
        if self.take("word", "in"):
            return self.membership(left, negated)
        if negated:
            self.refuse("`not` needs `like` or `in` behind it there")
        sign = self.take("sign", *_COMPARISONS)
        if sign is None:
            return left
        a, b = self.alike([left, self.sum()])
        return _truth(f"({a} {_COMPARISONS[sign]} {b})")

    def absence(self, left: _Piece) -> _Piece:
        negated = "NOT " if self.take("word", "not") else ""
        if not self.take("word", "null"):
            self.refuse("`is` needs `null` or `not null`")
        return _truth(f"({left.text} IS {negated}NULL)")

    def membership(self, left: _Piece, negated: str) -> _Piece:
        self.expect("(", "`in` needs a list in brackets")
        members = [self.sum()]
        while self.take("sign", ","):
            members.append(self.sum())
        self.expect(")", "a bracket is not closed")
        own, *listed = self.alike([left, *members])
        return _truth(f"({own} {negated}IN ({', '.join(listed)}))")

    def expect(self, sign: str, why: str) -> None:
        if not self.take("sign", sign):
            self.refuse(why)

    def alike(self, pieces: list[_Piece]) -> list[str]:
        """Read pieces that are compared as numbers if all of them are, else as texts."""
        if any(piece.truth for piece in pieces):
            self.refuse("a condition cannot be compared")
        literal = any(not piece.number and not piece.column for piece in pieces)
        numbers = [] if literal else [self.number(piece) for piece in pieces]
        if numbers and all(numbers):
            return numbers
        return [piece.text for piece in pieces]

    def number(self, piece: _Piece) -> str:
        return piece.number or (self.numbers[piece.column] if piece.column else "")

    def sum(self) -> _Piece:
        left = self.product()
        while sign := self.take("sign", "+", "-"):
            left = self.arithmetic(left, sign, self.product())
        return left

    def product(self) -> _Piece:
        left = self.atom()
        while sign := self.take("sign", "*", "/"):
            left = self.arithmetic(left, sign, self.atom())
        return left

    def arithmetic(self, left: _Piece, sign: str, right: _Piece) -> _Piece:
        a, b = self.number(left), self.number(right)
        if not (a and b):
            self.refuse(f"{sign!r} needs numbers on both sides")
        sql = f"({a} {sign} {f'nullif({b}, 0)' if sign == '/' else b})"
        return _Piece(f"CAST({sql} AS VARCHAR)", sql)

    def atom(self) -> _Piece:
        self.depth += 1
        if self.depth > _CUTOFF:
            self.refuse("it is nested too deeply")
        piece = self.bracketed()
        self.depth -= 1
        return piece

    def bracketed(self) -> _Piece:
        if self.take("sign", "("):
            piece = self.either()
            self.expect(")", "a bracket is not closed")
            return piece
        if self.take("sign", "-"):
            return self.arithmetic(_Piece("'0'", "0"), "-", self.atom())
        if number := self.take("number"):
            return _Piece(f"'{number}'", f"CAST({number} AS DOUBLE)")
        if text := self.take("text"):
            return _Piece(text)
        name = self.take("name") or (self.take("quoted") or "")[1:-1].replace('""', '"')
        return self.column(name)

    def column(self, name: str) -> _Piece:
        if not name:
            self.refuse("something is missing at its end")
        if name not in self.texts:
            near = did_you_mean(name, self.texts)
            self.refuse(f"there is no column {name!r}. {near}".rstrip(" ."))
        return _Piece(self.texts[name], column=name)


def _truth(sql: str) -> _Piece:
    return _Piece(sql, truth=True)


def compile_condition(
    expression: str, *, texts: Mapping[str, str], numbers: Mapping[str, str]
) -> str:
    """Turn a `keep` rule into an SQL condition.

    Args:
        expression: A rule such as ``"quantity > 0 and status not like 'C%'"``.
        texts: SQL that reads each source column as text.
        numbers: SQL that reads each source column as a number, empty for one of texts; only
            asked for columns that are used as numbers.

    Returns:
        SQL that is true, false or null for each row.

    Raises:
        JourneyError: The rule cannot be read, names an unknown column or is not a condition.
    """
    parser = _Parser(expression, numbers, texts)
    piece = parser.whole()
    if not piece.truth:
        parser.refuse("it is not a condition")
    return piece.text


def compile_number(expression: str, *, texts: Mapping[str, str], numbers: Mapping[str, str]) -> str:
    """Turn a `compute` expression into SQL that gives a number.

    Args:
        expression: Arithmetic such as ``"quantity * unit_price"``.
        texts: SQL that reads each source column as text.
        numbers: SQL that reads each source column as a number, empty for one of texts; only
            asked for columns that are used as numbers.

    Returns:
        SQL of type DOUBLE.

    Raises:
        JourneyError: The expression cannot be read, names an unknown column or is no arithmetic.
    """
    parser = _Parser(expression, numbers, texts)
    piece = parser.whole()
    number = parser.number(piece)
    if not number:
        parser.refuse("it does not give a number")
    return f"CAST({number} AS DOUBLE)"
