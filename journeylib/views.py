"""Which columns of each table pages show, under which headings, and how they are written.

Not for writing a cell; `exhibits` does that.
"""

from __future__ import annotations

SHARES = frozenset(
    {
        "share", "to_next", "converted_share", "matched_share", "relative", "top3_probability",
        "difference", "wrong_side", "here", "elsewhere", "bad_share", "lost_share", "went_share",
        "loop_index", "sure", "with_it", "without", "top3", "top_probability", "relief",
        "usual_share", "episode_share", "predicted", "capacity", "rate", "next_probability",
        "churn_probability",
    }
)  # fmt: skip
WHOLE = frozenset(
    {"customers", "events", "reached", "count", "journeys", "repeats", "n", "rank", "k"}
)
# Counts of people that are always known: an empty one stands for too few of them.
PEOPLE = frozenset({"customers", "reached", "journeys", "mentions"})
WITHHOLDS = "withheld"
DATED = frozenset({"first", "last", "start"})
# Names that sources write as identifiers; pages show them as words, files keep them.
NAMED = frozenset(
    {"touchpoint", "channel", "pain", "stage", "from", "to", "better", "worse", "path", "state"}
)
# Whole sentences, which a narrow column would break after every word.
WORDY = frozenset({"suggestion", "quote_1", "why", "reference"})
CODED = frozenset({"metric", "kind", "check", "design", "timing"})
HEADERS = {
    "to_next": "Go on", "median_days": "Median days", "median_hours": "Median hours",
    "rows_read": "Rows read", "rows_used": "Rows used", "rows_dropped": "Left out",
    "reasons": "Why", "value_sum": "Money", "matched_share": "Also in other sources",
    "affected": "Rows", "message": "What was found and what follows",
    "converted_share": "With the outcome", "extra_days": "Days between",
    "p_adjusted": "p, adjusted", "told": "Told by", "support_why": "Why",
    "rated": "With a rating", "wrong_side": "Bad ratings that read as good",
    "stay": "Time in it", "measure": "Which is the", "open": "Still there",
    "days": "Half by day", "stands_for": "Like it", "went": "Went on",
    "lost_share": "Of those who left",
    "went_share": "Of those who went on", "loop_index": "Visits that are returns",
    "sure": "Right this often", "rule": "For the client file",
    "reader": "Read by", "labels": "Ratings", "bad_share": "Of them bad",
    "quote_1": "In their words", "quote_2": "And", "quote_3": "And", "words": "Words that tell it",
    "here": "There", "sentiment_n": "Rated by",
    "mapping": "How it becomes −1 to 1", "mix": "Sources",
    "with_it": "Outcome with it", "without": "Without",
    "naive": "Plain difference", "aipw": "Second opinion",
    "exposed": "Met by", "when": "Since when",
    "usual_share": "Usual share of customers", "episode_share": "Share then", "dated_p": "p",
    "top3_probability": "Among the three dearest",
    "worthwhile": "Worth having from", "payback": "Paid back after",
    "plan": "What else was planned", "plain": "After less before",
    "raw": "By itself", "money_source": "Counted by", "shape": "Trend before",
    "was": "Was", "now": "Is now", "assumed": "What would be different", "size": "By how much",
    "basis": "Rests on", "shared": "Rule of credit", "needed": "What would tell",
    "place": "Where", "rank_low": "Rank from", "rank_high": "To",
    "money": "Money a year", "lost_per_year": "Outcomes lost a year", "relief": "Spared",
    "expected": "Expected to leave", "top_probability": "Among the five highest",
    "tenths": "Tenths by risk", "predicted": "Expected", "capacity": "Most at risk",
    "found": "Of them gone", "held": "Of all who left", "came": "Came to pass",
    "rate": "Share gone", "what": "Measure", "moves": "Moves",
    "badly": "Went badly", "well": "Went well", "sign": "Told by", "asked": "Question",
    "top3": "Among the first three", "days_to_test": "Days to test", "per_group": "In each group",
    "per_day": "A day", "detectable": "Least found in 12 weeks", "bought": "Bought first",
    "base_rank": "Rank as analysed", "reach": "Customers a year", "about": "About",
    "n_treated": "n with", "n_control": "n without", "n": "n",
}  # fmt: skip
# Columns that the notebooks show of each table; "estimate" is value, interval and unit in one.
VIEWS: dict[str, tuple[str, ...]] = {
    "sources": (
        "source", "kind", "rows_read", "rows_used", "rows_dropped", "reasons", "first", "last",
    ),
    "identity": ("source", "records", "customers", "matched_share", "conflicts"),
    "quality": (
        "check", "source", "status", "affected", "message",
    ),
    "assumptions": ("statement", "status", "consequence"),
    "personas": (
        "name", "customers", "estimate", "verdict", "stability", "description",
    ),
    "metrics": (
        "metric", "segment", "estimate", "n", "target", "source",
    ),
    "touchpoints": (
        "touchpoint", "channel", "stage", "customers", "events", "estimate", "support",
        "support_why",
    ),
    "stages": (
        "stage", "persona", "reached", "share", "estimate", "median_days", "sentiment",
    ),
    "transitions": (
        "from", "to", "customers", "count", "estimate", "median_hours",
    ),
    "paths": (
        "path", "journeys", "estimate", "converted_share",
    ),
    "loops": (
        "touchpoint", "repeats", "customers", "estimate", "extra_days",
    ),
    "passages": ("stage", "end", "customers", "estimate", "days", "stay", "measure", "open"),
    "funnels": ("stage", "counted", "estimate", "n"),
    "flows": ("from", "to", "customers", "count", "estimate"),
    "ribbons": ("place", "from", "to", "customers", "count"),
    "places": ("place", "state", "customers", "count", "estimate"),
    "occupancy": ("days", "state", "estimate", "n"),
    "representatives": (
        "path", "journeys", "stands_for", "estimate", "converted_share",
    ),
    "rework": (
        "stage", "customers", "visits", "loop_index", "reworkers", "estimate",
    ),
    "consistency": (
        "touchpoint", "better", "worse", "customers", "estimate", "n", "p_adjusted", "verdict",
    ),
    "cells": (
        "stage", "channel", "customers", "estimate", "tone", "tone_n",
    ),
    "detours": (
        "stage", "touchpoint", "kind", "lost", "lost_share", "went", "went_share", "estimate",
        "p_adjusted",
    ),
    "deviations": (
        "kind", "stage", "customers", "journeys", "share", "with_it", "without", "estimate",
    ),
    "suggestions": (
        "touchpoint", "customers", "events", "share", "stage", "sure", "known", "rule",
    ),
    "cohorts": ("cohort", "age", "customers", "active", "estimate", "partial"),
    "tenure": ("months", "estimate", "n"),
    "stays": ("group", "customers", "ended", "estimate", "measure"),
    "divides": ("attribute", "groups", "customers", "chi_square", "freedom", "p_adjusted"),
    "tone": (
        "touchpoint", "channel", "stage", "customers", "estimate", "support",
    ),
    "scales": (
        "source", "told", "scale", "mapping", "answers", "customers",
    ),
    "tones": (
        "source", "language", "texts", "rated", "reader", "estimate", "n", "wrong_side", "verdict",
    ),
    "lines": (
        "stage", "told", "estimate", "n",
    ),
    "agreements": (
        "aspect", "believed", "estimate", "n", "source",
    ),
    "beliefs": (
        "aspect", "touchpoint", "stage", "believed", "measured", "verdict", "estimate", "hint",
    ),
    "pains": (
        "rank", "place", "kind", "customers", "estimate", "money", "evidence",
    ),
    "dates": (
        "rank", "place", "kind", "top3_probability", "when", "usual_share", "episode_share",
        "dated_p",
    ),
    "persona_pains": (
        "touchpoint", "channel", "kind", "persona", "customers", "estimate", "p_adjusted",
    ),
    "associations": (
        "place", "kind", "exposed", "naive", "estimate", "aipw", "verdict",
    ),
    "scenarios": ("touchpoint", "channel", "kind", "relief", "lost_per_year", "money"),
    "exits": (
        "touchpoint", "channel", "customers", "left", "expected", "estimate", "top_probability",
    ),
    "truths": (
        "touchpoint", "channel", "sign", "well", "badly", "estimate", "p_adjusted",
    ),
    "drivers": ("asked", "driver", "estimate", "effect", "correlation", "n", "note"),
    "opportunities": (
        "rank", "pain", "suggestion", "money", "days_to_test",
    ),
    "firmness": (
        "rank", "pain", "pattern", "reach", "effort", "confidence", "top3", "rank_low", "rank_high",
    ),
    "reasons": ("pattern", "why", "reference"),
    "plans": (
        "rank", "metric", "design", "per_group", "per_day", "days_to_test", "detectable",
    ),
    "openings": ("opening", "bought", "later", "customers", "estimate", "reach", "p_adjusted"),
    "robustness": ("choice", "about", "touchpoint", "channel", "kind", "base_rank", "rank"),
    "delights": (
        "rank", "touchpoint", "channel", "customers", "estimate", "p_adjusted", "note",
    ),
    "themes": ("theme", "mentions", "estimate", "sentiment", "sentiment_n", "stage", "words"),
    "quotes": ("theme", "quote_1", "quote_2", "quote_3"),
    "theme_stability": ("theme", "kind", "comments", "customers", "stability", "verdict"),
    "theme_links": ("pain", "theme", "here", "elsewhere", "estimate", "n", "p_adjusted"),
    "theme_changes": ("theme", "estimate", "n", "p_adjusted", "verdict"),
    "judgements": ("language", "reader", "labels", "bad_share", "estimate", "n", "verdict"),
    "futures": ("scenario", "figure", "was", "estimate", "n"),
    "assumed": ("scenario", "touchpoint", "assumed", "size", "basis"),
    "refused": ("scenario", "reason", "needed"),
    "credits": ("name", "shared", "customers", "estimate"),
    "changes": ("figure", "was", "now", "estimate", "n", "verdict"),
    "impacts": (
        "intervention", "metric", "arm", "segment", "estimate", "p_adjusted", "evidence", "verdict",
    ),
    "used": ("source", "rows_used", "rows_dropped"),
    "top_pains": (
        "rank", "place", "kind", "customers", "estimate", "money", "evidence",
    ),
    "verdicts": (
        "intervention", "metric", "estimate", "money", "evidence", "verdict",
    ),
    "held": (
        "group", "period", "n", "estimate", "observed", "plain_rule", "error", "plain_error",
    ),
    "worths": ("cohort", "n", "purchases", "estimate"),
    "plain": ("intervention", "design", "plain", "estimate"),
    "parts": ("intervention", "arm", "segment", "raw", "estimate", "n_treated", "n_control"),
    "trend_shapes": ("intervention", "shape", "estimate"),
    "returns": ("intervention", "reach", "money_source", "money", "cost", "payback"),
    "planned": ("intervention", "design", "metric", "start", "worthwhile", "cost", "plan"),
    "calibration": ("tenths", "predicted", "came", "n"),
    "lifts": ("capacity", "customers", "found", "rate", "held"),
    "models": ("name", "what", "estimate", "n"),
    "next_touchpoints": ("moment", "name", "what", "estimate", "n", "moves"),
    "caveats": (
        "chapter", "statement", "consequence",
    ),
}  # fmt: skip
# Frames of one chapter that are no result tables: they stand nowhere but on the page.
SHOWN_ONLY = frozenset(
    {
        "passages", "funnels", "flows", "ribbons", "places", "occupancy", "representatives",
        "theme_stability", "theme_links", "theme_changes", "judgements", "quotes",
        "rework", "consistency", "cells", "detours", "suggestions", "cohorts", "tenure", "divides",
        "stays", "deviations", "associations", "scenarios", "exits", "truths", "drivers", "plans",
        "openings", "robustness", "persona_pains", "firmness", "reasons",
        "dates", "plain", "returns", "planned",
        "parts", "trend_shapes", "calibration", "lifts", "models",
        "next_touchpoints", "held", "worths",
    }
)  # fmt: skip
# Columns with ends of their own, such as `stay_low`, and the unit of all three.
SPANS = {
    "stay": "days", "tone": "sentiment", "naive": "share", "aipw": "share", "money": "",
    "payback": "months", "plain": "", "raw": "", "held": "share", "came": "share",
}  # fmt: skip
DIFFERENCES = frozenset({"naive", "aipw", "plain", "raw"})
