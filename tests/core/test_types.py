"""The types keep what they promise."""

import pytest
import torch

from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Detections, RecordUse, Target


@pytest.mark.parametrize(
    ("names", "ids", "message"),
    [
        pytest.param((), (), "no classes", id="none at all"),
        pytest.param(("a", "a"), (), "unique", id="a name twice"),
        pytest.param(("a", "b"), (1, 1), "unique", id="an id twice"),
        pytest.param(("a", "b"), (1,), "2 class names but 1 ids", id="an id missing"),
    ],
)
def test_classes_refuse_what_cannot_be_numbered(names, ids, message):
    with pytest.raises(UserError, match=message):
        Classes(names, ids)


def test_classes_keep_foreign_ids_with_gaps():
    classes = Classes(("a", "b", "c"), ids=(7, 90, 3))
    assert [classes.label_of_id(classes.id_of(label)) for label in (1, 2, 3)] == [1, 2, 3]
    with pytest.raises(UserError, match="unknown category id 1"):
        classes.label_of_id(1)


def test_a_single_class_is_enough():
    assert Classes(("Pneumonia",)).label("Pneumonia") == 1


def test_an_empty_target_keeps_its_shape():
    target = Target.of([], [])
    assert target.boxes.shape == (0, 4) and target.labels.shape == (0,)


def test_detections_above_a_score_keep_their_masks():
    found = Detections(torch.rand(3, 4), torch.tensor([1, 2, 1]), torch.tensor([0.9, 0.5, 0.1]), torch.rand(3, 8, 8))
    kept = found.above(0.5)
    assert len(kept) == 2 and kept.masks.shape == (2, 8, 8)


def test_what_became_of_the_record_stays_with_the_detections():
    use = RecordUse(("age",), ())
    found = Detections(torch.rand(1, 4), torch.tensor([1]), torch.tensor([0.9]), torch.rand(1, 8, 8), use)
    assert all(one.record is use for one in (found.cpu(), found.above(0.5), found.without_masks()))
