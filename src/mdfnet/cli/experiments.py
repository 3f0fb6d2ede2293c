"""``mdfnet experiment NAME``, ``report`` and ``cell``."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from mdfnet.cli.former_options import Verbs
from mdfnet.cli.options import Replicates, Threads
from mdfnet.core.errors import UserError


class Experiments(Verbs):
    """A group whose verb may be left out: what is no verb is the name of an experiment."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["run", *args]
        return super().resolve_command(ctx, args)


class Engine(StrEnum):
    """Where the cells run."""

    local = "local"
    ray = "ray"
    slurm = "slurm"


app = typer.Typer(
    cls=Experiments,
    no_args_is_help=True,
    help="Run a whole experiment: many trainings, compared. mdfnet experiment NAME --data FOLDER --out FOLDER, where "
    "NAME is a protocol that comes with the package (mdfnet experiment list) or a YAML file.",
)


@app.command("list")
def list_protocols() -> None:
    """List the protocols that come with the package, and what each asks."""
    from mdfnet.experiments.plan import load_plan, protocols

    for name in protocols():
        plan = load_plan(name)
        typer.echo(f"{name:16} {len(plan.arms):3} arms, {len(plan.seeds)} seeds   {plan.question}")


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="Protocol, or YAML file of your own.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(help="Keys of the experiment (seeds=3) or of all arms' config (epochs=10).", show_default=False),
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", "-d", help="Dataset folder.")] = None,
    test: Annotated[Path | None, typer.Option(help="Dataset folder of another site, to test on as well.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder (default: runs/NAME).")] = None,
    config: Annotated[
        str | None, typer.Option("--config", "-c", help="Preset or YAML file that the arms start from.")
    ] = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only this arm and its reference; repeatable.")] = None,
    engine: Annotated[Engine, typer.Option(help="Where the cells run.")] = Engine.local,
    ray_address: Annotated[str | None, typer.Option(help="Of a Ray cluster; 'local' starts one.")] = None,
    slurm: Annotated[
        list[str] | None, typer.Option(help="Option for sbatch, as --slurm=--time=12:00:00; repeatable.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the cells, and how long they will take.")
    ] = False,
    published: Annotated[bool, typer.Option("--published", help="Only print the paper's own tables.")] = False,
    threads: Threads = None,
) -> None:
    """Run an experiment, or what is left of it.

    Example: mdfnet experiment ablation --data data/mine --out runs/ablation seeds=3 epochs=20
    """
    from mdfnet.cli import experiment_tables as tables

    if published:
        tables.print_published()
        return
    from mdfnet.experiments.engines import run_here, run_on_ray, use_threads, write_slurm
    from mdfnet.experiments.plan import load_plan
    from mdfnet.experiments.run import finish, prepare

    plan = load_plan(name, changes or [], arm or [], data=data, test=test, config=config)
    experiment = prepare(plan, out or Path("runs") / plan.name, dry=dry_run)
    for note in experiment.notes:
        typer.echo(f"note: {note}")
    if dry_run:
        use_threads(threads)
        tables.print_cost(experiment)
        return
    if engine is Engine.slurm:
        if experiment.left:
            typer.echo(f"next: sbatch {write_slurm(experiment.left, experiment.out, threads, slurm or [])}")
        typer.echo(f"then: mdfnet experiment report {experiment.out}")
        return

    if engine is Engine.ray:
        work = partial(run_on_ray, threads=threads, log=typer.echo, address=ray_address)
    else:
        work = partial(run_here, threads=threads, log=typer.echo)
    failed = finish(work, experiment)
    tables.print_report(experiment.plan, experiment.out)
    if failed:
        first, why = next(iter(failed.items()))
        raise UserError(f"{len(failed)} of {len(experiment.cells)} cells failed: {', '.join(failed)}; {first}: {why}",
                        where=experiment.out, fix="the same command tries them again")  # fmt: skip


@app.command()
def report(
    out: Annotated[Path, typer.Argument(help="Folder of an experiment.")],
    measure: Annotated[str | None, typer.Option(help="Another measure, such as AP@IoBB=0.5.")] = None,
    by_finding: Annotated[bool, typer.Option("--by-finding", help="Each finding, too.")] = False,
    replicates: Replicates = 1000,
) -> None:
    """Print what an experiment has shown so far, and write it to OUT/report.csv.

    Example: mdfnet experiment report runs/ablation
    """
    from mdfnet.cli.experiment_tables import print_report
    from mdfnet.experiments.state import read_plan

    print_report(read_plan(out), out, measure, by_finding, replicates)


@app.command()
def explain(
    out: Annotated[Path, typer.Argument(help="Folder of an experiment.")],
    arm: Annotated[list[str] | None, typer.Option(help="Only this arm; repeatable.")] = None,
    images: Annotated[
        int | None, typer.Option(min=2, help="Random sample of each cell's test images (default: all).")
    ] = None,
    threads: Threads = None,
) -> None:
    """Explain every fused model of an experiment over its test images: which clinical value matters for which finding.

    Example: mdfnet experiment explain runs/ablation --images 100
    """
    from mdfnet.experiments.engines import use_threads
    from mdfnet.experiments.state import read_plan
    from mdfnet.report.experiment.explain_cells import explain_cells

    use_threads(threads)
    command = f"mdfnet experiment explain {out.name}" + (f" --images {images}" if images else "")
    count = explain_cells(read_plan(out), out, arms=arm or (), images=images, command=command, log=typer.echo)
    if not count:
        raise UserError("no fused model is done yet", where=out, fix="explain it once it is")
    typer.echo(f"{count} models are explained; next: mdfnet report {out}")


@app.command()
def cell(
    out: Annotated[Path, typer.Argument(help="Folder of an experiment.")],
    name: Annotated[str, typer.Argument(help="Name of a cell.")],
    threads: Threads = None,
) -> None:
    """Run one cell; what the tasks of a SLURM array call."""
    from mdfnet.experiments.engines import run_named

    if error := run_named(str(out), name, threads, typer.echo):
        raise UserError(error, where=f"cell {name}", fix="the same command tries it again")
