"""``mdfnet demo``, ``train``, ``evaluate`` and ``compare``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import Overrides, Replicates, Threads, use_threads
from mdfnet.errors import UserError


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to write; must not exist yet.")] = Path("demo"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of films and training.")] = 0,
    threads: Threads = None,
):
    """See on synthetic films what the vital signs add: train without and with them, score both, write a report.

    Example: mdfnet demo --out demo
    """
    use_threads(threads)
    from mdfnet.demo import run_demo

    run_demo(out, seed=seed)


def train(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder.")],
    overrides: Overrides = None,
    config: Annotated[str, typer.Option("--config", "-c", help="Preset name or YAML file.")] = "default",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")] = Path("runs/default"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last epoch.")] = False,
    devices: Annotated[int | None, typer.Option("--devices", min=1, help="GPUs or processes (default: all).")] = None,
    threads: Threads = None,
):
    """Train a model; the best epoch on the validation films is kept in OUT/model.

    Example: mdfnet train data/nih --config default epochs=40 size=256 --out runs/nih
    """
    use_threads(threads)
    from mdfnet.config import load_config
    from mdfnet.data.dataset import read_dataset
    from mdfnet.training.train import train as run

    settings = load_config(config, overrides or [])
    run(settings, read_dataset(dataset), out, resume=resume, devices=devices or "auto")
    typer.echo(f"best model: {out / 'model'}")
    typer.echo(f"next: mdfnet evaluate {out} {dataset} --split test")


def evaluate(
    model: Annotated[str, typer.Argument(help="A run's or a model's folder.")],
    dataset: Annotated[Path, typer.Argument(help="Dataset folder.")],
    split: Annotated[str, typer.Option("--split", help="train, val or test. The test split is for the end.")] = "test",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write (default: RUN/SPLIT).")] = None,
    boxed: Annotated[bool, typer.Option("--boxed", help="Only films with findings.")] = False,
    replicates: Replicates = 1000,
    second_reading: Annotated[
        Path | None,
        typer.Option("--second-reading", help="Another reading of the films: CSV of boxes, or a dataset folder."),
    ] = None,
    threads: Threads = None,
):
    """Score a model: AP and AR at IoU and IoBB, hits, false alarms and misses per class; write a report.

    Example: mdfnet evaluate runs/nih data/nih --split val
    """
    use_threads(threads)
    from mdfnet import checkpoint
    from mdfnet.cli.scores import print_agreement, print_scores
    from mdfnet.data.dataset import read_dataset
    from mdfnet.inference import on_best_device
    from mdfnet.report.html import write_report
    from mdfnet.report.runs import report_of
    from mdfnet.scoring import DEMO_MODEL, find_model, score, write_scored
    from mdfnet.second_reading import compare_readings

    folder, films = find_model(model).resolve(), read_dataset(dataset)
    run = folder.parent if folder.name == "model" else folder
    if out is None and folder == DEMO_MODEL:
        raise UserError("the shipped model's folder is not written to", fix="say where with --out")
    out = out or run / (f"{split}-boxed" if boxed else split)
    network = on_best_device(checkpoint.load(folder))
    if network.preprocessing.intensity != films.intensity:
        own = network.preprocessing.intensity
        typer.echo(f"note: the model's films went through intensity recipe {own}, these through {films.intensity}")
    scored = score(network, films, split, name=run.name, boxed_only=boxed, replicates=replicates)
    second = {"second_reading": compare_readings(scored, second_reading)} if second_reading else {}
    card = checkpoint.read_card(folder)
    about = {"model": str(folder), "weights_sha256": card.weights_sha256, "dataset": films.name, "split": split,
             "fingerprint": films.fingerprint, "versions": checkpoint.versions(), "notice": card.notice}  # fmt: skip
    write_scored(scored, out, about, second)
    title = f"{run.name} on {films.name}"
    report = report_of(title, [scored], [network], [run], films, split, command=_command())
    write_report(out / "report.html", report)
    print_scores(scored)
    if second:
        print_agreement(second["second_reading"])
    typer.echo(f"report: {out / 'report.html'}")


def compare(
    evaluations: Annotated[
        list[Path],
        typer.Argument(help="Folders that 'mdfnet evaluate' wrote, in pairs: reference and model, then further seeds."),
    ],
    measure: Annotated[
        list[str] | None,
        typer.Option("--measure", help="What to compare, first what is shown per finding; repeatable."),
    ] = None,
    replicates: Replicates = 1000,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="JSON file to write with all figures.")] = None,
):
    """Compare two models on the same films: differences with intervals, tests, correction over findings.

    Further pairs are the same two models with other seeds, or on the other folds of a cross-validation.

    Example: mdfnet compare runs/image-only/val runs/fused/val
    """
    from mdfnet.cli.scores import print_comparison
    from mdfnet.comparing import compare_evaluations, write_comparison

    comparison = compare_evaluations(evaluations, measure, replicates=replicates)
    print_comparison(comparison)
    if out:
        write_comparison(comparison, out)


def _command() -> str:
    return " ".join(["mdfnet", *sys.argv[1:]])
