"""Outlines of findings: ellipses as readers draw them, polygons, and the masks a mask head learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from mdfnet.core.arrays import Array, Floats, Ints
from mdfnet.core.types import Target

if TYPE_CHECKING:
    from torch import Tensor


def ellipse(box: ArrayLike, points: int = 32) -> Floats:
    """Outline of the ellipse inscribed in a box: ``[4]`` xyxy -> float32 ``[points, 2]``.

    REFLACX readers draw axis-aligned ellipses, stored as their extents (Bigolin Lanfredi et al., 2022).

    Examples:
        >>> outline = ellipse(np.array([0, 0, 10, 20]), points=4)
        >>> np.allclose(outline, [[10, 10], [5, 20], [0, 10], [5, 0]], atol=1e-5)
        True
    """
    x1, y1, x2, y2 = np.asarray(box, np.float64)
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    x, y = (x1 + x2) / 2 + (x2 - x1) / 2 * np.cos(angle), (y1 + y2) / 2 + (y2 - y1) / 2 * np.sin(angle)
    return np.stack([x, y], 1).astype(np.float32)


def extents(outline: Array) -> Floats:
    """Box ``[4]`` around an outline ``[P, 2]``.

    Examples:
        >>> extents(np.array([[1, 5], [3, 2]])).tolist()
        [1.0, 2.0, 3.0, 5.0]
    """
    return np.concatenate([outline.min(0), outline.max(0)]).astype(np.float32)


def masks_of(boxes: Tensor, size: int, shape: str) -> Tensor:
    """Masks where only boxes are known: the inscribed ellipses, or the boxes themselves ("rectangle", the paper).

    Boxes ``[N, 4]`` in pixels give uint8 ``[N, size, size]``; a pixel belongs to the shape if its center does.

    Examples:
        >>> import torch
        >>> masks_of(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), 4, "rectangle").sum().item()
        16
        >>> masks_of(torch.tensor([[0.0, 0.0, 4.0, 4.0]]), 4, "ellipse").sum().item()
        12
    """
    import torch  # here alone: importers use this module, and need no torch

    center = torch.arange(size, device=boxes.device) + 0.5
    middle, radius = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-6) / 2
    x = ((center - middle[:, :1]) / radius[:, :1]).abs()[:, None, :]
    y = ((center - middle[:, 1:]) / radius[:, 1:]).abs()[:, :, None]
    inside = (x**2 + y**2 <= 1) if shape == "ellipse" else (x <= 1) & (y <= 1)
    return inside.to(torch.uint8)


def outline_masks(target: Target, width: int, height: int) -> Ints:
    """Masks ``uint8 [N, height, width]`` of a target's outlines, or of inscribed ellipses where only boxes are known.

    Examples:
        >>> outline_masks(Target.of([[0, 0, 8, 8]], [1]), width=8, height=10).shape
        (1, 10, 8)
    """
    masks = np.zeros((len(target), height, width), np.uint8)
    for i, (box, polygon) in enumerate(zip(target.boxes, target.polygons, strict=True)):
        canvas = Image.new("L", (width, height))
        points = ellipse(box) if polygon is None else polygon
        ImageDraw.Draw(canvas).polygon([(float(x), float(y)) for x, y in points - 0.5], fill=1)
        masks[i] = np.asarray(canvas)
    return masks
