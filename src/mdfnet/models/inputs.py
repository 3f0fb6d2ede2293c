"""What a model is given, checked: what is not an image or a target, or could be misread, never passes silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

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
    targets: Sequence[Mapping[str, Tensor]] | None, images: int, classes: int
) -> Sequence[Mapping[str, Tensor]]:
    """Targets that can be those of a batch, as they are.

    Raises:
        TypeError: They are no list of dicts.
        ValueError: There is not one per image, or one lacks something, or has another shape or label than it may.
    """
    if targets is None:
        raise ValueError("in training mode a model needs targets; for detections call model.eval() first")
    if isinstance(targets, Tensor) or not all(isinstance(target, Mapping) for target in targets):
        raise TypeError(
            "targets is not a list of dicts with boxes and labels; records are the third argument, clinical"
        )
    if len(targets) != images:
        raise ValueError(f"{len(targets)} targets for {images} images")
    for number, target in enumerate(targets, 1):
        if missing := {"boxes", "labels"} - target.keys():
            raise ValueError(f"target {number} has no {' and no '.join(sorted(missing))}")
        boxes, labels = target["boxes"], target["labels"]
        if boxes.shape != (len(labels), 4) or labels.ndim != 1:
            shapes = f"boxes {list(boxes.shape)} and labels {list(labels.shape)}"
            raise ValueError(f"target {number} has {shapes}, not [N, 4] and [N]")
    labels = torch.cat([target["labels"] for target in targets])
    if len(labels) and not (labels.min() >= 1 and labels.max() <= classes):
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}, not from 1 to {classes}; 0 is background")
    return targets


def are_records(targets: object) -> bool:
    """Whether what was given for targets is clinical data: a tensor, an array, or named values.

    Examples:
        >>> are_records([{"age": 61}, None]), are_records([{"boxes": torch.zeros(0, 4)}]), are_records(None)
        (True, False, False)
    """
    if isinstance(targets, list | tuple):
        return any(isinstance(one, Mapping) and one and "boxes" not in one for one in targets)
    return targets is not None
