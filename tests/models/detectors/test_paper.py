"""The paper presets are the paper's models: to the parameter, and to torchvision's own output."""

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import mobilenet_v3_small
from torchvision.models.detection import MaskRCNN

import mdfnet

# arXiv 2302.13390, table 1 and the authors' log; learnable parameters with five classes and ten features.
PARAMETERS = [
    ("paper-mdfnet", True, 5_399_846),
    ("paper-3d", True, 5_395_750),
    ("paper-1d", True, 3_693_629),
    ("paper-baseline", True, 3_689_423),
    ("paper-mdfnet", False, 3_217_952),
    ("paper-3d", False, 3_213_856),
    ("paper-1d", False, 1_511_735),
    ("paper-baseline", False, 1_507_529),
]


@pytest.mark.parametrize(("preset", "mask_head", "published"), PARAMETERS)
def test_parameter_counts_are_the_published_ones(preset, mask_head, published):
    model = mdfnet.build(preset, pretrained=False, mask_head=mask_head)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == published


def test_the_baseline_is_torchvisions_mask_rcnn():
    torch.manual_seed(0)
    ours = mdfnet.build("paper-baseline", pretrained=False, box_score=0.0)
    for norm in ours.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = 1.0
    net = ours.detector.net
    with torch.no_grad():  # decided scores, so that rounding does not change their order
        net.backbone(torch.rand(1, 3, 512, 512).sub(0.45).div(0.22))
        net.rpn.head.cls_logits.weight.mul_(100)
        net.roi_heads.box_predictor.cls_score.weight.mul_(100)
    ours.eval()
    theirs = MaskRCNN(
        net.backbone,
        rpn_anchor_generator=net.rpn.anchor_generator,
        rpn_head=net.rpn.head,
        rpn_nms_thresh=0.3,
        box_roi_pool=net.roi_heads.box_roi_pool,
        box_head=net.roi_heads.box_head,
        box_predictor=net.roi_heads.box_predictor,
        box_score_thresh=0.0,
        box_nms_thresh=0.2,
        box_detections_per_img=10,
        mask_roi_pool=net.roi_heads.mask_roi_pool,
        mask_head=net.roi_heads.mask_head,
        mask_predictor=net.roi_heads.mask_predictor,
        fixed_size=(512, 512),
    ).eval()
    image = torch.rand(3, 300, 260)
    with torch.no_grad():
        expected = theirs([image])[0]
    found = ours.detect([image])[0]
    assert len(found) == 10
    torch.testing.assert_close(found.scores, expected["scores"])
    torch.testing.assert_close(found.labels, expected["labels"])
    torch.testing.assert_close(found.boxes, expected["boxes"], atol=1e-3, rtol=1e-4)


def test_raw_values_reach_the_box_head():
    model = mdfnet.build("paper-1d", pretrained=False, mask_head=False)
    record = torch.tensor([[67, 37.2, 110, 24, 91, 120, 70, 3, 2, 1.0]])
    z = model.fusion.encoder(record).vector
    assert z.shape == (1, 64)
    assert torch.equal(z[0, :9], record[0, :9])
    assert torch.equal(z[0, 9:], model.fusion.encoder.embeddings[0].weight[1])


def test_missing_values_become_the_training_mean_and_mode():
    model = mdfnet.build("paper-1d", pretrained=False, mask_head=False)
    z = model.fusion.encoder(torch.full((1, 10), float("nan"))).vector
    assert torch.equal(z[0, :9], torch.as_tensor(model.fitted.mean[:9]).float())


def test_spatialization_doubles_up_to_the_image():
    model = mdfnet.build("paper-3d", pretrained=False, mask_head=False, size=128)
    fuser = model.fusion.maps["net/backbone"].fuser
    assert fuser.grow(torch.rand(2, 64, 1, 1)).shape == (2, 3, 128, 128)
    with pytest.raises(mdfnet.UserError, match="power of two"):
        mdfnet.build("paper-3d", pretrained=False, size=160)
    with pytest.raises(mdfnet.UserError, match=r"fusion\.dim"):
        mdfnet.build("paper-3d", pretrained=False, dim=8)


def test_pretrained_weights_load_from_a_local_file(tmp_path):
    torch.manual_seed(5)
    classifier = mobilenet_v3_small()
    save_file(classifier.state_dict(), tmp_path / "weights.safetensors")
    model = mdfnet.build("paper-mdfnet", weights=str(tmp_path / "weights.safetensors"))
    first = classifier.features[0][0].weight
    assert torch.equal(model.detector.net.backbone.trunk[0][0].weight, first)
    assert torch.equal(model.fusion.maps["net/backbone"].fuser.backbone.trunk[0][0].weight, first)


def test_a_gray_network_takes_the_sum_over_the_colors(tmp_path):
    classifier = mobilenet_v3_small()
    save_file(classifier.state_dict(), tmp_path / "weights.safetensors")
    model = mdfnet.build("tiny", weights=str(tmp_path / "weights.safetensors"))
    torch.testing.assert_close(
        model.detector.net.backbone.trunk[0][0].weight, classifier.features[0][0].weight.sum(1, keepdim=True)
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param({"weights": "missing.safetensors"}, "no such weights file", id="a file that is not there"),
        pytest.param({"weights": "IMAGENET"}, "did you mean|known are", id="a name torchvision does not have"),
        pytest.param(
            {"backbone": "mobilenet_v3_smal"}, "did you mean 'mobilenet_v3_small'", id="a misspelled backbone"
        ),
        pytest.param({"backbone": "vit_b_16"}, "no trunk that can be cut", id="a backbone without a trunk"),
    ],
)
def test_weights_and_backbones_that_cannot_be_had_say_why(overrides, message):
    with pytest.raises(mdfnet.UserError, match=message):
        mdfnet.build("tiny", **overrides)


def test_weights_of_another_network_are_refused(tmp_path):
    state = {key: value[:1] if value.ndim else value for key, value in mobilenet_v3_small().state_dict().items()}
    save_file({key: value.contiguous() for key, value in state.items()}, tmp_path / "other.safetensors")
    with pytest.raises(mdfnet.UserError, match="give the weights of mobilenet_v3_small"):
        mdfnet.build("tiny", weights=str(tmp_path / "other.safetensors"))


def test_making_a_model_draws_the_same_random_numbers_every_time():
    """Whatever was made before in the process: a seed means the same weights."""
    from mdfnet.models.detectors import trunks

    def weights():
        torch.manual_seed(0)
        return mdfnet.build("tiny").detector.net.rpn.head.cls_logits.weight

    trunks._strides.cache_clear()
    assert torch.equal(weights(), weights())
