"""What each notebook takes for granted, said from the data, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from journeylib.log import DAY
from journeylib.steps import assume
from journeylib.valuing import assume_worth

if TYPE_CHECKING:
    from journeylib.collect import Collected
    from journeylib.estimates import Estimate
    from journeylib.grouping import Cut
    from journeylib.landmarks import Landmarked
    from journeylib.personas import Personas
    from journeylib.settings import CalendarEntry
    from journeylib.valuing import Valued
    from journeylib.workspace import Workspace

FEWEST_USUAL = 10
CHAPTERS = {
    "01": "1 · Data", "02": "2 · Personas", "03": "3 · Road", "04": "4 · Pains",
    "05": "5 · Changes", "06": "Report",
}  # fmt: skip


WITH_CARE = "Read the figure with that in mind."


def assume_collection(work: Workspace, collected: Collected) -> pd.DataFrame:
    """Note what reading the data took for granted."""
    params = work.params
    rows = [
        (
            "time_zone",
            f"Times without a zone are local time of {params.timezone}.",
            "pass",
            "In another zone, hours and the edges of days would shift.",
        ),
        (
            "identity",
            f"Records are one customer where they share {', '.join(params.identity.match_on)}.",
            "pass",
            "Customers who use several accounts count as several.",
        ),
    ]
    rows.append(_small_groups(params.report.min_cell))
    conflicts = collected.resolution.facts.conflicts
    if conflicts:
        text = (
            f"{conflicts:,} keys were shared by too many records or by two records of one system."
        )
        rows.append(("shared_keys", text, "warn", "Those records were left apart."))
    rows += [
        ("outage", f"{one.name}, {_days(one)}.", "warn", "Figures that span it miss what happened.")
        for one in params.calendar
        if one.kind == "outage"
    ]
    placed = collected.built.placed
    guessed = placed[placed["how"] == "name"]
    if len(guessed):
        names = ", ".join(guessed.sort_values("events", ascending=False)["touchpoint"].head(6))
        text = f"{len(guessed)} touchpoint(s) got a stage by the meaning of their name: {names}."
        then = "Rules in the client file replace this."
        rows.append(("stages_by_name", text, "pass" if len(guessed) < 3 else "warn", then))
    return assume(work, "01", *rows)


def _small_groups(fewest: int) -> tuple[str, str, str, str]:
    """Say what is withheld, and how a reader sees it."""
    if fewest <= 1:
        text = "Groups are shown however small they are (report: min_cell: 1)."
        return "small_groups", text, "warn", "Counts may tell of single persons; do not pass it on."
    text = (
        f"Groups of fewer than {fewest} customers are withheld with all their figures, and so is "
        "the next smallest where a total would tell them."
    )
    then = "Pages say “withheld” or show a dash, files leave the cell empty."
    return "small_groups", text, "pass" if fewest >= FEWEST_USUAL else "warn", then


def _days(entry: CalendarEntry) -> str:
    first, last = f"{entry.start:%-d %B %Y}", entry.end
    return f"{first} to {last:%-d %B %Y}" if last and last != entry.start else first


def assume_personas(
    work: Workspace,
    cut: Cut,
    personas: Personas,
    gain: Estimate | None,
    valued: Valued | None = None,
) -> pd.DataFrame:
    """Note how far the personas carry and, where it was told, the worth of customers."""
    rows = []
    if personas.reason:
        rows.append(
            (
                "personas",
                f"No personas: {personas.reason}",
                "warn",
                "All results speak of all customers.",
            )
        )
    else:
        natural = personas.table["verdict"].iloc[0] == "natural"
        text = "The groups stand apart in the data." if natural else (
            "The groups are slices of a continuum; their edges are a choice."
        )  # fmt: skip
        rows.append(
            (
                "personas",
                text,
                "pass",
                "" if natural else "Customers near an edge could be in either group.",
            )
        )
    rows.append(_window(work, cut, personas))
    if not personas.reason:
        rows.append(_usefulness(gain))
    rows += assume_worth(valued) if valued is not None else []
    return assume(work, "02", *rows)


def _window(work: Workspace, cut: Cut, personas: Personas) -> tuple[str, str, str, str]:
    """Say where the time of the features ends, and who came after."""
    window = cut.followed.window
    if window is None:
        text = f"Personas and outcomes come from the same period: {cut.reason}."
        then = "Differences in outcome between personas describe; they do not predict."
        return "window", text, "warn", then
    day = pd.Timestamp(window.cut, unit="us", tz="UTC").tz_convert(work.params.timezone)
    text = (
        f"Personas rest on what customers did before {day:%-d %B %Y}; outcomes are counted in the "
        f"{window.days} days from then on."
    )
    people = personas.assignments
    later = int((people["basis"] == "joined").sum()) if "basis" in people else 0
    then = f"{later:,} customers who came later joined the nearest persona." if later else ""
    return "window", text, "pass", then


def _usefulness(gain: Estimate | None) -> tuple[str, str, str, str]:
    """Say whether knowing the persona helps to foretell the outcome."""
    if gain is None:
        text = "Whether personas help to foretell the outcome could not be tested."
        return "usefulness", text, "warn", "Nothing says that acting on them pays."
    told = f"{gain.value:.3f} bits a customer ({gain.low:.3f} to {gain.high:.3f})"
    told = told.replace("-", "−")
    if gain.low > 0:
        text = f"Knowing the persona helps to foretell the outcome of customers not seen: {told}."
        return "usefulness", text, "pass", ""
    text = f"Knowing the persona does not help to foretell the outcome: {told}."
    return "usefulness", text, "warn", "Use the personas to describe customers, not to choose them."


def assume_stages(work: Workspace, customers: pd.DataFrame, *, silence: int = 0) -> pd.DataFrame:
    """Note where journeys are cut, when customers count as gone, and how many are still open.

    Args:
        work: The workspace.
        customers: One row per customer with events.
        silence: Microseconds of silence after which a customer counts as gone; 0 for never.
    """
    codes = work.log.codes
    ends = {
        "none": "A journey is all that a customer does in the period.",
        "gap": f"A journey ends after {codes.gap / DAY:.0f} days without an event.",
        "outcome": "A journey ends with the outcome.",
    }
    rows = [("journeys", ends[codes.cut], "pass", "Another cut gives other paths and returns.")]
    if len(customers):
        text = f"A customer counts as gone after {silence / DAY:.0f} days without an event."
        if not silence:
            text = "A customer counts as gone when they cancel, however silent they are."
        then = "Who comes back later has left all the same; outcome: inactive_days sets it."
        rows.append(("silence", text, "pass", then if silence else ""))
        recent = float((customers["last"] >= codes.end - 30 * DAY).mean())
        status = "warn" if recent > 0.25 else "pass"
        text = f"{recent:.0%} of the customers were seen in the last thirty days."
        rows.append(("open_journeys", text, status, "Late stages look emptier than they will be."))
    else:
        rows.append(
            (
                "no_events",
                "No source holds dated events or orders.",
                "warn",
                "There is no road to draw.",
            )
        )
    return assume(work, "03", *rows)


def assume_pains(
    work: Workspace, compared: pd.DataFrame, landmarked: Landmarked, associated: pd.DataFrame
) -> pd.DataFrame:
    """Note how many comparisons were made, what was adjusted for, and how outcomes are followed."""
    codes = work.log.codes
    rows = [
        (
            "family",
            f"{len(compared):,} comparisons were made; p-values are adjusted for all of them "
            f"(false discovery rate {work.params.pains.fdr:.0%}).",
            "pass",
            "About that share of the pain points listed may be chance.",
        ),
        _adjusted(associated),
    ]
    if landmarked.drawn:
        rows.append(("sample", landmarked.drawn, "pass", "Intervals are as wide as that makes."))
    told = associated[associated["warning"] != ""] if len(associated) else associated
    rows += [
        ("second_opinion", f"{row.touchpoint}, {row.kind}: {row.warning}", "warn", WITH_CARE)
        for row in told.head(3).itertuples()
    ]
    asked = work.params.outcome.within_days
    if 0 < codes.follow < asked * DAY:
        text = f"Outcomes are followed for {codes.follow / DAY:.0f} days, not {asked}: data ends."
        rows.append(("follow_up", text, "warn", "Customers who take longer count as lost."))
    if not codes.follow:
        text = "The client file names no outcome that the data holds."
        rows.append(("outcome", text, "warn", "Delays and repeats cannot be compared."))
    return assume(work, "04", *rows)


def _adjusted(associated: pd.DataFrame) -> tuple[str, str, str, str]:
    """Say how far customers were made comparable."""
    alike = associated[associated["verdict"] != "refused"] if len(associated) else associated
    then = "What is not in the data may lie behind a difference: an association is no effect."
    if alike.empty:
        text = "Groups are compared as they are, not as if they were alike."
        return "association", text, "warn", f"{then} Evidence is D."
    text = (
        f"{len(alike):,} of {len(associated):,} troubles were adjusted for how much customers had "
        "done, spent and waited before; the others are compared as they are."
    )
    return "association", text, "warn", then


def assume_impacts(
    work: Workspace, checks: pd.DataFrame, *further: tuple[str, str, str, str]
) -> pd.DataFrame:
    """Note which checks of the designs warned or failed.

    Args:
        work: The workspace.
        checks: The result table ``impact_checks``.
        further: What predictions, scenarios and comparisons take for granted, as `assume` takes it.
    """
    noted = checks[checks["status"] != "pass"] if len(checks) else checks
    rows = [
        (
            f"{row.check}",
            f"{row.intervention}: {row.message}",
            str(row.status),
            "The verdict is withheld." if row.status == "fail" else WITH_CARE,
        )
        for row in noted.itertuples()
    ]
    if not work.params.interventions:
        rows.append(
            ("interventions", "The client file names no change.", "pass", "Nothing was measured.")
        )
    return assume(work, "05", *rows, *further)


def list_caveats(work: Workspace, assumptions: pd.DataFrame) -> pd.DataFrame:
    """Gather what a reader should keep in mind: every warning and failure of every chapter.

    Returns:
        Columns ``chapter, statement, consequence``.
    """
    quality = work.read("quality")
    warned = quality[quality["status"] != "pass"]
    data = pd.DataFrame(
        [
            (CHAPTERS["01"], f"{row['source']}: {found}", then)
            for row in warned.to_dict("records")
            for found, then in [_parted(row["message"], row.get("consequence"))]
        ],
        columns=["chapter", "statement", "consequence"],
    )
    noted = assumptions[assumptions["status"].isin(["warn", "fail"])]
    others = noted.assign(chapter=noted["notebook"].map(CHAPTERS))
    return pd.concat([data, others[["chapter", "statement", "consequence"]]], ignore_index=True)


def _parted(message: str, consequence: object) -> tuple[str, str]:
    """Take a check's message apart into what was found and what follows."""
    then = consequence if isinstance(consequence, str) else ""
    found = message.removesuffix(then).rstrip()
    return found, then or "Results that rest on it carry the same doubt."
