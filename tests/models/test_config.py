"""A config says everything about an experiment, and says clearly what is wrong with it."""

import pytest
import yaml

from mdfnet.core.errors import UserError
from mdfnet.models.config import CONFIG_VERSION, keys, load_config, presets


@pytest.mark.parametrize("name", presets())
def test_a_preset_survives_the_way_through_yaml(name, tmp_path):
    config = load_config(name)
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert load_config(tmp_path / "config.yaml") == config
    assert config.name == name


@pytest.mark.parametrize(
    ("override", "part", "leaf", "value"),
    [
        pytest.param("train.epochs=3", "train", "epochs", 3, id="a dotted key"),
        pytest.param("epochs=3", "train", "epochs", 3, id="the last part of a key, where unique"),
        pytest.param("vector=null", "fusion", "vector", None, id="null switches a fusion off"),
        pytest.param("anchor_sizes=[0.1, 0.2]", "detector", "anchor_sizes", (0.1, 0.2), id="a list"),
        pytest.param("lr=2e-3", "train", "lr", 0.002, id="YAML reads 2e-3 as text; the number is meant"),
    ],
)
def test_an_override_changes_one_key(override, part, leaf, value):
    before, after = load_config("default"), load_config("default", [override])
    assert getattr(getattr(after, part), leaf) == value
    changed = before.model_dump()
    changed[part][leaf] = value
    assert after.model_dump() == changed


def test_another_detector_may_come_with_the_input_it_needs():
    with pytest.raises(UserError, match=r"input\.size 160 leaves ssd300_vgg16 one cell; at least 288"):
        load_config("tiny", ["detector.name=ssd300_vgg16"])
    config = load_config("tiny", ["detector.name=ssd300_vgg16", "size=288"])
    assert (config.detector.name, config.input.size) == ("ssd300_vgg16", 288)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(["epoch=3"], "did you mean 'train.epochs'", id="a misspelled key names the nearest"),
        pytest.param(["train.epoch=3"], "did you mean 'train.epochs'", id="a misspelled dotted key too"),
        pytest.param(["name=x", "channels=3"], "write one of input.channels, detector.channels", id="an ambiguous key"),
        pytest.param(["epochs"], "not key=value", id="no equals sign"),
        pytest.param(["epochs=many"], "train.epochs = 'many'", id="a word for a number"),
        pytest.param(["epochs=0"], "train.epochs = 0", id="out of range"),
        pytest.param(["size=500"], "multiple of 32", id="a size the network cannot take"),
        pytest.param(["input.channels=3"], "mean and std need 3 values", id="channels without their means"),
        pytest.param(
            ["size=32", "stride=32", "depth=32"],
            "config: input.size 32 leaves rcnn one cell; at least 64",
            id="a map of one cell",
        ),
        pytest.param(["depth=8", "stride=16"], "detector: depth 8 is below stride 16", id="keys that do not fit"),
        pytest.param(["detector.name=ssd300"], "no detector 'ssd300'; did you mean", id="an unknown detector"),
        pytest.param(["map=deconvolution"], "fusion.map", id="an unknown fusion"),
    ],
)
def test_a_wrong_override_is_one_clear_line(overrides, message):
    with pytest.raises(UserError) as caught:
        load_config("default", overrides)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("train: {epoch: 3}", "did you mean 'train.epochs'", id="an unknown key"),
        pytest.param(
            f"version: {CONFIG_VERSION + 1}\nnews: 1", "update mdfnet", id="a later version, whatever it holds"
        ),
        pytest.param("train: [", "not YAML", id="broken YAML"),
        pytest.param("- 1", "config", id="a list instead of a mapping"),
    ],
)
def test_a_wrong_file_is_one_clear_line(text, message, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_config(path)
    assert message in str(caught.value) and "mine.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UserError, match="did you mean 'default'"):
        load_config("defualt")


def test_every_key_is_in_the_yaml():
    values = yaml.safe_load(load_config("default").to_yaml())
    written = {f"{part}.{leaf}" for part, leaves in values.items() if isinstance(leaves, dict) for leaf in leaves}
    assert {key for key in keys() if "." in key} == written
