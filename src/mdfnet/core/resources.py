"""YAML files that come with the package, asked for by name, beside the user's own, asked for by path."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import parse_yaml, read_text


@dataclass(frozen=True)
class Shipped:
    """A folder of YAML files in a package.

    Examples:
        >>> presets = Shipped("mdfnet.models", "presets", "preset")
        >>> "tiny" in presets.names(), presets.read("tiny")["name"]
        (True, 'tiny')
        >>> presets.read("tinny")
        Traceback (most recent call last):
        mdfnet.core.errors.UserError: no preset or YAML file 'tinny'; did you mean 'tiny'?
    """

    package: str
    folder: str
    kind: str  #: What each file describes, for messages

    def names(self) -> list[str]:
        """Names of the files, sorted."""
        files = (resources.files(self.package) / self.folder).iterdir()
        return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))

    def read(self, source: str | Path) -> Any:
        """Content of one of them by name, or of another YAML file by path; None when it is empty."""
        name, path = str(source), Path(source)
        if name in self.names():
            text = (resources.files(self.package) / self.folder / f"{name}.yaml").read_text(encoding="utf-8")
        elif path.is_file():
            text = read_text(path)
        else:
            raise UserError(f"no {self.kind} or YAML file {name!r}", fix=nearest(name, self.names()))
        return parse_yaml(text, name)
