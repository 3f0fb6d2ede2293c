import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

import mdfnet
from mdfnet.core.errors import UserError
from mdfnet.core.types import Target
from mdfnet.data.torch_dataset import DetectionDataset
from mdfnet.models.preprocessing import image_tensor


def test_items_are_what_the_folder_holds(tiny_dataset):
    written = tiny_dataset()
    items = DetectionDataset(written.folder, split="val")
    assert len(items) == len(written.split("val"))
    assert items.classes == written.classes and items.schema == written.schema
    for sample, (image, target, clinical) in zip(written.split("val"), items, strict=True):
        stored = np.asarray(Image.open(sample.image))
        assert image.dtype == torch.float32 and image.shape == (1, *stored.shape)
        torch.testing.assert_close(image[0], torch.from_numpy(stored / np.float32(255)), rtol=0, atol=1e-7)
        torch.testing.assert_close(image, image_tensor(stored), rtol=0, atol=0)
        np.testing.assert_array_equal(target["boxes"], sample.target.boxes)
        np.testing.assert_array_equal(target["labels"], sample.target.labels)
        assert target["labels"].dtype == torch.int64 and set(target) == {"boxes", "labels", "image_id"}
        assert items.samples[target["image_id"]].id == sample.id
        np.testing.assert_array_equal(clinical, sample.clinical)  # NaN where NaN


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_what_the_model_takes(tiny_dataset, workers):
    written = tiny_dataset(schema="mimic-ed")
    items = mdfnet.DetectionDataset(written, split=None)
    loader = DataLoader(items, batch_size=2, num_workers=workers, collate_fn=items.collate_fn)
    batches = list(loader)
    assert len(batches) == len(written) / 2
    ids = [int(target["image_id"]) for _, targets, _ in batches for target in targets]
    assert ids == list(range(len(written)))
    clinical = torch.cat([values for _, _, values in batches])
    np.testing.assert_array_equal(clinical, np.stack([sample.clinical for sample in written.samples]))
    assert clinical.isnan().any()
    images, targets, clinical = batches[0]
    model = mdfnet.build("tiny", classes=items.classes, schema=items.schema, size=64)
    losses = model.train()(images, targets, clinical)
    assert losses and all(value.isfinite() for value in losses.values())
    assert len(model.eval()(images, targets, clinical)) == 2


def test_images_of_several_sizes_go_into_one_batch(tiny_dataset):
    small, large = (DetectionDataset(tiny_dataset(size=size, folder=f"of{size}"), None) for size in (48, 64))
    images, targets, clinical = mdfnet.collate([small[0], large[1]])
    sizes = [(sample.height, sample.width) for sample in (small.samples[0], large.samples[1])]
    assert [tuple(image.shape[1:]) for image in images] == sizes and sizes[0] != sizes[1]
    assert len(targets) == 2 and clinical.shape == (2, len(small.schema))


def test_an_image_without_findings_has_zero_rows(tiny_dataset):
    items = DetectionDataset(tiny_dataset(), split=None, masks=True)
    (empty, *_) = (target for _, target, _ in items if not len(target["labels"]))
    assert empty["boxes"].shape == (0, 4) and empty["boxes"].dtype == torch.float32
    assert empty["labels"].shape == (0,) and empty["labels"].dtype == torch.int64
    assert empty["masks"].shape[0] == 0 and empty["masks"].ndim == 3 and empty["masks"].dtype == torch.uint8


def test_masks_are_the_outlines_and_ellipses_where_only_boxes_are_known(tiny_dataset, tmp_path):
    written = tiny_dataset()
    square = np.array([[10, 20], [20, 20], [20, 50], [10, 50]], np.float32)
    target = Target.of([[10, 20, 20, 50], [30, 0, 50, 40]], [1, 2], [square, None])
    path = tmp_path / "wide.png"
    Image.fromarray(np.zeros((60, 100), np.uint8)).save(path)
    sample = replace(written.samples[0], image=path, width=100, height=60, target=target)
    (_, found, _) = DetectionDataset(replace(written, samples=(sample,)), split=None, masks=True)[0]
    outlined, elliptic = found["masks"]
    assert found["masks"].shape == (2, 60, 100)
    assert outlined[20:50, 10:20].all() and int(outlined.sum()) == pytest.approx(11 * 31, rel=0.1)
    assert int(elliptic.sum()) == pytest.approx(np.pi * 10 * 20, rel=0.1) and elliptic[20, 40] == 1


def test_what_is_written_into_an_item_stays_out_of_the_dataset(tiny_dataset):
    items = DetectionDataset(tiny_dataset(), split=None)
    _, target, clinical = items[1]
    target["boxes"].zero_()
    clinical.zero_()
    assert items[1][1]["boxes"].any() and items[1][2].any()


def test_a_negative_index_has_the_id_of_its_image(tiny_dataset):
    items = DetectionDataset(tiny_dataset(), split=None)
    assert items[-1][1]["image_id"] == len(items) - 1


def test_evaluate_takes_it_with_its_split(tiny_dataset):
    written = tiny_dataset(schema="mimic-ed")
    model = mdfnet.build("tiny", classes=written.classes, schema=written.schema, size=64)
    scored = mdfnet.evaluate(model, DetectionDataset(written, split="train"))
    assert [sample.id for sample in scored.samples] == [sample.id for sample in written.split("train")]
    items = DetectionDataset(written, split=None)
    assert len(mdfnet.evaluate(model, items, "val").samples) == len(written.split("val"))
    with pytest.raises(TypeError, match="of all splits; say which"):
        mdfnet.evaluate(model, items)
    with pytest.raises(TypeError, match=r"a list; give mdfnet\.read_dataset\(folder\)"):
        mdfnet.evaluate(model, list(items))


def test_mistakes_are_the_users_errors(tiny_dataset, tmp_path):
    written = tiny_dataset()
    with pytest.raises(UserError, match="no such folder"):
        DetectionDataset(tmp_path / "nowhere")
    with pytest.raises(UserError, match="unknown split 'validation'; known are: train, val, test"):
        DetectionDataset(written, split="validation")
    items = DetectionDataset(written, split=None)
    for index in (len(written), -len(written) - 1):
        with pytest.raises(IndexError):
            items[index]
    with pytest.raises(TypeError, match=r"one image; for several write torch\.utils\.data\.Subset"):
        items[:2]
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(written.samples[0].image)
    with pytest.raises(UserError, match=r"tiny/images/.*: the image has 9 x 8 pixels, its annotations are for"):
        DetectionDataset(written, split=None)[0]


def test_the_rest_of_the_room_needs_no_torch():
    root = Path(mdfnet.__file__).parent
    files = [path.relative_to(root.parent) for path in sorted((root / "data").rglob("*.py"))]
    modules = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]
    code = f"""
import importlib, sys
for module in {[name for name in modules if not name.endswith("torch_dataset")]}:
    importlib.import_module(module)
    assert "torch" not in sys.modules, f"{{module}} imports torch"
"""
    subprocess.run([sys.executable, "-c", code], check=True, text=True)
