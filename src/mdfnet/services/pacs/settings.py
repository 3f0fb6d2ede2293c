"""What the node does, as one YAML file: strict and readable, like an experiment's config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import read_text, read_yaml
from mdfnet.core.settings import Part, Positive

#: Version of this format. A file of a later version is refused.
NODE_VERSION: Literal[1] = 1

PartT = TypeVar("PartT", bound=Part)

_KINDS = ("orthanc", "dicomweb", "receive", "store", "fhir", "table", "none")


def _address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("an address starts with http:// or https://")
    if "@" in url.partition("//")[2].partition("/")[0]:
        raise ValueError("an address holds no password; give user and password_file")
    return url.rstrip("/")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found is a KeyError, a folder's name an OSError
        raise ValueError("not a time zone; such as Europe/Berlin or UTC") from None
    return name


Address = Annotated[str, AfterValidator(_address)]
Zone = Annotated[str, AfterValidator(_zone)]
AeTitle = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[ -\[\]-~]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class HttpServer(Part):
    """A server that is reached over HTTP."""

    url: Address = Field(description="address of its root, such as http://127.0.0.1:8042")
    user: str | None = Field(None, description="name to log in with")
    password_file: Path | None = Field(None, description="file with the password, one line")
    token_file: Path | None = Field(None, description="file with a bearer token, one line; instead of user")
    ca_file: Path | None = Field(None, description="certificates to trust, PEM; default: those of the system")
    timeout: Positive = Field(30.0, description="seconds until an answer that does not come is given up")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together")
        if self.user is not None and self.token_file is not None:
            raise ValueError("give user and password_file, or token_file, not both")
        return self


class OrthancSource(HttpServer):
    """Follow an Orthanc by its feed of changes."""

    kind: Literal["orthanc"]
    start: Literal["now", "beginning"] = Field("now", description="where the first start begins in its feed of changes")


class DicomwebSource(HttpServer):
    """Ask any DICOMweb archive again and again for new images (QIDO-RS)."""

    kind: Literal["dicomweb"]
    days: int = Field(2, ge=1, description="studies of so many days are looked at, today's included")


class ReceiveSource(Part):
    """Wait for a modality or archive to send images (C-STORE)."""

    kind: Literal["receive"]
    ae_title: AeTitle = "MDFNET"
    host: str = Field("127.0.0.1", description="address to listen on")
    port: Port = 11112
    callers: tuple[AeTitle, ...] = Field(min_length=1, description="AE titles that may send")


class OrthancTarget(HttpServer):
    """Give reports to an Orthanc."""

    kind: Literal["orthanc"]


class DicomwebTarget(HttpServer):
    """Give reports to any DICOMweb archive (STOW-RS)."""

    kind: Literal["dicomweb"]


class StoreTarget(Part):
    """Send reports to an archive (C-STORE)."""

    kind: Literal["store"]
    ae_title: AeTitle = Field(description="of the archive")
    host: str
    port: Port
    calling: AeTitle = Field("MDFNET", description="our own AE title")


class FhirRecord(HttpServer):
    """Take records from a FHIR R4 server."""

    kind: Literal["fhir"]
    zone: Zone = Field(description="time zone of times without an offset, such as Europe/Berlin")
    within: Positive = Field(24.0, description="hours before the image from which a value counts")
    system: str | None = Field(None, description="system of the patient's identifier; default: any")
    assume_units: dict[str, str] = Field({}, description="feature: UCUM unit of values that come without one")


class TableRecord(Part):
    """Take records from a table."""

    kind: Literal["table"]
    file: Path = Field(description="CSV: patient_id, time (ISO 8601), columns of the model's features")
    zone: Zone = Field(description="time zone of times without an offset, such as Europe/Berlin")
    within: Positive = Field(24.0, description="hours before the image from which a value counts")


class NoRecord(Part):
    """No records but sex, age and view, which the image itself has."""

    kind: Literal["none"] = "none"


class NodeConfig(Part):
    """What the node does.

    Examples:
        >>> source = {"kind": "orthanc", "url": "http://127.0.0.1:8042/"}
        >>> NodeConfig(model="demo", state="state", source=source).source.url
        'http://127.0.0.1:8042'
    """

    version: Literal[1] = NODE_VERSION
    model: str = Field(description="a run's or a model's folder, or 'demo' for the shipped one")
    state: Path = Field(description="folder for the journal; readable by its owner alone")
    threshold: float = Field(0.3, ge=0, le=1, description="boxes from this score are reported")
    also: tuple[Literal["capture", "presentation"], ...] = Field((), description="objects beside the report")
    unstated: Literal["skip", "take"] = Field(
        "skip", description="images that do not say that they are frontal, or of the chest"
    )
    poll: Positive = Field(5.0, description="seconds between two looks for new images")
    source: Annotated[OrthancSource | DicomwebSource | ReceiveSource, Field(discriminator="kind")]
    target: Annotated[OrthancTarget | DicomwebTarget | StoreTarget, Field(discriminator="kind")] | None = Field(
        None, description="where reports go; default: where the images come from"
    )
    record: Annotated[FhirRecord | TableRecord | NoRecord, Field(discriminator="kind")] = NoRecord()

    @model_validator(mode="after")
    def _somewhere_to_report(self) -> Self:
        if self.target is None and isinstance(self.source, ReceiveSource):
            raise ValueError("target: say where reports go, images that are sent come from nowhere")
        return self


def load_node(path: str | Path) -> NodeConfig:
    """Read the node's YAML file; paths in it are relative to its folder."""
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise UserError("not a node's config", where=path, fix="see docs/how-to/pacs.md")
    if isinstance(values.get("version"), int) and values["version"] > NODE_VERSION:
        what = f"version {values['version']} is later than {NODE_VERSION}, which this mdfnet reads"
        raise UserError(what, where=path, fix="update mdfnet")
    try:
        return _resolved(NodeConfig.model_validate(values), Path(path).parent)
    except ValidationError as error:
        raise UserError("; ".join(map(_message, error.errors())), where=path) from None


def secret(path: Path) -> str:
    """The one line of a file that holds a password or a token."""
    lines = [line for line in read_text(path).split("\n") if line.strip()]
    if len(lines) != 1:
        raise UserError("not one line", where=path, fix="write the password or token, and nothing else")
    return lines[0].strip("\r")


def keys() -> dict[str, list[str]]:
    """Keys of the file by the part they belong to, such as ``source orthanc``; the top has the empty name."""
    parts: dict[str, type[Part]] = {"": NodeConfig, "source orthanc": OrthancSource, "source dicomweb": DicomwebSource}
    parts |= {"source receive": ReceiveSource, "target orthanc": OrthancTarget, "target dicomweb": DicomwebTarget}
    parts |= {"target store": StoreTarget, "record fhir": FhirRecord, "record table": TableRecord}
    parts["record none"] = NoRecord
    return {name: list(part.model_fields) for name, part in parts.items()}


def _resolved(part: PartT, folder: Path) -> PartT:
    """The same with paths relative to the config's folder."""
    changes: dict[str, Any] = {}
    for name, value in part:
        if isinstance(value, Path):
            changes[name] = folder / value
        elif isinstance(value, Part):
            changes[name] = _resolved(value, folder)
    if isinstance(part, NodeConfig) and (folder / part.model).is_dir():
        changes["model"] = str(folder / part.model)
    return part.model_copy(update=changes)


def _message(problem: ErrorDetails) -> str:
    place = [str(part) for part in problem["loc"] if part not in _KINDS]
    key = ".".join(place) or "config"
    if problem["type"] == "extra_forbidden":
        known = sorted({name for names in keys().values() for name in names})
        return f"unknown key {key!r}; {nearest(place[-1], known)}"
    if problem["type"] == "missing":
        return f"{key} is missing"
    return f"{key}: {problem['msg'].removeprefix('Value error, ')}"
