"""Time and stability of the themes of comments, as docs/themes.md shows them.

    python benchmarks/run_themes.py [DATA]

DATA is a folder with `skytrax/lounge.csv` and `seat.csv` (CC0); without it the made comments alone
are timed.
"""

from __future__ import annotations

import platform
import resource
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from journeylib.feedback import find_themes
from journeylib.theme_search import ThemeRules

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from voices_made import TOPICS, make_voices, write

SIZES = (50, 1_000, 10_000, 100_000, 500_000)
SEEDS = 20
PAGE = Path(__file__).parents[1] / "docs" / "themes.md"


def long_comments(n, seed=1):
    """Three sentences a comment, from all topics."""
    rng = np.random.default_rng(seed)
    voices, _ = make_voices(n, seed=seed)
    topics = list(TOPICS)
    more = rng.integers(0, len(topics), (n, 2))
    texts = [
        " ".join([text, *(write(rng, topics[at]) for at in row)])
        for text, row in zip(voices["text"], more, strict=True)
    ]
    return voices.assign(text=texts)


def reviews(path):
    raw = pd.read_csv(path)
    return pd.DataFrame(
        {
            "customer": pd.Series(pd.factorize(raw["author"])[0], dtype="Int64"),
            "text": raw["content"],
            "language": "en",
            "feeling": raw["recommended"] * 2.0 - 1,
        }
    )


def halves(voices, seed, gate):
    """Share of the themes of either half that both have, and how alike their sizes are."""
    own = voices["customer"].to_numpy(int)
    half = np.random.default_rng(seed).random(own.max() + 1)[own] < 0.5
    rules = ThemeRules(min_comments=gate)
    one, two = (
        find_themes(voices[part], rules=rules).table.set_index("theme")["value"]
        for part in (half, ~half)
    )
    both = one.index.intersection(two.index)
    shared = len(both) / max(len(one.index.union(two.index)), 1)
    return shared, np.corrcoef(one[both], two[both])[0, 1]


def recovered(seed):
    """Overlap of the two planted unlisted topics with what was found for them."""
    voices, said = make_voices(600, seed=seed)
    themes = find_themes(voices)
    rows = {
        name: set(themes.comments.loc[own, "row"])
        for name, own in themes.members.groupby("theme")["comment"]
    }
    return [
        max(len(r & truth) / len(r | truth) for r in rows.values())
        for truth in (set(np.flatnonzero(said == t)) for t in ("violins", "ponies"))
    ]


def main() -> None:
    lines = [
        "# Themes of comments",
        "",
        f"Made by `python benchmarks/run_themes.py` on {date.today().isoformat()}: "
        f"{platform.machine()}, Python {platform.python_version()}.",
        "",
        "How themes are found: words of a codebook first (`journeylib/lexicon/themes.yml`, seven",
        "languages and some Arabic, and the client file's `feedback: themes:`); what no listed",
        "theme covers is grouped by non-negative factors of weighted words, language by language.",
        "A theme is reported from 30 comments of 10 customers on, and where two random halves of",
        "the customers agree by 0.7: for a listed theme in the words that lead to it (cosine, 20",
        "splits; its assignments are a rule and always agree), for a found one in assignments",
        "(Jaccard) and words (3 splits), whichever agrees less.",
        "",
        "Made comments of three sentences each; memory is the peak of the run so far.",
        "",
        "| comments | seconds | themes | MB so far |",
        "|---|---|---|---|",
    ]
    for size in SIZES:
        voices = long_comments(size)
        start = time.perf_counter()
        found = len(find_themes(voices).table)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        lines.append(f"| {size:,} | {seconds:.1f} | {found} | {peak:,.0f} |")
        print(lines[-1], flush=True)
    overlap = np.array([recovered(seed) for seed in range(SEEDS)])
    lines += [
        "",
        f"Two planted topics that no list knows, with words of their own (the easy case), "
        f"600 comments, {SEEDS} seeds: overlap of comments "
        f"(Jaccard) {overlap.mean():.2f} on average, {overlap.min():.2f} at least.",
    ]
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if folder is not None:
        lines += [
            "",
            "Skytrax reviews, each split into two halves of the authors, five times: share of the",
            "themes of either half that both report. A half holds half the comments; asked for 30",
            "all the same, themes of 30 to 60 comments in all fall to either side of the gate.",
            "",
            "| reviews | comments | themes | gate in a half | shared, mean | least | "
            "sizes correlate |",
            "|---|---|---|---|---|---|---|",
        ]
        for name in ("lounge", "seat"):
            voices = reviews(folder / "skytrax" / f"{name}.csv")
            themes = find_themes(voices)
            for gate in (15, 30):
                alike = np.array([halves(voices, seed, gate) for seed in range(5)])
                lines.append(
                    f"| {name} | {len(themes.comments):,} | {len(themes.table)} | {gate} | "
                    f"{alike[:, 0].mean():.2f} | {alike[:, 0].min():.2f} | "
                    f"{alike[:, 1].mean():.3f} |"
                )
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
