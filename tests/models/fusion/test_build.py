"""Where the fusion that a config asks for goes."""

import pytest

import mdfnet
from mdfnet.models.fusion.vectors import Concat, FiLMVector, Residual

SCORES = "net/head/classification_head/module_list/"
HEAD, LAST = "net/roi_heads/box_head/fc6", "net/roi_heads/box_predictor/cls_score"


@pytest.mark.parametrize(
    ("detector", "vector", "sites", "kind"),
    [
        pytest.param("rcnn", "residual", {LAST}, Residual, id="residual at the scores"),
        pytest.param("rcnn", "concat", {HEAD}, Concat, id="concat before them, as in the paper"),
        pytest.param("rcnn", "film", {HEAD}, FiLMVector, id="FiLM before them"),
        pytest.param("ssd", "residual", {f"{SCORES}{i}" for i in range(3)}, Residual, id="a head of one layer"),
        pytest.param("ssd", "concat", {f"{SCORES}{i}" for i in range(3)}, Residual, id="no concat at the scores"),
    ],
)
def test_each_fuser_goes_to_its_layer(detector, vector, sites, kind):
    fusion = mdfnet.build("default", size=128, vector=vector, **{"detector.name": detector}).fusion
    assert set(fusion.vectors) == sites and {type(hook.fuser) for hook in fusion.vectors.values()} == {kind}
    assert all(fusion.vector_fuser(site.replace("/", ".")) is fusion.vectors[site].fuser for site in sites)
    assert fusion.vector_fuser("net.backbone") is None
