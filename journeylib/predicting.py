"""What a notebook asks about what customers do next in one line, from the client's workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from journeylib.antecedents import (
    PLAIN,
    Attributes,
    choose_touchpoints,
    describe_before,
    read_attributes,
    screen_attributes,
)
from journeylib.continuations import Onward, compare_chains, foretell_next
from journeylib.estimates import Refusal
from journeylib.journeys import describe_customers
from journeylib.learners import AVERAGE, Sample
from journeylib.log import DAY
from journeylib.loyalty import find_inactive_days
from journeylib.predict import (
    FOLDED,
    Foretold,
    foretell_leaving,
    foretell_snapshot,
)
from journeylib.predict_charts import MEASURES, model_name
from journeylib.predict_charts import ORDERS as ORDERS_SAID
from journeylib.predict_prose import features_sentence, leaving_sentence
from journeylib.prospects import SNAPSHOT, Predicted, Rule
from journeylib.steps import join_customers
from journeylib.tables import complete_result
from journeylib.windows import (
    CONTRACT,
    ORDERS,
    Windows,
    date_lives,
    lay_windows,
    who_is_there,
    who_left,
)

if TYPE_CHECKING:
    from journeylib.workspace import Workspace

TENURE = "tenure"
# Rank correlation with tenure beyond which an attribute is a length of stay by another name.
GROWS_WITH_TENURE = 0.8
NO_LEAVING = Refusal(
    "No source tells who stayed and who left.",
    "a source of `orders`, or of `customers` with `churned_at` or `churned`.",
)
NO_RULE = Refusal(
    "Too few customers came back to tell after how long one counts as gone.",
    "30 customers with two orders, or `inactive_days` under `outcome` in the client file.",
)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """What was found about leaving, and the chance of each customer who is there."""

    rule: Rule
    found: Foretold | Refusal
    there: pd.Index
    chance: pd.Series


def predict_customers(work: Workspace) -> Predicted:
    """Foretell who leaves and what comes next, and say how well that can be done.

    Args:
        work: The workspace, after notebook 01.

    Returns:
        Predictions of customers who are still there when the period ends, by models fitted to all
        that is known by then, with the tests of those models on a later time. Small groups are
        withheld.
    """
    params = work.params
    onward = compare_chains(work.log, seed=params.seed, confidence=params.confidence)
    leaving = _foretell(work)
    known = leaving.found if isinstance(leaving.found, Foretold) else None
    steps = onward if isinstance(onward, Onward) else None
    return Predicted(
        predictions=_predictions(work, leaving, steps),
        rule=leaving.rule,
        leaving=known,
        leaving_refused=leaving.found if isinstance(leaving.found, Refusal) else None,
        onward=steps,
        onward_refused=onward if isinstance(onward, Refusal) else None,
        models=_name_models(known, leaving.rule) if known else pd.DataFrame(),
        gains=known.judged.gains if known else pd.DataFrame(),
        calibration=_shown(work, "calibration", known.groups, "came") if known else pd.DataFrame(),
        lifts=_shown(work, "lifts", known.lifts, "held") if known else pd.DataFrame(),
        spread=work.protect("chances", known.spread) if known else pd.DataFrame(),
        next_touchpoints=_name_orders(steps) if steps else pd.DataFrame(),
    )


def _shown(work: Workspace, name: str, table: pd.DataFrame, said: str) -> pd.DataFrame:
    """Withhold small groups; the estimate stands under a name of its own for the page, too."""
    kept = work.protect(name, table)
    ends = {said: kept["value"], f"{said}_low": kept["low"], f"{said}_high": kept["high"]}
    return kept.assign(**ends)


def _name_models(found: Foretold, rule: Rule) -> pd.DataFrame:
    table = found.judged.measures
    names = [model_name(str(name), rule.kind) for name in table["model"]]
    return table.assign(name=names, what=table["measure"].map(MEASURES))


def _name_orders(onward: Onward) -> pd.DataFrame:
    table = onward.measures
    return table.assign(
        name=table["order"].map(ORDERS_SAID), what=table["measure"].map(MEASURES),
        moment=table["asked"],
    )  # fmt: skip


def note_predictions(predicted: Predicted) -> list[tuple[str, str, str, str]]:
    """Note what predictions take for granted, as rows for ``steps.assume``.

    Args:
        predicted: From `predict_customers`.

    Returns:
        ``assumption, statement, status, consequence`` of each.
    """
    rule, found = predicted.rule, predicted.leaving
    rows = []
    if found is None and predicted.leaving_refused is not None:
        rows.append(("leaving", str(leaving_sentence(predicted)).replace("**", ""), "pass",
                     "There are no chances of leaving."))  # fmt: skip
    if found is not None:
        status = "warn" if found.design == FOLDED or found.chosen == AVERAGE else "pass"
        rows.append(("leaving", _how_tested(found, rule), status,
                     "Chances hold for customers and times like those tested on."))  # fmt: skip
    if 0 < rule.days < int(rule.inactive_days):
        rows.append((
            "horizon",
            f"Not coming back is foretold for {rule.days} days; by the rule a customer counts as "
            f"gone after {rule.inactive_days:.0f} days, which the data is too short to test.",
            "warn", "Some customers who do not come back within that time come later.",
        ))  # fmt: skip
    if found is not None and rule.kind:
        rows.append((
            "attributes",
            "Attributes of the customers table are taken as they stand in it today.",
            "pass", "One that changes when customers leave would be known too early; those whose "
            "name or figures give that away are left out.",
        ))  # fmt: skip
    if rule.refused or rule.flagged:
        said = str(features_sentence(predicted)).replace("**", "")
        rows.append(("consequences", said, "warn", "They follow from leaving."))
    if predicted.onward is not None:
        rows.append((
            "next_touchpoint",
            "The next touchpoint is told from the last two and from how long ago they were.",
            "pass", "It is what comes next if something comes, not whether it does.",
        ))  # fmt: skip
    return rows


def _how_tested(found: Foretold, rule: Rule) -> str:
    if found.design == FOLDED:
        return (
            "The customers table has no dates of leaving, so chances of leaving are not tested on "
            "a later time: each customer was told by a model that had not seen that customer."
        )
    return (
        f"Chances were learnt from {rule.windows} window(s) of {rule.days} days, each with "
        f"{rule.lookback_days} days of what was known before it, and tested on the {rule.days} "
        f"days from {rule.tested_from}."
    )


def _foretell(work: Workspace) -> _Leaving:
    attributes = work.recall("attributes")
    dated = "churned_at" in attributes and bool(attributes["churned_at"].notna().any())
    if not dated and "churned" in attributes and attributes["churned"].notna().any():
        return _by_snapshot(work, attributes)
    return _by_windows(work, attributes, CONTRACT if dated else ORDERS)


# ---------------------------------------------------------------- windows in time


def _by_windows(work: Workspace, attributes: pd.DataFrame, kind: str) -> _Leaving:
    lives = date_lives(work.log, attributes)
    windows = _lay(work, kind, lives)
    if isinstance(windows, Refusal):
        everyone = describe_customers(work.log)
        there = pd.Index(everyone["customer"] if len(everyone) else [])
        if kind == CONTRACT:
            there = lives.index[lives["left"] >= work.log.codes.end]
        return _Leaving(Rule(), windows, there, pd.Series(dtype=float))
    params = work.params
    gone = {cut: _left_after(work, windows, cut, lives) for cut in windows.cuts}
    learn = pd.concat([gone[cut] for cut in windows.cuts[:-1]])
    known = screen_attributes(read_attributes(attributes), learn)
    met = choose_touchpoints(work.log, windows, aside=params.pains.exclude)

    def describe(cut: int, people: pd.Index) -> pd.DataFrame:
        return describe_before(work.log, windows, cut, people, touchpoints=met, attributes=known)

    samples = [Sample(describe(cut, left.index), left) for cut, left in gone.items()]
    found = foretell_leaving(
        samples, plain=PLAIN, fewest=max(params.report.min_cell, 1), seed=params.seed,
        confidence=params.confidence,
    )  # fmt: skip
    there = who_is_there(work.log, windows, windows.end, lives)
    chance = pd.Series(np.nan, index=there)
    if isinstance(found, Foretold) and found.chosen != AVERAGE:
        chance = pd.Series(found.model.tell(describe(windows.end, there)), index=there)
    return _Leaving(_rule(work, windows, known), found, there, chance)


def _left_after(work: Workspace, windows: Windows, cut: int, lives: pd.DataFrame) -> pd.Series:
    people = who_is_there(work.log, windows, cut, lives)
    return who_left(work.log, windows, cut, lives, people)


def _lay(work: Workspace, kind: str, lives: pd.DataFrame) -> Windows | Refusal:
    """Foretell as far as the rule of leaving asks, or as far as the data can be tested on."""
    codes = work.log.codes
    if kind == CONTRACT:
        whole = describe_customers(work.log)
        known = [*whole["last"].tolist(), *lives.loc[lives["left"] < codes.end, "left"].tolist()]
        # An extract made before the period was over would else read as contracts that all hold.
        end = min(codes.end, int(max(known, default=codes.start)) + 1)
        return lay_windows(kind=kind, start=codes.start, end=end, wanted_days=codes.follow / DAY)
    if not work.settings["has_orders"]:
        return NO_LEAVING
    days, start, end = find_inactive_days(join_customers(work), work.settings)
    if not np.isfinite(days):
        return NO_RULE
    return lay_windows(kind=kind, start=start, end=end, wanted_days=days, inactive_days=days)


def _rule(work: Workspace, windows: Windows, known: Attributes) -> Rule:
    day = pd.Timestamp(windows.cuts[-1], unit="us", tz="UTC").tz_convert(work.params.timezone)
    return Rule(
        kind=windows.kind,
        days=windows.days,
        inactive_days=windows.inactive / DAY,
        lookback_days=round(windows.lookback / DAY),
        windows=len(windows.cuts) - 1,
        tested_from=f"{day:%-d %B %Y}",
        refused=known.refused,
    )


# ---------------------------------------------------------------- an extract without dates


def _by_snapshot(work: Workspace, attributes: pd.DataFrame) -> _Leaving:
    told = attributes.dropna(subset=["churned"]).set_index("customer")["churned"].astype(float)
    known = screen_attributes(read_attributes(attributes), told)
    features = known.table.reindex(told.index)
    rule = Rule(kind=SNAPSHOT, refused=known.refused, flagged=_grows(features))
    there = told.index[told == 0]
    chance = pd.Series(np.nan, index=there)
    if features.empty or not len(features.columns):
        return _Leaving(rule, NO_LEAVING, there, chance)
    sample = Sample(features.fillna(features.median()).astype(float), told)
    params = work.params
    found = foretell_snapshot(
        sample, plain=[TENURE], fewest=max(params.report.min_cell, 1), seed=params.seed,
        confidence=params.confidence,
    )  # fmt: skip
    if isinstance(found, Foretold) and found.chosen != AVERAGE:
        chance = pd.Series(found.model.tell(sample.features.loc[there]), index=there)
    return _Leaving(rule, found, there, chance)


def _grows(features: pd.DataFrame) -> tuple[str, ...]:
    """Name what stopped growing when a customer left: tenure, and numbers that go with it."""
    if TENURE not in features:
        return ()
    numbers = features[[name for name in features if "=" not in str(name)]]
    together = numbers.corrwith(features[TENURE], method="spearman").abs()
    return tuple(str(name) for name in together.index[together >= GROWS_WITH_TENURE])


# ---------------------------------------------------------------- the table


def _predictions(work: Workspace, leaving: _Leaving, onward: Onward | None) -> pd.DataFrame:
    people = work.log.customers.set_index("customer")["pseudonym"]
    table = pd.DataFrame({"customer": leaving.there})
    if onward is not None:
        table = table.merge(foretell_next(work.log, onward), on="customer", how="left")
    table["churn_probability"] = leaving.chance.reindex(leaving.there).to_numpy(float)
    table = table.assign(customer=table["customer"].map(people))
    some = [name for name in ("next_touchpoint", "churn_probability") if name in table]
    table = table.dropna(subset=["customer"]).dropna(subset=some, how="all")
    table = table.sort_values(
        ["churn_probability", "customer"], ascending=[False, True], ignore_index=True
    )
    return complete_result("predictions", table)
