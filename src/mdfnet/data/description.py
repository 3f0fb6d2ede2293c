"""``dataset.yaml``: what a dataset folder says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError, first_problem
from mdfnet.core.files import read_yaml
from mdfnet.core.former_names import with_current_keys, with_current_parts
from mdfnet.core.types import Classes
from mdfnet.data.images.intensity import AS_IS, Intensity
from mdfnet.data.provenance import Provenance

#: Version of the folder's layout. 1 said "films" for images.
FORMAT_VERSION = 2


class Category(BaseModel):
    """A class with its original id."""

    model_config = ConfigDict(extra="forbid")

    id: int
    name: str


class Description(BaseModel):
    """What ``dataset.yaml`` says; see `mdfnet.data.dataset.Dataset` for the fields that have the same name there."""

    model_config = ConfigDict(extra="forbid")

    format_version: int
    name: str
    classes: list[Category] = Field(min_length=1)  #: In label order
    clinical_schema: Schema  #: A whole schema, or the name of a shipped one
    source: str = ""
    license: str = ""
    synthetic: tuple[Literal["images", "findings", "clinical"], ...] = ()
    provenance: Provenance | None = None
    intensity: Intensity = AS_IS

    @field_validator("clinical_schema", mode="before")
    @classmethod
    def _shipped(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return Schema.load(value)
        except UserError as error:
            raise ValueError(str(error)) from None

    @classmethod
    def read(cls, path: Path) -> Description:
        """Read and check ``dataset.yaml``, of this version or an earlier one."""
        content = read_yaml(path)
        version = content.get("format_version") if isinstance(content, dict) else None
        if isinstance(version, int) and version > FORMAT_VERSION:
            what = f"format version {version} is later than {FORMAT_VERSION}, the latest known here"
            raise UserError(what, where=path, fix="update mdfnet")
        if version == 1:
            content = with_current_keys(content) | {"format_version": FORMAT_VERSION}
            content["synthetic"] = with_current_parts(content.get("synthetic", []))
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise UserError(first_problem(error), where=path) from None

    def known_classes(self) -> Classes:
        """The classes as a type."""
        return Classes(tuple(entry.name for entry in self.classes), tuple(entry.id for entry in self.classes))
