"""Scores of survey answers: weights, scales that differ, and what is left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from journeylib.errors import DataError
from journeylib.estimates import Refusal
from journeylib.replies import score_answers


def answers_of(metric, scores, *, low=1.0, high=5.0, weights=np.nan):
    return pd.DataFrame(
        {"customer": range(len(scores)), "metric": metric, "score": scores, "weight": weights,
         "scale_low": low, "scale_high": high}
    )  # fmt: skip


def test_nps_of_19_promoters_and_8_detractors_among_36_is_that_of_rocks_2016():
    """Adjusted Wald: .029 to .535 (MeasuringU); plain Wald would say .041 to .570."""
    said = answers_of("nps", [10.0] * 19 + [8.0] * 9 + [3.0] * 8, low=0, high=10)
    ((metric, found),) = score_answers(said)
    assert metric == "nps"
    assert (found.low, found.high) == pytest.approx((2.9, 53.5), abs=0.05)


def test_weights_move_the_score_and_widen_the_interval():
    scores = [10.0] * 50 + [2.0] * 50
    plain = dict(score_answers(answers_of("nps", scores, low=0, high=10)))["nps"]
    weights = [3.0] * 50 + [1.0] * 50
    told = dict(score_answers(answers_of("nps", scores, low=0, high=10, weights=weights)))["nps"]
    assert told.value == pytest.approx(50)
    assert told.high - told.low > 0.8 * (plain.high - plain.low)
    assert told.source.startswith("weighted, as good as 80 equal answers")  # 200² / 500


def test_equal_weights_of_effort_change_nothing():
    scores = [1.0, 2.0, 2.0, 4.0, 5.0, 3.0]
    plain = dict(score_answers(answers_of("ces", scores)))["ces"]
    told = dict(score_answers(answers_of("ces", scores, weights=[2.0] * 6)))["ces"]
    assert (told.value, told.low, told.high) == pytest.approx((plain.value, plain.low, plain.high))


def test_satisfaction_of_two_surveys_is_read_by_each_ones_own_two_best_boxes():
    said = pd.concat(
        [
            answers_of("csat", [5.0, 4.0, 3.0, 1.0]),
            answers_of("csat", [10.0, 9.0, 8.0, 2.0], high=10.0),
        ]
    )
    found = dict(score_answers(said))["csat"]
    assert (found.value, found.n) == (0.5, 8)


def test_effort_keeps_to_the_scale_that_most_were_asked_on():
    said = pd.concat([answers_of("ces", [1.0, 2.0, 3.0]), answers_of("ces", [7.0, 7.0], high=7.0)])
    found = dict(score_answers(said))["ces"]
    assert found.value == 2.0
    assert found.source.startswith("mean on the scale 1 to 5, 2 answers on other scales left out")


def test_an_answer_outside_its_scale_is_refused():
    with pytest.raises(DataError):
        dict(score_answers(answers_of("csat", [6.0, 4.0])))


def test_other_metrics_and_empty_answers_are_passed_over():
    assert list(score_answers(answers_of("mood", [3.0]))) == []
    assert list(score_answers(answers_of("nps", [np.nan]))) == []
    assert list(score_answers(pd.DataFrame())) == []
    ((_, found),) = score_answers(answers_of("nps", [9.0] * 9, low=0, high=10))
    assert isinstance(found, Refusal)
