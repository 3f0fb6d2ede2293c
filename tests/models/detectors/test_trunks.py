"""Trunks of torchvision and timm give the maps asked for, and take their classifiers' weights."""

import pytest
import torch
from safetensors.torch import save_file

import mdfnet
from mdfnet.models.detectors import trunks
from mdfnet.models.detectors.trunks import trunk

timm = pytest.importorskip("timm", reason="needs the extra 'timm'")

NAMES = ["mobilenet_v3_small", "resnet18", "timm/resnet18", "timm/mobilenetv3_small_050", "timm/convnext_atto"]


@pytest.mark.parametrize("name", NAMES)
def test_maps_have_the_strides_and_channels_asked_for_and_nothing_lies_idle(name):
    net, channels = trunk(name, [8, 16], in_channels=1)
    maps = net(torch.rand(2, 1, 96, 96))
    assert [tuple(map.shape) for map in maps] == [(2, channels[0], 12, 12), (2, channels[1], 6, 6)]
    sum(map.sum() for map in maps).backward()
    assert [key for key, value in net.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050"])
def test_a_timm_trunk_is_its_classifier_cut_off(name, tmp_path):
    """The oracle is timm's own way to a map, on three equal colors."""
    classifier = timm.create_model(name).eval()
    save_file(classifier.state_dict(), tmp_path / "weights.safetensors")
    weights = {"weights": str(tmp_path / "weights.safetensors"), "backbone": f"timm/{name}"}
    model = mdfnet.build("tiny", stride=16, depth=16, **weights)
    image = torch.rand(1, 1, 64, 64)
    (expected,) = classifier.forward_intermediates(image.repeat(1, 3, 1, 1), indices=[-2], intermediates_only=True)
    torch.testing.assert_close(model.detector.net.backbone.trunk.eval()(image)[-1], expected)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        pytest.param({"backbone": "timm/resnet1"}, "no timm classifier 'resnet1'; did you mean", id="misspelled"),
        pytest.param({"backbone": "timm/vit_tiny_patch16_224"}, "no maps for images of any size", id="one size only"),
        pytest.param({"backbone": "timm/convnext_atto", "stride": 8, "depth": 8, "weights": "x"}, "no weights 'x'",
                     id="no such tag"),
        pytest.param({"backbone": "timm/resnet18", "weights": "missing.safetensors"}, "no such weights file",
                     id="no such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_says_why(overrides, words):
    with pytest.raises(mdfnet.UserError, match=words):
        mdfnet.build("tiny", **overrides)


def test_a_stride_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(mdfnet.UserError, match=r"detector\.stride: .* no map of stride 2; it has 4, 8, 16, 32"):
        trunk("timm/convnext_atto", [2], in_channels=1)


def test_offline_is_said_in_one_line(monkeypatch):
    model = mdfnet.build("tiny", backbone="timm/resnet18", weights="a1_in1k", pretrained=False)

    def offline(*args, **options):
        raise OSError("no network")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(mdfnet.UserError, match=r"cannot download a1_in1k of timm/resnet18 \(no network\)"):
        model.load_pretrained()


def test_without_timm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    trunks._strides.cache_clear()
    with pytest.raises(mdfnet.UserError, match=r"pip install 'mdfnet\[timm\]'"):
        trunk("timm/resnet18", [8], in_channels=1)
