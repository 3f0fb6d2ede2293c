"""What the check of a dataset found, as one HTML file with the images concerned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mdfnet.core.errors import UserError
from mdfnet.core.files import write_text
from mdfnet.core.types import Classes, Target
from mdfnet.data.checks import KINDS, Finding, FindingKind
from mdfnet.data.checks.kinds import FAMILIES, SEVERITIES
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.checks.shortcuts import column_discriminations
from mdfnet.data.checks.statistics import Discrimination
from mdfnet.data.images.read import read_image
from mdfnet.data.names import IMAGES, checked_name
from mdfnet.report.html import Panel, render_page
from mdfnet.report.overlay import draw

#: Of each kind so many images are shown, and so many messages written out; the rest are counted.
MOST_IMAGES, MOST_MESSAGES = 6, 40

_PICTURE_SIZE = 360


@dataclass(frozen=True)
class FindingGroup:
    """All findings of a kind, and images that show the first of them: one row of pictures for each."""

    kind: FindingKind
    findings: tuple[Finding, ...]
    pictures: tuple[tuple[Panel, ...], ...]

    @property
    def messages(self) -> tuple[Finding, ...]:
        """Those that are written out in full."""
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

    Images of the dataset folder are read again for their pictures. The page says which kinds were ignored.

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
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda finding: finding.rank):
        groups[finding.id].append(finding)
    clean = {
        family: [kind for kind in KINDS.values() if kind.family == family and kind.id not in {*groups, *ignored}]
        for family in FAMILIES
    }
    page = render_page(
        "check.html.j2",
        title=raw.description.name if raw.description else Path(folder).name,
        synthetic=raw.description.synthetic if raw.description else (),
        raw=raw,
        patients=len(set(raw.patients.values())),
        counts={name: sum(finding.severity == name for finding in findings) for name in SEVERITIES},
        kinds_of_warnings=sum(KINDS[kind].severity == "warning" for kind in groups),
        groups=[FindingGroup(KINDS[kind], tuple(group), tuple(_rows(raw, group))) for kind, group in groups.items()],
        ignored=ignored,
        discriminations=[
            (column, {label: found and _directed(found) for label, found in by_label.items()})
            for column, by_label in column_discriminations(raw)
        ],
        clean=clean,
    )
    write_text(path, page)


def _directed(found: Discrimination) -> tuple[float, float, float]:
    """AUROC and interval, below 0.5 where images with the finding have the lower values."""
    ends = (found.auc, found.low, found.high)
    return ends if found.higher else (1 - found.auc, 1 - found.high, 1 - found.low)


def _rows(raw: RawDataset, findings: Sequence[Finding]) -> Iterator[tuple[Panel, ...]]:
    """Pictures finding by finding: what is compared is side by side."""
    shown: set[str] = set()
    for finding in findings:
        if len(shown) >= MOST_IMAGES:
            return
        fresh = [name for name in finding.images if name not in shown][: MOST_IMAGES - len(shown)]
        pictures = tuple(picture for name in fresh if (picture := _picture(raw, name, finding)))
        shown.update(fresh)
        if pictures:
            yield pictures


def _picture(raw: RawDataset, name: str, finding: Finding) -> Panel | None:
    """None where the image cannot be read: then that is the finding."""
    try:
        image = read_image(raw.folder / IMAGES / checked_name(name))
        known = list(raw.category_names)
        classes = Classes(tuple(raw.category_names.values()))
    except UserError:
        return None
    boxes = [box for box in raw.boxes_of.get(name, ()) if box.category_id in known]
    boxes = [box for box in boxes if not finding.boxes or box.id in finding.boxes]
    target = Target.of([box.corners for box in boxes], [known.index(box.category_id) + 1 for box in boxes])
    picture = draw(image, classes, target=target, size=_PICTURE_SIZE)
    return Panel.of(name, picture, ", ".join(sorted(raw.splits_of_image(name))) or "no split")
