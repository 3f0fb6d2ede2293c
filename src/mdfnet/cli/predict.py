"""``mdfnet predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mdfnet.cli.options import DicomExtra, Invalid, ModelFolder, OnInvalid, Threads, extra, use_threads
from mdfnet.core.errors import UserError
from mdfnet.core.files import check_folder_can_be_made


def predict(
    model: ModelFolder,
    images: Annotated[list[Path], typer.Argument(help="PNG, JPEG or DICOM files.")],
    clinical: Annotated[
        Path | None,
        typer.Option(help="CSV with a column 'image' (file name), or JSON: a record, or records by file name."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")] = Path("predictions"),
    score: Annotated[float, typer.Option(min=0, max=1, help="Draw and list boxes from this score.")] = 0.3,
    point: Annotated[
        str | None,
        typer.Option("--operating-point", help="Take the score thresholds of this operating point of the model."),
    ] = None,
    invalid: OnInvalid = Invalid.error,
    dicom_out: Annotated[
        Path | None, typer.Option(help="Folder for DICOM objects: a structured report on each DICOM image.")
    ] = None,
    dicom_also: Annotated[
        list[DicomExtra] | None, typer.Option(help="What to write beside the report; repeatable.")
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
        check_folder_can_be_made(dicom_out)
        with extra("dicom"):
            from mdfnet.services.pacs.objects import DicomWriter
        also = DicomWriter.of(
            request.model, dicom_out, score, point, [kind.value for kind in dicom_also or ()], log=typer.echo
        )
    use_threads(threads)
    if predict_files(request, score=score, log=typer.echo, also=also):
        raise typer.Exit(2)
