"""``mdfnet data clinical``: records for images out of hospital systems, as the table that imports take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mdfnet.cli.former_options import Verbs
from mdfnet.cli.options import Invalid, OnInvalid, SchemaName, extra, pairs

if TYPE_CHECKING:
    from mdfnet.data.importers.measurements import MatchedRecords

app = typer.Typer(cls=Verbs, no_args_is_help=True, help="Make a clinical table for images from OMOP or FHIR.")

Metadata = Annotated[
    Path, typer.Option("--metadata", help="CSV, a row per image: image_id, patient_id, time (ISO 8601).")
]
Out = Annotated[Path, typer.Option("--out", help="CSV to write, for --metadata of the imports.")]
Within = Annotated[float, typer.Option("--within", min=0, help="Hours that a value may be older than the image.")]
Zone = Annotated[
    str | None, typer.Option("--zone", help="Time zone of times without an offset from UTC, such as Europe/Berlin.")
]


@app.command("omop")
def omop(
    measurement: Annotated[Path, typer.Option(help="OMOP measurement: CSV or Parquet.")],
    person: Annotated[Path, typer.Option(help="OMOP person: CSV or Parquet.")],
    metadata: Metadata,
    out: Out,
    schema: SchemaName = "mimic-ed",
    mapping: Annotated[
        Path | None, typer.Option(help="YAML file with your concepts (default: the shipped one).")
    ] = None,
    within: Within = 24,
    zone: Zone = None,
    invalid: OnInvalid = Invalid.missing,
) -> None:
    """Make records from OMOP tables: of each feature the last value at or before the image.

    Example: mdfnet data clinical omop --measurement measurement.parquet --person person.parquet --metadata images.csv
    --out clinical.csv
    """
    from mdfnet.clinical.schema import Schema
    from mdfnet.data.importers.measurements import Matching

    with extra("mimic"):
        from mdfnet.data.importers.omop import records_from_omop

    matching = Matching(within, zone, invalid.value)
    records = records_from_omop(measurement, person, metadata, Schema.load(schema), mapping=mapping, matching=matching)
    _write(records, out)


@app.command("mapping")
def mapping() -> None:
    """Print the shipped OMOP mapping, to start your own from.

    Example: mdfnet data clinical mapping > omop.yaml
    """
    with extra("mimic"):
        from mdfnet.data.importers.omop import shipped_mapping

    typer.echo(shipped_mapping(), nl=False)


@app.command("fhir")
def fhir(
    files: Annotated[list[Path], typer.Argument(help="FHIR R4 bundles (.json) or bulk exports (.ndjson).")],
    metadata: Metadata,
    out: Out,
    schema: SchemaName = "mimic-ed",
    assume: Annotated[
        list[str], typer.Option("--assume-unit", help="FEATURE=UNIT (UCUM) of values without one; repeatable.")
    ] = [],  # noqa: B006
    within: Within = 24,
    zone: Zone = None,
    invalid: OnInvalid = Invalid.missing,
) -> None:
    """Make records from FHIR resources: of each feature the last value at or before the image.

    Example: mdfnet data clinical fhir patients/*.json --metadata images.csv --zone Europe/Berlin --out clinical.csv
    """
    from mdfnet.clinical.schema import Schema
    from mdfnet.data.importers.fhir import records_from_fhir
    from mdfnet.data.importers.measurements import Matching

    matching, units = Matching(within, zone, invalid.value), pairs(assume, "--assume-unit")
    _write(records_from_fhir(files, metadata, Schema.load(schema), assume=units, matching=matching), out)


def _write(records: MatchedRecords, out: Path) -> None:
    from mdfnet.cli.flow import print_notes
    from mdfnet.core.files import replacing

    with replacing(out) as draft:
        draft.write_text(records.text, encoding="utf-8", newline="\n")
    print_notes(records.notes)
    typer.echo(f"wrote records of {records.images} images to {out}")
