"""The map says what its frames say, escapes what they hold, and never lets texts collide."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeylib.errors import DataError, ParamsError
from journeylib.journey_map import JourneyMap, draw_journey_map, layout_journey_map

FIVE = ["awareness", "consideration", "decision", "retention", "advocacy"]
ATTACK = '<script>alert("1")</script> {x} $5 & </text></svg>'


def some_stages(names, reached=None):
    counts = reached or [5600 - 100 * place for place in range(len(names))]
    return pd.DataFrame(
        {
            "stage": names,
            "reached": counts,
            "share": [count / max(counts[0], 1) for count in counts],
            "to_next": [0.41] * (len(names) - 1) + [math.nan],
            "median_days": 2.4,
            "sentiment": 0.1,
        }
    )


def some_curve(names, values, persona="all"):
    return pd.DataFrame(
        {
            "stage": names,
            "persona": persona,
            "value": values,
            "low": [v - 0.1 for v in values],
            "high": [v + 0.1 for v in values],
            "n": 812,
        }
    )


def some_touchpoints(names, stages, customers=400):
    channels = ("web", "app", "kiosk", "phone", "fax", "drone", "television", "store")
    return pd.DataFrame(
        {
            "touchpoint": names,
            "channel": [channels[place % 8] for place in range(len(names))],
            "stage": [stages[place % len(stages)] for place in range(len(names))],
            "customers": customers,
            "events": 900,
            "sentiment": 0.2,
            "support": "fair",
        }
    )


def some_pains(names, stages, **further):
    rows = {
        "touchpoint": names,
        "stage": [stages[place % len(stages)] for place in range(len(names))],
        "channel": "web",
        "kind": "delay",
        "rank": range(1, len(names) + 1),
        "customers": 300,
        "effect": -0.1,
        "low": -0.2,
        "high": -0.05,
        "money_value": 12400.0,
        "money_low": 8000.0,
        "money_high": 17000.0,
    }
    return pd.DataFrame({**rows, **further})


def svg_of(html):
    return html[html.index("<svg") : html.index("</svg>") + 6]


def texts_of(map_):
    return [" ".join(text.lines) for text in layout_journey_map(map_).texts]


def test_headline_names_the_worst_stage_and_the_largest_loss():
    map_ = JourneyMap("Map", some_stages(FIVE), some_curve(FIVE, [0.2, -0.31, 0.1, 0.2, 0.3]))
    assert (
        "Customers feel worst in consideration (−0.31, n = 812). Most customers are lost between "
        "awareness and consideration (41 % go on, n = 5,600)."
    ) in texts_of(map_)


def test_stages_stand_in_the_order_of_the_frame():
    names = ["zeta", "alpha", "midway"]
    placed = layout_journey_map(JourneyMap("Map", some_stages(names))).texts
    heads = {text.lines[0].lower(): text.x for text in placed if text.lines[0].lower() in names}
    assert sorted(heads, key=heads.get) == names


def test_money_is_written_with_its_interval():
    pains = some_pains(["check_out"], FIVE)
    texts = texts_of(JourneyMap("Map", some_stages(FIVE), pains=pains, currency="EUR"))
    assert {"Check out (web)", "Late, 300 customers", "€12,400"} <= {
        text[:1].upper() + text[1:] for text in texts
    }
    assert "€8,000 to €17,000" in texts


def test_missing_money_is_left_out():
    pains = some_pains(["a"], FIVE, money_value=math.nan)
    assert not any(
        "€" in text
        for text in texts_of(JourneyMap("M", some_stages(FIVE), pains=pains, currency="EUR"))
    )


def test_stage_without_scores_says_so():
    curve = some_curve(FIVE, [0.2, 0.1, math.nan, 0.2, 0.3])
    assert (
        texts_of(JourneyMap("Map", some_stages(FIVE), curve)).count("no scores for this stage") == 1
    )


def test_gap_in_the_curve_stays_a_gap():
    whole = draw_journey_map(JourneyMap("M", some_stages(FIVE), some_curve(FIVE, [0.1] * 5)))
    torn = draw_journey_map(
        JourneyMap("M", some_stages(FIVE), some_curve(FIVE, [0.1, 0.1, math.nan, 0.1, 0.1]))
    )
    assert whole.count('stroke-width="3.2"') == 1
    assert torn.count('stroke-width="3.2"') == 2


def test_tail_of_touchpoints_is_counted():
    touchpoints = some_touchpoints([f"t{place}" for place in range(18)], ["decision"])
    assert "+ 12 more" in texts_of(JourneyMap("Map", some_stages(FIVE), touchpoints=touchpoints))


def test_touchpoints_outside_the_stages_are_told():
    touchpoints = some_touchpoints(["a", "b"], ["decision", "nowhere"])
    texts = texts_of(JourneyMap("Map", some_stages(FIVE), touchpoints=touchpoints))
    assert any("1 touchpoints belong to no stage" in text for text in texts)


@pytest.mark.parametrize(("customers", "written"), [(9, "<10 · web"), (10, "10 · web")])
def test_counts_below_the_limit_are_not_told(customers, written):
    touchpoints = some_touchpoints(["till"], ["decision"], customers)
    assert written in texts_of(JourneyMap("Map", some_stages(FIVE), touchpoints=touchpoints))


def test_small_stage_shows_neither_share_nor_flow():
    html = draw_journey_map(JourneyMap("Map", some_stages(["one", "two"], [9, 3])))
    assert "&lt;10" in html
    assert "too few customers" in html
    assert "41 %" not in html
    assert "33 %" not in html


def test_scores_of_few_customers_are_not_drawn():
    curve = some_curve(FIVE, [0.77] * 5).assign(n=[812, 9, 812, 812, 812])
    texts = texts_of(JourneyMap("Map", some_stages(FIVE), curve))
    assert texts.count("+0.77") == 4
    assert "too few scores" in texts


def test_client_text_is_never_markup():
    map_ = JourneyMap(
        ATTACK,
        some_stages([ATTACK, "two"]),
        some_curve([ATTACK], [0.1], ATTACK),
        some_touchpoints([ATTACK], [ATTACK]).assign(channel=ATTACK),
        some_pains([ATTACK], [ATTACK]),
        some_pains([ATTACK], [ATTACK]),
        pd.DataFrame({"metric": [ATTACK], "value": 1.0, "low": 0.0, "high": 2.0, "unit": ATTACK}),
        pd.DataFrame({"stage": ["two"], "action": [ATTACK]}),
    )
    html = draw_journey_map(map_)
    assert "<script" not in html.lower()
    assert "&lt;script&gt;" in html
    assert html.count("</svg>") == 1
    ET.fromstring(svg_of(html))


def test_direction_and_control_characters_are_dropped():
    map_ = JourneyMap("Map", some_stages(["buy\u202eevil\x1b[31m", "two"]))
    html = draw_journey_map(map_)
    assert "\u202e" not in html
    assert "\x1b" not in html


def test_map_loads_nothing_and_runs_nothing():
    html = draw_journey_map(JourneyMap("Map", some_stages(FIVE)))
    html = html.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not [word for word in ("<script", "http", "url(", "@import") if word in html]


def test_map_is_the_same_twice_and_well_formed():
    map_ = JourneyMap("Map", some_stages(FIVE), some_curve(FIVE, [0.1, -0.2, 0.3, 0.1, 0.0]))
    html = draw_journey_map(map_)
    assert html == draw_journey_map(map_)
    root = ET.fromstring(svg_of(html))
    name = root.get("aria-labelledby").split()[0]
    assert root.find(f".//*[@id='{name}']").text == "Map"


def test_titles_without_latin_letters_get_ids_of_their_own():
    one, two = (draw_journey_map(JourneyMap(t, some_stages(FIVE))) for t in ("خريطة", "مسار"))
    assert (
        one[one.index('id="') : one.index('" style')]
        != two[two.index('id="') : two.index('" style')]
    )


def test_table_twin_holds_every_touchpoint_by_its_own_name():
    names = [f"touch_point_{place}" for place in range(40)]
    html = draw_journey_map(
        JourneyMap("Map", some_stages(FIVE), touchpoints=some_touchpoints(names, FIVE))
    )
    table = html[html.index("<table") :]
    assert all(name in table for name in names)
    assert table.count('scope="row"') == 5
    assert table.count('scope="col"') == 9


WORDS = st.text(st.sampled_from("abcdefghijklmnop WMil_-/ الدفع عند 支付"), min_size=1, max_size=70)


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 12), st.integers(3, 200), st.integers(0, 8), st.data())
def test_texts_never_overlap_nor_leave_the_map(stages, touchpoints, personas, data):
    pool = data.draw(st.lists(WORDS, min_size=8, max_size=8))
    names = [f"{place} {pool[place % 8]}" for place in range(max(stages, touchpoints))]
    level = data.draw(st.lists(st.floats(-1, 1), min_size=stages, max_size=stages))
    heads = names[:stages]
    curves = [some_curve(heads, level)] + [
        some_curve(heads, [v * k / 9 for v in level], names[k % len(names)] + f" {k}")
        for k in range(personas)
    ]
    layout = layout_journey_map(
        JourneyMap(
            pool[0],
            some_stages(heads),
            pd.concat(curves, ignore_index=True),
            some_touchpoints(names[:touchpoints], heads),
            some_pains(names[: 3 * stages], heads),
            some_pains(names[:stages], heads),
            pd.DataFrame(
                {
                    "metric": names[:9],
                    "value": 0.5,
                    "low": 0.4,
                    "high": 0.6,
                    "unit": "share",
                    "target": 0.7,
                }
            ),
            currency="CHF",
        )
    )
    boxes = sorted(layout.boxes, key=lambda box: box.top)
    for place, box in enumerate(boxes):
        assert box.left >= 0
        assert box.right <= layout.width
        assert box.bottom <= layout.height
        for other in boxes[place + 1 :]:
            if other.top >= box.bottom:
                break
            assert not box.overlaps(other)


def test_map_without_stages_is_refused():
    with pytest.raises(DataError, match="at least one stage"):
        draw_journey_map(JourneyMap("Map", some_stages(FIVE).head(0)))


def test_stage_that_comes_twice_is_refused():
    with pytest.raises(DataError, match='"one" comes twice'):
        draw_journey_map(JourneyMap("Map", some_stages(["one", "one"])))


def test_accent_that_is_no_colour_is_refused():
    with pytest.raises(ParamsError, match="is not a colour"):
        draw_journey_map(JourneyMap("Map", some_stages(FIVE), accent='red" onload="x'))
