"""Groups of keys of a client file, and what is wrong with one in the analyst's words.

Not for what the keys mean (`settings`) or for single values (`values`).
"""

import re
from collections.abc import Callable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from journeylib.errors import did_you_mean
from journeylib.values import Written, complaint, is_empty, read_day, shown


def conflict(
    *place: str | int, message: str, fix: str = "", code: str = "E-PARAMS-VALUE"
) -> InitErrorDetails:
    """Describe values that do not go together, for `Section.conflicts`.

    Args:
        place: Keys and positions from the section down to the value.
        message: What is wrong, with the values found.
        fix: What to do.
        code: Stable code of the problem.
    """
    return InitErrorDetails(type=complaint(code, message, fix), loc=place, input=None)


def reversed_days(raw: dict[str, Any]) -> list[InitErrorDetails]:
    """Say when a period ends before it starts; days that cannot be read are refused elsewhere."""
    start, end = raw.get("start"), raw.get("end")
    try:
        ordered = start is None or end is None or read_day(start) <= read_day(end)
    except ValueError:
        return []
    message = f"{shown(end)} lies before the start, {shown(start)}."
    fix = "Exchange them, or correct one."
    return [] if ordered else [conflict("end", message=message, fix=fix)]


class Section(BaseModel):
    """A group of keys that refuses what it does not know, and says everything wrong at once."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    # Field name -> what may be shown of a value that came from the environment.
    _masked: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:  # noqa: ARG003
        """Find values that do not go together, in a section whose other keys may be wrong.

        Args:
            raw: The section as written; nothing is certain about its values.
        """
        return []

    @model_validator(mode="wrap")
    @classmethod
    def _check_whole(cls, raw: Any, handler: Callable[[Any], Self]) -> Self:
        found: list[InitErrorDetails] = []
        try:
            made = handler(raw)
        except ValidationError as refused:
            found = [_explain(error, cls) for error in _without_echo(refused.errors(), cls)]
        if isinstance(raw, dict):
            found += cls.conflicts(raw)
        if found:
            raise ValidationError.from_exception_data(cls.__name__, found)
        if isinstance(raw, dict):
            made._masked.update(_masks(raw))
        return made

    def __repr_args__(self) -> Any:
        for name, value in super().__repr_args__():
            yield name, self._masked.get(name or "", value)


def _masks(raw: dict[str, Any]) -> dict[str, str]:
    texts = {key: value for key, value in raw.items() if isinstance(value, Written)}
    masks = {str(key): value.shown for key, value in texts.items() if value.shown != str(value)}
    groups = {key: value for key, value in raw.items() if isinstance(value, (dict, list))}
    return masks | {str(key): "${…}" for key, value in groups.items() if _has_mask(value)}


def _has_mask(value: object) -> bool:
    if isinstance(value, (dict, list)):
        return any(
            _has_mask(item) for item in (value.values() if isinstance(value, dict) else value)
        )
    return isinstance(value, Written) and value.shown != str(value)


def _without_echo(errors: list[Any], owner: type[BaseModel]) -> list[Any]:
    """Drop "missing" where a mistyped key beside it was meant: one fault, one problem."""
    mistyped = [str(e["loc"][-1]) for e in errors if e["type"] == "extra_forbidden"]
    meant = {did_you_mean(word, owner.model_fields) for word in mistyped}
    return [
        error
        for error in errors
        if error["type"] != "missing" or f'Did you mean "{error["loc"][-1]}"?' not in meant
    ]


def _explain(error: Any, owner: type[BaseModel]) -> InitErrorDetails:
    kind, context, place = error["type"], error.get("ctx", {}), error["loc"]
    code, fix = "E-PARAMS-VALUE", ""
    if kind.startswith("E-"):
        code, message, fix = kind, context["message"], context["fix"]
    elif kind == "extra_forbidden":
        code, fix = "E-PARAMS-UNKNOWN-KEY", did_you_mean(str(place[-1]), owner.model_fields)
        message = f"not a parameter; allowed here are {', '.join(owner.model_fields)}."
    elif kind == "missing":
        code = "E-PARAMS-MISSING"
        message = f"it is needed: {owner.model_fields[place[-1]].description}"
    elif kind == "literal_error" and isinstance(error["input"], str) and error["input"]:
        allowed = re.findall(r"'([^']*)'", context["expected"])
        fix = did_you_mean(str(error["input"]), allowed)
        message = f"{shown(error['input'])} is not one of {', '.join(allowed)}."
    else:
        message, fix = _shape(kind, error["input"])
    return InitErrorDetails(type=complaint(code, message, fix), loc=place, input=None)


def _shape(kind: str, value: object) -> tuple[str, str]:
    if is_empty(value):
        return "there is no value.", "Give one, or remove the key."
    if kind == "list_type":
        return (
            f"{shown(value)} stands where a list belongs.",
            "Write it as a list: [first, second].",
        )
    if kind in ("model_type", "dict_type"):
        return f"{shown(value)} stands where a group of keys belongs.", "Write it as {key: value}."
    if kind == "too_short":
        return "the list is empty.", "Give at least one, or remove the key."
    return f"{shown(value)} stands where one word belongs.", ""
