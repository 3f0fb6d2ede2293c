"""What verbs that make a dataset do with identifiers: options, and the step before the dataset is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mdfnet.core.errors import UserError

if TYPE_CHECKING:
    from mdfnet.data.dataset import Dataset

KeepIds = Annotated[bool, typer.Option("--keep-ids", help="Keep patient ids and image names; default: keyed hashes.")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="Key of the hashes (default: MDFNET_KEY, or the user's own, made once)."),
]
Linkage = Annotated[
    Path | None, typer.Option("--linkage", help="Write a table from hashes back to ids, outside the dataset.")
]


def write_identified(
    dataset: Dataset,
    out: Path,
    write: Callable[[Dataset], Dataset],
    *,
    keep_ids: bool,
    key_file: Path | None,
    linkage: Path | None,
    link: bool,
) -> Dataset:
    """Write a dataset by ``write``, with pseudonyms unless ids are to be kept, and say so.

    Raises:
        UserError: Options that contradict each other, or a key that cannot be used.
    """
    if keep_ids:
        if key_file or linkage:
            raise UserError("--keep-ids leaves nothing to hash", fix="leave out --key-file and --linkage")
        return write(dataset)
    if link:
        raise UserError("--link shows the names of the images", fix="copy the images, or keep the names by --keep-ids")
    from mdfnet.core.pseudonyms import Pseudonyms, check_outside
    from mdfnet.data.pseudonymize import pseudonymized, write_linkage

    if linkage:
        check_outside(linkage, out, "the linkage table")
    hidden = pseudonymized(dataset, Pseudonyms.load(key_file, outside=out))
    written = write(hidden)
    if linkage:
        write_linkage(linkage, dataset, hidden)
    typer.echo("note: patient ids and image names are keyed hashes now; --keep-ids keeps them")
    return written
