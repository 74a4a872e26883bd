import pytest

from journeylib.stages import TIMINGS, UNMAPPED, assign_stages, stage_timings

FIVE = ("awareness", "consideration", "decision", "retention", "advocacy")
RACE = ("reach", "act", "convert", "engage")


def stage_of(name, *, model="five", order=FIVE, rules=None):
    return assign_stages([name], model=model, order=order, rules=rules or {})[name]


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("Ad click", "awareness"), ("ads", "awareness"), ("product page", "consideration"),
        ("sign-up", "consideration"), ("AddToCart", "decision"), ("begin_checkout", "decision"),
        ("delivery_choice", "decision"), ("delivery", "retention"), ("store pick-up", "retention"),
        ("set-up error", "retention"), ("support tickets", "retention"), ("refund", "retention"),
        ("cancellation", "retention"), ("product reviews", "advocacy"), ("référence", UNMAPPED),
        ("adventure", UNMAPPED), ("", UNMAPPED),
    ],
)  # fmt: skip
def test_common_names_have_their_common_place(name, stage):
    assert stage_of(name) == (stage, "name" if stage != UNMAPPED else "")


def test_the_shorter_model_keeps_use_and_praise_together():
    assert stage_of("review", model="race", order=RACE) == ("engage", "name")


@pytest.mark.parametrize("name", ["Store visit", "store_visit", "STORE-VISIT"])
def test_rules_come_first_and_take_blanks_and_signs_as_the_same(name):
    rules = {"advocacy": ["store visit"], "awareness": ["store*"]}
    assert stage_of(name, rules=rules) == ("advocacy", "rule")


def test_a_custom_model_has_no_common_meanings():
    assert stage_of("order", model="custom", order=("one", "two")) == (UNMAPPED, "")


@pytest.mark.parametrize("model", ["five", "lifecycle", "loop"])
def test_known_models_have_one_stage_of_purchase(model):
    timings = stage_timings(model, FIVE, purchase=[])
    assert list(timings.values()) == [TIMINGS[i] for i in (0, 0, 1, 2, 2)]


@pytest.mark.parametrize(
    ("purchase", "places"), [(["b"], (0, 1, 2)), (["a", "c"], (1, 2, 2)), ([], (0, 0, 0))]
)
def test_a_custom_model_is_timed_by_its_first_stage_with_a_purchase(purchase, places):
    timings = stage_timings("custom", ("a", "b", "c"), purchase=purchase)
    assert list(timings.values()) == [TIMINGS[i] for i in places]
