"""The result in words follows from the numbers, also when there are hardly any."""

from __future__ import annotations

import numpy as np
import pytest

from mdfnet.core.types import Classes, Detections, Target
from mdfnet.metrics.evaluation import Evaluation, score_detections
from mdfnet.report.answer import answer
from mdfnet.report.contents import DatasetCard, EvaluationReport, ModelResult

CLASSES = Classes(("Atelectasis", "Effusion"))
BOXES = np.float32([[0, 0, 10, 10], [50, 50, 90, 90]])
BOTH = Target.of(BOXES, [1, 2])


def scored(*labels: int, target: Target = BOTH) -> Evaluation:
    """Scores of a model that finds both boxes exactly and gives them these labels."""
    found = Detections(BOXES[: len(labels)], np.array(labels, int), np.linspace(0.9, 0.5, len(labels)))
    return score_detections([found], [target], CLASSES)


def words(*evaluations: Evaluation, synthetic: tuple[str, ...] = ()) -> str:
    models = tuple(ModelResult(name, scores) for name, scores in zip(("plain", "fused"), evaluations, strict=False))
    card = DatasetCard("phantom", "", "", CLASSES.names, (), synthetic)
    return " ".join(answer(EvaluationReport("A title", models, card)))


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        pytest.param(
            words(scored(1, 2)), "1 image of the test split of phantom, 1 with findings, 2 annotated", id="on what"
        ),
        pytest.param(words(scored(1, 1)), "“plain” reaches a mean AP of 0.50", id="one model alone"),
        pytest.param(
            words(scored(1, 1)), "highest is Atelectasis (1.00), the lowest Effusion (0.00)", id="its extremes"
        ),
        pytest.param(
            words(scored(1, 1), scored(1, 2)),
            "“fused” reaches a mean AP of 1.00 when boxes must overlap by half (IoU 0.5), against 0.50 of “plain”: 0.50"
            " higher. The largest gain is in Effusion, from 0.00 to 1.00.",
            id="a gain",
        ),
        pytest.param(
            words(scored(1, 2), scored(1, 1)),
            "0.50 lower. The largest loss is in Effusion, from 1.00 to 0.00.",
            id="a loss is said as plainly as a gain",
        ),
        pytest.param(words(scored(1, 2), scored(1, 2)), "against 1.00 of “plain”: no difference.", id="no difference"),
        pytest.param(
            words(scored(1, target=Target.of([], []))),
            "Nothing was annotated on these images",
            id="only healthy images",
        ),
        pytest.param(
            words(scored(1, 2), synthetic=("images", "findings", "clinical")),
            "The images, findings and clinical records are synthetic",
            id="synthetic data are called so",
        ),
    ],
)
def test_words_follow_from_the_numbers(text, phrase):
    assert phrase in text


def test_what_did_not_happen_is_not_said():
    same = words(scored(1, 2), scored(1, 2))
    assert "largest" not in same and "synthetic" not in same


def test_a_class_that_was_never_annotated_is_no_extreme():
    only_first = Target.of(BOXES[:1], [1])
    assert "lowest" not in words(scored(1, target=only_first))
