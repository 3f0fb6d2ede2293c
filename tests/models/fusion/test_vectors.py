"""1-D fusers: the plain layer at the start, and what they claim to compute afterwards."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mdfnet.models.fusion.vectors import VECTORS, Concat, FiLMVector, Residual

LAYERS = [
    pytest.param(nn.Linear(6, 4), torch.Size([5, 6]), id="RoIs or queries"),
    pytest.param(nn.Conv2d(6, 4, 3, padding=1), torch.Size([5, 6, 3, 2]), id="cells of a map"),
]


def run(layer, x):
    """A layer's input, output and a patient per image, channels last as the hooks give them."""
    y, z = layer(x), torch.randn(len(x), 3)
    return (x, y, z) if x.ndim == 2 else (x.movedim(1, -1), y.movedim(1, -1), z[:, None, None])


def disturbed(fuser):
    with torch.no_grad():
        for parameter in fuser.parameters():
            parameter.normal_()
    return fuser


@pytest.mark.parametrize("kind", VECTORS)
@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_every_fuser_starts_as_the_layer_and_then_depends_on_the_patient(kind, layer, shape):
    torch.manual_seed(0)
    x, y, z = run(layer, torch.randn(shape))
    fuser = VECTORS[kind](3, layer)
    assert torch.equal(fuser(x, y, z), y)
    fused = disturbed(fuser)(x, y, z)
    assert fused.shape == y.shape and not torch.isclose(fused, y).all()
    other = torch.cat([z[:1] + 1, z[1:]])
    changed = (fuser(x, y, other) != fused).flatten(1).any(1)
    assert changed.tolist() == [True] + [False] * 4, "one patient, one image"


def test_concat_is_one_linear_layer_over_both():
    torch.manual_seed(0)
    layer, x, z = nn.Linear(6, 4), torch.randn(5, 6), torch.randn(5, 3)
    fuser = disturbed(Concat(3, layer))
    weight = torch.cat([layer.weight, fuser.project.weight], 1)
    expected = F.linear(torch.cat([x, z], 1), weight, layer.bias)
    torch.testing.assert_close(fuser(x, layer(x), z), expected)


def test_without_zero_start_concat_is_a_fresh_layer_over_both():
    """Torch draws a linear layer's weights and bias from +-1/sqrt(inputs); so must both halves."""
    torch.manual_seed(0)
    layer = nn.Linear(90, 400)
    fuser = Concat(10, layer, zero_start=False)
    fresh = nn.Linear(100, 400)
    for part in (layer.weight, fuser.project.weight, layer.bias):
        assert part.abs().max() <= 0.1
        assert part.std().item() == pytest.approx(fresh.weight.std().item(), rel=0.1)


def test_image_scales_and_shifts():
    layer, y, z = nn.Linear(6, 4), torch.randn(5, 4), torch.randn(5, 3)
    fuser = disturbed(FiLMVector(3, layer))
    scale, shift = F.linear(z, fuser.project.weight, fuser.project.bias).split(4, 1)
    torch.testing.assert_close(fuser(torch.randn(5, 6), y, z), y + y * scale + shift)


def test_residual_is_an_mlp_over_both():
    torch.manual_seed(0)
    layer, x, z = nn.Linear(6, 4), torch.randn(5, 6), torch.randn(5, 3)
    fuser = disturbed(Residual(3, layer, hidden=8))
    hidden = nn.Linear(9, 8)
    with torch.no_grad():
        hidden.weight.copy_(torch.cat([fuser.look.weight, fuser.know.weight], 1))
        hidden.bias.copy_(fuser.look.bias)
    mlp = nn.Sequential(hidden, nn.ReLU(), fuser.out)
    torch.testing.assert_close(fuser(x, layer(x), z), layer(x) + mlp(torch.cat([x, z], 1)))
