"""The DETRs keep the contract of a detector, and are transformers' own in losses and detections."""

import pytest
import torch
from torchvision.ops import box_convert

import mdfnet

transformers = pytest.importorskip("transformers", reason="NEEDS THE EXTRA detr: pip install 'mdfnet[detr]'")

SIZE, CLASSES = 64, 5

RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1], "layer_type": "basic"}
HGNET = {
    "stem_channels": [1, 8, 8],
    "stage_in_channels": [8, 16, 32, 32],
    "stage_mid_channels": [8, 8, 8, 8],
    "stage_out_channels": [16, 32, 32, 32],
    "stage_num_blocks": [1, 1, 1, 1],
    "stage_numb_of_layers": [1, 1, 1, 1],
}
VIT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "out_features": ["stage1", "stage2"]}
DETR = {
    "d_model": 64,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "num_queries": 12,
    "backbone_config": RESNET,
}
HYBRID = DETR | {"encoder_hidden_dim": 64, "hidden_expansion": 0.5, "num_denoising": 10}
GROUPS = {
    "d_model": 32,
    "decoder_layers": 2,
    "decoder_ffn_dim": 32,
    "decoder_self_attention_heads": 2,
    "decoder_cross_attention_heads": 2,
    "num_queries": 12,
    "group_detr": 2,
}
YOLOS = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_detection_tokens": 12,
}

#: A detector, options that make it tiny, and the library's own way from its output to boxes.
DETECTORS = {
    "detr": (DETR, "DetrImageProcessor"),
    "conditional-detr": (DETR, "ConditionalDetrImageProcessor"),
    "deformable-detr": (DETR, "DeformableDetrImageProcessor"),
    "rt-detr-v2": (HYBRID, "RTDetrImageProcessor"),
    "d-fine": (HYBRID | {"backbone_config": HGNET}, "RTDetrImageProcessor"),
    "rf-detr": (GROUPS | {"backbone_config": VIT}, "RfDetrImageProcessor"),
    "lw-detr": (GROUPS | {"backbone_config": VIT | {"num_windows": 4, "window_block_indices": [0]}}, None),
    "yolos": (YOLOS, "YolosImageProcessor"),
}
every = pytest.mark.parametrize("name", DETECTORS)

NAN = float("nan")
RECORDS = torch.tensor([[67, 38.9, 110, 24, 91, 120, 70, 3, 2, 1], [54, NAN, 80, NAN, 98, 130, 80, NAN, 3, 0]])


@pytest.fixture
def images():
    torch.manual_seed(0)
    return [torch.rand(1, 64, 50), torch.rand(1, 90, 64)]


@pytest.fixture
def targets():
    """The second image has no box."""
    boxes = [torch.tensor([[5.0, 8, 40, 60], [20, 20, 45, 40]]), torch.zeros(0, 4)]
    labels = [torch.tensor([1, CLASSES]), torch.zeros(0, dtype=torch.int64)]
    return [{"boxes": b, "labels": k} for b, k in zip(boxes, labels, strict=True)]


def tiny(name, **overrides):
    torch.manual_seed(0)
    options = {"detector.name": name, "detector.options": DETECTORS[name][0], "box_score": 0.0, "detections": 9}
    return mdfnet.build("default", size=SIZE, **(options | overrides))


def trained(model):
    """Stands for training: nothing is zero any more, nothing alike."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def assert_same(first, second, same=True):
    equal = all(
        torch.equal(a.boxes, b.boxes) and torch.equal(a.scores, b.scores) for a, b in zip(first, second, strict=True)
    )
    assert equal == same


@every
def test_losses_are_the_librarys_own(name, images, targets):
    detector = trained(tiny(name)).train().detector
    batch = torch.rand(2, 1, SIZE, SIZE)
    torch.manual_seed(3)
    losses = detector.losses(batch, targets)
    labels = [
        {"class_labels": t["labels"] - 1, "boxes": box_convert(t["boxes"], "xyxy", "cxcywh") / SIZE} for t in targets
    ]
    torch.manual_seed(3)
    expected = detector.net((batch - 0.5) / 0.25, labels=labels).loss
    assert tuple(losses) == detector.loss_names
    assert all(value.ndim == 0 and value > 0 for value in losses.values())
    torch.testing.assert_close(sum(losses.values()), expected)


@every
def test_detections_are_the_librarys_own(name):
    detector = trained(tiny(name)).eval().detector
    batch = torch.rand(2, 1, SIZE, SIZE)
    with torch.no_grad():
        found = detector.detect(batch)
        output = detector.net((batch - 0.5) / 0.25)
    processor = getattr(transformers, DETECTORS[name][1] or "DeformableDetrImageProcessor")()
    expected = processor.post_process_object_detection(output, threshold=0.0, target_sizes=[(SIZE, SIZE)] * 2)
    for one, other in zip(found, expected, strict=True):
        best = other["scores"].argsort(descending=True, stable=True)[:9]
        assert len(one) == 9
        torch.testing.assert_close(one.scores, other["scores"][best])
        torch.testing.assert_close(one.labels, other["labels"][best] + 1)
        torch.testing.assert_close(one.boxes, other["boxes"][best].clamp(0, SIZE))


@every
def test_few_good_detections_are_kept(name):
    detector = trained(tiny(name, detections=4)).eval().detector
    with torch.no_grad():
        found = detector.detect(torch.rand(1, 1, SIZE, SIZE))[0]
    assert len(found) == 4
    assert (found.scores.diff() <= 0).all()
    assert found.labels.min() >= 1
    assert found.labels.max() <= CLASSES
    assert (found.boxes[:, :2] <= found.boxes[:, 2:]).all()
    limit = found.scores[1].item()
    detector = trained(tiny(name, detections=4, box_score=limit)).eval().detector
    assert detector.detect(torch.rand(1, 1, SIZE, SIZE))[0].scores.gt(limit).all()


@every
def test_queries_that_only_a_loss_sees_keep_to_their_patient(name, images, targets):
    """Denoising and groups add rows, some heads see all layers at once: each row gets its own image's patient."""
    model, seen = trained(tiny(name)).eval(), []
    last = model.detector.vector_sites[-1].module
    model.detector.get_submodule(last).register_forward_hook(lambda module, args, output: seen.append(output))
    others = RECORDS.clone()
    others[1, 0] = 20
    for records in (RECORDS, others):
        torch.manual_seed(3)
        model.losses(images, [targets[0], targets[0]], records)
    half = len(seen) // 2
    assert half >= 1
    for before, after in zip(seen[:half], seen[half:], strict=True):
        assert torch.equal(before[..., 0, :, :], after[..., 0, :, :])
        assert not torch.equal(before[..., 1, :, :], after[..., 1, :, :])


@every
def test_the_image_part_runs_once_for_many_records(name, images):
    model = trained(tiny(name))
    assert_same(model.detect_from(model.encode(images), RECORDS), model.detect(images, RECORDS))
    features = model.encode(images[:1])
    for module in model.detector.image_part:
        model.detector.get_submodule(module).register_forward_pre_hook(_refuse)
    found = model.detect_from(features, RECORDS)
    again = tiny(name)
    again.load_state_dict(model.state_dict())
    for one, other in zip(found, again.detect([images[0]] * 2, RECORDS), strict=True):
        torch.testing.assert_close(one.scores, other.scores)
        torch.testing.assert_close(one.boxes, other.boxes, atol=1e-3, rtol=1e-4)


def _refuse(module, args):
    """A replayed module's inner modules must not run; the module itself only answers."""
    assert "forward" in module.__dict__


@every
def test_gradients_reach_every_parameter_without_any_box(name, images, targets):
    """What never gets one stops distributed training: nothing to denoise is no reason."""
    model = trained(tiny(name, record_dropout=0.0)).train()
    records = torch.stack([RECORDS[0], torch.full((10,), NAN)])  # no record is learned, too
    losses = model.losses(images, [targets[1]] * 2, records)
    assert tuple(losses) == model.detector.loss_names
    assert all(torch.isfinite(loss) for loss in losses.values())
    sum(losses.values()).backward()
    assert [key for key, value in model.named_parameters() if value.requires_grad and value.grad is None] == []
    fusers = [p.grad.abs().sum() for p in model.fusion.parameters() if p.ndim > 1]
    assert all(torch.isfinite(total) for total in fusers)
    assert sum(total > 0 for total in fusers) == len(fusers)


NEVER_TRAINED = {"rf-detr": ["mask_token"], "d-fine": ["reg_scale", "up"]}


@every
def test_all_but_constants_train_from_scratch(name):
    frozen = [key.split(".")[-1] for key, value in tiny(name).named_parameters() if not value.requires_grad]
    assert frozen == NEVER_TRAINED.get(name, [])
    assert not [module for module in tiny(name).modules() if "FrozenBatchNorm" in type(module).__name__]


@every
def test_half_precision_leaves_boxes_and_scores_precise(name, images, targets):
    """8 bits of mantissa are 2 pixels in 512."""
    model = trained(tiny(name))
    with torch.autocast("cpu", torch.bfloat16):
        losses = model.train().losses(images, targets, RECORDS)
        found = model.detect(images, RECORDS)
    assert all(torch.isfinite(loss) for loss in losses.values())
    for values in (found[0].boxes, found[0].scores):
        assert values.dtype == torch.float32
        assert (values != values.bfloat16()).any()


@every
def test_the_same_seed_gives_the_same_gradients(name, images, targets):
    def gradients():
        model = trained(tiny(name)).train()
        sum(model.losses(images, targets, RECORDS).values()).backward()
        return [p.grad for p in model.parameters() if p.grad is not None]

    torch.use_deterministic_algorithms(True)
    try:
        first, second = gradients(), gradients()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@every
@pytest.mark.parametrize("form", ["folder", "file"])
def test_weights_load_into_a_gray_network_of_other_classes(name, form, tmp_path):
    color = {"input.channels": 3, "input.mean": [0.5] * 3, "input.std": [0.25] * 3}
    classes = mdfnet.Classes(("a", "b", "c"))
    donor = trained(mdfnet.build(tiny(name).config, classes=classes, **color)).detector.net
    donor.save_pretrained(tmp_path / "donor")
    weights = tmp_path / "donor"
    weights = weights / "model.safetensors" if form == "file" else weights
    model = tiny(name, weights=str(weights))
    own, given = model.detector.net.state_dict(), donor.state_dict()
    first = next(key for key, value in own.items() if value.ndim == 4)
    torch.testing.assert_close(own[first], given[first].sum(1, keepdim=True))
    alike = [key for key in own if own[key].shape == given[key].shape and own[key].is_floating_point()]
    assert all(torch.equal(own[key], given[key]) for key in alike)
    changed = {key.split(".")[0] for key in own.keys() - set(alike)} - {first.split(".")[0]}
    assert changed <= {"class_embed", "class_labels_classifier"}


def test_frozen_batch_norms_are_for_pretrained_weights(tmp_path):
    for name in ("detr", "rt-detr-v2"):
        model = tiny(name, weights=str(tmp_path), pretrained=False)
        assert [module for module in model.modules() if "FrozenBatchNorm" in type(module).__name__]


WEIGHTS = [
    pytest.param("missing.safetensors", "no such weights file", id="a file that is not there"),
    pytest.param("someone/no-such-network", "cannot download someone/no-such-network", id="the hub, offline"),
    pytest.param("{folder}", "no config.json beside the weights", id="a folder of something else"),
    pytest.param("{other}", "detector.options and input must be those of its config", id="another size"),
]


@pytest.mark.parametrize(("weights", "message"), WEIGHTS)
def test_weights_that_cannot_be_had_say_why(weights, message, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "folder").mkdir()
    wider = tiny("detr", **{"detector.options": DETR | {"d_model": 32}})
    wider.detector.net.save_pretrained(tmp_path / "other")
    weights = weights.format(folder=tmp_path / "folder", other=tmp_path / "other")
    with pytest.raises(mdfnet.UserError, match=message):
        tiny("detr", weights=weights)


OPTIONS = [
    pytest.param("rt-detr-v2", {"num_querys": 5}, "did you mean 'num_queries'", id="a misspelled option"),
    pytest.param("rt-detr-v2", {"num_queries": "many"}, "expected int", id="a text for a number"),
    pytest.param("rt-detr-v2", {"num_queries": 200}, "at most 84", id="more queries than cells"),
    pytest.param("d-fine", {"d_model": 30}, "must be divisible", id="a width the heads do not divide"),
    pytest.param("detr", {"backbone_config": {"depth": [1]}}, "did you mean 'depths'", id="a misspelled inner one"),
    pytest.param("detr", {"backbone_config": {"model_type": "resnett"}}, "did you mean 'resnet'", id="no backbone"),
    pytest.param("detr", {"backbone_config": "resnet"}, "is no mapping", id="a backbone that is only a name"),
    pytest.param("detr", {"num_labels": 3}, "has no option 'num_labels'", id="classes belong to the data"),
    pytest.param("deformable-detr", {"two_stage": True}, "have no loss", id="what the library does not train"),
]


@pytest.mark.parametrize(("name", "options", "message"), OPTIONS)
def test_options_that_do_not_fit_say_why(name, options, message):
    with pytest.raises(mdfnet.UserError, match=message):
        tiny(name, **{"detector.options": DETECTORS[name][0] | options})


def test_queries_are_never_more_than_cells():
    options = {key: value for key, value in HYBRID.items() if key != "num_queries"}
    model = tiny("rt-detr-v2", **{"detector.options": options})
    assert model.detector.net.config.num_queries == 8 * 8 + 4 * 4 + 2 * 2
