"""Maps of an image: they point to the square that a box is about, and nowhere else."""

import pytest
import torch
from small_model import RECORDS, fused

from mdfnet.core.types import Detections
from mdfnet.explain.visual import GRID, gradient_map, occlusion

#: One square on a dark image, wider than high.
SQUARE = torch.zeros(1, 84, 112)
SQUARE[:, 48:66, 16:40] = 1.0
BOX = Detections(torch.tensor([[16.0, 48, 40, 66], [80, 6, 104, 24]]), torch.tensor([2, 2]), torch.tensor([0.9, 0.1]))


def test_occlusion_is_what_covering_by_hand_does():
    model = fused()
    told = occlusion(model, SQUARE, BOX, RECORDS[0])
    by_hand = SQUARE.clone()
    by_hand[:, :12, :16] = SQUARE.mean()  # two of 14 cells a side; the corner cell has no other patch
    found = occlusion(model, by_hand, BOX, RECORDS[0]).scores
    assert told.drops.shape == (2, GRID, GRID)
    assert torch.allclose(told.drops[:, 0, 0], told.scores - found, atol=1e-5)


def test_covering_the_square_matters_most_to_the_box_around_it():
    model = fused()
    drops = occlusion(model, SQUARE, BOX, RECORDS[0]).drops[0].abs()
    row, column = divmod(int(drops.argmax()), GRID)
    assert 7 <= row <= 11 and 1 <= column <= 5, "the largest change lies elsewhere"


def test_gradients_lie_around_the_box():
    maps = gradient_map(fused(), SQUARE, BOX, RECORDS[0])
    assert maps.shape == (2, 84, 112) and torch.allclose(maps.amax((1, 2)), torch.ones(2))
    for map, (x1, y1, x2, y2) in zip(maps, BOX.boxes.int().tolist(), strict=True):
        inside = torch.zeros(84, 112, dtype=torch.bool)
        inside[max(0, y1 - 16) : y2 + 16, max(0, x1 - 16) : x2 + 16] = True
        assert map[inside].mean() > 3 * map[~inside].mean()


@pytest.mark.parametrize("name", ["retinanet"])
def test_other_detectors_have_occlusion_alone(name):
    model = fused(**{"detector.name": name})
    (found,) = model.detect([SQUARE], RECORDS[:1])
    assert gradient_map(model, SQUARE, found, RECORDS[0]) is None
    told = occlusion(model, SQUARE, found, RECORDS[0])
    assert torch.allclose(told.scores, found.scores, atol=1e-5) and told.drops.any()


def test_no_boxes_no_maps():
    none = Detections(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0))
    assert gradient_map(fused(), SQUARE, none, RECORDS[0]) is None
    assert occlusion(fused(), SQUARE, none, RECORDS[0]).drops.shape == (0, GRID, GRID)
