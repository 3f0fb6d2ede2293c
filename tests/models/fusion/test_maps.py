"""3-D fusers: the identity at the start, and what they claim to compute afterwards."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mdfnet.models.fusion.encoder import Patients
from mdfnet.models.fusion.maps import MAPS, Attention, Deconv, FiLMMap, PaperMap, Repeat

CHANNELS, SIDES = (16, 8), (12, 5)


@pytest.fixture
def maps():
    torch.manual_seed(0)
    return [torch.randn(3, c, side, side + 1) for c, side in zip(CHANNELS, SIDES, strict=True)]


@pytest.fixture
def patients():
    torch.manual_seed(1)
    tokens, present = torch.randn(3, 4, 6), torch.ones(3, 4, dtype=torch.bool)
    present[1, 2], present[2] = False, False
    return Patients(torch.randn(3, 6), tokens, present)


def disturbed(fuser):
    with torch.no_grad():
        for parameter in fuser.parameters():
            parameter.normal_()
    return fuser


class Second(nn.Conv2d):
    """A backbone of stride 4 with 16 channels."""

    def __init__(self):
        super().__init__(3, 16, 4, stride=4)


@pytest.mark.parametrize("kind", MAPS)
def test_every_light_fuser_starts_as_the_identity_and_then_depends_on_the_patient(kind, maps, patients):
    fuser = MAPS[kind](6, CHANNELS)
    assert all(torch.equal(fused, map) for fused, map in zip(fuser(maps, patients), maps, strict=True))
    fused = disturbed(fuser)(maps, patients)
    other = Patients(patients.vector + 1, patients.tokens + 1, patients.present)
    for before, after, map in zip(fused, fuser(maps, other), maps, strict=True):
        assert before.shape == map.shape and not torch.isclose(before, map).all()
        assert (before != after).flatten(1).any(1).tolist() == [True, True, kind != "attention"]


def test_deconv_adds_a_smooth_map_resized_to_every_level(maps, patients):
    fuser = disturbed(Deconv(6, CHANNELS, doublings=3))
    grown = fuser.grow(patients.vector[:, :, None, None])
    assert grown.shape == (3, 32, 8, 8)
    for fused, map, out in zip(fuser(maps, patients), maps, fuser.out, strict=True):
        expected = map + F.interpolate(out(grown), map.shape[-2:], mode="bilinear")
        torch.testing.assert_close(fused, expected, rtol=1e-4, atol=1e-2)


def test_repeat_adds_the_same_to_every_cell(maps, patients):
    fuser = disturbed(Repeat(6, CHANNELS))
    for fused, map, project in zip(fuser(maps, patients), maps, fuser.project, strict=True):
        torch.testing.assert_close(fused, map + project(patients.vector).reshape(3, -1, 1, 1).expand_as(map))


def test_image_scales_and_shifts_every_channel(maps, patients):
    fuser = disturbed(FiLMMap(6, CHANNELS))
    for fused, map, project in zip(fuser(maps, patients), maps, fuser.project, strict=True):
        both = project(patients.vector)
        for image, channel in ((0, 0), (2, 5)):
            scale, shift = both[image, channel], both[image, map.shape[1] + channel]
            torch.testing.assert_close(fused[image, channel], map[image, channel] * (1 + scale) + shift)


def test_attention_is_torchs_own_with_the_cells_as_queries(maps, patients):
    fuser = disturbed(Attention(6, CHANNELS, hidden=4))
    tokens = torch.cat([patients.tokens, fuser.nothing.expand(3, 1, 6)], 1)
    unknown = ~torch.cat([patients.present, torch.ones(3, 1, dtype=torch.bool)], 1)
    oracle = nn.MultiheadAttention(4, 1, batch_first=True)
    with torch.no_grad():
        for weight in (oracle.in_proj_weight, oracle.out_proj.weight):
            weight.copy_(torch.eye(4).repeat(len(weight) // 4, 1))
    for fused, map, query, out in zip(fuser(maps, patients), maps, fuser.query, fuser.out, strict=True):
        cells = query(map).flatten(2).transpose(1, 2)
        answers, _ = oracle(cells, fuser.key(tokens), fuser.value(tokens), key_padding_mask=unknown)
        expected = map + out(answers.transpose(1, 2).reshape(3, 4, *map.shape[-2:]))
        torch.testing.assert_close(fused, expected, rtol=1e-4, atol=1e-4)


def test_attention_never_reads_what_is_missing(maps, patients):
    fuser, tokens = disturbed(Attention(6, CHANNELS)), patients.tokens.clone()
    tokens[~patients.present] += 100
    other = Patients(patients.vector, tokens, patients.present)
    for first, second in zip(fuser(maps, patients), fuser(maps, other), strict=True):
        assert torch.equal(first, second) and first.isfinite().all()


@pytest.mark.parametrize(
    ("channels", "projected"),
    [
        pytest.param((16,), 0, id="one map of the second backbone's width: added as it is"),
        pytest.param((8,), 1, id="another width: a projection"),
        pytest.param((16, 8), 2, id="several maps: one each"),
    ],
)
def test_the_papers_map_is_projected_only_where_it_does_not_fit(channels, projected, patients):
    fuser = PaperMap(6, channels, 16, Second())
    assert sum(isinstance(project, nn.Conv2d) for project in fuser.project) == projected
    maps = [torch.rand(3, c, 4, 4) for c in channels]
    clinical = fuser.eval().backbone(fuser.grow(patients.vector[:, :, None, None]))
    for fused, map, project in zip(fuser(maps, patients), maps, fuser.project, strict=True):
        torch.testing.assert_close(fused, map + project(clinical))


def test_the_papers_map_doubles_up_to_the_image_only():
    with pytest.raises(ValueError, match="24 is not a power of two"):
        PaperMap(6, (16,), 24, Second())
