"""What the check of a dataset found, as one HTML file with pictures of the images it is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mdfnet.core.errors import UserError
from mdfnet.core.files import replacing
from mdfnet.core.types import Classes, Target
from mdfnet.data.checks import KINDS, Finding, FindingKind
from mdfnet.data.checks.kinds import FAMILIES, SEVERITIES
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.checks.shortcuts import column_discriminations
from mdfnet.data.images.read import read_image
from mdfnet.data.names import IMAGES, checked_name
from mdfnet.report.html import NOTICE, data_url, template
from mdfnet.report.overlay import draw

#: Of each kind so many images are shown, and so many messages written out; the rest are counted.
MOST_IMAGES, MOST_MESSAGES = 6, 40

_PICTURE_SIZE = 360


@dataclass(frozen=True)
class Picture:
    """An image with the boxes a finding is about: its name and split, and the picture as a data URL."""

    name: str
    splits: str
    source: str


@dataclass(frozen=True)
class Group:
    """All findings of a kind, and images that show the first of them: one row of pictures for each."""

    kind: FindingKind
    findings: tuple[Finding, ...]
    pictures: tuple[tuple[Picture, ...], ...]

    @property
    def messages(self) -> tuple[Finding, ...]:
        """Those that are written out."""
        return self.findings[:MOST_MESSAGES]

    @property
    def fixes(self) -> tuple[str, ...]:
        """What to do, without repetition; of many different fixes the kind's alone."""
        fixes = tuple(dict.fromkeys(finding.fix for finding in self.findings))
        return fixes if len(fixes) <= 2 else (self.kind.fix,)


def write_check_page(
    path: str | Path, folder: str | Path, findings: Sequence[Finding], ignored: Sequence[str] = ()
) -> None:
    """Write the findings of `mdfnet.data.checks.check_dataset` as one self-contained HTML file, in one step.

    Args:
        path: File to write.
        folder: The dataset folder; images are read again for their pictures.
        findings: What was found in it.
        ignored: Kinds that were left out, for the page to say so.

    Raises:
        UserError: There is no such folder, or the file cannot be written.

    Examples:
        >>> import tempfile
        >>> from mdfnet.data.checks import check_dataset
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_check_page(folder / "check.html", folder, check_dataset(folder))
        >>> "description-unreadable" in (folder / "check.html").read_text()
        True
    """
    raw = RawDataset.read(Path(folder))
    groups = defaultdict(list)
    for finding in sorted(findings, key=lambda finding: finding.rank):
        groups[finding.id].append(finding)
    page = template("check.html.j2").render(
        title=raw.description.name if raw.description else Path(folder).name,
        notice=NOTICE,
        raw=raw,
        synthetic="images" in raw.description.synthetic if raw.description else False,
        patients=len(set(raw.patients.values())),
        counts={name: sum(finding.severity == name for finding in findings) for name in SEVERITIES},
        kinds_of_warnings=sum(KINDS[kind].severity == "warning" for kind in groups),
        groups=[Group(KINDS[kind], tuple(group), tuple(_rows(raw, group))) for kind, group in groups.items()],
        ignored=ignored,
        tellings=list(column_discriminations(raw)),
        clean={
            family: [
                kind
                for kind in KINDS.values()
                if kind.family == family and kind.id not in groups and kind.id not in ignored
            ]
            for family in FAMILIES
        },
    )
    with replacing(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _rows(raw: RawDataset, findings: Sequence[Finding]) -> Iterator[tuple[Picture, ...]]:
    """Pictures finding by finding: what is compared stands side by side."""
    shown: set[str] = set()
    for finding in findings:
        if len(shown) >= MOST_IMAGES:
            return
        fresh = [name for name in finding.images if name not in shown][: MOST_IMAGES - len(shown)]
        pictures = tuple(picture for name in fresh if (picture := _picture(raw, name, finding)))
        shown.update(fresh)
        if pictures:
            yield pictures


def _picture(raw: RawDataset, name: str, finding: Finding) -> Picture | None:
    """None where the image cannot be read: then that is the finding."""
    try:
        image = read_image(raw.folder / IMAGES / checked_name(name))
        known = list(raw.category_names)
        classes = Classes(tuple(raw.category_names.values()))
    except UserError:
        return None
    boxes = [
        box
        for box in raw.boxes_of.get(name, ())
        if box.category_id in known and (not finding.boxes or box.id in finding.boxes)
    ]
    target = Target.of([box.corners for box in boxes], [known.index(box.category_id) + 1 for box in boxes])
    picture = draw(image, classes, target=target, size=_PICTURE_SIZE)
    return Picture(name, ", ".join(sorted(raw.splits_of_image(name))), data_url(picture))
