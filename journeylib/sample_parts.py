"""Parts the invented clients share: clocks, roads, mess, words, truth. Not for real data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

DAY = 86_400
_HOURS = np.arange(7, 23)
_HOUR_WEIGHTS = np.array([2, 3, 4, 4, 4, 6, 7, 5, 4, 4, 5, 6, 8, 9, 8, 5], dtype=float)


class Road:
    """Many customers walking at once, one clock each; what they meet is written down.

    Attributes:
        clock: UTC seconds, one per episode; `meet` and `pause` move it, `note` does not.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        who: NDArray[Any],
        start: NDArray[Any],
        channel: NDArray[Any] | str,
    ) -> None:
        self._rng = rng
        self._who = np.asarray(who)
        self._channel = np.broadcast_to(np.asarray(channel, dtype=object), self._who.shape)
        self._notes: list[pd.DataFrame] = []
        self.clock = np.asarray(start, dtype=np.int64).copy()

    def meet(
        self,
        touchpoint: str,
        *,
        share: NDArray[Any] | float = 1.0,
        minutes: NDArray[Any] | float = 3.0,
        channel: str = "",
    ) -> NDArray[np.bool_]:
        """Let a share of the episodes meet a touchpoint, some minutes after the last one.

        Args:
            touchpoint: Its name.
            share: Chance of meeting it, 0 to 1, one for all or one per episode.
            minutes: Median minutes since the clock last moved.
            channel: Where; empty for the channel of the episode.

        Returns:
            Which episodes met it.
        """
        met = np.asarray(self._rng.random(self.clock.size) < share)
        wait = self._rng.lognormal(np.log(60.0 * np.asarray(minutes)), 0.6, met.size)
        self.clock = np.where(met, self.clock + np.clip(wait, 5, None).astype(np.int64), self.clock)
        self.note(touchpoint, at=self.clock, mask=met, channel=channel)
        return met

    def pause(self, days: NDArray[Any] | float, *, mask: NDArray[np.bool_]) -> None:
        """Move the clocks by whole days and about an hour, so that nights stay quiet."""
        drift = self._rng.normal(0, 3600, mask.size)
        whole = np.round(np.broadcast_to(days, mask.shape)) * DAY
        self.clock = np.where(
            mask, self.clock + (whole + np.abs(drift)).astype(np.int64), self.clock
        )

    def note(
        self, touchpoint: str, *, at: NDArray[Any], mask: NDArray[np.bool_], channel: str = ""
    ) -> None:
        """Write down an event at a given UTC second, where the mask is true."""
        where = np.full(int(mask.sum()), channel, dtype=object) if channel else self._channel[mask]
        self._notes.append(
            pd.DataFrame(
                {
                    "episode": np.flatnonzero(mask),
                    "who": self._who[mask],
                    "time": np.asarray(at, dtype=np.int64)[mask],
                    "touchpoint": touchpoint,
                    "channel": where,
                }
            )
        )

    def log(self, *, until: int) -> pd.DataFrame:
        """Give all events before a UTC second: episode, who, time, touchpoint, channel; by time."""
        events = pd.concat(self._notes, ignore_index=True)
        events = events[events["time"] < until]
        return events.sort_values("time", kind="stable", ignore_index=True)


def make_generator(seed: int, client: str) -> np.random.Generator:
    """Start the random numbers of one client; clients do not share a stream."""
    return np.random.default_rng([seed, *client.encode()])


def seconds(day: str) -> int:
    """Give the UTC second at which a day starts.

    Example:
        >>> seconds("1970-01-02")
        86400
    """
    return int(pd.Timestamp(day, tz="UTC").timestamp())


def draw_starts(rng: np.random.Generator, days: NDArray[Any]) -> NDArray[np.int64]:
    """Put waking hours on days (UTC seconds of midnight) and give UTC seconds."""
    hour = rng.choice(_HOURS, days.size, p=_HOUR_WEIGHTS / _HOUR_WEIGHTS.sum())
    return np.asarray(days + hour * 3600 + rng.integers(0, 3600, days.size), dtype=np.int64)


def local_times(times: NDArray[Any] | pd.Series, zone: str) -> pd.DatetimeIndex:
    """Turn UTC seconds into naive local times, as most exports write them."""
    moments = pd.DatetimeIndex(np.asarray(times, dtype="datetime64[s]")).tz_localize("UTC")
    return moments.tz_convert(ZoneInfo(zone)).tz_localize(None)


def write_stamps(times: NDArray[Any] | pd.Series, zone: str, pattern: str) -> NDArray[Any]:
    """Write UTC seconds as local text in a strptime pattern."""
    return np.asarray(local_times(times, zone).strftime(pattern), dtype=object)


def draw_numbers(
    rng: np.random.Generator, count: int, *, digits: int, prefix: str = ""
) -> NDArray[Any]:
    """Draw distinct, ascending customer numbers that keep at least one leading zero."""
    numbers = np.sort(rng.choice(10 ** (digits - 1) - 1000, count, replace=False) + 1000)
    return np.array([f"{prefix}{number:0{digits}d}" for number in numbers], dtype=object)


def by_text(mask: NDArray[Any] | pd.Series, yes: Any, no: Any) -> NDArray[Any]:
    """Choose text by a mask, as objects (NumPy would cut it to a fixed width)."""
    return np.where(np.asarray(mask), np.asarray(yes, dtype=object), np.asarray(no, dtype=object))


def draw_choice(rng: np.random.Generator, table: Mapping[str, float], count: int) -> NDArray[Any]:
    """Draw words by weight."""
    weights = np.array(list(table.values()), dtype=float)
    return np.array(list(table), dtype=object)[
        rng.choice(len(weights), count, p=weights / weights.sum())
    ]


def repeat_some(rng: np.random.Generator, rows: pd.DataFrame, share: float) -> pd.DataFrame:
    """Write a share of the rows twice, the copy right behind the row, as double exports do."""
    times = np.where(rng.random(len(rows)) < share, 2, 1)
    return rows.loc[rows.index.repeat(times)].reset_index(drop=True)


def blank_some(
    rng: np.random.Generator, words: NDArray[Any] | pd.Series, *, share: float, mark: str = ""
) -> NDArray[Any]:
    """Replace a share of the words by a mark that means missing."""
    return by_text(rng.random(len(words)) < share, mark, words)


def pad_some(
    rng: np.random.Generator, words: NDArray[Any] | pd.Series, share: float = 0.02
) -> NDArray[Any]:
    """Put a space before or behind a share of the words."""
    dice = rng.random(len(words))
    kept = np.asarray(words, dtype=object)
    kept = by_text(dice < share / 2, kept + " ", kept)
    return by_text(dice > 1 - share / 2, " " + kept, kept)


def draw_comments(
    rng: np.random.Generator,
    words: Mapping[str, Sequence[str]],
    *,
    topics: NDArray[Any],
    share: float,
) -> NDArray[Any]:
    """Write one or two sentences on each row's topic; the other rows stay empty.

    Args:
        rng: Random numbers.
        words: Sentences by topic; a topic may be prefixed by a language.
        topics: One topic per row.
        share: Share of rows that hold a comment.

    Returns:
        Texts, empty where there is none.
    """
    texts = np.full(topics.size, "", dtype=object)
    for topic in sorted(set(topics)):
        rows = np.flatnonzero((topics == topic) & (rng.random(topics.size) < share))
        pool = np.array(words[topic], dtype=object)
        first = rng.integers(0, pool.size, rows.size)
        second = (first + rng.integers(1, pool.size, rows.size)) % pool.size
        more = rng.random(rows.size) < 0.4
        texts[rows] = by_text(more, pool[first] + " " + pool[second], pool[first])
    return texts


def plant_contacts(
    rng: np.random.Generator, texts: NDArray[Any], contacts: Sequence[str], *, ask: str
) -> NDArray[Any]:
    """Write invented contact details into as many comments, for redaction to find."""
    texts = texts.copy()
    written = np.flatnonzero(texts != "")
    for row, contact in zip(
        rng.choice(written, len(contacts), replace=False), contacts, strict=True
    ):
        texts[row] = f"{texts[row]} {ask.format(contact)}"
    return texts


def draw_scores(rng: np.random.Generator, mood: NDArray[Any]) -> NDArray[np.int64]:
    """Answer 0 to 10 from a mood of about -1 to 1."""
    return np.clip(np.round(7.4 + 2.9 * mood + rng.normal(0, 1.6, mood.size)), 0, 10).astype(int)


def draw_stars(rng: np.random.Generator, mood: NDArray[Any]) -> NDArray[np.int64]:
    """Answer 1 to 5 from a mood of about -1 to 1."""
    return np.clip(np.round(3.4 + 1.3 * mood + rng.normal(0, 0.8, mood.size)), 1, 5).astype(int)


def share_of(flags: Any) -> float:
    """Give the share of true flags, rounded as truth files hold it; 0 of none is 0."""
    flags = np.asarray(flags, dtype=float)
    return round(float(flags.mean()), 4) if flags.size else 0.0


def people_of(
    personas: Sequence[str], labels: NDArray[Any] | pd.Series, ids: NDArray[Any]
) -> dict[str, Any]:
    """List who belongs to which planted persona."""
    return {
        name: {"customers": int((labels == number).sum()), "ids": ids[labels == number].tolist()}
        for number, name in enumerate(personas)
    }
