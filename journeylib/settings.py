"""The keys of a client file and what each may hold. Not for reading files; `params` does that.

The first line of a class and the text below a key are what ``params/README.md`` and
``params/schema.json`` say about it.
"""

import glob
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr
from pydantic_core import InitErrorDetails

from journeylib.calendars import CalendarEntry, Period
from journeylib.errors import did_you_mean
from journeylib.inputs import Feedback, Format, Scale, Source
from journeylib.interventions import Intervention, name_of, unmet_needs
from journeylib.sections import Section, conflict
from journeylib.values import (
    MEMORY,
    Colour,
    Count,
    Currency,
    Engine,
    FilePath,
    Flag,
    Language,
    Memory,
    Number,
    OpenShare,
    Positive,
    Seed,
    Share,
    Slug,
    Text,
    Timezone,
    Value,
    matching,
    number,
    or_auto,
    read_auto_list,
    refuse,
    shown,
    whole,
)
from journeylib.whatifs import WhatIf, unmet_measures

__all__ = [
    "METRICS", "STAGE_MODELS", "CalendarEntry", "Feedback", "Format", "Identity", "Intervention",
    "Journeys", "Outcome", "Pains", "Params", "Period", "Personas", "Report", "Scale", "Source",
    "Stages", "WhatIf",
]  # fmt: skip

STAGE_MODELS: dict[str, tuple[str, ...]] = {
    "five": ("awareness", "consideration", "decision", "retention", "advocacy"),
    "race": ("reach", "act", "convert", "engage"),
    "lifecycle": ("reach", "acquisition", "conversion", "retention", "loyalty"),
    "loop": ("consideration", "evaluation", "purchase", "experience", "loyalty loop"),
}
# Where the goal of a metric can lie; money has no upper end.
METRICS: dict[str, tuple[float, float]] = {
    "retention_rate": (0, 1), "repeat_purchase_rate": (0, 1), "churn_rate": (0, 1),
    "conversion_rate": (0, 1), "average_order_value": (0, float("inf")), "clv": (0, float("inf")),
    "nps": (-100, 100), "csat": (0, 1), "ces": (0, 10),
}  # fmt: skip

Metric = Literal[
    "retention_rate", "repeat_purchase_rate", "churn_rate", "conversion_rate",
    "average_order_value", "clv", "nps", "csat", "ces",
]  # fmt: skip


def _read_country(value: object) -> str:
    """Read the code of a country that phone numbers are known of."""
    from phonenumbers import SUPPORTED_REGIONS

    fix = "Write two capitals, such as PT; the United Kingdom is GB."
    text = str(matching("[A-Z]{2}", "a country code", fix=fix)(value))
    if text not in SUPPORTED_REGIONS:
        refuse(f"{shown(value)} is no country code of ISO 3166.", fix=fix)
    return text


Country = Annotated[str, Field(pattern="^[A-Z]{2}$"), BeforeValidator(_read_country)]
AutoCount = Annotated[Literal["auto"] | int, BeforeValidator(or_auto(whole(1)))]
AutoAmount = Annotated[Literal["auto"] | float, BeforeValidator(or_auto(number(0)))]
AutoList = Annotated[Literal["auto"] | list[str], BeforeValidator(read_auto_list)]


class Outcome(Section):
    """What "it went well" means for this client, and what it is worth."""

    kind: Literal["repeat_purchase", "retention", "conversion"] | None = None
    """What a good outcome is; unset means repeat_purchase where there are orders, retention where
    customers have `churned`, else none."""
    within_days: Count = 365
    """Days within which the outcome must happen."""
    touchpoint: list[Text] | None = Field(default=None, min_length=1)
    """Touchpoints that count as conversion, read for that kind only; unset means any order, else
    those timed `purchase`."""
    value_per_customer: AutoAmount = "auto"
    """Money behind "money at risk", in the client's currency for each customer."""
    margin: Share = 1.0
    """Share of revenue that counts."""
    discount: Share = 0.1
    """Discount of future money, a year."""
    horizon_months: Count = 12
    """Months ahead that a customer's value counts."""
    inactive_days: AutoCount = "auto"
    """Days without activity after which a customer without contract counts as lost."""


class Identity(Section):
    """How records of one customer are found in different sources."""

    match_on: list[Text] = Field(default=["customer_id", "email", "phone"])
    """Mapped columns that say two records are one customer: customer_id, email, phone, or another
    column of ids, such as a loyalty number. Without customer_id, equal ids of two sources are two
    customers."""
    country: Country | None = None
    """Country of the phone numbers that are written without +, as an ISO 3166 code such as PT;
    unset means the country that the time zone lies in."""
    unmerge: list[Value] = Field(default=[])
    """Ids, e-mail addresses or phone numbers that must merge nobody: an id is never joined with
    another one; an address or number that many customers share, such as a reception's, is nobody's,
    and rows that have no other one stay without a customer."""
    allow_merge: Flag = False
    """Whether two records of one customers source may be one customer; otherwise they are kept
    apart and listed."""


class Journeys(Section):
    """Where one journey of a customer ends and the next begins."""

    cut: Literal["none", "gap", "outcome"] = "none"
    """Never, after a gap without events, or at each good outcome."""
    gap_days: Positive = 30.0
    """Days without events that end a journey, where cut is gap."""


class Stages(Section):
    """The stages of the journey and which touchpoints belong to each."""

    model: Literal["five", "race", "lifecycle", "loop", "custom"] = "five"
    """Stage model."""
    order: list[Text] = Field(default=[])
    """Names of the stages in journey order, where model is custom."""
    rules: dict[Text, list[Text]] = Field(default={})
    """Stage: touchpoints that belong to it; `*` stands for any letters."""

    @property
    def names(self) -> tuple[str, ...]:
        """Stages of the model, in journey order."""
        return STAGE_MODELS.get(self.model, tuple(self.order))

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse an order that the model does not take, and rules for other stages."""
        model, order, rules = raw.get("model", "five"), raw.get("order"), raw.get("rules")
        if model == "custom":
            listed = order if isinstance(order, list) else []
            names = [name for name in listed if isinstance(name, str)]
        else:
            names = list(STAGE_MODELS.get(str(model), ()))
        known = [shown(name) for name in names]
        found = _order_faults(str(model), order, known)
        for stage in rules if isinstance(rules, dict) and names else {}:
            if stage not in names:
                message = f"{shown(stage)} is not a stage; the model has {', '.join(known)}."
                fix = did_you_mean(str(stage), known)
                found.append(conflict("rules", str(stage), message=message, fix=fix))
        return found


def _order_faults(model: str, order: object, known: list[str]) -> list[InitErrorDetails]:
    if model != "custom":
        message = f"the stages of {model} are {', '.join(known)}."
        fix = "Write model: custom, or remove order."
        return [conflict("order", message=message, fix=fix)] if order is not None and known else []
    if order is None:
        message = "it is needed where model is custom: the stages in journey order."
        return [conflict("order", message=message, code="E-PARAMS-MISSING")]
    if isinstance(order, list) and len(set(map(str, order))) < max(2, len(order)):
        return [conflict("order", message="the stages must be two or more, each named once.")]
    return []


class Personas(Section):
    """How customers are grouped into personas."""

    k: AutoCount = "auto"
    """Number of personas; auto chooses it."""
    features: AutoList = "auto"
    """Features or attributes that customers are compared on; auto takes what the data has."""
    min_share: Share = 0.05
    """Smallest share of the customers that makes a persona."""
    names: dict[Count, Text] = Field(default={})
    """Number of a persona: what the client calls it."""


class Pains(Section):
    """Which findings count as pain points."""

    min_customers: Count = 30
    """Fewest customers who must have met one."""
    fdr: OpenShare = 0.10
    """Share of the listed pain points that may be false alarms."""
    exclude: list[Text] = Field(default=[])
    """Touchpoints never listed; `*` stands for any letters."""


class Report(Section):
    """How the report looks and what it holds back."""

    accent: Colour = "#0b6e99"
    """Colour of the client, as "#rrggbb"."""
    logo: FilePath | None = None
    """Picture for the front page."""
    min_cell: Count = 10
    """Groups of fewer customers are not shown."""
    language: Language = "en"
    """Language of the report, such as en or pt-BR."""
    notes: FilePath | None = None
    """Markdown file with the analyst's own words."""


class Params(Section):
    """One client: what is known, where the data lies and what is wanted."""

    client: Slug = ""
    """Name of the report folder: small letters, digits and hyphens. Unset, the file's name."""
    title: Text = ""
    """Name in the report. Unset, the client."""
    currency: Currency | None = None
    """Three-letter code; unset, money is shown without a sign."""
    timezone: Timezone = "UTC"
    """Zone in which times without one are read; everything is stored in UTC."""
    period: Period | None = None
    """Days to analyse; unset means all that the data has."""
    compare_to: Period | None = None
    """An earlier period, to find what has changed since."""
    confidence: OpenShare = 0.95
    """Coverage of every interval."""
    seed: Seed = 7
    """Start of every random draw; the same seed gives the same report."""
    engine: Engine = "local"
    """Where the work is done: local, dask=ADDRESS or spark=ADDRESS."""
    memory: Memory = "4GB"
    """Limit for building and reading the log."""
    outcome: Outcome = Outcome()
    """What "it went well" means."""
    targets: dict[Metric, Number] = Field(default={})
    """Metric: its goal, shown as a line. Shares are 0 to 1, nps -100 to 100."""
    sources: list[Source] = Field(min_length=1)
    """Where the data lies, one entry for each file set or table."""
    identity: Identity = Identity()
    """How records of one customer are found."""
    journeys: Journeys = Journeys()
    """Where one journey ends."""
    calendar: list[CalendarEntry] = Field(default=[])
    """Days on which customers behave differently."""
    stages: Stages = Stages()
    """Stages of the journey."""
    personas: Personas = Personas()
    """Groups of customers."""
    pains: Pains = Pains()
    """What counts as a pain point."""
    feedback: Feedback = Feedback()
    """What customers talk about."""
    workshop_map: FilePath | None = None
    """File with what the team believed, scored against the data; its keys are explained below."""
    interventions: list[Intervention] = Field(default=[])
    """Changes that were made, to be measured."""
    scenarios: list[WhatIf] = Field(default=[])
    """Future states to imagine; unset means one in which half of the leading pain points are
    spared."""
    earlier_results: FilePath | None = None
    """`results.json` of an earlier run, to find what has changed since; read where there is no
    `compare_to`."""
    report: Report = Report()
    """How the report looks."""

    _file: Path = PrivateAttr(default=Path())
    _digest: str = PrivateAttr(default="")

    def read_from(self, file: Path, digest: str) -> Self:
        """Remember the file that the settings came from.

        Args:
            file: The client file, absolute.
            digest: SHA-256 of its bytes, in hexadecimal.
        """
        self._file, self._digest = file, digest
        return self

    @property
    def path(self) -> Path:
        """The client file, absolute."""
        return self._file

    @property
    def digest(self) -> str:
        """SHA-256 of the file's bytes, in hexadecimal."""
        return self._digest

    @property
    def root(self) -> Path:
        """Folder that holds ``params/``; for a file elsewhere, its own folder."""
        own = self._file.parent
        return own.parent if own.name == "params" else own

    @property
    def memory_bytes(self) -> int:
        """The memory limit in bytes; GB counts thousands, GiB counts 1,024s."""
        amount, scale, binary = re.findall(MEMORY, self.memory)[0]
        return int(float(amount) * (1024 if binary else 1000) ** " KMGT".index(scale or " "))

    def find_path(self, text: str) -> Path:
        """Find a file, folder or glob that the client file names.

        Args:
            text: A path as written; relative ones are looked up from `root`, then from the
                client file's own folder.

        Returns:
            The first that exists or has matches; else the one below `root`, which does not exist.
        """
        for folder in (self.root, self._file.parent):
            # Not Path.glob, which refuses absolute patterns.
            matches = glob.iglob(text, root_dir=folder, recursive=True)  # noqa: PTH207
            if (folder / text).exists() or next(matches, None) is not None:
                return folder / text
        return self.root / text

    @classmethod
    def conflicts(cls, raw: dict[str, Any]) -> list[InitErrorDetails]:
        """Refuse names used twice, goals out of reach and interventions without their data."""
        return [
            *_repeated(raw, "sources"),
            *_repeated(raw, "interventions"),
            *_repeated(raw, "scenarios"),
            *_unreachable(raw.get("targets")),
            *unmet_needs(raw),
            *unmet_measures(raw),
        ]


def _repeated(raw: dict[str, Any], key: str) -> list[InitErrorDetails]:
    """Say when two entries of a list have one name; the second is the one at fault."""
    entries = raw.get(key)
    names = [name_of(entry) for entry in entries] if isinstance(entries, list) else []
    return [
        conflict(key, at, "name", message=f"{shown(name)} is also entry {names.index(name) + 1}.")
        for at, name in enumerate(names)
        if name and names.index(name) < at
    ]


def _unreachable(targets: object) -> list[InitErrorDetails]:
    """Say when a goal lies where its metric cannot be, such as 55 for a share."""
    found: list[InitErrorDetails] = []
    for metric, goal in targets.items() if isinstance(targets, dict) else ():
        low, high = METRICS.get(metric, (-math.inf, math.inf))
        try:
            inside = low <= float(goal) <= high
        except (TypeError, ValueError):
            continue
        if not inside:
            reach = f"{low:g} or more" if high == math.inf else f"between {low:g} and {high:g}"
            message = f"{shown(goal)} is not {reach}."
            found.append(conflict("targets", str(metric), message=message))
    return found
