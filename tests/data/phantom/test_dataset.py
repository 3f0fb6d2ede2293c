"""A phantom data set on disk is the one that was drawn, and says that it is synthetic."""

import numpy as np
from PIL import Image

from mdfnet.core.types import PAPER_CLASSES
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.phantom import PhantomConfig, phantoms, write_phantoms

CONFIG = PhantomConfig(count=12, size=64, missing=0.3)


def test_what_is_written_is_what_was_drawn(tmp_path):
    write_phantoms(CONFIG, tmp_path / "set")
    dataset = read_dataset(tmp_path / "set")
    assert dataset.synthetic == ("images", "findings", "clinical")
    assert dataset.classes == PAPER_CLASSES
    samples = {sample.id: sample for sample in dataset.samples}
    assert len(samples) == CONFIG.count
    for phantom in phantoms(CONFIG):
        sample = samples[phantom.id]
        np.testing.assert_array_equal(np.asarray(Image.open(sample.image)), phantom.image)
        np.testing.assert_array_equal(sample.clinical, phantom.clinical)
        np.testing.assert_array_equal(sample.target.labels, phantom.target.labels)
        np.testing.assert_allclose(sample.target.boxes, phantom.target.boxes, atol=0.01)
        assert (sample.split, sample.view, sample.patient) == (phantom.split, phantom.view, phantom.id)


def test_the_same_settings_write_the_same_data_set(tmp_path):
    assert write_phantoms(CONFIG, tmp_path / "a").fingerprint == write_phantoms(CONFIG, tmp_path / "b").fingerprint
