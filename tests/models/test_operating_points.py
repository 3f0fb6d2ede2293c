"""Operating points keep their promise on the images they were found on, and go with the model."""

import json
import math

import numpy as np
import pytest
import torch
from random_images import random_images

import mdfnet
from mdfnet.core.types import Classes, Detections, Sample, Target
from mdfnet.metrics.calibration import fit_temperature
from mdfnet.models.operating_points import OPERATING, Operating, fit_operating, read_operating

CLASSES = Classes(("Atelectasis", "Effusion", "Nodule", "Fracture", "Mass"))


def samples(targets):
    marks = [Target.of(target.boxes, target.labels) for target in targets]
    return [Sample(f"f{i}", None, 99, 99, mark, np.zeros(0)) for i, mark in enumerate(marks)]


def detections(found):
    each = []
    for one in found:
        order = np.argsort(-np.asarray(one.scores, float), kind="stable")
        boxes, scores = np.asarray(one.boxes)[order], np.asarray(one.scores)[order]
        tensors = (torch.tensor(boxes).float(), torch.tensor(np.asarray(one.labels)[order]), torch.tensor(scores))
        each.append(Detections(tensors[0], tensors[1].long(), tensors[2].float()))
    return each


@pytest.fixture(params=range(3), ids="seed-{}".format, scope="module")
def case(request):
    """Images, what was found, and what was fitted; scores are all different, so that every threshold can be had."""
    found, targets = random_images(request.param)
    random = np.random.default_rng(0)
    for one in found:
        one.scores = (one.scores + random.random(len(one.scores))) / 2.1
    images, found = samples(targets), detections(found)
    rates = {"sensitivities": (0.3, 0.6), "false_positives": (1, 6)}
    return images, found, fit_operating(images, found, CLASSES, "random images", **rates)


def counted(images, found, point):
    """Counts per class of what the point keeps, by the evaluation."""
    kept = [point.keep(one, CLASSES) for one in found]
    names = [image.id for image in images]
    return mdfnet.score_detections(
        kept, [image.target for image in images], CLASSES, images=names, score_threshold=0
    ).counts


def f1(counts):
    return 2 * counts.true_positives / (2 * counts.true_positives + counts.false_positives + counts.false_negatives)


def test_figures_of_a_point_are_those_of_what_it_keeps(case):
    images, found, operating = case
    for point in operating.points:
        total = sum(counted(images, found, point)[1:], counted(images, found, point)[0])
        assert point.sensitivity == total.true_positives / (total.true_positives + total.false_negatives)
        assert point.false_positives_per_image == total.false_positives / len(images)


def test_points_keep_their_promise(case):
    images, found, operating = case
    assert [point.name for point in operating.points] == [
        "max-f1",
        "sensitivity-0.3",
        "sensitivity-0.6",
        "fp-1",
        "fp-6",
    ]
    for least in (0.3, 0.6):
        for counts in counted(images, found, operating.point(f"sensitivity-{least}"))[:3]:
            assert counts.true_positives / (counts.true_positives + counts.false_negatives) >= least
    for most in (1, 6):
        assert operating.point(f"fp-{most}").false_positives_per_image <= most
        for counts in counted(images, found, operating.point(f"fp-{most}")):
            assert counts.false_positives / len(images) <= most / len(CLASSES)


@pytest.mark.parametrize("name", ["max-f1", "sensitivity-0.6", "fp-1"])
def test_no_other_score_does_better(case, name):
    """Of all scores of a class there is none with a higher F1, a higher one that reaches, a lower one that allows."""
    images, found, operating = case
    chosen = operating.point(name)
    scores = sorted({float(score) for one in found for score in one.scores[one.labels == 2]})
    for score in scores[:: max(1, len(scores) // 40)]:
        other = Operating.from_dict(operating.to_dict()).point(name)
        other.thresholds["Effusion"] = score
        mine, theirs = (counted(images, found, point)[1] for point in (chosen, other))
        if name == "max-f1":
            assert f1(theirs) <= f1(mine)
        elif name == "sensitivity-0.6" and score > chosen.thresholds["Effusion"]:
            assert theirs.true_positives < 0.6 * (theirs.true_positives + theirs.false_negatives)
        elif name == "fp-1" and theirs.false_positives / len(images) <= 1 / 5:
            assert theirs.true_positives <= mine.true_positives


def test_classes_that_were_not_there(case):
    """Neither marked nor found, or found but never marked: no number is made up."""
    operating = case[2]
    assert [operating.point("max-f1").thresholds[name] for name in ("Fracture", "Mass")] == [1.0, 1.0]
    assert operating.point("sensitivity-0.6").thresholds["Mass"] == 1.0
    assert operating.temperatures["Fracture"] == operating.temperatures["Mass"] == 1.0


def test_sensitivity_out_of_reach_takes_all_boxes():
    image = samples([Target.of([[0, 0, 9, 9], [20, 20, 29, 29]], [1, 1])])
    found = [Detections(torch.tensor([[0.0, 0, 9, 9]]), torch.tensor([1]), torch.tensor([0.7]))]
    point = fit_operating(image, found, CLASSES, "one image", sensitivities=(0.9,)).point("sensitivity-0.9")
    assert point.thresholds["Atelectasis"] == 0.0 and point.sensitivity == 0.5


def test_false_positives_that_the_first_box_exceeds():
    image = samples([Target.of([], [])])
    found = [Detections(torch.tensor([[0.0, 0, 9, 9]]), torch.tensor([1]), torch.tensor([0.7]))]
    point = fit_operating(image, found, CLASSES, "one image", false_positives=(0.5,)).point("fp-0.5")
    assert point.false_positives_per_image == 0 and 0.7 < point.thresholds["Atelectasis"] < 0.71
    assert math.isnan(point.sensitivity)
    assert math.isnan(Operating.from_dict(json.loads(json.dumps(point_only(point).to_dict()))).points[0].sensitivity)


def point_only(point):
    return Operating(dict.fromkeys(CLASSES.names, 1.0), (point,), "one image")


def test_temperature_is_of_hits_at_iobb(case):
    images, found, operating = case
    from mdfnet.metrics.cases import Cases
    from mdfnet.metrics.matching import match

    cases = Cases.of(found, [image.target for image in images], 5, [image.id for image in images])
    matches = match(cases, overlap="iobb", thresholds=(0.5,))
    mine = matches.label == 2
    expected = fit_temperature(matches.score[mine], matches.matched[0, mine])
    assert operating.temperatures["Effusion"] == expected != 1
    assert operating.calibrated("Effusion", 0.5) == 0.5


def test_saved_with_the_model_and_read_back(tmp_path):
    model = mdfnet.build("tiny", size=64)
    model.save(tmp_path / "plain")
    assert mdfnet.load(tmp_path / "plain").operating is None
    temperatures = dict.fromkeys(model.classes.names, 1.5)
    model.operating = Operating(temperatures, (), "no images at all")
    model.save(tmp_path / "fitted")
    assert mdfnet.load(tmp_path / "fitted").operating == model.operating


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(
            lambda data: data.pop("points"), "not operating points .KeyError: 'points'", id="a key is missing"
        ),
        pytest.param(lambda data: data["temperatures"].update(Mass=0), "temperatures are above 0", id="absolute zero"),
        pytest.param(lambda data: data["temperatures"].pop("Mass"), "other classes than the temp", id="a class less"),
        pytest.param(
            lambda data: data["points"][0]["thresholds"].update(Mass=1.5),
            "thresholds lie in 0 to 1",
            id="score above 1",
        ),
        pytest.param(lambda data: data.update(points=3), "not operating points", id="a number for points"),
    ],
)
def test_what_is_not_one_is_refused(case, tmp_path, spoil, message):
    data = case[2].to_dict()
    spoil(data)
    (tmp_path / OPERATING).write_text(json.dumps(data))
    with pytest.raises(mdfnet.UserError, match=f"operating.json: .*{message}.*mdfnet calibrate"):
        read_operating(tmp_path, CLASSES)


def test_another_models_points_are_refused(case, tmp_path):
    (tmp_path / OPERATING).write_text(json.dumps(case[2].to_dict()))
    assert read_operating(tmp_path, CLASSES) == case[2]
    with pytest.raises(mdfnet.UserError, match=r"operating.json: made for other classes.*mdfnet calibrate"):
        read_operating(tmp_path, Classes(("Mass",)))
