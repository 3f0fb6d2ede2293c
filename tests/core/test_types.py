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


def found(masks: bool = True) -> Detections:
    tensors = torch.rand(3, 4), torch.tensor([1, 2, 1]), torch.tensor([0.9, 0.5, 0.1])
    return Detections(*tensors, torch.rand(3, 8, 8) if masks else None)


@pytest.mark.parametrize("name", ["boxes", "labels", "scores", "masks"])
def test_detections_read_like_the_dict_of_torchvision(name):
    detections = found()
    assert detections[name] is getattr(detections, name) and name in detections


def test_detections_without_masks_have_no_such_key():
    boxed = found(masks=False)
    assert list(boxed.keys()) == ["boxes", "labels", "scores"] and "masks" not in boxed
    assert list(found().keys()) == ["boxes", "labels", "scores", "masks"]


def test_what_else_a_dict_has():
    detections = found(masks=False)
    assert detections.get("boxes") is detections.boxes and detections.get("masks") is None
    assert detections.get("masks", detections.boxes) is detections.boxes
    assert all(one is other for one, other in zip(detections.values(), dict(detections).values(), strict=True))
    assert detections.to("cpu").boxes.device.type == "cpu"


def test_detections_are_equal_to_themselves_alone():
    detections = found()
    assert detections == detections and detections != detections.cpu() and len({detections, detections}) == 1


def test_the_usual_loops_over_the_dict_work():
    detections = found()
    assert dict(detections).keys() == dict(**detections).keys() == detections.keys()
    assert {name: len(tensor) for name, tensor in detections.items()} == dict.fromkeys(detections.keys(), 3)


@pytest.mark.parametrize(
    ("key", "masks", "message"),
    [
        pytest.param("masks", False, "no masks: the model has no mask head, or they were left out", id="no masks"),
        pytest.param("score", True, "no 'score'; did you mean 'scores'?", id="a typo"),
        pytest.param("record", True, "no 'record'", id="what is no tensor of the boxes is an attribute alone"),
        pytest.param(0, True, r"no 0; to choose boxes use `above` or `where`", id="a number: it is no sequence"),
        pytest.param(torch.tensor([True, False, True]), True, "use `above` or `where`", id="a mask"),
    ],
)
def test_a_key_that_detections_lack_is_named(key, masks, message):
    with pytest.raises(KeyError, match=message):
        found(masks)[key]


def test_detections_are_not_looped_over():
    """Their length is the number of boxes, a dict's loop would give the names: whoever writes one means either."""
    with pytest.raises(TypeError, match=r"not iterable; read found\.boxes, found\.labels, found\.scores"):
        list(found())
    assert len(found()) == 3 and 0 not in found()
