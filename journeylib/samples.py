"""Writes the three invented clients and the truth that was planted in them. Not for real data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from journeylib.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SAMPLE_CLIENTS = ("northside-clothing", "brightdesk", "harbour-hotels")
_CREATED = "Invented data. No customer, company or contact in it exists."


def write_samples(out: Path, *, clients: Sequence[str] | None = None, seed: int = 7) -> list[Path]:
    """Write the exports of the invented clients, and `truth.json` beside each.

    The same seed gives the same bytes; another seed gives other customers with the same designed
    effects, and its own realised ones.

    Args:
        out: Folder that gets one folder for each client; made if need be. Files of the same name
            are replaced, others stay.
        clients: Names among `SAMPLE_CLIENTS`; None writes all.
        seed: Start of the random numbers, 0 or above.

    Returns:
        Every file written, `truth.json` last for each client.

    Raises:
        DataError: A name is not that of an invented client, or the seed is negative.
    """
    chosen = tuple(SAMPLE_CLIENTS if clients is None else clients)
    _check_request(chosen, seed)
    return [path for client in chosen for path in _write_client(out / client, client, seed)]


def _check_request(clients: Sequence[str], seed: int) -> None:
    wrong = [
        f'"{name}" is not an invented client; there are {", ".join(SAMPLE_CLIENTS)}. '
        + did_you_mean(name, SAMPLE_CLIENTS)
        for name in clients
        if name not in SAMPLE_CLIENTS
    ]
    if seed < 0:
        wrong.append(f"The seed must be 0 or above; found {seed}.")
    if wrong:
        raise DataError("The samples cannot be written.", wrong)


def _write_client(folder: Path, client: str, seed: int) -> list[Path]:
    from journeylib.sample_files import write_json

    folder.mkdir(parents=True, exist_ok=True)
    written, truth = _writer(client)(folder, seed)
    content = {"about": _CREATED, "seed": seed, **truth}
    return [*written, write_json(folder / "truth.json", content)]


def _writer(client: str) -> Callable[[Path, int], tuple[list[Path], dict[str, Any]]]:
    if client == "northside-clothing":
        from journeylib.sample_clothing_files import write_clothing

        return write_clothing
    if client == "brightdesk":
        from journeylib.sample_software_files import write_software

        return write_software
    from journeylib.sample_hotels_files import write_hotels

    return write_hotels
