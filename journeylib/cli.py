"""The command `journey`. Each call imports only what it needs, so that help answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from journeylib.batch import Plan
    from journeylib.clientrun import Outcome
    from journeylib.errors import JourneyError

GOOD, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

Verify = Annotated[
    bool, typer.Option("--verify", help="Run twice, publish nothing, and compare byte for byte.")
]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help comes twice as fast
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
    except OSError as refused:  # such as a disk that is full when the pages over all are written
        from journeylib.failures import explain

        _complain(explain(refused, Path()))
        sys.exit(SOME_FAILED)
    except KeyboardInterrupt:
        typer.echo(
            "Interrupted. Finished reports are whole; the others were not touched.", err=True
        )
        sys.exit(INTERRUPTED)


def _complain(refused: JourneyError) -> None:
    typer.echo(str(refused), err=True)


@app.command()
def run(  # noqa: PLR0913, PLR0917  # one parameter for each option
    clients: Annotated[
        list[Path] | None, typer.Argument(help="Client files or folders of them.")
    ] = None,
    reports: Annotated[Path, typer.Option(help="Where the reports go.")] = Path("reports"),
    jobs: Annotated[
        int, typer.Option(help="Clients at once; 0 decides by cores and free memory.", min=0)
    ] = 0,
    timeout: Annotated[int, typer.Option(help="Seconds that one cell may take.", min=1)] = 600,
    limit: Annotated[int, typer.Option(help="Seconds that one client may take.", min=1)] = 7200,
    memory: Annotated[
        float, typer.Option(help="Gigabytes that one notebook may take; 0: nearly all.", min=0)
    ] = 0.0,
    executor: Annotated[
        str, typer.Option(help="local, or an existing cluster: dask=tcp://host:8786.")
    ] = "local",
    force: Annotated[bool, typer.Option("--force", help="Run all, changed or not.")] = False,  # noqa: FBT002
    only: Annotated[str, typer.Option(help="Run this notebook, and what it needs: 04.")] = "",
    start: Annotated[str, typer.Option("--from", help="Run again from this notebook: 03.")] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,  # noqa: FBT002
    verify: Verify = False,  # noqa: FBT002
) -> None:
    """Run what changed and write the reports. An interrupted run goes on.

    Exit code 0: all good; 1: some clients failed, or another run is writing there; 2: nothing could
    be started; 130: interrupted.
    """
    from journeylib import batch, benchmark_page, locks
    from journeylib.progress import follow_run

    files = batch.find_client_files(clients or [Path("params")])
    plan = batch.Plan(
        executor, timeout, limit, round(memory * 1e9) or None, force or verify,
        batch.read_number(only, "--only"), batch.read_number(start, "--from"),
    )  # fmt: skip
    if verify:
        raise typer.Exit(_verify(files, jobs, plan, as_json=json))
    try:
        with follow_run(len(files), quiet=json) as tell:
            outcomes = batch.run_clients(
                files, reports=reports, jobs=jobs or None, plan=plan, on_progress=tell
            )
    except locks.LockedError as locked:
        _complain(locked)
        raise typer.Exit(SOME_FAILED) from None
    index = benchmark_page.write_overviews(reports)
    _tell_outcomes(outcomes, index, as_json=json)
    raise typer.Exit(batch.exit_code(outcomes))


def _verify(files: list[Path], jobs: int, plan: Plan, *, as_json: bool) -> int:
    """Run every client twice and say whether the files are the same; gives the exit code."""
    from journeylib import batch
    from journeylib.progress import follow_run
    from journeylib.reproduce import verify_runs

    which = iter(("First run", "Second run"))

    def run_once(reports: Path) -> list[Outcome]:
        with follow_run(len(files), quiet=as_json, which=next(which)) as tell:
            outcomes = batch.run_clients(
                files, reports=reports, jobs=jobs or None, plan=plan, on_progress=tell
            )
        if batch.was_interrupted(outcomes):
            typer.echo("Interrupted. Nothing was compared.", err=True)
            raise typer.Exit(INTERRUPTED)
        return outcomes

    found = verify_runs(run_once)
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps([{**asdict(one), "same": one.same} for one in found], indent=1))
    for line in [line for one in found for line in one.lines() if not as_json]:
        typer.echo(line)
    return GOOD if all(one.same for one in found) else SOME_FAILED


def _tell_outcomes(outcomes: list[Outcome], index: Path, *, as_json: bool) -> None:
    if not as_json:
        from journeylib.progress import print_summary

        print_summary(outcomes, index)
        return
    import json
    from dataclasses import asdict

    from journeylib import batch

    told = {
        "exit_code": batch.exit_code(outcomes), "index": str(index),
        "clients": [{**asdict(one), "seconds": round(one.seconds, 1)} for one in outcomes],
    }  # fmt: skip
    typer.echo(json.dumps(told, ensure_ascii=False))


@app.command()
def status(
    clients: Annotated[
        list[Path] | None, typer.Argument(help="Client files or folders of them.")
    ] = None,
    reports: Annotated[Path, typer.Option(help="Where the reports are.")] = Path("reports"),
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,  # noqa: FBT002
) -> None:
    """Say which reports are up to date, and why others are not. Nothing is run.

    Exit code 0: all are up to date; 1: some are not; 2: a client file cannot be found.
    """
    from journeylib import batch, progress, standing

    files = batch.find_client_files(clients or [Path("params")])
    found = [standing.look_closely(file, reports.absolute()) for file in files]
    if json:
        typer.echo(standing.to_json(found))
    else:
        progress.print_standings(found)
    raise typer.Exit(GOOD if all(one.state == standing.FRESH for one in found) else SOME_FAILED)


@app.command()
def benchmark(
    client: Annotated[
        str, typer.Argument(help="Client whom an edition is for; by default the consultant's own.")
    ] = "",
    reports: Annotated[Path, typer.Option(help="Where the reports are.")] = Path("reports"),
    out: Annotated[Path | None, typer.Option(help="File to write.")] = None,
) -> None:
    """Write the page of clients side by side. An edition for one names no other.

    Exit code 0: it is written; 2: no report of that client is there.
    """
    from journeylib.benchmark_page import write_benchmark

    typer.echo(f"✓ {write_benchmark(reports, client=client, out=out)}")


@app.command()
def check(
    client: Annotated[Path, typer.Argument(help="The client file.")],
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,  # noqa: FBT002
) -> None:
    """Read a client's data and say what was found. No notebook is run.

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
    """Draft a client file for exports. Review each guess.

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
    """Write the data of the three invented clients. The planted truth lies beside them."""
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
    """Write exercises with each learner's own data. The trainer gets the solutions."""
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
    """Forget one customer. In the workspace now, and in every later run.

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
    """Remove workspaces whose last run is long ago. Reports and data stay."""
    from journeylib import batch, retention

    days = retention.read_age(older_than)
    files = batch.find_client_files(clients or [Path("params")])
    for found in retention.clean_workspaces(files, older_than=days, dry_run=dry_run):
        typer.echo(found.line(dry_run=dry_run))


@app.command()
def doctor() -> None:
    """Say whether the installation works. What does not comes with a remedy."""
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
    """Write params/README.md and schema.json anew. They tell every key that is known."""
    from journeylib.handbook import write_handbook, write_schema

    write_schema(params / "schema.json")
    write_handbook(params / "README.md")
    typer.echo(f"✓ {params / 'README.md'}\n✓ {params / 'schema.json'}")
