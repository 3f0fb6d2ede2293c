"""A model beside a second reading of its images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from mdfnet.core.csv_tables import read_table
from mdfnet.core.errors import UserError
from mdfnet.core.types import Classes, Detections, Sample, Target
from mdfnet.evaluation.reader_agreement import compare_readings
from mdfnet.evaluation.score import Scored

BOX, FAR = [0, 0, 10, 10], [50, 50, 60, 60]
HEADER = "image_id,label,x1,y1,x2,y2\n"


@pytest.fixture
def scored():
    """Four images with an effusion each; the model finds three, one of them below a false alarm on another image."""
    scores, boxes = (0.9, 0.8, 0.7, 0.6), (BOX, BOX, FAR, BOX)
    found = [
        Detections(torch.tensor([box]).float(), torch.tensor([1]), torch.tensor([score]))
        for box, score in zip(boxes, scores, strict=True)
    ]
    samples = [Sample(f"f{i}", None, 99, 99, Target.of([BOX], [1]), np.zeros(0), f"p{i}") for i in range(4)]
    return Scored("model", Classes(("Effusion",)), tuple(samples), (0, 1, 2, 3), tuple(found), draws=30)


def test_on_the_images_that_were_read_twice(scored, tmp_path):
    """Three images: the reader meets two marks and has one false positive; the model, at as many, finds two."""
    table = tmp_path / "second.csv"
    rows = ["f0,Effusion,0,0,10,9", "f1,Effusion,0,0,10,9", "f2,Effusion,50,50,60,60", "f2,Mass,1,1,2,2"]
    table.write_text(HEADER + "\n".join([*rows, "other,Effusion,1,1,2,2"]) + "\n")
    result = compare_readings(scored, table)
    assert result["images"] == 3 and result["unknown"] == {"Mass": 1}
    effusion, everything = result["overlaps"]["IoU 0.5"]
    assert effusion["boxes"] == 3 and effusion["sensitivity"] == pytest.approx(2 / 3)
    assert effusion["false_positives_per_image"] == pytest.approx(1 / 3)
    assert effusion["model_sensitivity"] == pytest.approx(2 / 3) == everything["model_sensitivity"]
    low, high = effusion["sensitivity_interval"]
    assert 0 < low < 2 / 3 < high < 1


def test_an_image_without_a_finding(scored, tmp_path):
    table = tmp_path / "second.csv"
    table.write_text(HEADER + "f0,,,,,\nf3,Effusion,0,0,10,10\n")
    effusion = compare_readings(scored, table)["overlaps"]["IoU 0.25"][0]
    assert (effusion["boxes"], effusion["sensitivity"], effusion["precision"]) == (2, 0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("image_id,x1\n", "second.csv: no column 'label'", id="a column is missing"),
        pytest.param(HEADER + "f0,Effusion,a,0,1,1\n", "row 2: a corner is not a number; give x1", id="a word"),
        pytest.param(HEADER + "f0,Effusion,5,0,1,1\n", "row 2: box .* is not x1 <= x2", id="turned around"),
        pytest.param(HEADER + "x,Effusion,0,0,1,1\n", "a reading of none of the 4 images, such as 'f0'", id="others"),
    ],
)
def test_what_is_no_reading(scored, tmp_path, text, message):
    (tmp_path / "second.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        compare_readings(scored, tmp_path / "second.csv")


def test_real_readings(scored, shared_data, tmp_path):
    """NIH boxes read again, whatever the class, against torchvision's overlaps: a box is met once, so hardly fewer."""
    first, second = (_boxes(shared_data / "nih_cxr" / name) for name in ("boxes.csv", "second_reading.csv"))
    first = {name: boxes for name, boxes in first.items() if name in second}
    samples = [Sample(n, None, 512, 512, Target.of(b, [1] * len(b)), np.zeros(0), n) for n, b in first.items()]
    lines = [f"{name},Effusion,{','.join(map(str, box))}" for name, boxes in second.items() for box in boxes]
    (tmp_path / "second.csv").write_text(HEADER + "\n".join(lines))
    nothing = Detections(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0))
    images = replace(scored, samples=tuple(samples), detections=(nothing,) * len(samples), image_ids=(), draws=5)
    overlaps = compare_readings(images, tmp_path / "second.csv")["overlaps"]
    best = torch.cat([box_iou(torch.tensor(b), torch.tensor(second[n])).amax(1) for n, b in first.items()])
    for threshold in (0.25, 0.5):
        met = overlaps[f"IoU {threshold}"][0]["sensitivity"]
        assert len(best) > 50 and 0 <= (best >= threshold).float().mean() - met < 0.06


def _boxes(path):
    boxes = {}
    for row in read_table(path):
        boxes.setdefault(row["image_id"], []).append([float(row[corner]) for corner in ("x1", "y1", "x2", "y2")])
    return boxes
