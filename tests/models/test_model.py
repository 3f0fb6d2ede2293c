"""What a model does around its detector. What every detector must do with it stands in detectors/test_contract.py."""

import pytest
import torch

import mdfnet
from mdfnet.models.fusion.maps import Deconv
from mdfnet.models.fusion.vectors import Residual

NAN = float("nan")
RECORDS = torch.tensor(
    [
        [67, 38.9, 110, 24, 91, 120, 70, 3, 2, 1],
        [NAN] * 10,
        [54, NAN, 80, NAN, 98, 130, 80, NAN, 3, 0],
    ]
)


@pytest.fixture
def images():
    torch.manual_seed(0)
    return [torch.rand(1, 120, 90), torch.rand(3, 64, 64), torch.rand(1, 50, 130)]


@pytest.fixture
def targets():
    boxes = [[[20.0, 20, 70, 90]], [], [[5.0, 5, 60, 40], [60, 10, 120, 45]]]
    labels = [[2], [], [1, 5]]
    return [
        {"boxes": torch.tensor(b).reshape(-1, 4), "labels": torch.tensor(k, dtype=torch.int64)}
        for b, k in zip(boxes, labels, strict=True)
    ]


def tiny(**overrides):
    torch.manual_seed(0)
    return mdfnet.build("tiny", size=64, detections=5, box_score=0.0, **overrides)


def trained(model):
    """Stands for training: nothing is zero any more."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.fusion.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def assert_same(first, second, same=True):
    equal = all(
        torch.equal(a.boxes, b.boxes) and torch.equal(a.scores, b.scores) for a, b in zip(first, second, strict=True)
    )
    assert equal == same


def test_a_mask_head_outlines_what_it_finds(images, targets):
    model = tiny(mask_head=True)
    assert "loss_mask" in model.losses(images, targets, RECORDS)
    for image, found in zip(images, model.detect(images), strict=True):
        assert len(found) and found.masks.shape == (len(found), *image.shape[-2:])
        assert found.masks.min() >= 0 and found.masks.max() <= 1


def test_given_masks_are_what_the_mask_head_learns(images, targets):
    model = tiny(mask_head=True)
    masks = [torch.zeros(len(t["boxes"]), *image.shape[-2:]) for image, t in zip(images, targets, strict=True)]
    torch.manual_seed(3)
    empty = model.losses(images, [t | {"masks": m} for t, m in zip(targets, masks, strict=True)], RECORDS)
    torch.manual_seed(3)
    ellipses = model.losses(images, targets, RECORDS)
    assert empty["loss_mask"] != ellipses["loss_mask"]
    assert empty["loss_classifier"] == ellipses["loss_classifier"]


def test_the_two_fusions_are_two_keys():
    kinds = {type(module) for module in tiny(map=None).modules()}
    assert Residual in kinds and Deconv not in kinds
    assert tiny(map=None, vector=None).fusion is None


def test_detection_is_in_evaluation_mode_whatever_a_part_was_left_in(images):
    model = tiny().eval()
    expected = model.detect(images)
    model.detector.net.backbone.train()
    assert_same(model.detect(images), expected)


@pytest.mark.parametrize(
    "clinical",
    [pytest.param(RECORDS[:2], id="too few records"), pytest.param(RECORDS[:, :9], id="too few features")],
)
def test_records_that_do_not_fit_are_refused(clinical, images):
    with pytest.raises(ValueError, match=r"expected \[3, 10\]"):
        tiny().detect(images, clinical)


def test_an_own_schema_and_classes_shape_the_model(images):
    classes, schema = mdfnet.Classes(("Mass",), (42,)), mdfnet.Schema.load("age-sex-view")
    model = mdfnet.build("tiny", size=64, classes=classes, schema=schema)
    found = model.detect(images, torch.tensor([[60, 0, 1], [NAN, 1, NAN], [NAN] * 3]))
    assert all((one.labels == 1).all() for one in found)


FEVER = {"age": 61, "gender": "M", "temperature": {"value": 102.2, "unit": "[degF]"}}


def test_named_values_are_the_tensor_they_stand_for(images):
    model = trained(tiny())
    values = torch.full((3, 10), NAN)
    values[0, model.schema.index("age")] = 61
    values[0, model.schema.index("temperature")] = 39
    values[0, model.schema.index("gender")] = 1
    named, given = model.detect(images, [FEVER, None, {}]), model.detect(images, values)
    assert_same(named, given)
    assert [found.record for found in named] == [found.record for found in given]
    assert named[0].record.used == ("age", "temperature", "gender") and len(named[1].record.missing) == 10
    assert_same(model.detect_from(model.encode(images), [FEVER, None, {}]), named)


@pytest.mark.parametrize("encoder", ["mlp", "tokens", "paper"])
def test_what_cannot_be_right_is_as_good_as_missing(encoder, images, targets):
    model = trained(tiny(encoder=encoder))
    impossible = [{"temperature": 98.6, "sbp": float("inf")}, {"gender": 2}, {"gender": -1, "sbp": 70, "dbp": 120}]
    wrong, missing = RECORDS.clone(), RECORDS.clone()
    for row, values in enumerate(impossible):
        for name, value in values.items():
            wrong[row, model.schema.index(name)], missing[row, model.schema.index(name)] = value, NAN
    found = model.detect(images, wrong)
    assert_same(found, model.detect(images, missing))
    assert [set(one.record.refused) for one in found] == [set(values) for values in impossible]
    torch.manual_seed(0)
    losses = model.losses(images, targets, wrong)
    torch.manual_seed(0)
    assert losses == model.losses(images, targets, missing)


def test_one_image_with_many_named_records(images):
    model = trained(tiny())
    answers = model.detect_from(model.encode(images[:1]), [FEVER, {"temperature": 98.6}, {"lactate": 2}])
    first, second, third = (found.record for found in answers)
    assert first.used and "looks like [degF]" in second.refused["temperature"]
    assert third.unknown == {"lactate": "lactate is not a feature of the model"} and len(third.missing) == 10


def test_an_image_only_model_uses_no_record(images):
    assert [found.record for found in tiny(map=None, vector=None).detect(images, [FEVER] * 3)] == [None] * 3


@pytest.mark.parametrize(
    ("clinical", "error", "message"),
    [
        pytest.param([FEVER], ValueError, "not a list of 3 records", id="too few"),
        pytest.param(dict.fromkeys("abc"), ValueError, "not a list of 3 records", id="one record, not a list"),
        pytest.param(
            [{}, {"age": {"value": 3, "unit": "kg"}}, {}], mdfnet.UserError, "record 2: age: .*does not fit", id="unit"
        ),
    ],
)
def test_named_records_that_do_not_fit_are_refused(clinical, error, message, images):
    with pytest.raises(error, match=message):
        tiny().detect(images, clinical)
