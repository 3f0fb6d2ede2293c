"""Options that several verbs share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mdfnet.core.errors import UserError

ModelFolder = Annotated[str, typer.Argument(help="A run's or a model's folder, or 'demo' for the shipped model.")]
DatasetFolder = Annotated[Path, typer.Argument(help="Dataset folder.")]
Overrides = Annotated[list[str] | None, typer.Argument(help="Config keys to change, as key=value.", show_default=False)]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads (default: all cores).")]
Replicates = Annotated[int, typer.Option("--replicates", min=2, help="Bootstrap replicates, over patients.")]
Size = Annotated[
    int | None, typer.Option("--size", min=32, help="Write the images smaller, as PNG: longer side in pixels.")
]
SchemaName = Annotated[str, typer.Option("--schema", help="Clinical schema: mimic-ed, age-sex-view, or a YAML file.")]
Origin = Annotated[int, typer.Option("--origin", min=0, max=1, help="First pixel in VOC files: 1 or 0.")]

KeepIds = Annotated[bool, typer.Option("--keep-ids", help="Keep patient ids and image names; default: keyed hashes.")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="Key of the hashes (default: MDFNET_KEY, or the user's own, made once)."),
]


class Invalid(StrEnum):
    """What to do with an implausible clinical value."""

    error = "error"
    missing = "missing"


OnInvalid = Annotated[
    Invalid, typer.Option("--invalid", help="At implausible values: stop, or count them and treat them as missing.")
]


class Fitting(StrEnum):
    """Splits that something may be fitted on."""

    val = "val"
    train = "train"


class Intensity(StrEnum):
    """Recipes from DICOM to gray values; see `mdfnet.data.images.intensity`."""

    as_is = "as-is"
    window = "window/1"
    mimic_cxr_jpg = "mimic-cxr-jpg/1"


class DicomExtra(StrEnum):
    """DICOM objects beside the structured report; see `mdfnet.services.pacs.objects`."""

    capture = "capture"
    presentation = "presentation"


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping.

    Raises:
        UserError: One is not of that form, or a name is duplicated.

    Examples:
        >>> pairs(["temperature=[degF]"], "--unit")
        {'temperature': '[degF]'}
    """
    found: dict[str, str] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not (name and value) or name in found:
            what = f"{option} {text!r} is not NAME=VALUE, or NAME is duplicated"
            raise UserError(what, fix=f"such as {option} name=value")
        found[name] = value
    return found


def shares(texts: list[str]) -> dict[str, float]:
    """``--fraction SPLIT=SHARE`` options as a mapping.

    Raises:
        UserError: One is not of that form.
    """
    try:
        return {name: float(share) for name, share in pairs(texts, "--fraction").items()}
    except ValueError:
        where = f"--fraction {' '.join(texts)}"
        raise UserError("--fraction is not SPLIT=SHARE", where=where, fix="such as --fraction val=0.2") from None


def command_line() -> str:
    """What was typed, for reports."""
    return " ".join(["mdfnet", *sys.argv[1:]])


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Import what an optional extra of the package brings.

    Raises:
        UserError: The extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library == "mdfnet":
            raise
        what = f"this needs the extra {name!r}: {library} is not installed"
        raise UserError(what, fix=f"pip install 'mdfnet[{name}]'") from None


def use_threads(threads: int | None) -> None:
    """Bound the CPU threads of what follows; None leaves them as they are."""
    if not threads:
        return
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
    else:  # it reads them when it is imported, which is not before all that is given is checked
        os.environ |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
