"""A saved model is read back whole, or refused with the reason."""

import json

import pytest
import torch

import mdfnet
from mdfnet.clinical.standardize import Standardizer
from mdfnet.models import checkpoint
from mdfnet.models.card import CARD, WEIGHTS, read_card


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = mdfnet.build("tiny", size=64, classes=mdfnet.Classes(("Mass", "Nodule"), (5, 90)), schema="age-sex-view")
    rows = torch.tensor([[60, 0, 1], [70, 1, 0], [50, 1, 1.0]])
    model.set_scale(Standardizer.fit(model.schema, rows.numpy()))
    with torch.no_grad():
        for parameter in model.fusion.parameters():
            parameter.normal_()
    return model


def test_a_model_comes_back_with_all_that_belongs_to_it(model, tmp_path):
    model.save(tmp_path / "model", dataset="made up", epoch=3)
    back = mdfnet.load(tmp_path / "model")
    image, record = [torch.rand(1, 80, 60)], torch.tensor([[61.0, 1, float("nan")]])
    ours, theirs = model.detect(image, record)[0], back.detect(image, record)[0]
    assert torch.equal(ours.scores, theirs.scores) and torch.equal(ours.boxes, theirs.boxes)
    assert (back.config, back.classes, back.schema) == (model.config, model.classes, model.schema)
    card = read_card(tmp_path / "model")
    assert card.training == {"dataset": "made up", "epoch": 3}
    assert card.versions["torch"] == torch.__version__.split("+")[0] and "Not a medical device" in card.notice
    assert not back.training


def test_the_folder_holds_safetensors_and_json_only(model, tmp_path):
    model.save(tmp_path / "model")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [CARD, WEIGHTS]


def test_a_model_saved_before_training_ranges_were_kept_still_loads(model, tmp_path):
    model.save(tmp_path / "model")
    card = json.loads((tmp_path / "model" / CARD).read_text())
    assert card.pop("seen")
    (tmp_path / "model" / CARD).write_text(json.dumps(card))
    back = mdfnet.load(tmp_path / "model")
    (found,) = back.detect([torch.rand(1, 80, 60)], [{"age": 1}])
    assert found.record.used == ("age",) and found.record.unseen == {}


def _edit(card, **changes):
    values = json.loads(card.read_text())
    card.write_text(json.dumps(values | changes))


DAMAGE = [
    pytest.param(lambda f: (f / CARD).unlink(), "model.json is missing", id="no card"),
    pytest.param(lambda f: (f / WEIGHTS).unlink(), "model.safetensors is missing", id="no weights"),
    pytest.param(lambda f: (f / CARD).write_text("{"), "not JSON", id="a card cut short"),
    pytest.param(lambda f: (f / CARD).write_text("[]"), "altered", id="a card of another kind"),
    pytest.param(lambda f: (f / WEIGHTS).write_bytes(b"x"), "not the file", id="altered weights"),
    pytest.param(lambda f: _edit(f / CARD, format_version=99), "update mdfnet", id="a later format"),
    pytest.param(lambda f: _edit(f / CARD, classes={"Mass": 5}), "do not fit", id="a class taken away"),
    pytest.param(lambda f: _edit(f / CARD, fitted=3), "fitted", id="an altered value"),
    pytest.param(lambda f: _edit(f / CARD, seen=[[1, 2]]), "seen needs every", id="of one feature what training had"),
    pytest.param(
        lambda f: _edit(f / CARD, preprocessing={"name": "x", "version": 9}), "preprocessing", id="other pixels"
    ),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE)
def test_a_damaged_model_is_refused_with_the_reason(damage, message, model, tmp_path):
    model.save(tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(mdfnet.UserError, match=message):
        mdfnet.load(tmp_path / "model")


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full disk", "Ctrl-C"]
)
def test_a_save_that_fails_leaves_the_last_good_model(error, model, tmp_path, monkeypatch):
    model.save(tmp_path / "model", epoch=1)

    def fails(*_):
        raise error

    monkeypatch.setattr(checkpoint, "serialize", fails)
    with pytest.raises((mdfnet.UserError, KeyboardInterrupt)):
        model.save(tmp_path / "model", epoch=2)
    assert read_card(tmp_path / "model").training == {"epoch": 1}
    assert mdfnet.load(tmp_path / "model") is not None
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_is_no_model_is_not_overwritten(model, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(mdfnet.UserError, match="holds no model"):
        model.save(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_detector_starts_from_a_saved_model_with_the_same_findings(model, tmp_path):
    model.save(tmp_path / "model")
    # Other clinical features, another size of image.
    started = mdfnet.build("tiny", size=96, classes=model.classes, **{"detector.weights": str(tmp_path / "model")})
    given, own = model.detector.state_dict(), started.detector.state_dict()
    assert all(torch.equal(own[key], value) for key, value in given.items())


@pytest.mark.parametrize("name", ["rcnn", "retinanet", "fcos", "ssd"])
def test_for_other_findings_only_their_layers_start_anew(name, tmp_path):
    keys = {"detector.name": name, "size": 64}
    given = mdfnet.build("tiny", **keys)
    given.save(tmp_path / "model")
    classes = mdfnet.Classes(("Mass", "Nodule"))
    weights = {"detector.weights": str(tmp_path / "model")}
    started = mdfnet.build("tiny", classes=classes, pretrained=False, **keys, **weights)
    before = {key: value.clone() for key, value in started.detector.state_dict().items()}
    started.load_pretrained()
    theirs, own = given.detector.state_dict(), started.detector.state_dict()
    fresh = {key for key in own if own[key].shape != theirs[key].shape}
    assert 0 < len(fresh) < 0.2 * len(own)
    assert all(torch.equal(own[key], before[key] if key in fresh else theirs[key]) for key in own)


def test_two_findings_of_other_names_are_not_taken_for_the_same(model, tmp_path):
    model.save(tmp_path / "model")
    classes = mdfnet.Classes(("Effusion", "Pneumonia"))
    started = mdfnet.build("tiny", classes=classes, **{"detector.weights": str(tmp_path / "model")})
    given, own = model.detector.state_dict(), started.detector.state_dict()
    assert any(given[key].shape == own[key].shape and not torch.equal(given[key], own[key]) for key in own)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"detector.name": "ssd"}, "a model with the detector rcnn, not ssd"),
        ({"detector.depth": 32}, "no .* among the weights; use the settings of that model's detector"),
    ],
)
def test_a_saved_model_of_another_detector_is_refused_with_the_reason(keys, message, model, tmp_path):
    model.save(tmp_path / "model")
    with pytest.raises(mdfnet.UserError, match=message) as caught:
        mdfnet.build("tiny", **keys, **{"detector.weights": str(tmp_path / "model")})
    assert str(tmp_path / "model") in str(caught.value)
