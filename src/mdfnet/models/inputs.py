"""What a model is given, checked: what is not an image or a target, or could be misread, never passes silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mdfnet.clinical.records import RecordResult
from mdfnet.core.types import Target

WHITE = {torch.uint8: 255, torch.uint16: 65535}  #: Integer types whose largest value is white
ROUNDING = 1e-3  #: Rounding, as resizing leaves it, that is not taken for another scale

FORM = "[1 or 3, height, width]"


def as_images(images: Sequence[Tensor] | Tensor, like: Tensor) -> list[Tensor]:
    """Images ``[1 or 3, H, W]`` in [0, 1] of the type and on the device of another tensor.

    uint8 and uint16 are divided by their largest value; a tensor ``[B, 1 or 3, H, W]`` is a list of B images.

    Raises:
        TypeError: They are no list of tensors, or integers of which nobody knows what is white.
        ValueError: There are none, or an image has another shape or values outside of [0, 1]; the message says what to
            do.

    Examples:
        >>> (image,) = as_images([torch.full((1, 2, 2), 255, dtype=torch.uint8)], torch.zeros(()))
        >>> image.max().item()
        1.0
    """
    if isinstance(images, Tensor) and images.ndim == 4:
        images = list(images)
    if not isinstance(images, Sequence) or isinstance(images, str):
        shape = f" {list(images.shape)}" if isinstance(images, Tensor) else ""
        raise TypeError(f"images is a {type(images).__name__}{shape}, not a list of tensors {FORM}; write [image]")
    if not len(images):
        raise ValueError("there are no images")
    return [_as_image(image, f"image {number}", like) for number, image in enumerate(images, 1)]


def _as_image(image: object, name: str, like: Tensor) -> Tensor:
    if not isinstance(image, Tensor):
        fix = "mdfnet.image_tensor makes one of what mdfnet.read_image gives"
        raise TypeError(f"{name} is a {type(image).__name__}, not a tensor {FORM}; {fix}")
    if image.ndim != 3 or image.shape[0] not in (1, 3) or not image.numel():
        fix = "; add the channel: image[None]" if image.ndim == 2 else ""
        if image.ndim == 3 and image.shape[-1] in (1, 3):
            fix = "; channels come first: image.permute(2, 0, 1)"
        raise ValueError(f"{name} is {list(image.shape)}, not {FORM}{fix}")
    if image.dtype in WHITE:
        return image.to(like) / WHITE[image.dtype]
    if not image.is_floating_point():
        raise TypeError(f"{name} is {image.dtype}; give uint8, uint16, or floats in [0, 1]")
    low, high = (end.item() for end in torch.aminmax(image))
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        fix = "give gray values as they are: the model normalizes them itself" if low < 0 else "give uint8, or divide"
        what = "holds NaN" if low != low else f"has values from {low:g} to {high:g}, not in [0, 1]; {fix}"
        raise ValueError(f"{name} {what}")
    return image.to(like)


def checked_targets(
    targets: Sequence[Mapping[str, Tensor]] | None, sizes: Sequence[tuple[int, int]], classes: int
) -> list[dict[str, Tensor]]:
    """Targets that can be those of images of these widths and heights: boxes float32, labels int64.

    Raises:
        TypeError: They are no list of dicts of tensors, or labels are no integers.
        ValueError: There is not one per image, or one lacks something, or has another shape, label or box than it may.

    Examples:
        >>> given = {"boxes": torch.tensor([[2, 3, 8, 9]]), "labels": torch.tensor([1], dtype=torch.uint8)}
        >>> (target,) = checked_targets([given], [(10, 10)], classes=5)
        >>> target["boxes"].dtype, target["labels"].dtype
        (torch.float32, torch.int64)
    """
    if targets is None:
        raise ValueError("in training mode a model needs targets; for detections call model.eval() first")
    if not isinstance(targets, Tensor) and any(isinstance(target, Target) for target in targets):
        fix = '{"boxes": torch.from_numpy(target.boxes), "labels": torch.from_numpy(target.labels)}'
        raise TypeError(f"targets holds mdfnet.Target objects; give a dict of tensors per image: {fix}")
    if isinstance(targets, Tensor | Mapping) or not all(isinstance(target, Mapping) for target in targets):
        raise TypeError(
            "targets is not a list of dicts with boxes and labels; records are the third argument, clinical"
        )
    if len(targets) != len(sizes):
        raise ValueError(f"{len(targets)} targets for {len(sizes)} images")
    ready = [
        _as_target(target, f"target {i}", size) for i, (target, size) in enumerate(zip(targets, sizes, strict=True), 1)
    ]
    labels = torch.cat([target["labels"].cpu() for target in ready])
    if len(labels) and not (labels.min() >= 1 and labels.max() <= classes):
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}, not from 1 to {classes}; 0 is background")
    return ready


def _as_target(target: Mapping[str, Tensor], name: str, size: tuple[int, int]) -> dict[str, Tensor]:
    if missing := {"boxes", "labels"} - target.keys():
        raise ValueError(f"{name} has no {' and no '.join(sorted(missing))}")
    for key in ("boxes", "labels", "masks"):
        value = target.get(key)
        if not (isinstance(value, Tensor) or (key == "masks" and value is None)):
            raise TypeError(f"{name} has {key} as a {type(value).__name__}; give torch tensors: torch.as_tensor({key})")
    boxes, labels = target["boxes"], target["labels"]
    if labels.ndim != 1 or boxes.shape != (len(labels), 4):
        shapes = f"boxes {list(boxes.shape)} and labels {list(labels.shape)}"
        raise ValueError(f"{name} has {shapes}, not [N, 4] and [N]")
    if len(labels) and (labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex()):
        raise TypeError(f"{name} has labels of {labels.dtype}, not whole numbers; give int64")
    if boxes.dtype == torch.bool or boxes.is_complex():
        raise TypeError(f"{name} has boxes of {boxes.dtype}; give float32")
    boxes = boxes.to(torch.float32)
    _check_boxes(boxes.detach().cpu(), name, size)
    return {**target, "boxes": boxes, "labels": labels.to(torch.int64)}


def _check_boxes(boxes: Tensor, name: str, size: tuple[int, int]) -> None:
    """Boxes that mean something on an image of this width and height; the message names the first that does not."""
    limit = boxes.new_tensor(size)
    wrong = {
        "is not finite": ~boxes.isfinite().all(1),
        "has no area; boxes are x1, y1, x2, y2": ~(boxes[:, 2:] > boxes[:, :2]).all(1),
        f"lies outside the image of {size[0]} x {size[1]} pixels": ((boxes[:, 2:] <= 0) | (boxes[:, :2] >= limit)).any(
            1
        ),
    }
    for what, rows in wrong.items():
        if rows.any():
            row = int(rows.nonzero()[0])
            corners = ", ".join(f"{corner:g}" for corner in boxes[row].tolist())
            raise ValueError(f"{name}, row {row}: box {corners} {what}")
    if len(boxes) and min(size) > 2 and boxes.min() >= 0 and boxes.max() <= 1:
        raise ValueError(f"{name}: its boxes lie within [0, 1] and look normalized; give pixels")


def as_records(clinical: Sequence[Any]) -> Tensor | Sequence[Mapping[str, Any] | RecordResult | None]:
    """A list of records as it is; rows of numbers, image by image, as one tensor ``[B, F]``.

    Raises:
        TypeError: It is neither.

    Examples:
        >>> as_records((torch.tensor([61.0, 1]), torch.tensor([48.0, 0]))).shape
        torch.Size([2, 2])
    """
    if isinstance(clinical, list | tuple):
        if all(one is None or isinstance(one, Mapping | RecordResult) for one in clinical):
            return clinical
        if all(isinstance(one, Tensor | np.ndarray | list | tuple) for one in clinical):
            try:
                rows = [torch.as_tensor(one).to("cpu", torch.float32) for one in clinical]
            except (TypeError, ValueError, RuntimeError):
                rows = []
            if rows and {row.shape for row in rows} == {rows[0].shape} and rows[0].ndim == 1:
                return torch.stack(rows)
    kind = f"a {type(clinical).__name__}"
    if isinstance(clinical, list | tuple):
        kind += f" of {', '.join(sorted({type(one).__name__ for one in clinical}))}"
    raise TypeError(
        f"clinical is {kind} that is neither records nor rows of one length; give [B, F] or a list of records"
    )


def are_records(targets: object) -> bool:
    """Whether what was given for targets is clinical data: a tensor, an array, or named values.

    Examples:
        >>> are_records([{"age": 61}, None]), are_records([{"boxes": torch.zeros(0, 4)}]), are_records(None)
        (True, False, False)
    """
    if isinstance(targets, list | tuple):
        rows = any(isinstance(one, Tensor | np.ndarray) for one in targets)
        return rows or any(isinstance(one, Mapping) and one and "boxes" not in one for one in targets)
    return targets is not None
