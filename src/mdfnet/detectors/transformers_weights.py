"""Pretrained weights for networks of transformers: from the hub, from a folder, from a file."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from torch import Tensor
from transformers import PreTrainedModel

from mdfnet.detectors.transformers_config import quiet
from mdfnet.detectors.weights import load_fitting, no_download, read_weights
from mdfnet.errors import UserError

#: Layers whose shapes depend on the number of classes: they start fresh.
OF_CLASSES = ("class_labels_classifier", "class_embed", "enc_score_head")


def pretrain(weights: str | None, net: PreTrainedModel) -> None:
    """Start a network from pretrained weights; a grey first layer takes the sum over the colors.

    Args:
        weights: A name on the Hugging Face hub, a folder as transformers saves it, a ``.safetensors`` file with the
            network's state, or None.
        net: The network.

    Raises:
        UserError: They cannot be had, or are of another network.
    """
    if weights is None:
        return
    state = _from_file(weights, net) if weights.endswith(".safetensors") else _from_library(weights, net)
    fix = "detector.options and input must be those of its config"
    load_fitting(net, state, where=weights, fix=fix, fresh=OF_CLASSES)


def _from_library(weights: str, net: PreTrainedModel) -> dict[str, Tensor]:
    """By the library's own loader, which knows the names of its older files."""
    name, _, revision = weights.partition("@")
    if Path(name).exists() and not (Path(name) / "config.json").is_file():
        raise UserError("no config.json beside the weights", where=name, fix="give a folder that transformers saved")
    try:
        with quiet():
            donor = type(net).from_pretrained(name, revision=revision or "main")
    except OSError as error:
        raise no_download(weights, type(net).__name__, _first_line(error)) from None
    except (RuntimeError, TypeError, ValueError, ImportError) as error:
        raise UserError(f"these are no weights of {type(net).__name__}: {_first_line(error)}", where=weights) from None
    return donor.state_dict()


def _from_file(weights: str, net: PreTrainedModel) -> dict[str, Tensor]:
    """A file may hold a value once that the network has under several names."""
    state = read_weights(weights)
    names = defaultdict(list)
    for name, value in net.state_dict().items():
        names[value.data_ptr()].append(name)
    for group in names.values():
        found = next((state[name] for name in group if name in state), None)
        if found is not None:
            state |= {name: state.get(name, found) for name in group}
    return state


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
