"""MDF-Net: detect findings on chest X-rays with the image and the patient's clinical data.

Research use only. Not a medical device.
"""

from __future__ import annotations

from importlib import import_module

#: Where each public name lives. They are imported when first used, so that ``import mdfnet`` costs nothing.
_HOMES = {
    "CategoryFeature": "clinical.schema",
    "Classes": "core.types",
    "Config": "models.config",
    "Dataset": "data.dataset",
    "Detections": "core.types",
    "Feature": "clinical.schema",
    "Model": "models.model",
    "NumberFeature": "clinical.schema",
    "PAPER_CLASSES": "core.types",
    "RecordUse": "core.types",
    "Schema": "clinical.schema",
    "Sample": "core.types",
    "Target": "core.types",
    "UserError": "core.errors",
    "build": "models.model",
    "evaluate": "metrics.evaluation",
    "load": "models.load",
    "load_config": "models.config",
    "read_dataset": "data.dataset_folder",
    "read_image": "data.images.read",
    "train": "training.train",
    "write_dataset": "data.dataset_folder",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'mdfnet' has no attribute {name!r}")
    return getattr(import_module(f"mdfnet.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
