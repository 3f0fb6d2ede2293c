"""How networks of torchvision start."""

import pytest
import torch

import mdfnet


@pytest.mark.parametrize("name", ["fcos", "fcos_resnet50_fpn"])
def test_every_distance_of_fcos_starts_with_a_gradient(name):
    """Those that a relu holds at zero never move: a training from scratch may find no box at all."""
    torch.manual_seed(0)
    model = mdfnet.build("default", map=None, vector=None, size=64, **{"detector.name": name}).train()
    head = model.detector.net.head.regression_head
    seen = []
    head.register_forward_hook(lambda head, maps, distances: seen.append(distances[0]))
    target = {"boxes": torch.tensor([[8.0, 8, 40, 36]]), "labels": torch.tensor([3])}
    model.losses([torch.rand(1, 64, 64)], [target], clinical=None)
    (distances,) = seen
    assert distances.min() > 0
    assert distances.mean().item() == pytest.approx(1, abs=0.1), "one cell of the level, as exp(0) in the paper"
