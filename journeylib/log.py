"""The event log: one folder of Parquet partitions, whole customers, coded and sorted.

Every analysis that touches each event reads a partition as arrays. Not for the analyses themselves;
`summaries` has those.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Truths = NDArray[np.bool_]
    Floats = NDArray[np.float64]

HOUR = 3_600_000_000
DAY = 24 * HOUR
CODES = "codes.json"
CUSTOMERS = "customers.parquet"
_WHOLE = ("customer", "time", "touchpoint", "channel", "stage", "source")
_NO_EVENTS: dict[str, NDArray[Any]] = {
    **{name: np.array([], np.int64) for name in _WHOLE},
    **{name: np.array([], np.float64) for name in ("value", "sentiment")},
}


@dataclass(frozen=True, slots=True)
class Codes:
    """What the integers of a log stand for, and where its journeys are cut.

    Attributes:
        touchpoints: Names by code, in order of name.
        channels: Names by code; ``""`` where a source has none.
        stages: Stages of the client's model, in journey order; code -1 means unmapped.
        sources: Names by code.
        stage_of: Stage code of each touchpoint, its most frequent one.
        timing: ``pre_purchase``, ``purchase`` or ``post_purchase`` for each touchpoint.
        good: Touchpoint codes that are the outcome (purchases or the conversion).
        bad: Touchpoint codes that end it (cancellations).
        aside: Touchpoint codes that measure or undo the outcome instead of leading to it (surveys,
            refunds).
        customers: Number of customers; codes run from 0.
        start: First microsecond of the period.
        end: First microsecond after the period.
        cut: ``"none"``, ``"gap"`` or ``"outcome"``.
        gap: Microseconds without an event after which a journey ends (``cut: gap``).
        outcome: ``"repeat_purchase"``, ``"retention"``, ``"conversion"`` or ``"none"``.
        follow: Microseconds for which the outcome is followed after an event.
    """

    touchpoints: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    stage_of: tuple[int, ...] = ()
    timing: tuple[str, ...] = ()
    good: tuple[int, ...] = ()
    bad: tuple[int, ...] = ()
    aside: tuple[int, ...] = ()
    customers: int = 0
    start: int = 0
    end: int = 0
    cut: str = "none"
    gap: int = 30 * DAY
    outcome: str = "none"
    follow: int = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """Events of whole customers as arrays, sorted by customer, time, order and source row.

    All arrays have one entry an event; ``journey`` counts journeys within the partition.
    """

    codes: Codes
    customer: Integers
    time: Integers
    touchpoint: Integers
    channel: Integers
    stage: Integers
    source: Integers
    value: Floats
    sentiment: Floats
    journey: Integers

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def starts(self) -> Truths:
        """Whether each event is the first of its journey."""
        return first_of(self.journey)

    @property
    def is_good(self) -> Truths:
        """Whether each event is the outcome."""
        return np.isin(self.touchpoint, self.codes.good)

    @property
    def is_bad(self) -> Truths:
        """Whether each event ends the outcome."""
        return np.isin(self.touchpoint, self.codes.bad)


@dataclass(frozen=True, slots=True)
class Part:
    """One partition that has not been read yet; without a path it holds no event."""

    path: Path | None
    codes: Codes

    def load(self) -> Partition:
        """Read the partition's events of the period."""
        arrays = _read_arrays(self.path) if self.path is not None else _NO_EVENTS
        inside = (arrays["time"] >= self.codes.start) & (arrays["time"] < self.codes.end)
        kept = {name: array[inside] for name, array in arrays.items()}
        whole = {name: kept[name].astype(np.int64) for name in _WHOLE}
        journey = cut_journeys(whole["customer"], whole["time"], whole["touchpoint"], self.codes)
        return Partition(
            codes=self.codes, value=kept["value"], sentiment=kept["sentiment"], journey=journey,
            **whole,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Log:
    """A client's event log.

    Attributes:
        folder: Where its partitions lie; may be empty.
        codes: What its integers stand for.
    """

    folder: Path
    codes: Codes

    @property
    def parts(self) -> list[Part]:
        """The partitions, unread, in order of customer."""
        files = sorted(self.folder.glob("part-*.parquet")) if self.folder.is_dir() else []
        return [Part(path, self.codes) for path in files]

    @property
    def readable(self) -> list[Part]:
        """The partitions, or one without events, so that every summary has its columns."""
        return self.parts or [Part(None, self.codes)]

    @property
    def customers(self) -> pd.DataFrame:
        """One row per customer: ``customer`` (code) and ``pseudonym``."""
        import pandas as pd

        path = self.folder / CUSTOMERS
        if not path.exists():
            return pd.DataFrame(
                {"customer": np.array([], np.int64), "pseudonym": pd.Series(dtype="str")}
            )
        return pd.read_parquet(path)

    def __len__(self) -> int:
        import pyarrow.parquet as pq

        return sum(pq.read_metadata(part.path).num_rows for part in self.parts if part.path)

    def events(self, *, limit: int = 1000) -> pd.DataFrame:
        """Show events as a frame of names, up to a limit.

        Args:
            limit: Most events to give.

        Returns:
            Columns ``customer_id`` (a pseudonym), ``timestamp``, ``touchpoint``, ``channel``,
            ``stage``, ``source``, ``value``, ``sentiment``, ``journey_id``, ``position``.
        """
        import pandas as pd

        frames: list[pd.DataFrame] = []
        rows = journeys = 0
        people = self.customers.set_index("customer")["pseudonym"]
        names = people.reindex(range(int(people.index.max()) + 1 if len(people) else 0)).tolist()
        for part in self.readable:
            partition = part.load()
            frames.append(_named(partition, names, limit - rows, journeys))
            rows += len(frames[-1])
            journeys += len(np.unique(partition.journey))
            if rows >= limit:
                break
        return pd.concat(frames, ignore_index=True)

    def partitions(self) -> Iterator[Partition]:
        """Read one partition after the other."""
        return (part.load() for part in self.parts)

    def save_codes(self) -> None:
        """Write what the integers stand for beside the partitions."""
        text = json.dumps(asdict(self.codes), ensure_ascii=False, indent=1)
        (self.folder / CODES).write_text(text, encoding="utf-8")


def open_log(folder: Path) -> Log:
    """Open a log that was built before; an absent one is an empty log.

    Args:
        folder: Folder of the partitions.
    """
    path = folder / CODES
    if not path.exists():
        return Log(folder, Codes())
    stored = json.loads(path.read_text(encoding="utf-8"))
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()
    }
    return Log(folder, Codes(**fields))


def first_of(groups: Integers) -> Truths:
    """Tell for each entry of a sorted array whether it opens a new group."""
    first = np.ones(len(groups), dtype=bool)
    first[1:] = groups[1:] != groups[:-1]
    return first


def last_of(groups: Integers) -> Truths:
    """Tell for each entry of a sorted array whether it closes its group."""
    last = np.ones(len(groups), dtype=bool)
    last[:-1] = groups[1:] != groups[:-1]
    return last


def cut_journeys(
    customer: Integers, time: Integers, touchpoint: Integers, codes: Codes
) -> Integers:
    """Number the journeys of sorted events.

    Args:
        customer: Customer code of each event.
        time: Microseconds of each event.
        touchpoint: Touchpoint code of each event.
        codes: Says where a journey ends: with its customer, after a gap, or after an outcome.

    Returns:
        Journey number of each event, from 0.
    """
    starts = first_of(customer)
    if len(customer) > 1:
        if codes.cut == "gap":
            starts[1:] |= np.diff(time) > codes.gap
        elif codes.cut == "outcome":
            starts[1:] |= np.isin(touchpoint[:-1], codes.good)
    return np.cumsum(starts) - 1


def position_in(groups: Integers) -> Integers:
    """Number the entries of each group of a sorted array, from 0."""
    starts = np.flatnonzero(first_of(groups))
    lengths = np.diff(np.append(starts, len(groups)))
    return np.arange(len(groups)) - np.repeat(starts, lengths)


def decode(names: Sequence[str], codes: Integers) -> pd.Series[str]:
    """Give the name of each code; -1 is the last name, as in ``[*stages, "unmapped"]``."""
    import pandas as pd

    return pd.Series(np.array(names, dtype=object)[codes], dtype="str")


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}


def _named(partition: Partition, names: Sequence[str], limit: int, journeys: int) -> pd.DataFrame:
    """Show a partition's first events; its journeys are numbered after those before it."""
    import pandas as pd

    codes, shown = partition.codes, slice(limit)
    return pd.DataFrame(
        {
            "customer_id": decode(names, partition.customer[shown]),
            "timestamp": pd.to_datetime(partition.time[shown], unit="us", utc=True),
            "touchpoint": decode(codes.touchpoints, partition.touchpoint[shown]),
            "channel": decode(codes.channels, partition.channel[shown]),
            "stage": decode([*codes.stages, "unmapped"], partition.stage[shown]),
            "source": decode(codes.sources, partition.source[shown]),
            "value": partition.value[shown],
            "sentiment": partition.sentiment[shown],
            "journey_id": partition.journey[shown] + journeys,
            "position": position_in(partition.journey)[shown],
        }
    )
