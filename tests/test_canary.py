"""A client's secrets and customers never stand in what a run leaves, nor in another client's."""

from __future__ import annotations

import base64
import json
import re

import pandas as pd
import pytest
from tiny import write_tiny_client

from journeylib.batch import run_clients
from journeylib.portfolio import write_index

SOURCES = """\
  - name: people
    kind: customers
    path: data/{client}/people.csv
    columns: {{customer_id: who, name: full, email: mail, phone: ring}}
  - name: said
    kind: feedback
    path: data/{client}/said.csv
    columns: {{customer_id: who, timestamp: at, text: words, rating: stars, touchpoint: place}}
    scale: {{low: 1, high: 5}}
report:
"""
pytestmark = pytest.mark.slow
PLACES = ["ad", "basket", "delivery"]
KEYS = "abcdefghij"


def _letters(number):
    return "".join(KEYS[int(digit)] for digit in f"{number:03d}")


def person(client, index):
    """Make up a person whose details are found nowhere else."""
    mark = client[:3]
    return {
        "who": f"{client[:1].upper()}{index:04d}",
        "full": f"Zorbi{mark}{_letters(index)} Quandt{mark}{_letters(index)}",
        "mail": f"canary.{mark}.{index}@nest.example",
        "ring": f"+49 30 55{index:03d}{len(client):03d}",
    }


def write_canary(root, client, *, seed):
    """Add people and what they said to a tiny client; every detail also stands in a comment."""
    file = write_tiny_client(root, client, seed=seed)
    people, said = ["who,full,mail,ring,second mail,plan"], ["who,at,words,stars,place,comment2"]
    for index in range(260):
        one = person(client, index)
        people.append(
            f"{one['who']},{one['full']},{one['mail']},{one['ring']},{one['mail']},p{index % 3}"
        )
        last, first = one["full"].split()[::-1]
        words = [f"I am {one['full']}, really", f"{last}, {first} waited", f"Ask {last} now",
                 f"mail {one['mail']} please", f"ring {one['ring']}", f"my number is {one['who']}",
                 ][index % 6]  # fmt: skip
        place = f"{PLACES[index % 3]} of {one['mail']}" if index % 5 == 0 else PLACES[index % 3]
        told = f'2025-0{1 + index % 5}-15 10:00:00,"{words}",{1 + index % 5},{place},"{words}"'
        said.append(f"{one['who']},{told}")
    folder = root / "data" / client
    (folder / "people.csv").write_text("\n".join(people) + "\n", encoding="utf-8")
    (folder / "said.csv").write_text("\n".join(said) + "\n", encoding="utf-8")
    text = file.read_text(encoding="utf-8")
    text = text.replace('report: {accent: "#0b6e99"}\n', SOURCES.format(client=client))
    text = text.replace("report:\n", 'report: {accent: "#0b6e99"}\n')
    file.write_text(text, encoding="utf-8")
    return file


def everything(folder):
    """Give what every file below a folder says, pictures inside pages and all columns included."""
    told = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            told[path] = pd.read_parquet(path).to_csv()
        elif path.is_file():
            text = path.read_bytes().decode("utf-8", "replace")
            inside = re.findall(r"data:image/[a-z+]+;base64,([A-Za-z0-9+/=]+)", text)
            told[path] = "\n".join([text, *(_decoded(one) for one in inside)])
    return told


def _decoded(data):
    return base64.b64decode(data + "==").decode("utf-8", "replace")


def canaries(client, secret):
    found = {secret}
    for index in range(260):
        one = person(client, index)
        found |= {*one.values(), *one["full"].split(), one["ring"].replace(" ", "").strip("+")}
    return found


def leaks(folder, wanted):
    """Name the files that hold one of some texts; words are compared as words."""
    single = {word for word in wanted if not re.search(r"\s", word)}
    several = sorted(wanted - single)
    found = {}
    for path, text in everything(folder).items():
        held = single & {word.strip(".-+") for word in re.findall(r"[\w.@+-]+", text)}
        held |= {word for word in several if word in text}
        if held:
            found[str(path.relative_to(folder))] = sorted(held)[:5]
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run two clients at once, once for all tests of this file."""
    root = tmp_path_factory.mktemp("canary")
    files = [write_canary(root, client, seed=seed) for seed, client in enumerate(["anna", "bert"])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOURNEY_WORK", str(root / "work"))
        patch.delenv("JOURNEY_SECRET", raising=False)
        told = []
        outcomes = run_clients(
            files, reports=root / "reports", jobs=2, on_progress=lambda *news: told.append(news)
        )
        write_index(root / "reports")
    assert [outcome.error for outcome in outcomes] == ["", ""]
    (root / "told.json").write_text(json.dumps([told, [repr(one) for one in outcomes]]))
    return root


def secret_of(root, client):
    return (root / ".secrets" / client).read_text()


@pytest.mark.parametrize("client", ["anna", "bert"])
def test_no_canary_stands_in_any_output(ran, client):
    wanted = canaries(client, secret_of(ran, client))
    assert leaks(ran / "reports", wanted) == {}
    told = (ran / "told.json").read_text()
    assert not [word for word in wanted if word in told]


@pytest.mark.parametrize("client", ["anna", "bert"])
def test_no_canary_stands_in_the_workspace(ran, client):
    assert leaks(ran / "work", canaries(client, secret_of(ran, client))) == {}


def test_nothing_of_one_client_stands_in_anothers_report(ran):
    marks = [
        set(pd.read_parquet(ran / "work" / client / "log" / "customers.parquet")["pseudonym"])
        for client in ("anna", "bert")
    ]
    assert not marks[0] & marks[1]
    assert leaks(ran / "reports" / "bert", marks[0] | {"Anna"}) == {}
    assert leaks(ran / "reports" / "anna", marks[1] | {"Bert"}) == {}


def test_the_canaries_were_read(ran):
    """The test is worth nothing where what was said never reached the workspace."""
    voices = pd.read_parquet(ran / "work" / "anna" / "frames" / "voices.parquet")
    texts = voices["text"].dropna()
    assert len(texts) == 260
    labels = ("[name]", "[e-mail]", "[phone]", "[id]")
    assert all(texts.str.contains(label, regex=False).any() for label in labels)
    assert {"ad of [e-mail]"} <= set(voices["touchpoint"].dropna())
