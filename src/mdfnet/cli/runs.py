"""``mdfnet demo``, ``train``, ``evaluate``, ``calibrate``, ``compare`` and ``report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import (
    DatasetFolder,
    Fitting,
    ModelFolder,
    Overrides,
    Replicates,
    Threads,
    command_line,
    use_threads,
)
from mdfnet.core.errors import UserError
from mdfnet.core.files import check_folder_can_be_made


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist yet.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of images and training.")] = 0,
    threads: Threads = None,
) -> None:
    """See on synthetic images what the vital signs add: train without and with them, score both, write a report.

    Example: mdfnet demo --out demo
    """
    check_folder_can_be_made(out, new=True)
    use_threads(threads)
    from mdfnet.cli.run_demo import run_demo

    run_demo(out, seed=seed)


def train(
    dataset: DatasetFolder,
    overrides: Overrides = None,
    config: Annotated[str, typer.Option("--config", "-c", help="Preset name or YAML file.")] = "default",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")] = Path("runs/default"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last epoch.")] = False,
    devices: Annotated[int | None, typer.Option(min=1, help="GPUs or processes (default: all).")] = None,
    threads: Threads = None,
) -> None:
    """Train a model; the best epoch on the validation images is kept in OUT/model.

    Example: mdfnet train data/nih --config default epochs=40 size=256 --out runs/nih
    """
    use_threads(threads)
    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.models.card import read_card
    from mdfnet.models.config import load_config
    from mdfnet.training.run_folder import check_training

    settings, data = load_config(config, overrides or []), read_dataset(dataset)
    check_training(settings, data, out, resume=resume)
    from mdfnet.report.cards.model_card import write_model_cards
    from mdfnet.training.train import train as run

    run(settings, data, out, resume=resume, devices=devices or "auto")
    write_model_cards(out)
    typer.echo(f"best model: {out / 'model'}")
    if read_card(out / "model").training["validation"]["epoch"] < 0:
        typer.echo("no gain by the records was shown on the validation images: it answers as the detector alone")
    typer.echo(f"next: mdfnet evaluate {out} {dataset} --split val")


def evaluate(
    model: ModelFolder,
    dataset: DatasetFolder,
    split: Annotated[str, typer.Option(help="train, val or test. Test is for the end, when all is decided.")] = "val",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write (default: RUN/SPLIT).")] = None,
    boxed: Annotated[bool, typer.Option("--boxed", help="Only images with findings.")] = False,
    replicates: Replicates = 1000,
    second_reading: Annotated[
        Path | None, typer.Option(help="Another reading of the images: CSV of boxes, or a dataset folder.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Group patients by this clinical feature, too; repeatable.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(help="CSV with a column image or patient_id; each other column groups the patients.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Score a model: all measures per class, with intervals, and by groups of patients; write a report.

    Example: mdfnet evaluate runs/nih data/nih
    """
    use_threads(threads)
    from mdfnet.cli.scores import print_agreement, print_groups, print_scores
    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.evaluation.evaluate import evaluate as run_evaluation
    from mdfnet.models.card import DEMO_MODEL, find_model

    folder, images = find_model(model).resolve(), read_dataset(dataset)
    run = folder.parent if folder.name == "model" else folder
    if out is None and folder == DEMO_MODEL:
        raise UserError("the shipped model's folder is not written to", fix="say where with --out")
    out = out or run / (f"{split}-boxed" if boxed else split)
    scored = run_evaluation(
        folder, images, split, out=out, boxed_only=boxed, replicates=replicates, by=by or (), groups=groups,
        second_reading=second_reading, log=typer.echo,
    )  # fmt: skip
    from mdfnet.report.evaluation import write_report
    from mdfnet.report.runs import read_report

    write_report(out / "report.html", read_report(f"{run.name} on {images.name}", [out], images, command_line()))
    print_scores(scored)
    print_groups(scored.groups)
    if scored.second_reading:
        print_agreement(scored.second_reading)
    typer.echo(f"report: {out / 'report.html'}")


def calibrate(
    model: Annotated[str, typer.Argument(help="A run's or a model's folder.")],
    dataset: DatasetFolder,
    split: Annotated[Fitting, typer.Option(help="Images to fit on; never test images.")] = Fitting.val,
    sensitivity: Annotated[
        list[float] | None, typer.Option(min=0, max=1, help="Fit a point that reaches this sensitivity; repeatable.")
    ] = None,
    false_positives: Annotated[
        list[float] | None, typer.Option(min=0, help="Fit a point with at most so many per image; repeatable.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Find operating points and temperatures on validation images, and keep them with the model.

    Training has fitted the usual ones already; this is for other points, other images, or an older model.

    Example: mdfnet calibrate runs/fused data/mine --sensitivity 0.95 --false-positives 0.25
    """
    use_threads(threads)
    from mdfnet.cli.scores import print_operating
    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.evaluation.calibrate import calibrate_model

    print_operating(calibrate_model(model, read_dataset(dataset), split.value, sensitivity, false_positives))


def compare(
    evaluations: Annotated[
        list[Path],
        typer.Argument(help="Folders that 'mdfnet evaluate' wrote, or runs: reference and model, in pairs."),
    ],
    measure: Annotated[
        list[str] | None, typer.Option(help="Measure to compare, the first one per finding, too; repeatable.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which evaluation of a run.")] = "val",
    replicates: Replicates = 1000,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="JSON file to write with all figures.")] = None,
) -> None:
    """Compare two models on the same images: differences with intervals, tests, correction over findings.

    Further pairs are the same two models with other seeds, or on the other folds of a cross-validation.

    Example: mdfnet compare runs/image-only/val runs/fused/val
    """
    from mdfnet.cli.scores import print_comparison
    from mdfnet.evaluation.compare import compare_evaluations, write_comparison

    if out:
        check_folder_can_be_made(out.parent)
    comparison = compare_evaluations(_evaluations(evaluations, split), measure, replicates=replicates)
    print_comparison(comparison)
    if out:
        write_comparison(comparison, out)


def report(
    evaluations: Annotated[
        list[Path],
        typer.Argument(help="Folders that 'mdfnet evaluate' wrote, or runs, the reference first; or an experiment's."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("report"),
    split: Annotated[str, typer.Option(help="Which evaluation of a run.")] = "val",
    dataset: Annotated[Path | None, typer.Option(help="Dataset folder, if it has moved since.")] = None,
    name: Annotated[list[str] | None, typer.Option(help="Name of a model, in the order given; repeatable.")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the report.")] = None,
) -> None:
    """Write a report on evaluations: a page for people, figures (SVG, PDF) and tables (CSV, LaTeX) for a paper.

    Example: mdfnet report runs/image-only runs/fused --out report
    """
    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.experiments.state import is_experiment
    from mdfnet.report.runs import read_report

    check_folder_can_be_made(out)
    if any(map(is_experiment, evaluations)):
        _report_experiment(evaluations, out, title, given=bool(dataset or name))
        return
    folders = _evaluations(evaluations, split)
    if name and len(name) != len(folders):
        raise UserError(f"{len(name)} names for {len(folders)} models", fix="give --name once for each, in their order")
    images = read_dataset(dataset) if dataset else None
    content = read_report(title or "Evaluation", folders, images, command_line(), name)
    from mdfnet.report.evaluation import write_folder

    write_folder(out, content)
    typer.echo(f"report: {out / 'report.html'}, figures and tables beside it")


def _evaluations(folders: list[Path], split: str) -> list[Path]:
    """The folders of evaluations: of a run, that of the split."""
    return [one / split if (one / split).is_dir() else one for one in folders]


def _report_experiment(folders: list[Path], out: Path, title: str | None, given: bool) -> None:
    from mdfnet.report.experiment.read import read_experiment

    if len(folders) > 1 or given:
        fix = "give its folder alone, with --out and --title"
        raise UserError("an experiment is reported by itself, with its own data and names", where=folders[0], fix=fix)
    content = read_experiment(folders[0], title, command_line())
    from mdfnet.report.experiment.page import write_experiment

    write_experiment(out, content)
    typer.echo(f"report: {out / 'report.html'}, figures and tables beside it")
