"""The map says what its frames say, escapes what they hold, and never lets texts collide."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journeylib import labels
from journeylib.errors import DataError, ParamsError
from journeylib.journey_map import JourneyMap, draw_journey_map, layout_journey_map
from journeylib.svg_parts import Box

FIVE = ["awareness", "consideration", "decision", "retention", "advocacy"]
SVG = "{http://www.w3.org/2000/svg}"
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
    ) in draw_journey_map(map_)


def test_stages_stand_in_the_order_of_the_frame():
    names = ["zeta", "alpha", "midway"]
    placed = layout_journey_map(JourneyMap("Map", some_stages(names))).texts
    heads = {text.lines[0].lower(): text.x for text in placed if text.lines[0].lower() in names}
    assert sorted(heads, key=heads.get) == names


def test_money_is_written_with_its_interval():
    pains = some_pains(["check_out"], FIVE)
    texts = texts_of(JourneyMap("Map", some_stages(FIVE), pains=pains, currency="EUR"))
    assert {"Check out (web)", "300 customers come late", "€12,400"} <= set(texts)
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
    assert svg_of(whole).count('stroke-width="3.2"') == 1
    assert svg_of(torn).count('stroke-width="3.2"') == 2


def test_tail_of_touchpoints_is_counted():
    touchpoints = some_touchpoints([f"t{place}" for place in range(18)], ["decision"])
    assert "+ 12 more" in texts_of(JourneyMap("Map", some_stages(FIVE), touchpoints=touchpoints))


def test_touchpoints_outside_the_stages_are_told():
    touchpoints = some_touchpoints(["a", "b"], ["decision", "nowhere"])
    html = draw_journey_map(JourneyMap("Map", some_stages(FIVE), touchpoints=touchpoints))
    assert "1 touchpoint belongs to no stage and is not drawn" in html


@pytest.mark.parametrize(("customers", "written"), [(9, "<10 · web"), (10, "10 · web · +0.20")])
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
    assert html.count("<svg") == html.count("</svg>")
    assert ATTACK not in html
    ET.fromstring(f"<page>{html[html.index('</style>') + 8 : -9]}</page>".replace(" checked", ""))


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
    assert table.count('scope="col"') == 8


def test_stars_mark_moments_of_truth_and_none_of_them_is_in_the_tail():
    names = [f"t{place}" for place in range(30)]
    moments = pd.DataFrame({"touchpoint": ["t29"]})
    touchpoints = some_touchpoints(names, ["decision"], sizes(30)[::-1])
    map_ = JourneyMap("Map", some_stages(FIVE), touchpoints=touchpoints, moments=moments)
    assert "T29" in texts_of(map_)
    assert "moment of truth" in draw_journey_map(map_)


def test_legend_at_the_right_names_the_personas_and_every_second_line():
    curves = pd.concat(
        [some_curve(FIVE, [0.1] * 5), some_curve(FIVE, [0.3] * 5, "Store-first families")]
    )
    map_ = JourneyMap(
        "Map",
        some_stages(FIVE),
        curves,
        before=some_before(FIVE, [0.2] * 5),
        outlook=some_outlook(FIVE, [0.2] * 5),
    )
    named = {"All customers", "Store-first families", "Previous period", "Expected: Guest checkout"}
    assert named <= set(texts_of(map_))


def test_previous_and_expected_values_stand_at_their_stage():
    map_ = JourneyMap(
        "Map",
        some_stages(FIVE),
        some_curve(FIVE, [0.1] * 5),
        before=some_before(FIVE, [0.2] * 5),
        outlook=some_outlook(FIVE, [0.2] * 5),
    )
    texts = texts_of(map_)
    assert texts.count("before: 35 %") == 4
    assert texts.count("imagined: 55 %") == 1
    (spot, *_) = [one for one in layout_journey_map(map_).spots if "feel in" in one.lines[0]]
    assert spot.lines[-2:] == ("Previous period: +0.10", "Expected: Guest checkout: +0.40")


def test_scores_of_few_customers_make_no_second_line():
    before = some_before(FIVE, [0.2] * 5).assign(n=9)
    map_ = JourneyMap("Map", some_stages(FIVE), some_curve(FIVE, [0.1] * 5), before=before)
    assert "Previous period" not in texts_of(map_)


def test_what_is_said_of_one_touchpoint_stands_on_one_card():
    pains = some_pains(["till", "till"], ["decision"]).assign(kind=["loss", "sentiment"])
    texts = texts_of(JourneyMap("Map", some_stages(FIVE), pains=pains))
    assert texts.count("Till (web)") == 1
    assert {"300 customers lost", "300 customers feel worse"} <= set(texts)


def test_opportunity_stands_in_the_stage_of_its_pain():
    pains = some_pains(["till", "queue"], ["decision", "retention"])
    todo = some_opportunities(pains, ["more staff", "an app"])
    placed = layout_journey_map(
        JourneyMap("Map", some_stages(FIVE), pains=pains, opportunities=todo, currency="EUR")
    ).texts
    at = {" ".join(text.lines): text.x for text in placed}
    assert at["Try an app"] == at["Queue (web)"]
    assert at["At queue, 400 customers, effort low"] == at["Try an app"]


def test_lane_of_opportunities_is_absent_without_the_table():
    assert "What to try" not in texts_of(JourneyMap("Map", some_stages(FIVE)))


def test_metric_of_a_stage_stands_with_that_stage():
    map_ = JourneyMap("Map", some_stages(FIVE), metrics=some_metrics(["all", "decision"]))
    assert "Rate 1 50 % (40 to 60 %)" in texts_of(map_)
    assert draw_journey_map(map_).count('class="jm-value"') == 1


def test_each_group_gets_a_button_and_a_view_of_its_own():
    whole = JourneyMap("Map", some_stages(FIVE), some_curve(FIVE, [0.1] * 5))
    groups = [replace(whole, group=f"Group {place}") for place in range(3)]
    html = draw_journey_map(whole, groups=groups)
    assert html.count('type="radio"') == 4
    assert html.count(" checked") == 1
    ids = re.findall(r'id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert "#" + re.findall(r'<label><input[^>]*id="([^"]+)"', html)[2] in html


def test_every_place_with_more_to_tell_can_be_reached_by_keyboard():
    touchpoints = some_touchpoints(["a", "b", "c"], FIVE)
    map_ = JourneyMap("Map", some_stages(FIVE), touchpoints=touchpoints)
    html = draw_journey_map(map_)
    spots = re.findall(r'<div class="jm-spot[^"]*" role="img" tabindex="0" [^>]*>', html)
    assert len(spots) == len(layout_journey_map(map_).spots)
    assert any("400 customers&#10;Tone +0.20, support fair" in spot for spot in spots)


WORDS = st.text(
    st.sampled_from("abcdefghijklmnop WMil_-/ الدفع عند הזמנה 支付注文 ß"), min_size=1, max_size=70
)


def numbers_of(way):
    """Follow a path and give its corners and control points."""
    x = y = 0.0
    for sign, rest in re.findall(r"([MLHVCQhvlZ])([^MLHVCQhvlZ]*)", way):
        held = [float(one) for one in re.findall(r"-?[0-9.]+", rest)]
        if sign in "hv":
            x, y = (x + held[0], y) if sign == "h" else (x, y + held[0])
        elif sign == "l":
            for right, down in zip(held[::2], held[1::2], strict=True):
                x, y = x + right, y + down
                yield x, y
            continue
        elif sign in "HV":
            x, y = (held[0], y) if sign == "H" else (x, held[0])
        elif sign != "Z":
            for x, y in zip(held[::2], held[1::2], strict=True):
                yield x, y
            continue
        yield x, y


def box_of(node):
    """Give the room that a shape of the drawing takes."""
    at = {key: float(node.get(key, 0)) for key in ("x", "y", "cx", "cy", "r", "width", "height")}
    if node.tag.endswith("circle"):
        return Box(at["cx"] - at["r"], at["cy"] - at["r"], at["cx"] + at["r"], at["cy"] + at["r"])
    if node.tag.endswith("rect"):
        return Box(at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"])
    xs, ys = zip(*numbers_of(node.get("d")), strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


def texts_in(root):
    """Measure every line of text in the drawing, on the safe side."""
    for text in root.iter(f"{SVG}text"):
        size, bold = float(text.get("font-size")), text.get("font-weight") == "700"
        for row in text.iter(f"{SVG}tspan"):
            wide = labels.text_width(row.text or "", size, bold=bold)
            left = float(row.get("x"))
            left -= {"middle": wide / 2, "end": wide}.get(text.get("text-anchor"), 0)
            base = float(row.get("y"))
            yield Box(left, base - 0.9 * size, left + wide, base + 0.25 * size)


def assert_apart(boxes):
    boxes = sorted(boxes, key=lambda box: box.top)
    for place, box in enumerate(boxes):
        for other in boxes[place + 1 :]:
            if other.top >= box.bottom:
                break
            assert not box.overlaps(other, 0.2), (box, other)


def assert_inside(boxes, width, height, slack=1.0):
    for box in boxes:
        assert box.left >= -slack, box
        assert box.top >= -slack, box
        assert box.right <= width + slack, box
        assert box.bottom <= height + slack, box


def assert_nothing_collides(html):
    """Measure both drawings of a map, for screens and for paper."""
    for drawing in re.findall(r"<svg [^>]*class=\"jm-s(?:vg|heet)\".*?</svg>", html, re.DOTALL):
        root = ET.fromstring(drawing)
        _, _, width, height = map(float, root.get("viewBox").split())
        texts = list(texts_in(root))
        marks = {f"{SVG}circle", f"{SVG}rect", f"{SVG}path"}
        shapes = [node for node in root.iter() if node.tag in marks and node.get("d") != "M0 0"]
        assert_inside(texts, width, height)
        assert_inside(map(box_of, shapes), width, height)
        assert_apart(texts)
        cards = [box_of(node) for node in shapes if node.get("rx") == "5"]
        dots = [box_of(group[0]) for group in root.iter(f"{SVG}g") if is_dot(group)]
        assert_apart([*cards, *dots])
        assert_apart([*texts, *dots])


def is_dot(group):
    return group.get("id") is None and group.get("aria-hidden") is None and len(group) == 2


def random_map(data, stages, touchpoints, personas):
    pool = data.draw(st.lists(WORDS, min_size=8, max_size=8))
    names = [f"{place} {pool[place % 8]}" for place in range(max(stages, touchpoints))]
    level = data.draw(st.lists(st.floats(-1, 1), min_size=stages, max_size=stages))
    heads = names[:stages]
    curves = [some_curve(heads, level)] + [
        some_curve(heads, [v * k / 9 for v in level], names[k % len(names)] + f" {k}")
        for k in range(personas)
    ]
    pains = some_pains(names[: 3 * stages], heads)
    return JourneyMap(
        pool[0],
        some_stages(heads),
        pd.concat(curves, ignore_index=True),
        some_touchpoints(names[:touchpoints], heads, sizes(touchpoints)),
        pains,
        some_pains(names[:stages], heads),
        some_metrics([*["all"] * 6, *heads[:3]]),
        opportunities=some_opportunities(pains, pool),
        moments=pains.head(3),
        before=some_before(heads, level),
        outlook=some_outlook(heads, level, pool[1]),
        currency="CHF",
    )


def sizes(count):
    return [5 + 37 * place % 4000 for place in range(count)]


def some_metrics(segments):
    return pd.DataFrame(
        {
            "metric": [f"rate_{place}" for place in range(len(segments))],
            "segment": segments,
            "value": 0.5,
            "low": 0.4,
            "high": 0.6,
            "unit": "share",
            "target": 0.7,
        }
    )


def some_opportunities(pains, words):
    return pd.DataFrame(
        {
            "rank": range(1, len(pains) + 1),
            "pain": pains["rank"],
            "action": [f"Try {words[place % len(words)]}" for place in range(len(pains))],
            "reach": 400,
            "effort": "low",
            "money_value": 9000.0,
            "money_low": 1000.0,
            "money_high": 20000.0,
        }
    )


def some_before(names, values):
    table = some_curve(names, [value / 2 for value in values]).drop(columns="persona")
    return table.assign(reached=900, share=0.6, to_next=0.35)


def some_outlook(names, values, scenario="Guest checkout"):
    stages = pd.DataFrame(
        {
            "scenario": scenario,
            "metric": "sentiment",
            "stage": names,
            "value": [min(1.0, value + 0.2) for value in values],
        }
    )
    going = pd.DataFrame(
        {"scenario": scenario, "metric": "to_next", "stage": names[:1], "value": [0.55]}
    )
    return pd.concat([stages, going], ignore_index=True)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(3, 12), st.integers(3, 200), st.integers(0, 8), st.data())
def test_nothing_on_the_map_overlaps_or_leaves_it(stages, touchpoints, personas, data):
    assert_nothing_collides(draw_journey_map(random_map(data, stages, touchpoints, personas)))


def test_map_without_stages_is_refused():
    with pytest.raises(DataError, match="at least one stage"):
        draw_journey_map(JourneyMap("Map", some_stages(FIVE).head(0)))


def test_stage_that_comes_twice_is_refused():
    with pytest.raises(DataError, match='"one" comes twice'):
        draw_journey_map(JourneyMap("Map", some_stages(["one", "one"])))


def test_accent_that_is_no_colour_is_refused():
    with pytest.raises(ParamsError, match="is not a colour"):
        draw_journey_map(JourneyMap("Map", some_stages(FIVE), accent='red" onload="x'))
