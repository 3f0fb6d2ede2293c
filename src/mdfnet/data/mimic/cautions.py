"""What is wrong with a dataset that was built as the paper's, in sentences with the numbers of this very build."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mdfnet.clinical.schema import Schema
from mdfnet.core.arrays import Floats
from mdfnet.core.types import Sample
from mdfnet.data.mimic.rules import EllipseLabels, Missing, Readers, Rules, SplitRule, StayRule, StudyTime, Values
from mdfnet.data.mimic.splits import crossing


def cautions(
    rules: Rules,
    samples: Sequence[Sample],
    images: Sequence[str],
    measured: Floats,
    *,
    lost: int,
    filled: Mapping[str, int],
    further: int,
) -> Iterator[str]:
    """One sentence for each rule that misleads.

    ``samples`` have their splits and still the original patients. ``measured`` are clinical values ``[N, F]`` as
    measured, in MIMIC's units. Counted are readings ``lost`` to the time of the image, values ``filled`` in by
    feature, and ``further`` labels left out.
    """
    if rules.study_time == StudyTime.unpadded:
        yield f"StudyTime was read without its leading zeros: {lost} readings before 10:00 lost their emergency stay"
    if rules.split == SplitRule.row:
        twice = len({(image, sample.split) for image, sample in zip(images, samples, strict=True)}) - len(set(images))
        yield (
            f"rows were split, not patients: {crossing(samples)} patients and {twice} images are in more than one "
            "split, so scores are too good; patient_id names the row, because a patient cannot be in two splits"
        )
    if rules.missing == Missing.mean and filled:
        listed = ", ".join(f"{name} {count}" for name, count in filled.items())
        yield f"missing numbers were filled with the mean of all rows, test rows included: {listed}"
    if rules.values == Values.raw:
        listed = ", ".join(f"{name} {count}" for name, count in _implausible(measured).items()) or "none here"
        yield f"values were not checked, implausible ones stayed in: {listed}"
    if rules.ellipse_labels == EllipseLabels.first:
        yield f"an ellipse kept the first of its labels only: {further} labels were left out"
    if rules.readers == Readers.each and len(images) > len(set(images)):
        yield f"each reading is a case: {len(images)} cases show {len(set(images))} images"
    if rules.stay != StayRule.inside:
        yield f"images up to {rules.before:g} hours before and {rules.after:g} hours after a stay count as in it"


def _implausible(values: Floats) -> dict[str, int]:
    """Feature -> values outside the range of ``mimic-ed``; temperatures are taken as Fahrenheit."""
    counts = {}
    for feature, column in zip(Schema.load("mimic-ed").features, values.T, strict=True):
        if feature.kind == "number":
            number = (column.astype(np.float64) - 32) * 5 / 9 if feature.name == "temperature" else column
            counts[feature.name] = int(((number < feature.low) | (number > feature.high)).sum())
    return {name: count for name, count in counts.items() if count}
