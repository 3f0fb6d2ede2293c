"""What a dataset says of its images' intensities goes with the model, and DICOM given to it later is read so."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import mdfnet
from mdfnet.cli.run_predict import check_request, predict_files
from mdfnet.data.dataset_folder import write_dataset
from mdfnet.data.images.read import read_image


@pytest.mark.parametrize("intensity", ["as-is", "mimic-cxr-jpg/1"])
def test_training_keeps_the_datasets_recipe(tiny_dataset, tmp_path, intensity):
    dataset = write_dataset(replace(tiny_dataset(), intensity=intensity), tmp_path / "set")
    mdfnet.train(mdfnet.load_config("tiny", ["epochs=1", "size=64"]), dataset, tmp_path / "run", log=lambda _: None)
    card = json.loads((tmp_path / "run/model/model.json").read_text())
    assert card["preprocessing"] == {"name": "gray", "version": 1, "intensity": intensity}
    assert mdfnet.load(tmp_path / "run/model").preprocessing.intensity == intensity


def predicted(model, image, out):
    """What `predict` writes, and what it says."""
    said = []
    predict_files(check_request(model, [image], None, out), log=said.append)
    return json.loads((out / "predictions.json").read_text()), np.asarray(Image.open(out / f"{image.stem}.png")), said


@pytest.mark.parametrize("intensity", ["as-is", "window/1", "mimic-cxr-jpg/1"])
def test_a_dicom_goes_through_what_the_training_images_went_through(image, tmp_path, intensity):
    model = mdfnet.build("tiny", size=64, box_score=0.0)
    model.preprocessing = replace(model.preprocessing, intensity=intensity)
    model.save(tmp_path / "model")
    raw = np.random.default_rng(0).gamma(4, 300, (64, 64)).clip(0, 4095).astype(np.uint16)
    dicom = image(tmp_path / "f.dcm", raw, WindowCenter=900, WindowWidth=400)
    (tmp_path / "png").mkdir()
    Image.fromarray(read_image(dicom, intensity)).save(tmp_path / "png/f.png")
    boxes, picture, said = predicted(tmp_path / "model", dicom, tmp_path / "dicom")
    same_boxes, same_picture, _ = predicted(tmp_path / "model", tmp_path / "png/f.png", tmp_path / "from-png")
    assert boxes == same_boxes and len(boxes) > 0
    np.testing.assert_array_equal(picture, same_picture)
    assert any("does not know how its training images" in line for line in said) == (intensity == "as-is")


def test_a_recipe_of_a_later_mdfnet_is_refused(tmp_path):
    mdfnet.build("tiny", size=64).save(tmp_path / "model")
    path = tmp_path / "model/model.json"
    path.write_text(path.read_text().replace('"as-is"', '"window/9"'))
    with pytest.raises(mdfnet.UserError, match=r"model.json: unknown intensity recipe 'window/9'"):
        mdfnet.load(tmp_path / "model")
