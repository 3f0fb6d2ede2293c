"""MDF-Net: detect findings on chest X-rays with the film and the patient's clinical data.

Research use only. Not a medical device.
"""

from __future__ import annotations

from importlib import import_module

#: Where each public name lives. They are imported when first used, so that ``import mdfnet`` costs nothing.
_HOMES = {
    "Classes": "types",
    "Config": "config",
    "Dataset": "data.dataset",
    "Detections": "types",
    "Feature": "clinical.schema",
    "Model": "model",
    "PAPER_CLASSES": "types",
    "RecordUse": "types",
    "Schema": "clinical.schema",
    "Study": "types",
    "Target": "types",
    "UserError": "errors",
    "build": "model",
    "evaluate": "metrics.evaluation",
    "load": "checkpoint",
    "load_config": "config",
    "read_dataset": "data.dataset",
    "read_film": "data.images",
    "train": "training.train",
    "write_dataset": "data.dataset",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'mdfnet' has no attribute {name!r}")
    return getattr(import_module(f"mdfnet.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
