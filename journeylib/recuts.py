"""A log looked at in another way: fewer customers, other days, other stages, other journeys.

The events stand in memory once, and every view filters them; nothing is written. Not for choosing
the views; `robustness` does that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from journeylib.log import Partition, cut_journeys
from journeylib.stages import assign_stages, stage_timings

if TYPE_CHECKING:
    from journeylib.log import Codes, Integers, Log, Truths

ARRAYS = ("customer", "time", "touchpoint", "channel", "stage", "source", "value", "sentiment")


@dataclass(frozen=True, slots=True)
class HeldPart:
    """One partition in memory; shaped like ``log.Part``.

    Attributes:
        whole: Every event that is held, of whole customers.
        codes: What its integers stand for, and the period.
        kept: Which events count, or None for all.
    """

    whole: Partition
    codes: Codes
    kept: Truths | None = None

    def load(self) -> Partition:
        """Give the events of the period, with journeys and stages cut anew."""
        held, codes = self.whole, self.codes
        inside = (held.time >= codes.start) & (held.time < codes.end)
        if self.kept is not None:
            inside &= self.kept
        arrays = {name: getattr(held, name)[inside] for name in ARRAYS}
        if codes.stage_of != held.codes.stage_of or codes.stages != held.codes.stages:
            stage_of = np.array(codes.stage_of, dtype=np.int64)
            arrays["stage"] = stage_of[arrays["touchpoint"]]
        journey = cut_journeys(arrays["customer"], arrays["time"], arrays["touchpoint"], codes)
        return Partition(codes=codes, journey=journey, **arrays)


@dataclass(frozen=True, slots=True)
class HeldLog:
    """A log in memory; gives analyses what ``log.Log`` gives them.

    Attributes:
        whole: Every event.
        codes: What the integers stand for, and the period.
        kept: Which events count, or None for all.
        left: How many customers the log has and how many are held.
    """

    whole: Partition
    codes: Codes
    kept: Truths | None = None
    left: tuple[int, int] = (0, 0)

    @property
    def readable(self) -> list[HeldPart]:
        """One partition with everything."""
        return [HeldPart(self.whole, self.codes, self.kept)]

    @property
    def parts(self) -> list[HeldPart]:
        """As ``readable``."""
        return self.readable

    def recode(self, **fields: object) -> HeldLog:
        """Give the same events under other codes, such as another period or follow-up."""
        return replace(self, codes=replace(self.codes, **fields))  # type: ignore[arg-type]

    def keep(self, events: Truths) -> HeldLog:
        """Give only some of the events."""
        return replace(self, kept=events if self.kept is None else self.kept & events)

    def restage(self, model: str, order: tuple[str, ...]) -> HeldLog:
        """Place the touchpoints by the common meaning of their names in another stage model.

        A name that means nothing keeps its timing: it goes to the first stage of the same one.
        """
        codes = self.codes
        placed = assign_stages(codes.touchpoints, model=model, order=order, rules={})
        usual = stage_timings(model, order, purchase=())
        first = {usual[stage]: stage for stage in reversed(order)}
        stages = [
            placed[name][0] if placed[name][1] or own < 0 else first.get(timed, placed[name][0])
            for name, own, timed in zip(
                codes.touchpoints, codes.stage_of, codes.timing, strict=True
            )
        ]
        timing = stage_timings(model, order, purchase=sorted({stages[code] for code in codes.good}))
        return self.recode(
            stages=order,
            stage_of=tuple(order.index(one) if one in order else -1 for one in stages),
            timing=tuple(timing.get(one, "pre_purchase") for one in stages),
        )


def hold_log(log: Log, *, most: int, seed: int) -> HeldLog:
    """Read a log into memory, or a random sample of its customers.

    Args:
        log: The event log.
        most: Most customers to hold.
        seed: Seed of the sample.

    Returns:
        The log in memory; its ``codes`` are those of the log.
    """
    people = max(log.codes.customers, 1)
    chosen = np.ones(people, dtype=bool)
    if people > most:
        chosen = np.zeros(people, dtype=bool)
        chosen[np.random.default_rng(seed).choice(people, most, replace=False)] = True
    parts = []
    for part in log.readable:
        one = part.load()
        own = chosen[one.customer]
        parts.append({name: getattr(one, name)[own] for name in ARRAYS})
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in ARRAYS}
    nothing: Integers = np.zeros(len(arrays["time"]), dtype=np.int64)
    whole = Partition(codes=log.codes, journey=nothing, **arrays)
    return HeldLog(whole, log.codes, left=(people, int(chosen.sum())))
