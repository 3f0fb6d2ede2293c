"""Pretrained weights: found by name or file, fitted to gray input, loaded only where they fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from mdfnet.core.errors import UserError, nearest

#: Input channels of a first layer for colors and for gray: of a pixel, and of the four pixels of a patch.
COLORED = ((3, 1), (12, 4))

Fetched = TypeVar("Fetched")


def sum_colors(kernel: Tensor) -> Tensor:
    """A first layer's kernel ``[out, 3 N, h, w]`` for gray ``[out, N, h, w]``: what it gives for three equal colors.

    Examples:
        >>> import torch
        >>> sum_colors(torch.ones(8, 12, 3, 3)).shape
        torch.Size([8, 4, 3, 3])
    """
    return kernel.reshape(len(kernel), -1, 3, *kernel.shape[2:]).sum(2)


def find_weights(name: str, weights: str) -> dict[str, Tensor]:
    """The state of a torchvision network: of a ``.safetensors`` file, else downloaded by name, such as ``COCO_V1``."""
    if weights.endswith(".safetensors"):
        return read_weights(weights)
    known = torchvision.models.get_model_weights(name).__members__
    return fetched(weights, name, known, lambda: known[weights].get_state_dict(progress=False, check_hash=True))


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The state in a ``.safetensors`` file."""
    if not Path(path).is_file():
        raise UserError("no such weights file", where=path)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"not a safetensors file: {error}", where=path) from None


def load_fitting(
    net: nn.Module, state: Mapping[str, Tensor], where: str, fix: str, fresh: Collection[str] = ()
) -> None:
    """Load a state into a network; a gray first layer gets the sum over the colors.

    What the network does not have is passed over. Names in ``fresh`` may stay as they are where the state has another
    shape: they depend on the classes. ``where`` and ``fix`` are for errors.
    """
    fitting = {}
    for key, own in net.state_dict().items():
        given = state.get(key)
        if given is None and key.endswith("num_batches_tracked"):
            continue  # frozen batch norm does not count
        if given is not None and given.ndim == 4 and (given.shape[1], own.shape[1]) in COLORED:
            given = sum_colors(given)
        if given is not None and given.shape == own.shape:
            fitting[key] = given
        elif not any(name in key for name in fresh):
            what = f"no {key} among the weights" if given is None else f"{key} is {_shape(given)}, not {_shape(own)}"
            raise UserError(what, where=where, fix=fix)
    net.load_state_dict(fitting, strict=False)


def _shape(value: Tensor) -> str:
    return " x ".join(map(str, value.shape))


def fetched(weights: str, name: str, known: Iterable[str], fetch: Callable[[], Fetched]) -> Fetched:
    """What a download of weights gives; ``known`` are the names of all that the network ``name`` has."""
    if weights not in known:
        fix = f"{nearest(weights, known)}; a .safetensors file or the folder of a saved model will do, too"
        raise UserError(f"{name} has no weights {weights!r}", where="detector.weights", fix=fix)
    try:
        return fetch()
    except (OSError, RuntimeError) as error:
        raise no_download(weights, name, error) from None


def no_download(weights: str, name: str, error: object) -> UserError:
    """The error to raise where weights cannot be fetched."""
    fix = "give a local .safetensors file as detector.weights, or detector.weights=null to train from scratch"
    return UserError(f"cannot download {weights} of {name} ({error})", where="detector.weights", fix=fix)
