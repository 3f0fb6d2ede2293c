"""Attaches clinical fusion to a detector from outside, with forward hooks.

The detector's code and state-dict keys stay as they are. Hooks are bound methods of modules, not closures, so that
``copy.deepcopy`` (an EMA, say) takes the copy's own fusers along.

Shapes: B images, D the width of the clinical vector, C channels, H x W a map, N rows (RoIs of all images), Q queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from mdfnet.models.detectors.base import Detector, MapSite, VectorSite, maps_of
from mdfnet.models.fusion.encoder import Encoder, Patients
from mdfnet.models.fusion.maps import MapFuser
from mdfnet.models.fusion.vectors import VectorFuser


class Context:
    """What the hooks read while a batch passes: the encoded records, and RoIs per image."""

    patients: Patients | None = None
    rows: list[int] | None = None


class _MapHook(nn.Module):
    """Fuses at a map site, whose output may be a tensor, a dict or list of tensors, or of ``(tensor, mask)`` pairs."""

    def __init__(self, context: Context, fuser: MapFuser):
        super().__init__()
        self.fuser, self.context = fuser, context

    def after(self, module: nn.Module, args: Any, output: Any) -> Any:
        if (patients := self.context.patients) is None:
            return None
        plain = list(maps_of(output))
        return _with_maps(output, map(patients.where_known, self.fuser(plain, patients), plain))


def _with_maps(output: Any, maps: Iterator[Tensor]) -> Any:
    """An output with other maps in their places."""
    if isinstance(output, Tensor):
        return next(maps)
    if isinstance(output, dict):
        return type(output)((key, _with_map(value, maps)) for key, value in output.items())
    return type(output)(_with_map(value, maps) for value in output)


def _with_map(value: Any, maps: Iterator[Tensor]) -> Any:
    return (next(maps), *value[1:]) if isinstance(value, tuple) else next(maps)


class _VectorHook(nn.Module):
    """Fuses at a vector site: puts channels last and lines the clinical rows up with the layer's rows."""

    def __init__(self, context: Context, fuser: VectorFuser, per_roi: bool):
        super().__init__()
        self.fuser, self.per_roi, self.context = fuser, per_roi, context

    def count(self, module: nn.Module, args: Any) -> None:
        """Before the RoI pooler: how many boxes each image has."""
        self.context.rows = [len(boxes) for boxes in args[1]]

    def after(self, module: nn.Module, args: Any, output: Tensor) -> Tensor | None:
        if (patients := self.context.patients) is None:
            return None
        z, x = patients.vector, args[0]
        if self.per_roi:  # [N, C]
            rows = torch.as_tensor(self.context.rows, device=z.device)
            return patients.where_known(self.fuser(x, output, z.repeat_interleave(rows, 0)), output, rows)
        if isinstance(module, nn.Conv2d):  # [B, C, H, W]
            if x.shape[-2:] != output.shape[-2:]:
                raise ValueError("1-D fusion needs a convolution that keeps the map's size")
            fused = self.fuser(x.movedim(1, -1), output.movedim(1, -1), z[:, None, None])
            return patients.where_known(fused.movedim(-1, 1), output)
        return patients.where_known(self.fuser(x, output, z[:, None]), output, axis=-3)  # [..., B, Q, C]


class ModalityDropout(nn.Module):
    """In training, drops shares of records and of values at random, so that one model serves with all, some or none."""

    def __init__(self, records: float, values: float):
        super().__init__()
        self.records, self.values = records, values

    def forward(self, clinical: Tensor) -> Tensor:
        if not self.training:
            return clinical
        records = torch.rand(len(clinical), 1, device=clinical.device) < self.records
        values = torch.rand(clinical.shape, device=clinical.device) < self.values
        return clinical.masked_fill(records | values, torch.nan)


class ClinicalFusion(nn.Module):
    """Fuses clinical data into a detector at its sites while :meth:`of` is entered.

    Args:
        detector: Hooks are put on it; it holds no reference to this module's parameters.
        encoder: ``[B, F]`` values with NaN where missing -> :class:`~mdfnet.models.fusion.encoder.Patients`.
        modality_dropout: Drops values in training.
        maps: 3-D fusers by the site they fuse at, see :mod:`mdfnet.models.fusion.maps`.
        vectors: 1-D fusers by the site they fuse at, see :mod:`mdfnet.models.fusion.vectors`.
        silent: Fuse nothing into images without any record: the detector is then bit by bit the plain one.
    """

    def __init__(
        self,
        detector: Detector,
        encoder: Encoder,
        modality_dropout: nn.Module,
        maps: Mapping[MapSite, MapFuser],
        vectors: Mapping[VectorSite, VectorFuser],
        *,
        silent: bool = False,
    ):
        super().__init__()
        self.encoder: Encoder
        self.encoder, self.modality_dropout, self.context, self.silent = encoder, modality_dropout, Context(), silent
        self.maps, self.vectors = nn.ModuleDict(), nn.ModuleDict()
        for place, map_fuser in maps.items():
            on_maps = _MapHook(self.context, map_fuser)
            detector.get_submodule(place.module).register_forward_hook(on_maps.after)
            self.maps[_key(place.module)] = on_maps
        for site, fuser in vectors.items():
            on_rows = _VectorHook(self.context, fuser, site.rois is not None)
            detector.get_submodule(site.module).register_forward_hook(on_rows.after)
            if site.rois:
                detector.get_submodule(site.rois).register_forward_pre_hook(on_rows.count)
            self.vectors[_key(site.module)] = on_rows

    def vector_fuser(self, module: str) -> nn.Module | None:
        """The 1-D fuser at a layer of the detector, if there is one."""
        key = _key(module)
        return self.vectors[key].get_submodule("fuser") if key in self.vectors else None

    @contextmanager
    def of(self, clinical: Tensor) -> Iterator[None]:
        """While entered, the detector sees these patients: ``clinical [B, F]``, one row per image of the batch.

        One batch at a time: a server needs one model per worker, or a lock.
        """
        shown = self.modality_dropout(clinical)
        patients, known = self.encoder(shown), ~shown.isnan().all(1)
        self.context.patients = replace(patients, has_record=known) if self.silent and not known.all() else patients
        try:
            yield
        finally:
            self.context.patients = self.context.rows = None


def _key(module: str) -> str:
    """A module's name as a key of a ModuleDict, which may not hold dots."""
    return module.replace(".", "/")
