"""Measured journey maps from a client's customer data.

Notebooks use the names below as ``jl.name``; each is imported when it is first asked for, so that
``import journeylib`` and ``journey --help`` answer at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.6.0"

_NAMES = {
    "action_prose": [
        "drivers_sentence", "openings_sentence", "opportunities_sentence",
        "plans_sentence", "robustness_sentence",
    ],
    "alignment": ["align_journeys"],
    "activity": ["count_activity", "describe_spread", "order_stages"],
    "atlas": ["map_journey"],
    "assumptions": [
        "assume_collection", "assume_impacts", "assume_pains", "assume_personas", "assume_stages",
        "list_caveats",
    ],
    "buying": ["gather_orders", "summarise_purchases"],
    "clv": ["ClvTerms", "average_cohorts", "estimate_clv", "forecast_purchases"],
    "holdouts": ["backtest_purchases", "backtest_renewals"],
    "renewals": ["count_renewals", "count_survivors", "fit_renewals", "project_renewals"],
    "cohorts": ["count_cohorts"],
    "consistency": ["compare_channels", "measure_cells"],
    "detours": ["compare_detours"],
    "flows": ["count_flows", "count_places", "count_ribbons"],
    "memory": ["test_memory"],
    "occupancy": ["measure_occupancy"],
    "passages": ["find_passages", "follow_road"],
    "representatives": ["choose_journeys"],
    "rework": ["count_rework", "count_switches"],
    "respecify": ["vary_pains"],
    "robustness": ["check_robustness"],
    "road_charts": [
        "plot_cells", "plot_flows", "plot_passages", "plot_places", "plot_ribbons",
    ],
    "road_prose": [
        "alignment_sentence", "channels_sentence", "detours_sentence", "memory_sentence",
        "passages_sentence", "suggestions_sentence", "unseen_sentence",
    ],
    "sojourns": ["compare_funnels", "measure_passages", "trace_passages"],
    "stay_charts": ["plot_cohorts", "plot_tenure"],
    "suggestions": ["suggest_stages"],
    "tenure": [
        "compare_tenures", "find_divide", "measure_stays", "measure_tenure", "read_tenure",
        "trace_tenure",
    ],
    "charts": [
        "plot_activity", "plot_arms", "plot_emotion_curve", "plot_event_study",
        "plot_events_over_time", "plot_funnel", "plot_group_series", "plot_impacts", "plot_metrics",
        "plot_pains", "plot_persona_profile", "plot_personas", "plot_series", "plot_silhouette",
        "plot_sources", "plot_touchpoint_sentiment", "plot_transitions",
    ],
    "coverage_charts": ["plot_coverage"],
    "accounts": ["beliefs_sentence", "tones_sentence"],
    "driver_charts": ["plot_drivers", "plot_robustness"],
    "drivers": ["find_drivers"],
    "emotion": ["score_channels", "score_stages", "score_touchpoints"],
    "errors": ["DataError", "JourneyError", "ParamsError", "RunError"],
    "estimates": ["Estimate", "Refusal"],
    "exhibits": ["show_figure", "show_sentences", "show_table"],
    "feelings": [
        "compare_beliefs", "describe_lines", "describe_scales", "show_beliefs",
    ],
    "feedback": ["find_themes"],
    "hearing": ["hear_changes", "hear_customers"],
    "judgements": ["judge_words"],
    "theme_links": ["link_themes"],
    "theme_search": ["ThemeRules"],
    "trends": ["follow_themes"],
    "voice_charts": [
        "plot_theme_changes", "plot_theme_periods", "plot_theme_stages", "plot_themes",
    ],
    "voice_prose": [
        "links_sentence", "themes_sentence", "trends_sentence", "words_sentence",
    ],
    "glossary": [
        "NO_ASSOCIATIONS", "NO_BELIEFS", "NO_DRIVERS", "NO_LINKS", "NO_MONEY", "NO_OPENINGS",
        "NO_PERSONA_PAINS", "NO_THEMES", "NO_TRENDS", "NO_TRUTHS", "NO_WORDS",
        "NO_CHANGES", "NO_CHANNELS", "NO_CREDIT", "NO_DETOURS", "NO_DRIFT", "NO_EVENTS",
        "NO_METRICS", "NO_PAINS", "NO_SCENARIOS",
        "NO_PASSAGES", "NO_PERSONAS", "NO_STAGES", "NO_TENURE", "NO_VOICES",
        "NO_CAME_BY", "NO_CAME_IN", "NO_COHORT_WORTH", "NO_RENEWALS",
    ],
    "log": ["DAY"],
    "grouping": [
        "cast_personas", "group_customers", "measure_loyalty", "part_period", "show_personas",
    ],
    "impact_prose": [
        "impact_sentence", "impacts_sentences", "plain_sentence", "score_sentence",
    ],
    "realised": ["rate_forecasts"],
    "returns": ["join_forecasts", "list_returns", "score_past"],
    "impact": ["measure_intervention"],
    "staggered": ["measure_staggered", "read_cohorts"],
    "synthetic": ["measure_synthetic"],
    "looks": [
        "crossing_chance", "even_bounds", "follow_looks", "look_times", "spending_bounds",
    ],
    "ratio_metrics": ["linearise_ratio", "read_ratio_arm"],
    "association": ["associate"],
    "landmarks": ["follow_exposures"],
    "money": ["price_pains"],
    "predict": ["foretell_leaving", "foretell_snapshot"],
    "predict_charts": ["plot_calibration", "plot_models", "plot_next_touchpoints"],
    "predict_prose": [
        "features_sentence", "leaving_sentence", "models_sentence", "next_sentence",
        "promise_sentence", "risk_sentence",
    ],
    "predicting": ["note_predictions", "predict_customers"],
    "continuations": ["compare_chains", "foretell_next"],
    "pricelist": ["complete_pains"],
    "worth": ["Terms"],
    "weighing": [
        "finish_pains", "grade_touchpoints", "known_groups", "name_places", "terms_of",
    ],
    "money_prose": ["association_sentence", "money_sentence"],
    "journeys": [
        "count_loops", "count_paths", "count_touchpoints", "count_transitions",
        "describe_customers", "estimate_unseen", "measure_stages",
    ],
    "lessons": ["check_answer"],
    "arrivals": ["describe_arrivals", "group_arrivals"],
    "loyalty": ["measure_metrics"],
    "loyalty_charts": ["plot_holdout", "plot_loyalty", "plot_renewals", "plot_worth"],
    "loyalty_prose": ["holdout_sentence", "renewals_sentence", "worth_sentence"],
    "subscriptions": ["value_contracts"],
    "valuing": ["value_customers"],
    "dating": ["date_pains"],
    "attribution": ["credit_outcome"],
    "crediting": ["credit_channels"],
    "imagining": ["imagine_futures", "note_futures"],
    "revisiting": ["compare_with_earlier"],
    "future_charts": ["plot_credit", "plot_scenarios"],
    "future_prose": ["credit_sentence", "list_credit", "list_futures", "scenarios_sentences"],
    "drift_charts": ["plot_drift"],
    "drift_prose": ["drift_sentences", "list_changes"],
    "drift": ["compare_levels", "compare_periods", "judge_drift"],
    "scenarios": ["Edit", "Scenario"],
    "simulate": ["simulate_scenario"],
    "exits": ["measure_exits"],
    "moments": ["find_moments"],
    "pain_charts": ["plot_money", "plot_quadrant", "plot_shrunken"],
    "pains": ["compare_touchpoints", "part_personas", "rank_delights", "rank_pains"],
    "truths": ["measure_truths", "place_touchpoints"],
    "openings": ["find_openings"],
    "opportunities": ["list_opportunities"],
    "outcomes": ["follow_customers", "judge_usefulness", "measure_outcomes"],
    "params": ["read_params"],
    "personas": ["assign_personas"],
    "prose": [
        "coverage_sentence", "delights_sentence", "identity_sentence",
        "metrics_sentence",
        "pains_sentence", "paths_sentence", "personas_sentence", "quality_sentence",
        "sources_sentence", "stages_sentence",
    ],
    "scores": ["customer_effort", "customer_satisfaction", "net_promoter_score"],
    "steps": [
        "count_people", "gather_assumptions", "join_customers", "keep_collected", "list_findings",
        "name_period",
    ],
    "trying": ["describe_changes", "measure_interventions"],
    "verdict_cards": ["show_interventions"],
    "theme": ["use_theme"],
    "workspace": ["open_workspace"],
}  # fmt: skip
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOME)  # noqa: PLE0605

if TYPE_CHECKING:
    from typing import Any


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"journeylib has no {name!r}; see journeylib.__all__")
    return getattr(importlib.import_module(f"journeylib.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
