"""The command `journey`. Each call imports only what it needs, so that help answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from journeylib.batch import Outcome
    from journeylib.errors import JourneyError

GOOD, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Measured journey maps from a client's customer data.",
)


def main() -> None:
    """Run the command; a person's mistake is told in plain words and ends with exit code 2."""
    from journeylib.errors import JourneyError

    try:
        app()
    except JourneyError as refused:
        _complain(refused)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        typer.echo(
            "Interrupted. Finished reports are whole; the others were not touched.", err=True
        )
        sys.exit(INTERRUPTED)


def _complain(refused: JourneyError) -> None:
    typer.echo(str(refused), err=True)


@app.command()
def run(
    clients: Annotated[
        list[Path] | None, typer.Argument(help="Client files or folders of them.")
    ] = None,
    reports: Annotated[Path, typer.Option(help="Where the reports go.")] = Path("reports"),
    jobs: Annotated[int, typer.Option(help="Clients at once; 0 takes the cores.", min=0)] = 0,
    timeout: Annotated[int, typer.Option(help="Seconds that one cell may take.", min=1)] = 600,
) -> None:
    """Run all notebooks for every client and write the reports.

    Exit code 0: all good; 1: some clients failed; 2: nothing could be started.
    """
    from journeylib import batch, portfolio
    from journeylib.progress import follow_run

    files = batch.find_client_files(clients or [Path("params")])
    before = portfolio.read_metrics(reports)
    with follow_run(len(files)) as tell:
        outcomes = batch.run_clients(
            files, reports=reports, jobs=jobs or None, timeout=timeout, on_progress=tell
        )
    index = portfolio.write_index(reports, before=before)
    _summarise(outcomes, index)
    raise typer.Exit(GOOD if all(not outcome.error for outcome in outcomes) else SOME_FAILED)


def _summarise(outcomes: list[Outcome], index: Path) -> None:
    for outcome in outcomes:
        sign = "✗" if outcome.error else "✓"
        where = outcome.report or outcome.error
        typer.echo(f"{sign} {outcome.client} ({outcome.seconds:.0f} s): {where}")
    failed = sum(bool(outcome.error) for outcome in outcomes)
    typer.echo(f"{len(outcomes) - failed} finished, {failed} failed: {index}")


@app.command()
def check(
    client: Annotated[Path, typer.Argument(help="The client file.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,  # noqa: FBT002
) -> None:
    """Read a client's data without running a notebook, and say what was found.

    Exit code 0: it can be run; 2: something has to be mended.
    """
    from journeylib.checkup import check_client, print_checkup

    found = check_client(client)
    if json:
        typer.echo(found.to_json())
    else:
        print_checkup(found)
    raise typer.Exit(GOOD if found.ok else BAD_INPUT)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the client: letters, digits, hyphens.")],
    more: Annotated[
        list[Path] | None, typer.Argument(help="Further files, after the first.", metavar="FILE…")
    ] = None,
    files: Annotated[
        list[Path] | None, typer.Option("--from", help="File or folder to look at.")
    ] = None,
    params: Annotated[Path, typer.Option(help="Folder of the client files.")] = Path("params"),
) -> None:
    """Write a first client file for exports that nobody has described yet; review each guess.

    Exit code 0: it is written; 2: a file cannot be read, or the client exists already.
    """
    from journeylib.drafts import write_draft

    for line in write_draft(name, [*(files or []), *(more or [])], params).lines():
        typer.echo(line)


@app.command()
def samples(
    out: Annotated[Path, typer.Argument(help="Folder for the data.")] = Path("sample_data"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
) -> None:
    """Write the data of the three invented clients, with the planted truth beside them."""
    from journeylib.samples import write_samples

    for folder in write_samples(out, seed=seed):
        typer.echo(f"✓ {folder}")


@app.command()
def workshop(
    out: Annotated[Path, typer.Argument(help="Folder for the learners and the trainer.")],
    client: Annotated[
        str, typer.Option(help="The sample client to teach with.")
    ] = "harbour-hotels",
    learners: Annotated[int, typer.Option(help="How many learners.", min=1, max=200)] = 3,
    seed: Annotated[int, typer.Option(help="Seed of the first learner's data.")] = 1,
    answers: Annotated[  # noqa: FBT002
        bool, typer.Option("--answers", help="Run the solutions too; half a minute a learner.")
    ] = False,
) -> None:
    """Write exercises with each learner's own data, and the solutions for the trainer."""
    from journeylib.lessons import write_workshop

    for folder in write_workshop(out, client=client, learners=learners, seed=seed, answers=answers):
        typer.echo(f"✓ {folder}")


@app.command()
def forget(
    client: Annotated[Path, typer.Argument(help="The client file.")],
    customer: Annotated[
        str, typer.Argument(help="An id, e-mail address, phone number or pseudonym.")
    ],
    reports: Annotated[Path, typer.Option(help="Where the reports are.")] = Path("reports"),
) -> None:
    """Forget one customer: in the workspace now, and in every later run.

    Exit code 0: done, and what is left to do is said; 2: nobody is known by what was given.
    """
    from journeylib.forgetting import forget_customer

    for line in forget_customer(client, customer, reports=reports).lines():
        typer.echo(line)


@app.command()
def clean(
    clients: Annotated[
        list[Path] | None, typer.Argument(help="Client files or folders of them.")
    ] = None,
    older_than: Annotated[str, typer.Option(help="Age of a workspace: 90d, 12w or 6m.")] = "90d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,  # noqa: FBT002
) -> None:
    """Remove workspaces whose last run is long ago; reports and data stay."""
    from journeylib import batch, retention

    days = retention.read_age(older_than)
    files = batch.find_client_files(clients or [Path("params")])
    for found in retention.clean_workspaces(files, older_than=days, dry_run=dry_run):
        typer.echo(found.line(dry_run=dry_run))


@app.command()
def doctor() -> None:
    """Say whether the installation works, and what to do where it does not."""
    from journeylib.doctor import examine

    findings = examine(Path.cwd())
    for finding in findings:
        typer.echo(f"{'✓' if finding.ok else '✗'} {finding.name:<13} {finding.found}")
        if finding.fix:
            typer.echo(f"  {'':<13} {finding.fix}")
    wrong = sum(not finding.ok for finding in findings)
    typer.echo(
        "All is well: run `journey run params/`." if not wrong else f"{wrong} thing(s) to mend."
    )
    raise typer.Exit(GOOD if not wrong else BAD_INPUT)


@app.command()
def handbook(
    params: Annotated[Path, typer.Argument(help="Folder of the client files.")] = Path("params"),
) -> None:
    """Write params/README.md and params/schema.json anew from the keys that are known."""
    from journeylib.handbook import write_handbook, write_schema

    write_schema(params / "schema.json")
    write_handbook(params / "README.md")
    typer.echo(f"✓ {params / 'README.md'}\n✓ {params / 'schema.json'}")
