import numpy as np
import pytest

from mdfnet.metrics.overlap import iobb, iou

BOX = [0, 0, 10, 10]


@pytest.mark.parametrize(
    ("predicted", "expected_iou", "expected_iobb"),
    [
        pytest.param(BOX, 1, 1, id="the same box"),
        pytest.param([0, 0, 5, 10], 1 / 2, 1, id="half of it, inside"),
        pytest.param([0, 0, 20, 20], 1 / 4, 1 / 4, id="around it"),
        pytest.param([5, 0, 15, 10], 1 / 3, 1 / 2, id="shifted by half"),
        pytest.param([10, 0, 20, 10], 0, 0, id="touching along an edge"),
        pytest.param([30, 30, 40, 40], 0, 0, id="apart in both directions, whose product is positive"),
        pytest.param([5, 5, 5, 5], 0, 0, id="a point inside"),
        pytest.param([5, 2, 5, 8], 0, 0, id="a line inside"),
        pytest.param([-4, 0, 4, 10], 4 / 14, 1 / 2, id="reaching out of the image"),
    ],
)
def test_overlap_with_a_box(predicted, expected_iou, expected_iobb):
    assert iou([predicted], [BOX]).tolist() == [[pytest.approx(expected_iou)]]
    assert iobb([predicted], [BOX]).tolist() == [[pytest.approx(expected_iobb)]]


@pytest.mark.parametrize("overlap", [iou, iobb])
@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (2, 0), (2, 3)])
def test_shape(overlap, n, m):
    assert overlap(np.full((n, 4), BOX), np.full((m, 4), BOX)).shape == (n, m)


def test_small_boxes_keep_their_precision_in_float32():
    far = np.float32([[4000, 4000, 4000.5, 4000.5]])
    assert iou(far, far).item() == 1
