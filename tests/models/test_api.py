"""What people who know torchvision and Lightning write, and what they get: the answer, or what to do instead."""

import copy
import functools
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from small_model import IMAGE, NAN, RECORDS, fused
from torchvision.models import mobilenet_v3_small

import mdfnet
from mdfnet.clinical.standardize import Standardizer
from mdfnet.models.detectors.torchvision import TorchvisionDetector

IMAGES = [*IMAGE, torch.rand(3, 64, 50, generator=torch.Generator().manual_seed(1))]
TARGETS = [
    {"boxes": torch.tensor([[20.0, 20, 60, 60]]), "labels": torch.tensor([2])},
    {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)},
]


def assert_same(first, second, tolerance=0.0):
    for one, other in zip(first, second, strict=True):
        assert one.record == other.record and torch.equal(one.labels, other.labels)
        for name in ("boxes", "scores"):
            torch.testing.assert_close(one[name].float(), other[name].float(), atol=tolerance, rtol=tolerance)


def seeded(give):
    torch.manual_seed(3)
    return give()


@pytest.fixture(scope="module")
def model():
    """Fused, and fitted to records of its own."""
    model = fused()
    model.set_scale(Standardizer.fit(model.schema, RECORDS.numpy()))
    return model.eval()


# Calling the model


def test_a_call_gives_losses_in_training_and_detections_in_evaluation():
    model = fused().train()
    expected = seeded(lambda: model.losses(IMAGES, TARGETS, RECORDS[:2]))
    assert seeded(lambda: model(IMAGES, TARGETS, RECORDS[:2])) == expected
    model.eval()
    expected = model.detect(IMAGES, RECORDS[:2])
    assert_same(model(IMAGES, clinical=RECORDS[:2]), expected)
    assert_same(model(IMAGES, TARGETS, RECORDS[:2]), expected)
    assert model(IMAGES)[0].record.used == ()


def test_named_records_may_be_trained_on():
    model, named = fused(record_dropout=0, feature_dropout=0).train(), [{"temperature": 38.9}, None]
    values = torch.full((2, len(model.schema)), NAN)
    values[0, model.schema.index("temperature")] = 38.9
    assert seeded(lambda: model(IMAGES, TARGETS, named)) == seeded(lambda: model(IMAGES, TARGETS, values))


def edited(**changes):
    return [TARGETS[0] | changes, TARGETS[1]]


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        pytest.param(None, ValueError, r"needs targets; for detections call model\.eval\(\)", id="none"),
        pytest.param(RECORDS[:2], TypeError, "records are the third argument", id="records in their place"),
        pytest.param(TARGETS[:1], ValueError, "1 targets for 2 images", id="too few"),
        pytest.param([{"boxes": torch.zeros(0, 4)}] * 2, ValueError, "target 1 has no labels", id="no labels"),
        pytest.param(edited(labels=torch.tensor([0])), ValueError, "labels run from 0 to 0, not from 1 to 5",
                     id="labels from 0"),
        pytest.param(edited(labels=torch.tensor([1, 1])), ValueError, r"boxes \[1, 4\] and labels \[2\]",
                     id="a label too many"),
    ],
)  # fmt: skip
def test_targets_that_do_not_fit_are_refused(targets, error, message, model):
    with pytest.raises(error, match=message):
        model.losses(IMAGES, targets)


def box(*corners):
    return edited(boxes=torch.tensor([corners]))


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        pytest.param(edited(boxes=[[20, 20, 60, 60]]), TypeError, "target 1 has boxes as a list; give torch tensors",
                     id="a list"),
        pytest.param(edited(labels=np.array([2])), TypeError, "labels as a ndarray; give torch tensors", id="numpy"),
        pytest.param(edited(labels=torch.tensor([2.0])), TypeError, r"labels of torch\.float32, not", id="floats"),
        pytest.param(edited(labels=torch.tensor([True])), TypeError, r"labels of torch\.bool", id="bools"),
        pytest.param([mdfnet.Target.of([], [])] * 2, TypeError, r"Target objects; give a dict.*torch\.from_numpy",
                     id="Target"),
        pytest.param(box(20.0, NAN, 60, 60), ValueError, "target 1, row 0: box 20, nan, .* is not finite", id="NaN"),
        pytest.param(box(20, 30, 60, 30), ValueError, "row 0: box 20, 30, 60, 30 has no area", id="no area"),
        pytest.param(box(60, 60, 20, 20), ValueError, "row 0: box .* has no area; boxes are x1, y1", id="inverted"),
        pytest.param(box(96, 0, 99, 9), ValueError, "outside the image of 96 x 70 pixels", id="right of the image"),
        pytest.param(box(-9, -9, 9, 0), ValueError, "outside the image", id="above the image"),
        pytest.param(box(0.2, 0.2, 0.9, 1), ValueError, "target 1: .*look normalized; give pixels", id="normalized"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["rcnn", "fcos", "detr-tiny"])
def test_targets_that_mean_nothing_are_refused_by_every_detector(targets, error, message, name, others):
    with pytest.raises(error, match=message):
        others(name).losses(IMAGES, targets)


@pytest.fixture(scope="module")
def others():
    def make(name):
        if name == "detr-tiny":
            pytest.importorskip("transformers")
            return mdfnet.build(name, size=64).train()
        return mdfnet.build("tiny", size=64, **{"detector.name": name}).train()

    return functools.cache(make)


@pytest.mark.parametrize("name", ["rcnn", "fcos", "detr-tiny"])
def test_targets_of_other_types_are_converted(name, others):
    model = others(name)
    expected = seeded(lambda: model.losses(IMAGES, TARGETS))
    for kind in (torch.int32, torch.uint8):
        given = [
            {"boxes": TARGETS[0]["boxes"].to(torch.int64), "labels": TARGETS[0]["labels"].to(kind)},
            {"boxes": torch.zeros(0, 4, dtype=torch.float64), "labels": torch.zeros(0)},
        ]
        losses = seeded(lambda given=given: model.losses(IMAGES, given))
        torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "records", [RECORDS[:2], RECORDS[:2].numpy(), [{"age": 61}, None], tuple(RECORDS[:2])], ids=type
)
def test_records_in_the_place_of_targets_are_not_passed_over(records, model):
    with pytest.raises(TypeError, match=r"model\(images, clinical=records\)"):
        model(IMAGES, records)


@pytest.mark.parametrize("use", ["detect", "encode"])
def test_what_was_frozen_stays_frozen(use):
    model = fused().train()
    frozen = next(model.fusion.children()).eval()
    modes = [module.training for module in model.modules()]
    getattr(model, use)(IMAGES)
    assert [module.training for module in model.modules()] == modes and not frozen.training and model.training


# Making a model


def test_classes_may_be_a_list_of_names():
    assert mdfnet.build("tiny", classes=["A", "B"]).classes == mdfnet.Classes(("A", "B"))


@pytest.mark.parametrize(
    ("classes", "message"),
    [("AB", r"'AB', not a list of names; write \['AB'\]"), (2, "2, not a list"), ([1, 2], r"\[1, 2\], not a list")],
)
def test_classes_that_are_no_names_are_refused(classes, message):
    with pytest.raises(TypeError, match=message):
        mdfnet.build("tiny", classes=classes)


def test_pretrained_without_weights_is_refused():
    with pytest.raises(mdfnet.UserError, match=r"the config names no weights.*weights=.DEFAULT"):
        mdfnet.build("tiny", weights=None, pretrained=True)


def test_a_scale_that_is_none_is_refused_and_changes_nothing(model):
    fitted = model.fitted
    with pytest.raises(TypeError, match=r"a Tensor, not a Standardizer; give Standardizer\.fit"):
        model.set_scale(RECORDS)
    with pytest.raises(ValueError, match="the scale is one of 3 features; the model has the 10 of mimic-ed"):
        model.set_scale(Standardizer.of_ranges(mdfnet.Schema.load("age-sex-view")))
    assert model.fitted is fitted


# Clinical data


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(torch.Tensor.double, id="float64"),
        pytest.param(torch.Tensor.numpy, id="numpy"),
        pytest.param(lambda values: values.double().numpy(), id="numpy float64"),
        pytest.param(tuple, id="rows, as tuple(zip(*batch)) gives them"),
        pytest.param(lambda values: list(values.numpy()), id="numpy rows"),
        pytest.param(torch.Tensor.tolist, id="lists"),
    ],
)
def test_records_of_another_type_are_the_same_records(change, model):
    assert_same(model.detect(IMAGES, change(RECORDS[:2])), model.detect(IMAGES, RECORDS[:2]))


@pytest.mark.parametrize(
    "records",
    [[[61.0] * 10, [61.0]], [RECORDS[0], None], [61.0, 62.0], "ab", [["a"] * 10] * 2, [RECORDS[:1], RECORDS[:1]]],
    ids=["ragged", "mixed", "numbers", "a text", "texts", "tables"],
)
def test_records_that_could_be_misread_are_refused(records, model):
    with pytest.raises(TypeError, match=r"give \[B, F\] or a list of records"):
        model.detect(IMAGES, records)


def test_a_record_of_tensors_is_one_of_numbers(model):
    given = {"age": torch.tensor(61), "temperature": {"value": torch.tensor(101.5), "unit": "[degF]"}}
    given["o2sat"] = torch.tensor(NAN)
    plain = {"age": 61, "temperature": {"value": 101.5, "unit": "[degF]"}}
    assert_same(model.detect(IMAGES, [given, None]), model.detect(IMAGES, [plain, None]))


# Images


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda gray: [torch.from_numpy(gray)[None]], id="uint8"),
        pytest.param(lambda gray: [torch.from_numpy(gray.astype(np.uint16) * 257)[None]], id="uint16"),
        pytest.param(lambda gray: [mdfnet.image_tensor(gray)], id="image_tensor"),
        pytest.param(lambda gray: torch.from_numpy(gray)[None, None] / 255, id="a batch in one tensor"),
        pytest.param(lambda gray: (torch.from_numpy(gray)[None].double() / 255,), id="float64"),
    ],
)
def test_images_that_can_mean_one_thing_only_are_taken(change, model):
    gray = np.random.default_rng(0).integers(0, 256, (70, 96), np.uint8)
    assert_same(model.detect(change(gray)), model.detect([torch.from_numpy(gray / np.float32(255))[None]]), 1e-5)


GRAY = torch.rand(1, 64, 64)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        pytest.param([GRAY * 255], ValueError, r"image 1 has values from 0\.\d+ to 25\d\.\d+.*give uint8", id="0-255"),
        pytest.param([GRAY, GRAY * 2 - 1], ValueError, "image 2 .*the model normalizes", id="normalized"),
        pytest.param([GRAY.where(GRAY < 0.9, NAN)], ValueError, "image 1 holds NaN", id="NaN"),
        pytest.param([GRAY[0]], ValueError, r"\[64, 64\], not \[1 or 3, .*add the channel: image\[None\]", id="H, W"),
        pytest.param([torch.rand(64, 64, 3)], ValueError, r"channels come first: image\.permute", id="H, W, 3"),
        pytest.param([torch.rand(4, 64, 64)], ValueError, r"\[4, 64, 64\]", id="four channels"),
        pytest.param([torch.rand(1, 0, 64)], ValueError, r"\[1, 0, 64\]", id="no pixels"),
        pytest.param([GRAY[0].numpy()], TypeError, r"a ndarray, not a tensor.*mdfnet\.image_tensor", id="numpy"),
        pytest.param([Image.new("L", (9, 9))], TypeError, "a Image, not a tensor", id="Pillow"),
        pytest.param([GRAY.long()], TypeError, r"torch\.int64; give uint8", id="int64"),
        pytest.param(GRAY, TypeError, r"a Tensor \[1, 64, 64\], not a list.*write \[image\]", id="not a list"),
        pytest.param(GRAY[0].numpy(), TypeError, "a ndarray, not a list", id="numpy, not a list"),
        pytest.param("image.png", TypeError, "a str, not a list", id="a path"),
        pytest.param([], ValueError, "there are no images", id="none"),
    ],
)
@pytest.mark.parametrize("use", ["detect", "encode", "losses"])
def test_images_that_could_be_misread_are_refused(images, error, message, use, model):
    with pytest.raises(error, match=message):
        model.losses(images, TARGETS) if use == "losses" else getattr(model, use)(images)


@pytest.mark.parametrize("array", [np.zeros((2, 2)), np.zeros((2, 2, 3), np.uint8)], ids=["floats", "colors"])
def test_image_tensor_refuses_what_read_image_never_gives(array):
    with pytest.raises(ValueError, match=r"uint8 or uint16 \[H, W\]"):
        mdfnet.image_tensor(array)


# State dicts and saved models


def test_a_state_dict_carries_the_clinical_scale(model):
    other = mdfnet.build(model.config)
    assert other.detect(IMAGES, RECORDS[:2])[0].record.unseen == {}
    assert str(other.load_state_dict(model.state_dict())) == "<All keys matched successfully>"
    records = RECORDS[[2, 0]].where(torch.tensor([1.0, NAN]).bool()[:, None], RECORDS[0] * 1.01)
    assert_same(other.eval().detect(IMAGES, records), model.detect(IMAGES, records))
    assert other.detect(IMAGES, records)[0].record == model.detect(IMAGES, records)[0].record
    assert other.fitted.to_dict() == model.fitted.to_dict() and other.fitted.seen == model.fitted.seen


def test_a_state_dict_goes_through_a_file_that_runs_no_code(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "state.pt")
    other = mdfnet.build(model.config).eval()
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert_same(other.detect(IMAGES, RECORDS[:2]), model.detect(IMAGES, RECORDS[:2]))


def test_a_model_within_another_module_carries_it_too(model):
    outer, other = torch.nn.ModuleDict({"net": model}), torch.nn.ModuleDict({"net": mdfnet.build(model.config)})
    other.load_state_dict(outer.state_dict())
    assert other["net"].fitted.to_dict() == model.fitted.to_dict()


def test_a_state_dict_of_before_leaves_the_scale_as_it_is(model):
    """Weights files and checkpoints of mdfnet 0.1 have no scale."""
    before = {key: value for key, value in model.state_dict().items() if not key.startswith("fitted.")}
    other = copy.deepcopy(model)
    other.load_state_dict(before)
    assert other.fitted.to_dict() == model.fitted.to_dict() and other.fitted.seen == model.fitted.seen


def test_a_state_dict_has_the_same_shapes_before_and_after_the_scale_is_set(model):
    """Averages of others than torch pair ``state_dict().values()``."""
    before, after = mdfnet.build(model.config).state_dict(), model.state_dict()
    assert [(key, value.shape) for key, value in before.items()] == [(key, value.shape) for key, value in after.items()]
    for mean, value in zip(before.values(), after.values(), strict=True):
        mean.copy_(0.9 * mean + 0.1 * value)
    other = copy.deepcopy(model)
    other.load_state_dict(mdfnet.build(model.config).state_dict())
    assert other.fitted.seen is None


@pytest.mark.parametrize("key", ["fitted.mean", "fitted.seen"])
def test_half_a_scale_is_a_missing_key(key, model):
    state = {name: value for name, value in model.state_dict().items() if name != key}
    other = mdfnet.build(model.config)
    with pytest.raises(RuntimeError, match=rf'Missing key\(s\) in state_dict: "{key}"'):
        other.load_state_dict(state)
    assert other.load_state_dict(state, strict=False).missing_keys == [key]
    found = other.load_state_dict(model.state_dict() | {"fitted.more": torch.zeros(1)}, strict=False)
    assert found.unexpected_keys == ["fitted.more"] and other.fitted.to_dict() == model.fitted.to_dict()


def test_a_scale_of_other_features_is_refused(model):
    other = mdfnet.build(model.config, schema="age-sex-view")
    with pytest.raises(RuntimeError, match="the clinical scale is not of the 3 features of age-sex-view"):
        other.load_state_dict(model.state_dict())


def test_a_saved_model_has_its_scale_in_one_place(model, tmp_path):
    model.save(tmp_path / "model")
    assert b"fitted." not in (tmp_path / "model/model.safetensors").read_bytes()
    assert mdfnet.load(tmp_path / "model").fitted.seen == model.fitted.seen


@pytest.mark.parametrize(
    "change", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"]
)
def test_a_copy_is_a_model_of_its_own(change, model):
    expected = model.detect(IMAGES, RECORDS[:2])
    copied = change(model)
    assert_same(copied.detect(IMAGES, RECORDS[:2]), expected)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    copied.set_scale(Standardizer.of_ranges(copied.schema))
    assert_same(model.detect(IMAGES, RECORDS[:2]), expected)


def test_averaged_weights_keep_the_scale(model):
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    average.update_parameters(model)
    other = mdfnet.build(model.config).eval()
    other.load_state_dict(average.module.state_dict())
    assert_same(other.detect(IMAGES, RECORDS[:2]), model.detect(IMAGES, RECORDS[:2]))


# Types, devices, compilation


def test_double_is_the_same_model_in_double_precision():
    model = mdfnet.load("demo")
    expected = model.detect(IMAGES, RECORDS[:2])
    assert len(expected[0])
    assert_same(copy.deepcopy(model).double().detect(IMAGES, RECORDS[:2]), expected, 1e-4)
    assert_same(model.double().float().detect(IMAGES, RECORDS[:2]), expected)


@pytest.mark.parametrize("name", ["rcnn", "retinanet", "fcos", "ssd"])
def test_every_detector_of_ours_may_be_double(name):
    model = fused(**{"detector.name": name})
    expected = model.detect(IMAGES, RECORDS[:2])
    for one, other in zip(copy.deepcopy(model).double().detect(IMAGES, RECORDS[:2]), expected, strict=True):
        # Untrained, many boxes have the same score: which of them NMS keeps is chance.
        torch.testing.assert_close(one.scores[:9].float(), other.scores[:9], atol=1e-4, rtol=0)
    losses = model.double().train()(IMAGES, TARGETS, RECORDS[:2])
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize(
    "change",
    [
        torch.nn.Module.bfloat16,
        torch.nn.Module.half,
        lambda model: model.to(torch.bfloat16),
        lambda model: torch.nn.Sequential(model).half(),
    ],
    ids=["bfloat16", "half", "to", "from outside"],
)
def test_sixteen_bits_are_refused_and_change_nothing(change, model):
    with pytest.raises(TypeError, match=r"float32 and detect under torch\.autocast"):
        change(model)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_detection_under_autocast(model):
    with torch.autocast("cpu", torch.bfloat16):
        found = model.detect(IMAGES, RECORDS[:2])
    assert all(len(one) and one.boxes.dtype == torch.float32 for one in found)


def test_to_a_device_and_back(model):
    assert_same(model.to("cpu", torch.float32).detect(IMAGES), model.detect(IMAGES))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said_by_torch(model):
    with pytest.raises((AssertionError, RuntimeError), match=r"CUDA|NVIDIA"):
        copy.deepcopy(model).cuda()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_compiled_model_finds_the_same(model):
    """With the backend that needs no C++ compiler; the default one finds the same and takes minutes to compile."""
    compiled = torch.compile(model, backend="eager")
    assert_same(compiled(IMAGES, clinical=RECORDS[:2]), model.detect(IMAGES, RECORDS[:2]), 1e-5)
    assert_same(compiled.detect(IMAGES, RECORDS[:2]), model.detect(IMAGES, RECORDS[:2]))


# Pretrained weights


@pytest.fixture
def classifier(tmp_path):
    net, file = mobilenet_v3_small(), tmp_path / "weights.safetensors"
    save_file(net.state_dict(), file)
    return net.features[0][0].weight.sum(1, keepdim=True), str(file)


def first_layer(model):
    return model.detector.net.backbone.trunk[0][0].weight


def test_build_loads_the_weights_it_is_given(classifier):
    kernel, file = classifier
    torch.testing.assert_close(first_layer(mdfnet.build("tiny", weights=file)), kernel)
    started = mdfnet.build("tiny", weights=file, pretrained=False)
    assert not torch.allclose(first_layer(started), kernel)
    started.load_pretrained()
    torch.testing.assert_close(first_layer(started), kernel)


def test_build_says_that_weights_of_the_config_alone_are_not_loaded(classifier):
    kernel, file = classifier
    config = mdfnet.load_config("tiny", {"weights": file})
    with pytest.warns(UserWarning, match=r"weights\.safetensors' are not loaded.*pretrained=True"):
        assert not torch.allclose(first_layer(mdfnet.build(config)), kernel)
    torch.testing.assert_close(first_layer(mdfnet.build(config, pretrained=True)), kernel)


def test_build_takes_the_detector_of_a_saved_model():
    demo = mdfnet.load("demo")
    model = mdfnet.build(demo.config, **{"detector.weights": str(mdfnet.models.card.DEMO_MODEL)})
    assert torch.equal(first_layer(model), first_layer(demo))


@pytest.mark.parametrize("weights", ["missing.safetensors", "runs/missing"])
def test_build_says_which_weights_are_not_there(weights):
    with pytest.raises(mdfnet.UserError, match=weights):
        mdfnet.build("tiny", weights=weights)


def test_training_loads_weights_once(classifier, tiny_dataset, tmp_path, monkeypatch):
    loaded = []
    load = TorchvisionDetector.load_pretrained
    monkeypatch.setattr(TorchvisionDetector, "load_pretrained", lambda self: (loaded.append(1), load(self)))
    keys = {"epochs": 1, "size": 64, "map": None, "vector": None, "weights": classifier[1]}
    mdfnet.train(mdfnet.load_config("tiny", keys), tiny_dataset(), tmp_path / "run", log=lambda _: None)
    assert loaded == [1]


# Loading


def test_load_takes_what_the_command_line_takes(model, tmp_path):
    model.save(tmp_path / "run/model")
    for where in (tmp_path / "run", str(tmp_path / "run"), tmp_path / "run/model"):
        assert_same(mdfnet.load(where).detect(IMAGES, RECORDS[:2]), model.detect(IMAGES, RECORDS[:2]))
    assert mdfnet.load("demo").classes == mdfnet.PAPER_CLASSES
    with pytest.raises(mdfnet.UserError, match=r"no model here.*a run's folder, a model's folder, or 'demo'"):
        mdfnet.load(tmp_path)
