"""``mdfnet predict``, ``calibrate`` and ``config``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import DicomExtra, Fitting, Invalid, Overrides, Threads, extra, use_threads
from mdfnet.core.errors import UserError


def predict(
    model: Annotated[str, typer.Argument(help="A run's or a model's folder, or 'demo' for the shipped one.")],
    images: Annotated[list[Path], typer.Argument(help="PNG, JPEG or DICOM files.")],
    clinical: Annotated[
        Path | None,
        typer.Option(
            "--clinical", help="CSV with a column 'image' (file name), or JSON: a record, or records by file name."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("predictions"),
    score: Annotated[float, typer.Option("--score", min=0, max=1, help="Draw and list boxes from this score.")] = 0.3,
    point: Annotated[
        str | None, typer.Option("--operating-point", help="Take the scores of this point of the model instead.")
    ] = None,
    invalid: Annotated[
        Invalid, typer.Option("--invalid", help="At values that cannot be right: stop, or missing.")
    ] = Invalid.error,
    dicom_out: Annotated[
        Path | None,
        typer.Option("--dicom-out", help="Folder for DICOM objects about DICOM images: a structured report each."),
    ] = None,
    dicom_also: Annotated[
        list[DicomExtra] | None, typer.Option("--dicom-also", help="What to write there beside it; repeatable.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Find boxes on images: COCO JSON, CSV and a picture per image; DICOM objects on request.

    Example: mdfnet predict demo image.png --clinical record.json --out predictions
    """
    from mdfnet.cli.run_predict import check_request, predict_files

    if dicom_also and dicom_out is None:
        raise UserError("--dicom-also needs --dicom-out", fix="name the folder to write to")
    request = check_request(model, images, clinical, out, point, invalid.value, typer.echo)
    also = None
    if dicom_out is not None:
        with extra("dicom"):
            from mdfnet.services.pacs.objects import DicomWriter
        also = DicomWriter.of(
            request.model, dicom_out, score, point, [kind.value for kind in dicom_also or ()], log=typer.echo
        )
    use_threads(threads)
    if predict_files(request, score=score, log=typer.echo, also=also):
        raise typer.Exit(2)


def calibrate(
    model: Annotated[str, typer.Argument(help="A run's or a model's folder.")],
    dataset: Annotated[Path, typer.Argument(help="Dataset folder.")],
    split: Annotated[Fitting, typer.Option("--split", help="Images to fit on; never test images.")] = Fitting.val,
    sensitivity: Annotated[
        list[float] | None, typer.Option("--sensitivity", min=0, max=1, help="A point that reaches it; repeatable.")
    ] = None,
    false_positives: Annotated[
        list[float] | None, typer.Option("--false-positives", min=0, help="A point with at most so many; repeatable.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Find operating points and temperatures on validation images, and keep them with the model.

    Training has done so with the usual ones; this is for other points, other images, or an older model.

    Example: mdfnet calibrate runs/fused data/mine --sensitivity 0.95 --false-positives 0.25
    """
    use_threads(threads)
    from mdfnet.cli.scores import print_operating
    from mdfnet.data.dataset_folder import read_dataset
    from mdfnet.evaluation.calibrate import calibrate_model

    print_operating(calibrate_model(model, read_dataset(dataset), split.value, sensitivity, false_positives))


def config(
    preset: Annotated[str, typer.Argument(help="Preset name or YAML file.")] = "default",
    overrides: Overrides = None,
) -> None:
    """Print a whole config as YAML, to read or to start an own one from.

    Example: mdfnet config default epochs=10 > mine.yaml
    """
    from mdfnet.models.config import load_config

    typer.echo(load_config(preset, overrides or []).to_yaml(), nl=False)
