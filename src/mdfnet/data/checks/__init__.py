"""What may be wrong with a dataset folder, all of it at once, before anything is trained on it."""

from __future__ import annotations

from pathlib import Path

from mdfnet.data.checks.boxes import check_boxes
from mdfnet.data.checks.classes import check_classes
from mdfnet.data.checks.clinical import check_clinical
from mdfnet.data.checks.finding import Finding
from mdfnet.data.checks.images import check_images
from mdfnet.data.checks.kinds import KINDS, FindingKind
from mdfnet.data.checks.raw import RawDataset
from mdfnet.data.checks.shift import check_shift
from mdfnet.data.checks.shortcuts import check_shortcuts
from mdfnet.data.checks.splits import check_splits
from mdfnet.data.checks.values import check_values

__all__ = ["KINDS", "Finding", "FindingKind", "check_dataset"]

#: In this order: `check_images` reads the images, and later checks use what it kept of them.
_CHECKS = (
    *(check_images, check_boxes, check_classes),
    *(check_clinical, check_values, check_splits, check_shift, check_shortcuts),
)


def check_dataset(folder: str | Path) -> list[Finding]:
    """Look for problems in a dataset folder, also in one that `mdfnet.data.dataset_folder.read_dataset` refuses.

    Every image is read once.

    Returns:
        Findings, errors first, then warnings, then notes. A folder without errors can be read and trained on.

    Raises:
        UserError: There is no such folder.

    Examples:
        >>> import tempfile
        >>> [finding.id for finding in check_dataset(tempfile.mkdtemp())][:2]
        ['description-unreadable', 'annotations-unreadable']
    """
    raw = RawDataset.read(Path(folder))
    findings = [*raw.findings]
    for check in _CHECKS:
        findings.extend(check(raw))
    return sorted(findings, key=lambda finding: finding.rank)
