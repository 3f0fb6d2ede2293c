"""The contract of a detector with fusion attached, the same for every detector and every fusion.

Cases are read from the registry, so a detector is tested as soon as it is registered. Every detector is tested with the
default fusion; every fusion with one detector of each family put together here.
"""

import copy
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torchvision.ops import box_iou

import mdfnet
from mdfnet.explain.scores import box_scores
from mdfnet.models.detectors.registry import entries

NAN = float("nan")
KNOWN = [67, 38.9, 110, 24, 91, 120, 70, 3, 2, 1.0]
RECORDS = torch.tensor([KNOWN, [NAN] * 10, [54, NAN, 80, NAN, 98, 130, 80, NAN, 3, 0]])
OTHERS = RECORDS + torch.tensor([2.0] * 9 + [0.0])

#: Options that make a detector quick, by the beginning of its name.
QUICK: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("quick.yaml").read_text())

#: Untrained, their 70 to 220 batch norms amplify noise on an image 70 to 200,000 times up to their maps (measured), and
#: so any rounding, too, and the boxes of Mask R-CNN v2 lie elsewhere (IoU down to 0.08, measured): what they find in
#: half precision is compared from the maps on.
DEEP = ("yolox", "yolov9", "maskrcnn_resnet50_fpn_v2")

FAMILIES = ("rcnn", "retinanet", "fcos", "ssd")
#: One key changed at a time, then what belongs together. The paper's map comes last: it does not start as the identity.
FUSIONS = [
    *({"map": kind, "vector": None} for kind in ("deconv", "repeat", "film", "attention")),
    *({"map": None, "vector": kind} for kind in ("concat", "film", "residual")),
    *({"encoder": kind} for kind in ("tokens", "paper", "paper-scaled")),
    {"map": "attention", "vector": "residual", "encoder": "tokens"},
]
PAPER = {"map": "paper", "fusion_epochs": None}


def overrides(name: str) -> dict[str, Any]:
    """Config keys of the smallest model with a detector."""
    entry = entries()[name]
    size = -(-max(64, entry.settings(name=name).smallest_input) // 32) * 32
    quick = QUICK.get(max((start for start in QUICK if name.startswith(start)), key=len, default=""))
    keys = {"detector.name": name, "size": size, "detections": 300, "box_score": 0.0}
    return keys | ({"detector.options": quick} if quick else {})


def case(name: str, fusion: dict[str, Any]):
    entry = entries()[name]
    missing = pytest.mark.skipif(
        not entry.installed, reason=f"NEEDS {entry.library}: pip install mdfnet[{entry.extra}]"
    )
    label = "-".join(str(kind) for kind in fusion.values())
    return pytest.param((name, fusion), id=f"{name}-{label}" if label else name, marks=missing)


#: Sizes of the same code, left out of the contract for time's sake, and which stand for them. They are still built,
#: run up to their maps and counted for the table of the reference (test_registry.py).
STAND_INS = {
    **dict.fromkeys(("yolox_tiny", "yolox_m", "yolox_l"), ("yolox_s",)),
    "yolov9_s": ("yolov9_t",),
    "yolov9_m": ("yolov9_t", "yolov9_c"),
}

# Each list begins with the one before: pytest then keeps a case's models for all of its tests.
DETECTORS = [case(name, {}) for name in entries() if name not in STAND_INS]
ZERO_START = [*DETECTORS, *(case(name, fusion) for name in FAMILIES for fusion in FUSIONS)]
ALL = [*ZERO_START, *(case(name, PAPER) for name in FAMILIES)]

every_detector = pytest.mark.parametrize("models", DETECTORS, indirect=True)
every_zero_start = pytest.mark.parametrize("models", ZERO_START, indirect=True)
every_fusion = pytest.mark.parametrize("models", ALL, indirect=True)


def _batch():
    torch.manual_seed(0)
    images = [torch.rand(1, 120, 90), torch.rand(3, 64, 64), torch.rand(1, 50, 130)]
    for image, (x1, y1, x2, y2) in zip(images, [(20, 20, 70, 90), (0, 0, 1, 1), (60, 10, 120, 45)], strict=True):
        image[:, y1:y2, x1:x2] = 1.0
    # One box nearly fills its image: without it, the coarsest maps would have nothing to learn.
    boxes = [[[20.0, 20, 70, 90], [2, 2, 88, 118]], [], [[5.0, 5, 60, 40], [60, 10, 120, 45]]]
    labels = [[2, 3], [], [1, 5]]
    targets = [
        {"boxes": torch.tensor(b).reshape(-1, 4), "labels": torch.tensor(k, dtype=torch.int64)}
        for b, k in zip(boxes, labels, strict=True)
    ]
    return images, targets


def _crowded(targets):
    """More boxes, of every size, where there are any.

    YOLOX lets a box choose its cells by what they predict: of a few boxes, none need choose those of a given map.
    """
    sides, places = torch.meshgrid(torch.tensor([0.1, 0.2, 0.4, 0.9]), torch.tensor([0.3, 0.5, 0.7]), indexing="ij")
    corners = [(places + sign * sides / 2).clamp(0, 1).flatten() for sign in (-1, 1)]
    shares = torch.stack([corners[0], corners[0], corners[1], corners[1]], 1)
    for image, target in zip(IMAGES, targets, strict=True):
        if not len(target["boxes"]):
            yield target
            continue
        height, width = image.shape[-2:]
        boxes, labels = shares * torch.tensor([width, height] * 2), torch.arange(len(shares)) % 5 + 1
        yield {"boxes": torch.cat([target["boxes"], boxes]), "labels": torch.cat([target["labels"], labels])}


IMAGES, TARGETS = _batch()
CROWDED = list(_crowded(TARGETS))


@dataclass
class Models:
    """A plain and a fused detector with the same weights, and the fused one after a few steps of training."""

    keys: dict[str, Any]
    plain: mdfnet.Model
    fused: mdfnet.Model

    @cached_property
    def _run(self) -> tuple[mdfnet.Model, list[float]]:
        twin = copy.deepcopy(self.fused)
        return twin, train(twin)

    @property
    def trained(self) -> mdfnet.Model:
        return self._run[0]

    @property
    def course(self) -> list[float]:
        """The loss at each step of training."""
        return self._run[1]


@pytest.fixture(scope="module")
def models(request) -> Models:
    name, fusion = request.param
    keys = overrides(name)
    torch.manual_seed(0)
    plain = mdfnet.build("tiny", **keys, map=None, vector=None)
    settle(plain)
    fused = mdfnet.build("tiny", **keys, **fusion)
    fused.detector.load_state_dict(plain.detector.state_dict())
    return Models(keys, plain, fused)


def settle(model: mdfnet.Model, records: torch.Tensor | None = None) -> None:
    """Let batch norms know their images: evaluation then computes what training does.

    Their own averages would not do. They begin as those of no image, lag behind the weights, and hold the unbiased
    variance, a tenth more than what 12 cells of a coarse map were divided by: 200 norms one after another make of that
    activations of 10^4, and scores of exactly 1 whatever the record says.
    """

    def learn(norm, args, output):
        variance, mean = torch.var_mean(args[0], (0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    hooks = [norm.register_forward_hook(learn) for norm in norms]
    with torch.no_grad():
        model.losses(IMAGES, TARGETS, records)
    for hook in hooks:
        hook.remove()


def train(model: mdfnet.Model, least: int = 3, most: int = 20) -> list[float]:
    """A few real steps, until the loss has fallen, from fusers that are not zero any more. Returns the loss of each."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.fusion.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    course = []
    while len(course) < least or (course[-1] >= course[0] and len(course) < most):
        torch.manual_seed(2)  # the same values hidden, the same proposals drawn: losses that can be compared
        optimizer.zero_grad()
        loss = sum(model.losses(IMAGES, TARGETS, RECORDS).values())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        course.append(loss.item())
    settle(model, RECORDS)
    return course


def assert_same(first, second, same=True):
    equal = all(
        torch.equal(a.boxes, b.boxes) and torch.equal(a.scores, b.scores) and torch.equal(a.labels, b.labels)
        for a, b in zip(first, second, strict=True)
    )
    assert equal == same


def assert_sound(found, images=IMAGES):
    for one, image in zip(found, images, strict=True):
        height, width = image.shape[-2:]
        assert len(one), "nothing to look at"
        assert one.boxes.isfinite().all() and one.scores.isfinite().all()
        assert one.boxes.min() >= 0 and (one.boxes[:, 2] <= width).all() and (one.boxes[:, 3] <= height).all()
        assert (one.boxes[:, :2] < one.boxes[:, 2:]).all()
        assert (one.scores.diff() <= 0).all() and one.scores.min() >= 0 and one.scores.max() <= 1
        assert one.labels.min() >= 1 and one.labels.max() <= 5


@pytest.mark.parametrize("name", STAND_INS)
def test_a_size_left_out_is_made_of_the_same_parts(name):
    pytest.importorskip(entries()[name].library)
    left_out, *others = (_parts(size) for size in (name, *STAND_INS[name]))
    assert left_out[0] <= set().union(*(kinds for kinds, _ in others)), "a part that no other size has"
    assert all(left_out[1] == about for _, about in others), "other sites, losses or image part"


def _parts(name: str) -> tuple[set[type], tuple]:
    """Kinds of a detector's modules, and what it says of itself but widths."""
    detector = mdfnet.build("tiny", **{"detector.name": name}, map=None, vector=None).detector
    maps = [(site.module, len(site.channels)) for site in detector.map_sites]
    about = (maps, detector.vector_sites, detector.image_part, detector.loss_names)
    return {type(module) for module in detector.modules()}, about


@every_zero_start
def test_at_the_start_the_fused_detector_is_the_plain_one(models):
    expected = models.plain.detect(IMAGES)
    for records in (RECORDS, None, torch.full((3, 10), NAN)):
        assert_same(models.fused.detect(IMAGES, records), expected)
    losses = []
    for model in (models.plain, models.fused):
        torch.manual_seed(2)
        losses.append(copy.deepcopy(model).eval().losses(IMAGES, TARGETS, RECORDS))
    assert losses[0].keys() == losses[1].keys() and all(torch.equal(v, losses[1][k]) for k, v in losses[0].items())


@every_detector
def test_a_box_found_with_a_record_has_its_own_score_under_it(models):
    model = models.trained
    image = model.encode(IMAGES[:1])
    (found,) = model.detect_from(image, RECORDS[:1])
    (scores,) = box_scores(model, image, found, RECORDS[:1])
    # Untrained, a detector may give several boxes so alike that one passes for another.
    alike = (box_iou(found.boxes, found.boxes) > 1 - 1e-4) & (found.labels[:, None] == found.labels)
    off = (scores[:, None] - found.scores).abs().masked_fill(~alike, torch.inf)
    assert off.amin(1).max() < 1e-5


@every_detector
def test_the_detectors_weights_keep_their_names(models):
    assert models.fused.detector.state_dict().keys() == models.plain.detector.state_dict().keys()


@every_fusion
def test_losses_reach_every_parameter(models):
    model = copy.deepcopy(models.trained).train()
    model.zero_grad()
    losses = model.losses(IMAGES, CROWDED, RECORDS)
    assert tuple(sorted(losses)) == tuple(sorted(model.detector.loss_names))
    assert all(loss.ndim == 0 and loss.isfinite() for loss in losses.values())
    sum(losses.values()).backward()
    learning = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert [name for name, gradient in learning.items() if gradient is None] == [], "no part in the loss"
    parts = {"encoder": model.fusion.encoder, **model.fusion.maps, **model.fusion.vectors}
    reached = {name for name, part in parts.items() if any(p.grad.any() for p in part.parameters())}
    assert reached == set(parts)


@every_fusion
def test_a_few_steps_lower_the_loss(models):
    assert models.course[-1] < models.course[0]


@every_fusion
def test_after_training_the_record_matters_and_may_be_missing(models):
    model = models.trained
    found, without = model.detect(IMAGES, RECORDS), model.detect(IMAGES, None)
    for one in (found, without):
        assert_sound(one)
    assert_same(found, model.detect(IMAGES, OTHERS), same=False)
    assert_same(without, model.detect(IMAGES, torch.full((3, 10), NAN)))


@every_fusion
def test_one_patients_record_does_not_touch_anothers_image(models):
    other = torch.cat([OTHERS[:1], RECORDS[1:]])
    before, after = models.trained.detect(IMAGES, RECORDS), models.trained.detect(IMAGES, other)
    assert_same(before[1:], after[1:])
    assert_same(before[:1], after[:1], same=False)


@every_fusion
def test_silent_fusion_leaves_images_without_a_record_to_the_detector(models):
    silent, alone = copy.deepcopy(models.trained), copy.deepcopy(models.plain)
    silent.fusion.silent = True
    alone.detector.load_state_dict(silent.detector.state_dict())
    expected, found = alone.detect(IMAGES), silent.detect(IMAGES, RECORDS)
    assert_same(found[1:2], expected[1:2])  # the one image whose record is all missing
    assert_same(found[:1], models.trained.detect(IMAGES, RECORDS)[:1])
    assert_same(silent.detect(IMAGES, None), expected)
    losses = sum(silent.train().losses(IMAGES, TARGETS, None).values())
    losses.backward()
    assert all(p.grad is None or not p.grad.any() for p in silent.fusion.parameters())


@every_fusion
def test_encode_and_detect_from_is_detect(models):
    features = models.trained.encode(IMAGES)
    for records in (RECORDS, OTHERS, None):
        assert_same(models.trained.detect_from(features, records), models.trained.detect(IMAGES, records))


@every_detector
def test_one_image_with_many_records(models):
    many = models.trained.detect_from(models.trained.encode(IMAGES[:1]), RECORDS)
    assert_same(many[:1], many[2:], same=False)
    for record, found in zip(RECORDS, many, strict=True):  # the size of a batch changes the last bits
        (alone,) = models.trained.detect(IMAGES[:1], record[None])
        torch.testing.assert_close(found.scores[:10], alone.scores[:10], atol=1e-4, rtol=1e-3)


@every_detector
def test_images_without_boxes_alone_give_finite_losses(models):
    losses = copy.deepcopy(models.trained).train().losses(IMAGES, [TARGETS[1]] * 3, RECORDS)
    assert all(loss.isfinite() for loss in losses.values())


@every_detector
def test_losses_and_detect_are_two_methods_not_a_mode(models):
    model = models.trained
    for training in (True, False):
        model.train(training)
        state = {key: value.clone() for key, value in model.state_dict().items()}
        assert len(model.detect(IMAGES, RECORDS)) == 3
        assert model.training == training
        assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items()), "detect trains"
    assert set(model.losses(IMAGES, TARGETS, RECORDS)) == set(model.detector.loss_names)


@every_detector
def test_boxes_come_back_in_the_pixels_of_the_image(models):
    """A wide image of twice the network's size lies in its middle half: what is found there, by hand."""
    size = models.keys["size"]
    torch.manual_seed(4)
    image = torch.rand(1, size, 2 * size)
    network, _ = models.trained.preprocessing(image)
    (inside,), (found,) = models.trained.detect([network], RECORDS[:1]), models.trained.detect([image], RECORDS[:1])
    corner, limit = torch.tensor([0, size / 4] * 2), torch.tensor([2.0 * size, size] * 2)
    boxes = (2 * (inside.boxes - corner)).clamp(min=0).minimum(limit)
    keep = (boxes[:, 2:] > boxes[:, :2]).all(1)
    torch.testing.assert_close(found.boxes, boxes[keep], atol=1e-3, rtol=0)
    assert torch.equal(found.scores, inside.scores[keep]) and len(found)


@every_detector
def test_a_copy_has_its_own_fusers(models):
    before, twin = models.trained.detect(IMAGES, RECORDS), copy.deepcopy(models.trained)
    with torch.no_grad():
        for parameter in twin.fusion.parameters():
            parameter.mul_(-1)
    assert_same(models.trained.detect(IMAGES, RECORDS), before)
    assert_same(twin.detect(IMAGES, RECORDS), before, same=False)


@every_detector
def test_a_saved_model_finds_the_same(models, tmp_path):
    models.trained.save(tmp_path / "model")
    assert_same(mdfnet.load(tmp_path / "model").detect(IMAGES, RECORDS), models.trained.detect(IMAGES, RECORDS))


@every_detector
def test_half_precision_finds_nearly_the_same(models):
    """Near ties may fall otherwise, so a box may give way to one that overlaps it: most are found again."""
    model, again = models.trained, []
    whole, maps = model.detect(IMAGES, RECORDS), model.encode(IMAGES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        deep = models.keys["detector.name"].startswith(DEEP)
        half = model.detect_from(maps, RECORDS) if deep else model.detect(IMAGES, RECORDS)
        losses = model.losses(IMAGES, TARGETS, RECORDS)
    assert all(loss.isfinite() and loss.dtype == torch.float32 for loss in losses.values())
    for full, one in zip(whole, half, strict=True):
        assert one.boxes.dtype == one.scores.dtype == torch.float32
        best = full.above(full.scores[min(10, len(full)) - 1])
        near = (best.scores[:, None] - one.scores).abs() < 0.05
        same = best.labels[:, None] == one.labels
        again += (near & same & (box_iou(best.boxes, one.boxes) > 0.4)).any(1).tolist()
    assert sum(again) / len(again) >= 2 / 3


def test_one_step_on_two_processes_uses_every_parameter(tmp_path):
    """DistributedDataParallel without find_unused_parameters; one process has no box on any image."""
    cases = {name: overrides(name) for name, entry in entries().items() if entry.installed and name not in STAND_INS}
    script, environment = Path(__file__).with_name("two_processes.py"), os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(tmp_path / "meeting"), json.dumps(cases)]
    ranks = [
        subprocess.Popen([*command, rank], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for rank in ("0", "1")
    ]
    said = [rank.communicate(timeout=600)[0] for rank in ranks]
    for rank, text in zip(ranks, said, strict=True):
        assert rank.returncode == 0, text
    assert all(f"{name} agrees" in text for text in said for name in cases)
