"""YOLOX and YOLOv9 keep the contract, and are what the library makes of them."""

import copy

import pytest
import torch
from safetensors.torch import save_file
from torchvision.ops import box_convert

import mdfnet
from mdfnet.models.detectors.base import mode_of

pytest.importorskip("libreyolo", reason="needs the extra 'yolo'")

NAMES = ["yolox_nano", "yolov9_t"]
BOXES = [[[20.0, 20, 50, 60]], [], [[5.0, 5, 60, 40], [30, 10, 62, 45]]]
LABELS = [[2], [], [1, 5]]
RECORDS = torch.tensor([[67, 38.9, 110, 24, 91, 120, 70, 3, 2, 1], [torch.nan] * 10, [54.0] + [torch.nan] * 9])


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.rand(3, 1, 64, 64)


def targets(boxes=BOXES, labels=LABELS):
    return [
        {"boxes": torch.tensor(b).reshape(-1, 4), "labels": torch.tensor(k, dtype=torch.int64)}
        for b, k in zip(boxes, labels, strict=True)
    ]


def made(name, **overrides):
    torch.manual_seed(0)
    return mdfnet.build("tiny", size=64, **{"detector.name": name, "detector.box_score": 0.0}, **overrides)


@pytest.mark.parametrize("name", NAMES)
def test_the_losses_add_up_to_the_librarys_own(name, images):
    detector = made(name).detector.train()
    given = sum(detector.losses(images, targets()).values())
    rows = torch.zeros(3, 2, 5)
    for image, target in enumerate(targets()):
        boxes = box_convert(target["boxes"], "xyxy", "cxcywh") if name == "yolox_nano" else target["boxes"] / 64
        rows[image, : len(boxes)] = torch.cat([target["labels"][:, None] - 1, boxes], 1)
    torch.testing.assert_close(given, detector.net((images - 0.5) / 0.25, rows)["total_loss"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("boxes", [pytest.param(True, id="with boxes"), pytest.param(False, id="no image has boxes")])
def test_every_parameter_takes_part(name, boxes, images):
    model = made(name).train()
    given = targets() if boxes else targets([[], [], []], [[], [], []])
    sum(model.losses(list(images), given, RECORDS).values()).backward()
    assert [key for key, value in model.named_parameters() if value.grad is None] == []
    assert all(value.grad.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_losses_leave_the_mode_of_batch_norm_alone(name, images):
    detector = made(name).detector.eval()
    before = copy.deepcopy(detector.state_dict())
    assert all(loss.isfinite() for loss in detector.losses(images, targets()).values())
    assert all(torch.equal(value, before[key]) for key, value in detector.state_dict().items())
    assert not any(module.training for module in detector.modules())


def test_a_few_steps_teach_one_image(images):
    """Boxes and labels come out where they went in: geometry, label shift and decoding at once."""
    model = made("yolov9_t", map=None, vector=None).train()
    radiographs, target = [images[0] / 2] * 4, targets(BOXES[:1], LABELS[:1]) * 4
    radiographs[0][:, 20:60, 20:50] += 0.5  # all four are this one
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(40):
        optimizer.zero_grad()
        sum(model.losses(radiographs, target, None).values()).backward()
        optimizer.step()
    with torch.no_grad():
        found = model.detector.detect(torch.stack(radiographs))[0]  # batch norms still train: their averages lag behind
    assert found.labels[0] == 2 and (found.scores.diff() <= 0).all()
    # The least that wrong geometry would shift it by is half a cell of the finest map, 4 px.
    assert (found.boxes[0] - target[0]["boxes"][0]).abs().max() < 1


def test_yolox_detects_the_boxes_its_loss_sees(images):
    """Decoding for detection against the library's other one, in its training branch."""
    detector = made("yolox_nano").detector.eval()
    boxes, scores = detector._found(images)
    with mode_of([detector.net.head], training=True):
        seen = detector.net.head(detector.net.backbone(images))
    torch.testing.assert_close(boxes, box_convert(seen[..., :4], "cxcywh", "xyxy"))
    torch.testing.assert_close(scores, seen[..., 4:5].sigmoid() * seen[..., 5:].sigmoid())


@pytest.mark.parametrize("name", NAMES)
def test_fusion_starts_as_the_plain_detector_and_then_matters(name, images):
    plain, fused = made(name, map=None, vector=None).eval(), made(name).eval()
    fused.detector.load_state_dict(plain.detector.state_dict())
    radiographs = list(images)
    assert_same(plain.detect(radiographs), fused.detect(radiographs, RECORDS))
    assert_same(fused.detect_from(fused.encode(radiographs), RECORDS), fused.detect(radiographs, RECORDS))
    with torch.no_grad():
        for parameter in fused.fusion.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    again = copy.deepcopy(fused)
    assert_same(again.detect(radiographs, RECORDS), fused.detect(radiographs, RECORDS))
    assert not torch.equal(plain.detect(radiographs)[0].scores, fused.detect(radiographs, RECORDS)[0].scores)
    assert_same(fused.detect_from(fused.encode(radiographs), RECORDS), fused.detect(radiographs, RECORDS))


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        assert len(a.boxes) and torch.equal(a.boxes, b.boxes) and torch.equal(a.scores, b.scores)


@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_decodes_in_float32(name, images):
    model = made(name).train()
    with torch.autocast("cpu", torch.bfloat16):
        losses = model.losses(list(images), targets(), RECORDS)
        found = model.detect(list(images), RECORDS)
    assert {loss.dtype for loss in losses.values()} == {torch.float32} == {one.boxes.dtype for one in found}


@pytest.mark.parametrize("name", NAMES)
def test_a_gray_network_is_the_color_network_on_gray_images(name, images, tmp_path):
    color = made(name, **{"input.channels": 3, "input.mean": [0.5] * 3, "input.std": [0.25] * 3}).eval()
    state = {key: value.contiguous() for key, value in color.detector.net.state_dict().items()}
    save_file(state, tmp_path / "color.safetensors")
    gray = made(name, weights=str(tmp_path / "color.safetensors")).eval()
    first, second = (model.detect(list(images))[0] for model in (color, gray))
    torch.testing.assert_close(first.scores, second.scores)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        pytest.param("yolox_nano", {"widht": 1}, "did you mean 'width'", id="a misspelled option of YOLOX"),
        pytest.param("yolox_nano", {"act": "gelu"}, "Unsupported activation", id="a value YOLOX does not take"),
        pytest.param("yolov9_t", {"depth": 1}, "unexpected keyword", id="an option YOLOv9 does not have"),
    ],
)
def test_options_the_library_does_not_take_are_refused(name, options, words):
    with pytest.raises(mdfnet.UserError, match=words):
        made(name, **{f"options.{key}": value for key, value in options.items()})


def test_weights_that_cannot_be_had_say_why(monkeypatch, tmp_path):
    from mdfnet.models.detectors import libreyolo

    def offline(path, size):
        raise OSError("no network")

    monkeypatch.setattr(libreyolo, "download_weights", offline)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(mdfnet.UserError, match=r"cannot download COCO of LibreYOLOXn \(no network\)"):
        made("yolox_nano", weights="COCO")
    with pytest.raises(mdfnet.UserError, match="known are: COCO"):
        made("yolox_nano", weights="IMAGENET")
