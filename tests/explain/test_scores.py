"""Scores of fixed boxes: those of torchvision's own second stage, whatever the fusion, and bounded in memory."""

from dataclasses import replace

import pytest
import torch
from small_model import IMAGE, RECORDS, fused
from torch import nn

import mdfnet
from mdfnet.core.types import Detections
from mdfnet.explain import regions
from mdfnet.explain.regions import region_scores
from mdfnet.explain.roi_features import RoIFeatures
from mdfnet.explain.scores import box_scores, locate

REGIONS = torch.tensor([[3.0, 12, 40, 60], [20, 20, 96, 84], [50.5, 30, 61, 44]])
FUSIONS = {
    "the default": {},
    "attention, which adds nothing of its own": {"map": "attention", "encoder": "tokens"},
    "concatenated": {"vector": "concat"},
    "scale and shift": {"map": "film", "vector": "film"},
    "one vector for all cells": {"map": "repeat", "vector": None},
    "the paper's, grown to the image": {"map": "paper", "size": 128, "fusion_epochs": None},
    "1-D alone": {"map": None},
    "where_known without a record": {"fusion_epochs": None},
    "none": {"map": None, "vector": None},
}


def torchvisions_own(model: mdfnet.Model, places: torch.Tensor, record: torch.Tensor) -> torch.Tensor:
    """Scores of the whole detector, run from the image on, whose first stage was made to propose these places."""
    net, logits = model.detector.net, []
    net.rpn.forward = lambda *_: ([places], {})
    hook = net.roi_heads.box_predictor.register_forward_hook(lambda module, args, output: logits.append(output[0]))
    model.detect(IMAGE, record[None])
    hook.remove()
    del net.rpn.forward
    return logits[0].softmax(-1)[:, 1:]


@pytest.mark.parametrize("keys", [pytest.param(keys, id=name) for name, keys in FUSIONS.items()])
@pytest.mark.parametrize("chunk", [pytest.param(2**25, id="all at once"), pytest.param(1, id="one by one")])
def test_region_scores_are_torchvisions_own(keys, chunk, monkeypatch):
    monkeypatch.setattr(regions, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(regions, "MAPS", min(chunk, regions.MAPS))
    model = fused(**keys)
    scores = region_scores(model, model.encode(IMAGE), REGIONS, RECORDS)
    expected = torch.stack([torchvisions_own(model, REGIONS, record) for record in RECORDS])
    assert torch.allclose(scores, expected, atol=1e-6)
    assert (expected.std(0).max() > 1e-3) == bool(model.fusion), "the records say nothing: the test would be empty"


@pytest.mark.parametrize(
    "keys",
    [{}, {"vector": "concat"}, {"vector": "film"}, {"vector": None}, {"fusion_epochs": None}],
    ids=["the default", "concatenated", "scaled", "3-D alone", "where_known"],
)
@pytest.mark.parametrize("chunk", [pytest.param(2**25, id="all at once"), pytest.param(1, id="one by one")])
def test_many_records_pool_nothing_and_score_the_same(keys, chunk, monkeypatch):
    monkeypatch.setattr(regions, "CHUNK_BYTES", chunk)
    monkeypatch.delattr(RoIFeatures, "pooled")
    model = fused(**keys)
    scores = region_scores(model, model.encode(IMAGE), REGIONS, RECORDS.repeat(22, 1))
    expected = torch.stack([torchvisions_own(model, REGIONS, record) for record in RECORDS])
    assert torch.allclose(scores, expected.repeat(22, 1, 1), atol=1e-6)


def test_a_pyramid_too():
    options = {"rpn_post_nms_top_n_test": 20}
    model = fused(**{"detector.name": "fasterrcnn_mobilenet_v3_large_320_fpn", "detector.options": options})
    scores = region_scores(model, model.encode(IMAGE), REGIONS, RECORDS)
    expected = torch.stack([torchvisions_own(model, REGIONS, record) for record in RECORDS])
    assert torch.allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("index", range(3))
def test_a_found_box_has_its_own_score(index):
    model = fused()
    image = model.encode(IMAGE)
    (found,) = model.detect_from(image, RECORDS[index : index + 1])
    assert torch.allclose(box_scores(model, image, found, RECORDS)[index], found.scores, atol=1e-5)
    held = box_scores(model, image, found, RECORDS, found_with=RECORDS[index])
    assert torch.allclose(held[index], found.scores, atol=1e-5)
    others = [row for row in range(3) if row != index]
    assert not torch.allclose(held[others], found.scores, atol=1e-3)


def test_a_readers_box_is_looked_at_where_it_is():
    model, readers = fused(), Detections(torch.tensor([[90.0, 1, 96, 4]]), torch.tensor([2]), torch.tensor([1.0]))
    image = model.encode(IMAGE)
    assert torch.allclose(locate(model, image, readers, RECORDS[0]), image.geometries[0].to_network(readers.boxes))
    (score,) = box_scores(model, image, readers, RECORDS[:1])
    place = image.geometries[0].to_network(readers.boxes)
    assert torch.allclose(score, torchvisions_own(model, place, RECORDS[0])[:, 1], atol=1e-6)


def test_a_dense_detector_that_does_not_see_the_box_gives_zero():
    model = fused(**{"detector.name": "retinanet"})
    image = model.encode(IMAGE)
    (found,) = model.detect_from(image, RECORDS[:1])
    nowhere = replace(found, boxes=torch.tensor([[0.0, 0, 1, 1]]).expand(len(found), 4))
    assert len(found) and not box_scores(model, image, nowhere, RECORDS).any()
    assert torch.equal(box_scores(model, image, found, RECORDS[:1])[0], found.scores)


@pytest.mark.parametrize("name", ["rcnn", "ssd"])
def test_nothing_gives_nothing(name):
    model = fused(**{"detector.name": name})
    none = Detections(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0))
    assert box_scores(model, model.encode(IMAGE), none, RECORDS).shape == (3, 0)


@pytest.mark.parametrize(
    ("images", "records", "words"),
    [
        pytest.param(IMAGE * 2, RECORDS, "box_scores looks at one image, got 2", id="two images"),
        pytest.param(IMAGE, RECORDS[:, :9], r"clinical is \[1, 9\], expected \[1, 10\]", id="a column short"),
    ],
)
def test_bad_input(images, records, words):
    model = fused()
    found = Detections(torch.tensor([[1.0, 1, 9, 9]]), torch.tensor([1]), torch.tensor([1.0]))
    with pytest.raises(ValueError, match=words):
        box_scores(model, model.encode(images), found, records)


@pytest.mark.parametrize(
    "keys", [{}, {"map": "paper", "size": 64, "fusion_epochs": None}], ids=["default", "batch norms in the fuser"]
)
def test_the_mode_of_the_model_is_left_as_it_was(keys):
    model = fused(**keys).train()
    image, norms = model.encode(IMAGE), [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms]
    region_scores(model, image, REGIONS, RECORDS)
    assert model.training and all(torch.equal(n.running_mean, b) for n, b in zip(norms, before, strict=True))
