"""Sentences about what customers do next, computed from the frames that are shown beside them.

Nothing here computes a statistic. Prediction is never told as a cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.arrivals import EVERYONE
from journeylib.exhibits import Sentence
from journeylib.labels import clean_label, count_text, estimate_text, interval_text, share_text
from journeylib.learners import AVERAGE, BOOSTING, PLAIN, REGRESSION
from journeylib.prospects import LEFT

if TYPE_CHECKING:
    import pandas as pd

    from journeylib.estimates import Refusal
    from journeylib.predict import Foretold
    from journeylib.prospects import Predicted, Rule

STAYED = {"orders": "did", "contract": "stayed", "snapshot": "is still there"}
LEFT_ONE = {**LEFT, "snapshot": "has left"}
WHO = {
    "orders": "Who will not come back", "contract": "Who will leave", "snapshot": "Who has left",
}  # fmt: skip
NAMES = {PLAIN: "the plain model", REGRESSION: "the regression on all that is known",
         BOOSTING: "boosted trees"}  # fmt: skip
TENTH = 0.0999
NOT_KEPT = (
    "Who is at risk is not who can be kept: what keeps customers, only a test with and without it "
    "can tell."
)
NO_CAUSE = "What goes along with leaving need not be why customers leave."
FAIR_SLOPE, FAR_OFF = (0.8, 1.2), 0.05


def leaving_sentence(predicted: Predicted) -> Sentence:
    """Say how well it can be told beforehand who leaves.

    Args:
        predicted: From ``predicting.predict_customers``.
    """
    found, rule = predicted.leaving, predicted.rule
    if found is None:
        return Sentence(f"**Who leaves cannot be foretold.** {_why(predicted.leaving_refused)}")
    row = _measure(predicted.models, found.shown, "auc")
    sure = interval_text(100 * row["low"], 100 * row["high"])
    if found.chosen == AVERAGE:
        return Sentence(
            f"**{WHO[rule.kind]} cannot be told from what is known.** The plain model puts "
            f"{count_text(100 * row['value'])} of 100 pairs in the right order ({sure}), chance "
            f"50, and no model is clearly better than the average. No chances are handed over. "
            f"{_rule_text(rule)}"
        )
    return Sentence(
        f"**Of one customer who {LEFT_ONE[rule.kind]} and one who {STAYED[rule.kind]}, the right "
        f"one was named as more at risk {count_text(100 * row['value'])} times in 100** ({sure}; "
        f"by chance it would be 50). {_rule_text(rule)} {_tested(found, rule)}"
    )


def _rule_text(rule: Rule) -> str:
    if rule.kind == "contract":
        return f"To leave means that the contract ends within {rule.days} days."
    if rule.kind == "orders":
        text = f"Not to come back means no order within {rule.days} days"
        longer = rule.inactive_days > rule.days + 1
        return text + (
            f"; a customer counts as gone after {count_text(rule.inactive_days)} days, but the "
            "data is too short to test that far ahead."
            if longer else "."
        )  # fmt: skip
    return (
        "The extract has no dates: it tells leavers from stayers as they are today, not who will "
        "leave."
    )


def _tested(found: Foretold, rule: Rule) -> str:
    many, gone = found.tested
    if found.design == "folds":
        return (
            f"Each of {count_text(many)} customers ({count_text(gone)} of whom have left) was told "
            "by a model that had not seen that customer."
        )
    return (
        f"It was learnt from {count_text(found.learnt[0])} customers of an earlier time and tested "
        f"on {count_text(many)} from {rule.tested_from} on, of whom {count_text(gone)} "
        f"{LEFT[rule.kind]}."
    )


def models_sentence(predicted: Predicted) -> Sentence:
    """Say whether the models that know more beat the plain one.

    Args:
        predicted: From ``predicting.predict_customers``.
    """
    found = predicted.leaving
    if found is None:
        return Sentence(f"No models are compared. {_why(predicted.leaving_refused)}")
    gains = predicted.gains
    if found.chosen == AVERAGE:
        return Sentence(
            "**No model clearly beats the average**: the plain model's chances are "
            f"{_gain(gains, PLAIN, AVERAGE)} than the same chance for everybody."
        )
    plain = "how long they have been customers" if predicted.rule.kind == "snapshot" else (
        "how lately, how often and for how much customers bought"
    )  # fmt: skip
    if found.chosen == PLAIN:
        return Sentence(
            f"**The plain model is as good; it is used.** It knows {plain}. Against it, the "
            f"regression on all that is known is {_gain(gains, REGRESSION, PLAIN)}, and boosted "
            f"trees are {_gain(gains, BOOSTING, PLAIN)}: not clearly better."
        )
    if found.chosen == REGRESSION:
        return Sentence(
            "**The regression on all that is known is used**: its chances are "
            f"{_gain(gains, REGRESSION, PLAIN)} than those of the plain model, which knows "
            f"{plain}. Boosted trees do not clearly beat it: they are "
            f"{_gain(gains, BOOSTING, REGRESSION)}."
        )
    return Sentence(
        f"**Boosted trees are used**: their chances are {_gain(gains, BOOSTING, PLAIN)} than those "
        f"of the plain model, which knows {plain}, and {_gain(gains, BOOSTING, REGRESSION)} than "
        "those of the regression on all that is known."
    )


def _gain(gains: pd.DataFrame, model: str, against: str) -> str:
    row = _row(gains[(gains["model"] == model) & (gains["against"] == against)])
    closer = bool(row["value"] >= 0)
    turn = 1 if closer else -1
    low, high = sorted((turn * row["low"], turn * row["high"]))
    told = estimate_text(turn * row["value"], low, high, "none")
    return f"{told} bits a customer {'closer to' if closer else 'farther from'} what came"


def promise_sentence(predicted: Predicted) -> Sentence:
    """Say whether as many left as was said, and whether the chances can be taken at their word.

    Args:
        predicted: From ``predicting.predict_customers``.
    """
    found, rule = predicted.leaving, predicted.rule
    table = predicted.calibration
    whole = table[table["tenths"] == EVERYONE].dropna(subset=["value"]) if len(table) else table
    if found is None or whole.empty:
        return Sentence(f"No chances are held against what came. {_why(predicted.leaving_refused)}")
    row = _row(whole)
    slope = _measure(predicted.models, found.shown, "slope")
    came = estimate_text(row["value"], row["low"], row["high"], "share")
    text = (
        f"**{share_text(row['predicted'])} were expected, and {came} {LEFT[rule.kind]}** "
        f"(n = {count_text(row['n'])})."
    )
    if not row["low"] <= row["predicted"] <= row["high"]:
        text += _missed_text(float(row["value"] - row["predicted"]))
    return Sentence(f"{text} {_slope_text(slope)}")


def _missed_text(missed: float) -> str:
    way = "fewer" if missed < 0 else "more"
    if abs(missed) < FAR_OFF:
        return f" That is a little {way} than was said."
    return (
        f" That is {way} than was said: the time tested on was another than the time learnt from. "
        "Read the order of customers, not the chances themselves."
    )


def _slope_text(row: Any) -> str:
    told = estimate_text(row["value"], row["low"], row["high"], "none")
    low, high = FAIR_SLOPE
    if row["value"] < low:
        word = "too far apart: high ones are too high and low ones too low"
    elif row["value"] > high:
        word = "too close together: high ones are too low and low ones too high"
    else:
        word = "about as far apart as they should be"
    return f"From customer to customer the chances are {word} (slope {told}; 1 is right)."


def risk_sentence(predicted: Predicted) -> Sentence:
    """Say what the customers most at risk hold.

    Args:
        predicted: From ``predicting.predict_customers``.
    """
    found, rule = predicted.leaving, predicted.rule
    lifts = predicted.lifts
    told = lifts[lifts["capacity"] >= TENTH].dropna(subset=["value"]) if len(lifts) else lifts
    if found is None or found.chosen == AVERAGE or told.empty:
        return Sentence(f"Who is most at risk is not told. {NOT_KEPT}")
    row = _row(told)
    held = estimate_text(row["value"], row["low"], row["high"], "share")
    least = predicted.calibration.dropna(subset=["value"]).iloc[1:2]
    calm = ""
    if len(least):
        first = _row(least)
        share = estimate_text(first["value"], first["low"], first["high"], "share")
        calm = f" Of the {count_text(first['n'])} least at risk, {share} {LEFT[rule.kind]}."
    return Sentence(
        f"**The {share_text(row['capacity'])} of customers most at risk hold {held} of those who "
        f"{LEFT[rule.kind]}**: {count_text(row['found'])} of "
        f"{count_text(row['customers'])} {LEFT[rule.kind]}.{calm} {NOT_KEPT} {NO_CAUSE}"
    )


def next_sentence(predicted: Predicted) -> Sentence:
    """Say how well the next touchpoint can be foretold, with the plain guess beside it.

    Args:
        predicted: From ``predicting.predict_customers``.
    """
    found = predicted.onward
    if found is None:
        return Sentence(
            f"**The next touchpoint cannot be foretold.** {_why(predicted.onward_refused)}"
        )
    texts = []
    for asked, order in (
        ("right after a touchpoint", found.chosen),
        ("on a given day", found.used),
    ):
        own = predicted.next_touchpoints[predicted.next_touchpoints["asked"] == asked]
        if len(own):
            texts.append(_next_text(own, asked, order))
    steps = {0: "Nothing that came before helps.", 1: "The touchpoint before is what helps.",
             2: "The two touchpoints before both help."}  # fmt: skip
    return Sentence(
        f"**{_capital('; '.join(texts))}.** {steps[found.chosen]} It is what comes next if "
        "something comes, not whether it does."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _next_text(own: pd.DataFrame, asked: str, order: int) -> str:
    best, base = (_row(own[(own["order"] == which) & (own["measure"] == "top_1")])
                  for which in (order, 0))  # fmt: skip
    told = estimate_text(best["value"], best["low"], best["high"], "share")
    plain = estimate_text(base["value"], base["low"], base["high"], "share")
    text = f"{asked}, the first guess names {told} of the next touchpoints"
    if order == 0:
        return f"{text}, and no look back does clearly better (n = {count_text(best['n'])})"
    return f"{text}, always guessing the most frequent {plain} (n = {count_text(best['n'])})"


def features_sentence(predicted: Predicted) -> Sentence:
    """Say which attributes were left out because leaving itself makes them.

    Args:
        predicted: From ``predicting.predict_customers``.
    """
    rule = predicted.rule
    texts = []
    if rule.refused:
        named = "; ".join(f"“{clean_label(name)}”, as {why}" for name, why in rule.refused)
        texts.append(f"**Left out**: {named}.")
    if rule.flagged:
        named = ", ".join(f"“{clean_label(name)}”" for name in rule.flagged)
        texts.append(
            f"**With care**: {named} stopped growing when a customer left, and without dates that "
            "cannot be undone."
        )
    return Sentence(" ".join(texts) or "Everything that was looked at was known beforehand.")


def _measure(models: pd.DataFrame, model: str, measure: str) -> Any:
    return _row(models[(models["model"] == model) & (models["measure"] == measure)])


def _row(table: pd.DataFrame) -> Any:
    return table.iloc[0]


def _why(refused: Refusal | None) -> str:
    return str(refused) if refused is not None else ""
