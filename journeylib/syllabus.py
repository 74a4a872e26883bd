"""What each notebook teaches: minutes, objectives, key points, and where learners go astray.

Not for the exercises, which stand in the notebooks, nor for writing files; see `lessons`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lesson:
    """One notebook as a lesson.

    Attributes:
        notebook: Its file name without ending.
        title: What it is about.
        minutes: Time for running, reading, the exercises and talking about them.
        objectives: What a learner can do afterwards.
        points: What is worth keeping in mind.
        traps: What is often misunderstood, and how to answer it; for the trainer.
    """

    notebook: str
    title: str
    minutes: int
    objectives: tuple[str, ...]
    points: tuple[str, ...]
    traps: tuple[str, ...]


OPENING, BREAK, CLOSING = 10, 15, 25

LESSONS = (
    Lesson(
        "01_data_collection", "What we looked at", 25,
        (
            "say which rows were used, which were left out, and why",
            "tell a check that warns from one that fails",
        ),
        (
            "Everything later stands on which customers are in the data, and which are not.",
            "A row that is left out is counted with its reason.",
        ),
        (
            "*\"Rows left out are a fault of the kit.\"* Most are what the client file asks to "
            "leave out: rows before the period, cancelled orders, rows sent twice. Read the "
            "reasons aloud.",
            "*\"A month with half the events is a fall.\"* It may be a gap of one system or a "
            "month that the data covers in part. Look at who is silent before asking why.",
        ),
    ),
    Lesson(
        "02_persona_segmentation", "Who the customers are", 30,
        (
            "say whether a group is there or was made",
            "name a group by what sets it apart, with its size",
        ),
        (
            "Any clustering finds groups, also in data that has none.",
            "Differences in the features that made a group are no finding about it.",
        ),
        (
            "*\"The algorithm found them, so they are real.\"* Bottomley and Nairn (2004, "
            "International Journal of Market Research 46(2):171-187) showed managers clusters of "
            "random data: some read a meaning into them, and built a strategy on it. Have two "
            "people name the same group apart from each other before they compare.",
            "*\"Constructed means wrong.\"* Customers often differ by degrees. A cut can serve; "
            "its place is a choice, and no customer is far from the other side.",
            "*\"The number of planted personas should come out.\"* The planted habits overlap, as "
            "real ones do. That fewer groups are found is the honest result.",
        ),
    ),
    Lesson(
        "03_stage_mapping", "The road customers take", 35,
        (
            "read from a stage to the next with its denominator",
            "tell a loss from a journey that is still under way",
        ),
        (
            "Reached means seen there once; journeys loop and leave stages out.",
            "What follows in time does not follow from it.",
        ),
        (
            "*\"Awareness is small, so our adverts fail.\"* Nobody is seen before they are known. "
            "The first stage is usually the worst observed.",
            "*\"No one goes on, so all are lost.\"* A share of zero usually means that no source "
            "records the next stage for known customers.",
            "*\"The most common path is the typical journey.\"* Short paths are common because "
            "they are short. Ask what share of all journeys it is.",
        ),
    ),
    Lesson(
        "04_pain_point_analysis", "What hurts, and what delights", 35,
        (
            "say what a pain point is compared with",
            "explain why p-values are adjusted when many comparisons are made",
            "tell money at stake from money that a fix would bring",
        ),
        (
            "A difference between groups of customers is not yet an effect.",
            "Among many comparisons some look bad by chance alone.",
        ),
        (
            "*\"Those who waited left, so waiting drove them away.\"* Who waits may differ in much "
            "else. Ask for one other reason before asking for a remedy.",
            "*\"The worst touchpoint last month got better after our talk.\"* Regression to the "
            "mean: what is picked because it was extreme is less so the next time, without any "
            "help. Pick ten dice that showed a six and roll them again in front of the group.",
            "*\"Rank 1 is the dearest problem.\"* Look at the interval, at how often it was among "
            "the first three, and at how it ranks had other choices been made. Neighbours in the "
            "list may well change places in next year's data.",
        ),
    ),
    Lesson(
        "05_intervention_impact", "Did it work, and what next?", 45,
        (
            "read a verdict together with its interval and its checks",
            "say which design answers the question and which only looks as if it did",
            "tell a measured effect, a prediction and a scenario apart",
        ),
        (
            "The smallest effect worth having is declared before looking.",
            "A check that fails withholds the verdict, however good the figure looks.",
            "A prediction is judged on customers it has not seen, and beside the plainest one.",
        ),
        (
            "*\"It rose after the start, so it worked.\"* Before and after counts everything else "
            "that changed too: the trend, the season, another campaign. Compare with units that "
            "had no change, or with the series' own trend.",
            "*\"The interval misses the planted value, so the method is wrong.\"* At 95 percent "
            "one learner in twenty gets such an interval. Put all of them on the board.",
            "*\"Zero is inside, so there is no effect.\"* The data cannot tell, which is another "
            "thing. Only an interval that lies within the bar says that nothing matters.",
            "*\"The verdict says works, so the number is the effect.\"* The truth may be anywhere "
            "in the interval. Read both ends aloud, with their units.",
            "*\"Those most at risk are those to call.\"* Who is likely to leave is not who can be "
            "kept. Call half of them, chosen by lot, and compare.",
        ),
    ),
    Lesson(
        "06_journey_report", "The report", 20,
        (
            "tell a client five findings with their evidence",
            "choose the caveat that has to be said first",
        ),
        (
            "Every finding carries its grade of evidence to the front page.",
            "What the data cannot tell belongs in the report.",
        ),
        (
            "*\"Caveats weaken the report.\"* A caveat that the client finds alone does "
            "it more harm.",
            "*\"D means worthless.\"* D describes, and a description is a good reason to test.",
        ),
    ),
)  # fmt: skip
