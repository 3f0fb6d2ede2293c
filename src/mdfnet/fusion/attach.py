"""Attaches clinical fusion to a detector from outside, with forward hooks.

The detector's code and state-dict keys stay as they are. Hooks are bound methods of modules, not closures, so that
``copy.deepcopy`` (an EMA, say) takes the copy's own fusers along.

Shapes: B films, D the width of the clinical vector, C channels, H x W a map, N rows (RoIs of all films), Q queries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mdfnet.detectors.base import Detector

#: What makes a fuser for a map of C channels, and one for a layer of a head.
MapFuser = Callable[[int], nn.Module]
VectorFuser = Callable[[nn.Module], nn.Module]


class Context:
    """What the hooks read while a batch passes: clinical vectors ``[B, D]`` and RoIs per film."""

    z: Tensor | None = None
    rows: list[int] | None = None


class _MapHook(nn.Module):
    """Fuses at a map site, whose output may be a tensor, a dict or list of tensors, or of ``(tensor, mask)`` pairs."""

    def __init__(self, context: Context, fusers: list[nn.Module]):
        super().__init__()
        self.fusers, self.context = nn.ModuleList(fusers), context

    def after(self, module: nn.Module, args: tuple, output):
        if self.context.z is None:
            return None
        fusers = iter(self.fusers)
        if isinstance(output, Tensor):
            return self._fuse(output, fusers)
        if isinstance(output, dict):
            return type(output)((key, self._fuse(value, fusers)) for key, value in output.items())
        return type(output)(self._fuse(value, fusers) for value in output)

    def _fuse(self, value, fusers: Iterator[nn.Module]):
        if isinstance(value, tuple):
            return (next(fusers)(value[0], self.context.z), *value[1:])
        return next(fusers)(value, self.context.z)


class _VectorHook(nn.Module):
    """Fuses at a vector site: puts channels last and lines the clinical rows up with the layer's rows."""

    def __init__(self, context: Context, fuser: nn.Module, per_roi: bool):
        super().__init__()
        self.fuser, self.per_roi, self.context = fuser, per_roi, context

    def count(self, module: nn.Module, args: tuple):
        """Before the RoI pooler: how many boxes each film has."""
        self.context.rows = [len(boxes) for boxes in args[1]]

    def after(self, module: nn.Module, args: tuple, output: Tensor) -> Tensor | None:
        z, x = self.context.z, args[0]
        if z is None:
            return None
        if self.per_roi:  # [N, C]
            rows = torch.as_tensor(self.context.rows, device=z.device)
            return self.fuser(x, output, z.repeat_interleave(rows, 0))
        if isinstance(module, nn.Conv2d):  # [B, C, H, W]
            if x.shape[-2:] != output.shape[-2:]:
                raise ValueError("1-D fusion needs a convolution that keeps the map's size")
            fused = self.fuser(x.movedim(1, -1), output.movedim(1, -1), z[:, None, None])
            return fused.movedim(-1, 1)
        return self.fuser(x, output, z[:, None])  # [..., B, Q, C]


class ClinicalFusion(nn.Module):
    """Fuses clinical data into a detector at its sites while :meth:`of` is entered.

    Args:
        detector: Hooks are put on it; it holds no reference to this module's parameters.
        encoder: ``[B, F]`` values with NaN where missing -> ``[B, D]``.
        map_fuser: Makes the 3-D fuser of a map site, ``(feature [B, C, H, W], z) -> [B, C, H, W]``; None: no 3-D.
        vector_fuser: Makes the 1-D fuser of a vector site, ``(x, layer(x), z) -> like layer(x)``; None: no 1-D.
    """

    def __init__(
        self, detector: Detector, encoder: nn.Module, map_fuser: MapFuser | None, vector_fuser: VectorFuser | None
    ):
        super().__init__()
        self.encoder, self.context = encoder, Context()
        self.maps, self.vectors = nn.ModuleDict(), nn.ModuleDict()
        for site in detector.map_sites if map_fuser else ():
            hook = _MapHook(self.context, [map_fuser(channels) for channels in site.channels])
            detector.get_submodule(site.module).register_forward_hook(hook.after)
            self.maps[_key(site.module)] = hook
        for site in detector.vector_sites if vector_fuser else ():
            layer = detector.get_submodule(site.module)
            hook = _VectorHook(self.context, vector_fuser(layer), site.rois is not None)
            layer.register_forward_hook(hook.after)
            if site.rois:
                detector.get_submodule(site.rois).register_forward_pre_hook(hook.count)
            self.vectors[_key(site.module)] = hook

    @contextmanager
    def of(self, clinical: Tensor) -> Iterator[None]:
        """While entered, the detector sees these patients: ``clinical [B, F]``, one row per film of the batch.

        One batch at a time: a server needs one model per worker, or a lock.
        """
        self.context.z = self.encoder(clinical)
        try:
            yield
        finally:
            self.context.z = self.context.rows = None


def _key(module: str) -> str:
    """A module's name as a key of a ModuleDict, which may not hold dots."""
    return module.replace(".", "/")
