"""From an image of any size to the network's square input, and boxes there and back.

The same object serves training, evaluation and prediction; its name and version are stored with every model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.outlines import masks_of
from mdfnet.core.settings import InputConfig
from mdfnet.core.types import Detections
from mdfnet.data.images.intensity import AS_IS, Intensity, checked_intensity
from mdfnet.data.images.read import unit_range
from mdfnet.models.detectors.settings import Outline

Values = TypeVar("Values", Array, Tensor)  #: Coordinates, as an array or as a tensor


def image_tensor(image: Array) -> Tensor:
    """An image as :func:`mdfnet.read_image` gives it, uint8 or uint16 ``[H, W]`` -> float32 ``[1, H, W]`` in [0, 1].

    Raises:
        ValueError: It is another array.

    Examples:
        >>> image_tensor(np.full((2, 2), 255, np.uint8)).max().item()
        1.0
    """
    if image.dtype not in (np.uint8, np.uint16) or image.ndim != 2:
        raise ValueError(f"an image is uint8 or uint16 [H, W], got {image.dtype} {list(image.shape)}")
    return torch.from_numpy(unit_range(image))[None]


@dataclass(frozen=True)
class Geometry:
    """Where an image lies in the network's input: ``network = image * scale + offset``, per axis.

    Examples:
        >>> geometry = Geometry.letterbox(width=100, height=50, size=64)
        >>> geometry.to_network(np.array([[0, 0, 100, 50]])).tolist()
        [[0.0, 16.0, 64.0, 48.0]]
        >>> geometry.to_image(geometry.to_network(np.array([[10, 5, 20, 30]]))).round(6).tolist()
        [[10.0, 5.0, 20.0, 30.0]]
    """

    #: Size of the image in pixels
    width: int
    height: int
    scale: tuple[float, float]  #: Network pixels per image pixel, (x, y)
    offset: tuple[int, int]  #: Network position of the image's top-left corner, (x, y)

    @classmethod
    def letterbox(cls, width: int, height: int, size: int) -> Geometry:
        """Keep the aspect ratio, center, fill the rest with black."""
        scale = size / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        offset = (size - inner[0]) // 2, (size - inner[1]) // 2
        return cls(width, height, (inner[0] / width, inner[1] / height), offset)

    @classmethod
    def squash(cls, width: int, height: int, size: int) -> Geometry:
        """Stretch both axes to the square, as the paper does."""
        return cls(width, height, (size / width, size / height), (0, 0))

    def to_network(self, boxes: Values) -> Values:
        """Boxes ``[N, 4]`` (or points ``[N, 2]``) in image pixels -> the same in network pixels."""
        scale, offset = self._affine(boxes)
        return boxes * scale + offset

    def to_image(self, boxes: Values) -> Values:
        """Boxes ``[N, 4]`` (or points ``[N, 2]``) in network pixels -> the same in image pixels."""
        scale, offset = self._affine(boxes)
        return (boxes - offset) / scale

    def clipped_to_image(self, boxes: Tensor) -> Tensor:
        """Boxes ``[..., 4]`` in network pixels -> image pixels, clipped to the image; without area if in the padding.

        Examples:
            >>> Geometry.letterbox(100, 50, 64).clipped_to_image(torch.tensor([0.0, 0, 32, 32])).tolist()
            [0.0, 0.0, 50.0, 25.0]
        """
        limit = boxes.new_tensor([self.width, self.height] * 2)
        return self.to_image(boxes).clamp(min=0).minimum(limit)

    def _affine(self, like: Values) -> tuple[Values, Values]:
        repeats = like.shape[-1] // 2
        if isinstance(like, Tensor):
            return like.new_tensor(self.scale * repeats), like.new_tensor(self.offset * repeats)
        return np.asarray(self.scale * repeats), np.asarray(self.offset * repeats)

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of the image inside the network's input, pixels."""
        return round(self.width * self.scale[0]), round(self.height * self.scale[1])


@dataclass(frozen=True)
class Preprocessing:
    """Resizes images to the network's input. Intensities stay as read, in [0, 1].

    Examples:
        >>> image, geometry = Preprocessing(InputConfig(size=64))(torch.rand(1, 50, 100))
        >>> tuple(image.shape), geometry.inner
        ((1, 64, 64), (64, 32))
    """

    input: InputConfig  #: Size, fit and channels
    #: The recipe that training images went through from DICOM, and that later ones are read by
    intensity: Intensity = AS_IS

    #: Stored with every model; the version rises whenever the same image would give other pixels.
    name = "gray"
    version = 1

    @classmethod
    def of_card(cls, input: InputConfig, card: Mapping[str, Any]) -> Preprocessing:
        """What `card` has described.

        Examples:
            >>> Preprocessing.of_card(InputConfig(), {"name": "gray", "version": 1}).intensity
            'as-is'
        """
        made = cls(input, checked_intensity(card.get("intensity", AS_IS)))
        if {"intensity": made.intensity, **card} != made.card():
            raise UserError(f"made with preprocessing {dict(card)}, this mdfnet has {made.card()}")
        return made

    def card(self) -> dict[str, Any]:
        """Name, version and intensity recipe, as a saved model keeps them."""
        return {"name": self.name, "version": self.version, "intensity": self.intensity}

    def geometry(self, width: int, height: int) -> Geometry:
        """Where an image of this size will lie."""
        place = Geometry.letterbox if self.input.fit == "letterbox" else Geometry.squash
        return place(width, height, self.input.size)

    def __call__(self, image: Tensor) -> tuple[Tensor, Geometry]:
        """Resize one image, float ``[1 or 3, H, W]`` in [0, 1].

        Gives ``[channels, size, size]`` in [0, 1], and where the image lies in it. Another shape or type is a
        ValueError.
        """
        if image.ndim != 3 or image.shape[0] not in (1, 3) or not image.is_floating_point():
            raise ValueError(f"an image is float [1 or 3, H, W] in [0, 1], got {image.dtype} {list(image.shape)}")
        size, (_, height, width) = self.input.size, image.shape
        geometry = self.geometry(width, height)
        if (height, width) != (size, size):
            inner = geometry.inner
            # The paper's resize has no antialiasing; a letterbox from 3,000 pixels needs it.
            antialias = self.input.fit == "letterbox"
            image = F.interpolate(image[None], inner[::-1], mode="bilinear", antialias=antialias)[0].clamp(0, 1)
            left, top = geometry.offset
            image = F.pad(image, (left, size - inner[0] - left, top, size - inner[1] - top))
        return self._channels(image), geometry

    def target(
        self, target: Mapping[str, Tensor], geometry: Geometry, outlines: Outline | None, batch: Tensor
    ) -> dict[str, Tensor]:
        """A target in image pixels -> in network pixels, of the batch's type and on its device.

        With ``outlines`` it has masks, uint8 ``[N, size, size]``: those given, else that shape in each box.
        """
        boxes = geometry.to_network(target["boxes"].to(batch))
        ready = {"boxes": boxes, "labels": target["labels"].to(batch.device)}
        if outlines is not None:
            masks, size = target.get("masks"), self.input.size
            if masks is None:
                ready["masks"] = masks_of(boxes, size, outlines)
            elif len(masks):
                small = [self(mask[None].to(batch))[0][0] for mask in masks]
                ready["masks"] = torch.stack(small).gt(0.5).to(torch.uint8)
            else:
                ready["masks"] = torch.zeros(0, size, size, dtype=torch.uint8, device=batch.device)
        return ready

    def _channels(self, image: Tensor) -> Tensor:
        if image.shape[0] == self.input.channels:
            return image
        return image.mean(0, keepdim=True) if self.input.channels == 1 else image.expand(3, -1, -1)


def to_image(found: Detections, geometry: Geometry) -> Detections:
    """Detections in network pixels -> in those of the image, clipped to it; what lay in the padding is dropped."""
    boxes = geometry.clipped_to_image(found.boxes)
    keep = (boxes[:, 2:] > boxes[:, :2]).all(1)
    masks = None if found.masks is None else _masks_to_image(found.masks[keep], geometry)
    return Detections(boxes[keep], found.labels[keep], found.scores[keep], masks)


def _masks_to_image(masks: Tensor, geometry: Geometry) -> Tensor:
    (left, top), (width, height) = geometry.offset, geometry.inner
    inner = masks[None, :, top : top + height, left : left + width]
    if not len(masks) or (height, width) == (geometry.height, geometry.width):
        return inner[0] if len(masks) else masks.new_zeros(0, geometry.height, geometry.width)
    return F.interpolate(inner, (geometry.height, geometry.width), mode="bilinear")[0]
