"""How feelings were told and what the team believed, from a client's workspace in one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from journeylib.agreement import CONTRADICTED, EVERYTHING, Measured, score_beliefs
from journeylib.beliefs import plain_name, read_beliefs
from journeylib.emotion import score_lines, score_touchpoints
from journeylib.engine import summarise
from journeylib.exhibits import Exhibit, show_notice, show_table
from journeylib.exposures import summarise_reach
from journeylib.glossary import NO_BELIEFS
from journeylib.log import DAY
from journeylib.pains import compare_touchpoints, rank_pains
from journeylib.rows import SCALES
from journeylib.stages import UNMAPPED
from journeylib.strains import measure_strains
from journeylib.tables import complete_result
from journeylib.tones import WORDS, Toned, add_tones

if TYPE_CHECKING:
    from journeylib.collect import Collected
    from journeylib.inputs import Source
    from journeylib.workspace import Workspace

SCALE_COLUMNS = ("source", "told", "scale", "mapping", "answers", "customers")
WORTH_TELLING = 0.01
UNCHECKED = f"{WORDS}, unchecked"


def tone_voices(work: Workspace, collected: Collected) -> Toned:
    """Give what customers said a tone, and say how old it is at the end of the period.

    Returns:
        The voices with the columns of `tones` and ``age_days``, and the checks of their words.
    """
    params = work.params
    toned = add_tones(collected.voices, seed=params.seed, confidence=params.confidence)
    at = pd.to_datetime(toned.voices["timestamp"], utc=True)
    end = pd.Timestamp(collected.built.log.codes.end, unit="us", tz="UTC")
    age = (end - at).dt.total_seconds() * 1_000_000 / DAY
    return Toned(toned.voices.assign(age_days=age.astype("float64")), toned.checks)


def describe_scales(work: Workspace) -> pd.DataFrame:
    """Say on which scale each source told a feeling, and how it became −1 to 1.

    Returns:
        One row per source and way of telling: ``source, told, scale, mapping, answers,
        customers``. What enters no mean says so: unchecked words, and words without a tone.
    """
    voices = work.recall("voices")
    sources = {source.name: source for source in work.params.sources}
    rows: list[tuple[object, ...]] = []
    if len(voices):
        unread = voices["told"].isna() & voices["tone"].notna()
        silent = voices["told"].isna() & (voices["untold"] != "")
        told = voices["told"].mask(unread, UNCHECKED).mask(silent, voices["untold"])
        for (name, how), own in voices.groupby(["source", told], sort=True):
            scale, mapping = _mapping(sources[str(name)], str(how))
            rows.append((name, how, scale, mapping, len(own), own["customer"].nunique()))
    table = pd.DataFrame(rows, columns=list(SCALE_COLUMNS))
    # An answer without a customer is a voice of its own; it identifies nobody.
    table["customers"] = table["customers"].where(table["customers"] > 0).astype("Float64")
    return work.protect("scales", table)


def _mapping(source: Source, told: str) -> tuple[str, str]:
    """Name a scale and the line that takes it to −1 to 1."""
    if told == WORDS:
        return "words beside no rating", "rating expected from the words, as far as they tell it"
    if told == UNCHECKED:
        return "English words, −1 to 1 by the lexicon", "none: a line of its own, in no mean"
    if told not in {"rating", "mark", "score", *SCALES}:
        return f"words, {told}", "none: left without a tone"
    if source.scale is None and told == "rating":
        return "not declared", "1 to 5 where every rating fits it, else −1 to 1 as it is"
    low, high, best = _scale(source, told)
    middle, half = (low + high) / 2, (high - low) / 2
    if (middle, half, best) == (0, 1, "high"):
        return "−1 to 1", "as it is"
    way = f"({middle:g} − score)" if best == "low" else f"(score − {middle:g})"
    return f"{low:g} to {high:g}, {best} is good", f"{way} / {half:g}"


def _scale(source: Source, told: str) -> tuple[float, float, str]:
    """Give the ends of a scale as `rows` reads it, and which of them is good."""
    if source.scale is not None:
        return source.scale.low, source.scale.high, source.scale.best
    if told not in SCALES:
        return -1.0, 1.0, "high"
    low, high = SCALES.get(str(source.constants.get("metric", "")).lower(), (0.0, 10.0))
    return low, high, "high"


def describe_lines(work: Workspace) -> pd.DataFrame:
    """Average each stage by how its feeling was told, and by what behaviour says of it.

    Returns:
        Columns ``stage, told, value, low, high, n, unit, source``, in journey order. Behaviour is
        the strain of the stage's most strained touchpoint, which ``told`` names, where it concerns
        one customer in a hundred or more: it runs from 0 to -1 and enters no mean.
    """
    confidence = work.params.confidence
    lines = score_lines(work.recall("voices"), work.recall("placed"), confidence=confidence)
    strains = measure_strains(work.log, confidence=confidence)
    enough = (strains["n"] >= work.params.pains.min_customers) & (
        strains["value"] <= -WORTH_TELLING
    )
    worst = strains[enough].drop_duplicates(["stage", "signal"])
    named = worst["signal"] + " (" + worst["touchpoint"].astype("str") + ")"
    parts = [lines, worst.assign(told="behaviour: " + named).drop(columns=["touchpoint", "signal"])]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    order = {stage: at for at, stage in enumerate(work.log.codes.stages)}
    table = table.assign(place=table["stage"].map(order)).sort_values(
        ["place", "told"], kind="stable", ignore_index=True
    )
    return work.protect("lines", table.dropna(subset=["place"]).drop(columns="place"))


def _met(work: Workspace) -> pd.DataFrame:
    """Count the customers of every touchpoint, those that customers only spoke of as well."""
    codes = work.log.codes
    aside = {codes.touchpoints[at] for at in codes.aside}  # surveys measure the journey
    reach = summarise(summarise_reach, work.log.readable)
    visitors = [] if reach is None else reach.visitors.tolist()
    stages = [*codes.stages, UNMAPPED]
    met = pd.DataFrame(
        {
            "touchpoint": pd.Series(codes.touchpoints, dtype="object"),
            "stage": [stages[at] for at in codes.stage_of],
            "customers": pd.Series(visitors, dtype="float64"),
        }
    )
    met = met[~met["touchpoint"].isin(aside)]
    voices = work.recall("voices")
    if voices.empty:
        return met
    spoken = voices.groupby("touchpoint", sort=True)["customer"].nunique().rename("customers")
    only = spoken[~spoken.index.isin({*met["touchpoint"], *aside})].reset_index()
    return pd.concat([met, only.assign(stage=UNMAPPED)], ignore_index=True)


def show_beliefs(beliefs: pd.DataFrame) -> Exhibit:
    """Show how far the team's map agrees with the data, and where the data says otherwise.

    Args:
        beliefs: The result table ``beliefs``.
    """
    if beliefs.empty:
        return show_notice(NO_BELIEFS)
    whole = beliefs["touchpoint"] == EVERYTHING
    other = beliefs["verdict"].isin(CONTRADICTED)
    tables = [
        show_table(
            beliefs[whole],
            caption="Agreement of the workshop map with the data",
            columns="agreements",
            absent="Too little of the map could be held against the data.",
        ),
        show_table(
            beliefs[other],
            caption="Where the data says otherwise",
            columns="beliefs",
            rows=40,
            absent="Nothing that was believed is contradicted.",
        ),
    ]
    return Exhibit("".join(table.html for table in tables))


def compare_beliefs(work: Workspace, feelings: pd.DataFrame) -> pd.DataFrame:
    """Score the workshop map of the client file against the data.

    Args:
        work: The workspace, after notebook 02.
        feelings: From ``emotion.score_stages``.

    Returns:
        The result table ``beliefs``; empty where the client file names no workshop map. Pains are
        those that notebook 04 finds, by the same rules.

    Raises:
        ParamsError: The workshop map cannot be read, or something in it is wrong.
    """
    beliefs = read_beliefs(work.params)
    if beliefs is None:
        return complete_result("beliefs", pd.DataFrame())
    params, voices = work.params, work.recall("voices")
    rules, confidence = params.pains, params.confidence
    compared = compare_touchpoints(
        work.log, voices, min_customers=rules.min_customers, exclude=rules.exclude,
        confidence=confidence,
    )  # fmt: skip
    measured = Measured(
        touchpoints=_met(work),
        feelings=score_touchpoints(voices, confidence=confidence),
        stages=feelings[feelings["persona"] == "all"],
        pains=rank_pains(compared, fdr=rules.fdr),
        compared=compared,
    )
    table = score_beliefs(
        beliefs.touchpoints, beliefs.stages, measured, same=plain_name,
        min_customers=rules.min_customers, confidence=confidence,
    )  # fmt: skip
    return work.protect("beliefs", table)
