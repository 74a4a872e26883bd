"""Comments made up for tests: topics with several wordings each, planted at known rates."""

import numpy as np
import pandas as pd

PEOPLE = ("children", "neighbours", "guests", "family", "ladies", "gentlemen")
TOPICS = {
    "delivery": (
        "The parcel came four days late.", "Delivery was slow and the courier rude to me.",
        "My order was shipped to the wrong town.", "Quick delivery, well packed.",
    ),
    "cleanliness": (
        "The rooms were dirty and smelled of smoke.", "Spotless and very clean all over.",
        "Dust everywhere, nobody had cleaned.",
    ),
    "price": ("Far too expensive for what it is.", "A fair price for a good product.",
              "The discount made it worth it."),
    "violins": "violin orchestra concert teacher lesson melody bow strings rehearsal solo",
    "ponies": "pony meadow carrots saddle stable hooves mane fence trot riding",
}  # fmt: skip


def write(rng, topic):
    """Take one of the sentences, or string three of the words together."""
    words = TOPICS[topic]
    if isinstance(words, tuple):
        return str(rng.choice(words))
    one, two, three = rng.choice(words.split(), 3, replace=False)
    return f"My {one} and the {two}, then some {three} for the {rng.choice(PEOPLE)}."


def make_voices(n, *, seed=1, topics=tuple(TOPICS), often=None, tone=None, days=360):
    """Draw one comment a customer; gives the voices and the topic of each."""
    rng = np.random.default_rng(seed)
    said = rng.choice(topics, n, p=often)
    texts = [write(rng, topic) for topic in said]
    feeling = [np.clip((tone or {}).get(topic, 0.2) + rng.normal(0, 0.3), -1, 1) for topic in said]
    start = pd.Timestamp("2025-01-01", tz="UTC")
    voices = pd.DataFrame(
        {
            "customer": pd.Series(np.arange(n), dtype="Int64"),
            "timestamp": start + pd.to_timedelta(np.sort(rng.uniform(0, days, n)), unit="D"),
            "touchpoint": np.where(said == "delivery", "parcel", "visit"),
            "channel": "",
            "source": "survey",
            "language": "en",
            "feeling": feeling,
            "blur": 0.0,
            "told": "nps",
            "text": texts,
        }
    )
    return voices, said
