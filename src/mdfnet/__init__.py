"""MDF-Net: detect findings on chest X-rays with the image and the patient's clinical data.

Research use only. Not a medical device.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers; tests/test_public_names.py compares with _HOMES
    from mdfnet.clinical.schema import CategoryFeature as CategoryFeature
    from mdfnet.clinical.schema import Feature as Feature
    from mdfnet.clinical.schema import NumberFeature as NumberFeature
    from mdfnet.clinical.schema import Schema as Schema
    from mdfnet.core.errors import UserError as UserError
    from mdfnet.core.types import PAPER_CLASSES as PAPER_CLASSES
    from mdfnet.core.types import Classes as Classes
    from mdfnet.core.types import Detections as Detections
    from mdfnet.core.types import RecordUse as RecordUse
    from mdfnet.core.types import Sample as Sample
    from mdfnet.core.types import Target as Target
    from mdfnet.data.dataset import Dataset as Dataset
    from mdfnet.data.dataset_folder import read_dataset as read_dataset
    from mdfnet.data.dataset_folder import write_dataset as write_dataset
    from mdfnet.data.images.read import read_image as read_image
    from mdfnet.data.torch_dataset import DetectionDataset as DetectionDataset
    from mdfnet.data.torch_dataset import collate as collate
    from mdfnet.evaluation.evaluate import evaluate as evaluate
    from mdfnet.metrics.evaluation import score_detections as score_detections
    from mdfnet.models.config import Config as Config
    from mdfnet.models.config import load_config as load_config
    from mdfnet.models.load import load as load
    from mdfnet.models.model import Model as Model
    from mdfnet.models.model import build as build
    from mdfnet.models.preprocessing import image_tensor as image_tensor
    from mdfnet.training.train import train as train

    __version__: str

#: Where each public name lives. They are imported when first used, so that ``import mdfnet`` costs nothing.
_HOMES = {
    "CategoryFeature": "clinical.schema",
    "Classes": "core.types",
    "Config": "models.config",
    "Dataset": "data.dataset",
    "DetectionDataset": "data.torch_dataset",
    "Detections": "core.types",
    "Feature": "clinical.schema",
    "Model": "models.model",
    "NumberFeature": "clinical.schema",
    "PAPER_CLASSES": "core.types",
    "RecordUse": "core.types",
    "Sample": "core.types",
    "Schema": "clinical.schema",
    "Target": "core.types",
    "UserError": "core.errors",
    "build": "models.model",
    "collate": "data.torch_dataset",
    "evaluate": "evaluation.evaluate",
    "image_tensor": "models.preprocessing",
    "load": "models.load",
    "load_config": "models.config",
    "read_dataset": "data.dataset_folder",
    "read_image": "data.images.read",
    "score_detections": "metrics.evaluation",
    "train": "training.train",
    "write_dataset": "data.dataset_folder",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("mdfnet")
    if name not in _HOMES:
        raise AttributeError(f"module 'mdfnet' has no attribute {name!r}")
    return getattr(import_module(f"mdfnet.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
