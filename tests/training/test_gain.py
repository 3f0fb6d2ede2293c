"""What the records add on validation images, and when it is shown."""

import dataclasses

import numpy as np
import pytest
import torch

from mdfnet.core.types import Classes, Detections, Sample, Target
from mdfnet.models.config import load_config
from mdfnet.models.model import Model
from mdfnet.training.gain import detect_without_records, gain

BOX = [10.0, 10, 30, 30]
CLASSES = Classes(("Atelectasis", "Consolidation"))


def images(count: int) -> list[Sample]:
    """One box each, of the findings in turn."""
    return [
        Sample(f"f{i}", None, 64, 64, Target.of([BOX], [1 + i % 2]), np.ones(3, np.float32), patient=f"p{i}")
        for i in range(count)
    ]


def found(samples, right: float) -> dict[str, Detections]:
    """The box on every image; the finding is the right one on this share of them."""
    random, answers = np.random.default_rng(0), {}
    for sample in samples:
        label = int(sample.target.labels[0])
        label = label if random.random() < right else 3 - label
        answers[sample.id] = Detections(torch.tensor([BOX]), torch.tensor([label]), torch.tensor([random.random()]))
    return answers


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        pytest.param(0.5, 0.95, "higher", id="a gain"),
        pytest.param(0.5, 0.55, "not shown", id="as much as chance gives"),
        pytest.param(0.5, 0.5, "not shown", id="nothing"),
        pytest.param(0.95, 0.5, "lower", id="a loss"),
    ],
)
def test_a_gain_is_shown_where_it_is_more_than_chance(before, after, verdict):
    samples = images(60)
    one = gain(samples, found(samples, before), found(samples, after), CLASSES, "AP@IoU=0.5")
    assert one.verdict == verdict and one.low <= one.value <= one.high


def test_an_image_or_two_show_nothing():
    samples = images(2)
    one = gain(samples, found(samples, 0.0), found(samples, 1.0), CLASSES, "AP@IoU=0.5")
    assert one.value == 1.0 and one.verdict == "not shown"


def test_alone_no_record_is_seen(tiny_dataset):
    dataset = tiny_dataset(schema="mimic-ed")
    torch.manual_seed(0)
    model = Model(load_config("tiny", ["size=64", "box_score=0"]), dataset.classes, dataset.schema)
    for parameter in model.fusion.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    samples = dataset.samples[:4]
    alone = detect_without_records(model, samples)
    blank = [dataclasses.replace(s, clinical=np.full(len(dataset.schema), np.nan, np.float32)) for s in samples]
    again = detect_without_records(model, blank)
    assert all(torch.equal(alone[s.id].scores, again[s.id].scores) for s in samples)
    images = [torch.rand(1, 64, 64)]
    assert not torch.equal(model.detect(images, torch.ones(1, 10))[0].scores, model.detect(images)[0].scores)
