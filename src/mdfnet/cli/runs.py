"""``mdfnet demo``, ``train``, ``evaluate`` and ``compare``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import Overrides, Threads, use_threads
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
    threads: Threads = None,
):
    """Score a model: AP and AR at IoU and IoBB, hits, false alarms and misses per class; write a report.

    Example: mdfnet evaluate runs/nih data/nih --split val
    """
    use_threads(threads)
    from mdfnet import checkpoint
    from mdfnet.cli.scores import print_scores
    from mdfnet.data.dataset import read_dataset
    from mdfnet.inference import on_best_device
    from mdfnet.report.html import write_report
    from mdfnet.report.runs import report_of
    from mdfnet.scoring import DEMO_MODEL, find_model, score, write_scored

    folder, films = find_model(model).resolve(), read_dataset(dataset)
    run = folder.parent if folder.name == "model" else folder
    if out is None and folder == DEMO_MODEL:
        raise UserError("the shipped model's folder is not written to", fix="say where with --out")
    out = out or run / (f"{split}-boxed" if boxed else split)
    network = on_best_device(checkpoint.load(folder))
    if network.preprocessing.intensity != films.intensity:
        own = network.preprocessing.intensity
        typer.echo(f"note: the model's films went through intensity recipe {own}, these through {films.intensity}")
    scored = score(network, films, split, name=run.name, boxed_only=boxed)
    card = checkpoint.read_card(folder)
    about = {"model": str(folder), "weights_sha256": card.weights_sha256, "dataset": films.name, "split": split,
             "fingerprint": films.fingerprint, "versions": checkpoint.versions(), "notice": card.notice}  # fmt: skip
    write_scored(scored, out, about)
    title = f"{run.name} on {films.name}"
    report = report_of(title, [scored], [network], [run], films, split, command=_command())
    write_report(out / "report.html", report)
    print_scores(scored)
    typer.echo(f"report: {out / 'report.html'}")


def compare(
    first: Annotated[Path, typer.Argument(help="Folder that 'mdfnet evaluate' wrote; the reference.")],
    second: Annotated[Path, typer.Argument(help="Another one, on the same films.")],
):
    """Compare two evaluations of the same films, class by class.

    Example: mdfnet compare runs/image-only/val runs/fused/val
    """
    from mdfnet.cli.scores import print_comparison
    from mdfnet.metrics.evaluation import compare as differences
    from mdfnet.scoring import read_evaluation

    (_, before), (_, after) = read_evaluation(first), read_evaluation(second)
    print_comparison(before, after, differences(before, after))


def _command() -> str:
    return " ".join(["mdfnet", *sys.argv[1:]])
