"""AP, AR and counts agree with pycocotools on random images with everything that makes matching hard.

Corners and scores lie on a coarse grid, so equal scores, equal overlaps, overlaps exactly at a threshold and duplicate
boxes abound; images without truths, without detections and without either occur, as do classes never marked. The oracle
for IoBB is pycocotools too: the overlap it has for a "crowd" truth is the intersection over the detection's area.
"""

import contextlib
import io
from types import SimpleNamespace

import numpy as np
import pytest
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from random_images import CLASS_COUNT, random_images

from mdfnet.metrics.average_precision import average_precision, average_recall
from mdfnet.metrics.cases import Cases
from mdfnet.metrics.counts import count
from mdfnet.metrics.matching import match

THRESHOLDS = (0.0, *(np.arange(1, 20) / 20).tolist(), 1.0)
LIMITS = (1, 10, 100)


class IobbEval(COCOeval):
    """COCOeval on IoBB in place of IoU."""

    def computeIoU(self, image, label):
        found, marked = self._dts[image, label], self._gts[image, label]
        order = np.argsort([-one["score"] for one in found], kind="mergesort")[: self.params.maxDets[-1]]
        return mask.iou([found[i]["bbox"] for i in order], [one["bbox"] for one in marked], [1] * len(marked))


def coco_boxes(marks):
    for image, mark in enumerate(marks, start=1):
        for (x1, y1, x2, y2), label in zip(mark.boxes.tolist(), mark.labels.tolist(), strict=True):
            w, h = x2 - x1, y2 - y1
            yield {"image_id": image, "category_id": label, "bbox": [x1, y1, w, h], "area": w * h, "iscrowd": 0}


def oracle(detections, targets, overlap):
    """A COCOeval with everything accumulated."""
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": image} for image in range(1, len(targets) + 1)],
        "categories": [{"id": label} for label in range(1, CLASS_COUNT + 1)],
        "annotations": [one | {"id": i} for i, one in enumerate(coco_boxes(targets), start=1)],
    }
    scores = np.concatenate([found.scores for found in detections]).tolist()
    results = [one | {"score": score} for one, score in zip(coco_boxes(detections), scores, strict=True)]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = {"iou": COCOeval, "iobb": IobbEval}[overlap](truth, truth.loadRes(results), "bbox")
        evaluation.params.iouThrs, evaluation.params.maxDets = np.array(THRESHOLDS), list(LIMITS)
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def nan_where_absent(values):
    return np.where(values > -1, values, np.nan)


@pytest.fixture(params=range(5), ids="seed-{}".format, scope="module")
def images(request):
    return random_images(request.param)


@pytest.fixture(params=["iou", "iobb"], scope="module")
def overlap(request):
    return request.param


@pytest.fixture(scope="module")
def coco(images, overlap):
    return oracle(*images, overlap)


def matched(images, overlap, max_detections):
    cases = Cases.of(*images, CLASS_COUNT)
    return match(cases, overlap=overlap, thresholds=THRESHOLDS, max_detections=max_detections)


def test_the_images_are_as_hard_as_promised(images):
    detections, targets = images
    empty = {(len(found.boxes) > 0, len(target.boxes) > 0) for found, target in zip(detections, targets, strict=True)}
    assert len(empty) == 4
    assert any(len(np.unique(found.scores)) < len(found.scores) for found in detections)
    assert any(len(np.unique(found.boxes, axis=0)) < len(found.boxes) for found in detections)


@pytest.mark.parametrize("limit", LIMITS)
def test_average_precision(images, overlap, coco, limit):
    precision = nan_where_absent(coco.eval["precision"][:, :, :, 0, LIMITS.index(limit)]).mean(1)
    ours = average_precision(matched(images, overlap, limit))
    np.testing.assert_allclose(ours, precision, rtol=0, atol=1e-6)
    assert np.isnan(ours).all(0).tolist() == [False, False, False, True, True]


@pytest.mark.parametrize("limit", LIMITS)
def test_average_recall(images, overlap, coco, limit):
    recall = nan_where_absent(coco.eval["recall"][:, :, 0, LIMITS.index(limit)])
    np.testing.assert_allclose(average_recall(matched(images, overlap, limit)), recall, rtol=0, atol=1e-6)


def test_every_detection_is_matched_as_there(images, overlap, coco):
    """Hits per image, class and threshold, not only in sum."""
    ours = matched(images, overlap, max(LIMITS))
    for one in filter(None, coco.evalImgs):
        here = (ours.image == one["image_id"] - 1) & (ours.label == one["category_id"])
        assert ours.score[here].tolist() == one["dtScores"]
        assert (ours.matched[:, here] == (one["dtMatches"] > 0)).all()


@pytest.mark.parametrize("score", [0.0, 0.3, 1.0])
def test_counts_are_those_of_the_detections_above_the_score(images, overlap, score):
    """Low scores left out before matching in the oracle, after it in ours."""
    detections, targets = images
    above = [
        SimpleNamespace(**{name: values[found.scores >= score] for name, values in vars(found).items()})
        for found in detections
    ]
    expected = np.zeros((CLASS_COUNT, 3), int)
    row = THRESHOLDS.index(0.5)
    for one in filter(None, oracle(above, targets, overlap).evalImgs):
        hit, taken = one["dtMatches"][row] > 0, one["gtMatches"][row] > 0
        expected[one["category_id"] - 1] += [hit.sum(), (~hit).sum(), (~taken).sum()]
    ours = count(matched(images, overlap, max(LIMITS)), threshold=0.5, score=score)
    assert [tuple(vars(counts).values()) for counts in ours] == [tuple(row) for row in expected.tolist()]


def test_whole_weights_are_repeated_images(images, overlap):
    """An image of weight 2 is the image there twice, one of weight 0 is not there; so it is when images are drawn
    again.

    Many draws at once are what one after the other is. Scores differ within an image here, but not between images: with
    equal scores within an image, AP depends on their order.
    """
    detections, targets = images
    distinct = [
        SimpleNamespace(**vars(found) | {"scores": 1 - np.arange(len(found.scores)) / 100}) for found in detections
    ]
    draws = np.random.default_rng(0).integers(0, 4, (3, len(targets)))
    ours = matched((distinct, targets), overlap, max(LIMITS))
    precisions, recalls = average_precision(ours, draws), average_recall(ours, draws)
    for weights, precision, recall in zip(draws, precisions, recalls, strict=True):
        repeated = [np.repeat(np.array(part, object), weights).tolist() for part in (distinct, targets)]
        coco = oracle(*repeated, overlap)
        expected = nan_where_absent(coco.eval["precision"][:, :, :, 0, -1]).mean(1)
        np.testing.assert_allclose(precision, expected, rtol=0, atol=1e-6)
        np.testing.assert_allclose(recall, nan_where_absent(coco.eval["recall"][:, :, 0, -1]), rtol=0, atol=1e-6)
        np.testing.assert_array_equal(average_precision(ours, weights), precision)


def test_draws_are_gone_through_in_parts(images, monkeypatch):
    """What does not fit in memory at once gives the same numbers."""
    ours = matched(images, "iou", 100)
    draws = np.random.default_rng(1).integers(0, 4, (7, len(images[1])))
    whole = average_precision(ours, draws)
    monkeypatch.setattr("mdfnet.metrics.weights.AT_A_TIME", 1000)
    np.testing.assert_array_equal(average_precision(ours, draws), whole)
