"""Pretrained weights for networks of transformers: from the hub, from a folder, from a file."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from mdfnet.core.errors import UserError
from mdfnet.models.detectors.transformers_config import quiet, set_channels
from mdfnet.models.detectors.weights import load_fitting, no_download, read_weights

#: Layers whose shapes depend on the number of classes: they start fresh.
OF_CLASSES = ("class_labels_classifier", "class_embed", "enc_score_head")


def pretrain(weights: str | None, net: PreTrainedModel) -> None:
    """Start a network from pretrained weights; a gray first layer takes the sum over the colors.

    They go through the library's own loader, which knows the names of older files, into a network of their own shapes.
    ``weights`` is a name on the Hugging Face hub (``NAME@REVISION`` for another revision than main), a folder as
    transformers saves it, a ``.safetensors`` file of such a folder, or None.
    """
    if weights is None:
        return
    fix = "detector.options and input must be those of its config"
    try:
        with quiet():
            donor, report = _from_file(weights, net) if weights.endswith(".safetensors") else _from_name(weights, net)
    except OSError as error:
        raise no_download(weights, type(net).__name__, _first_line(error)) from None
    except (RuntimeError, TypeError, ValueError, ImportError) as error:
        raise UserError(f"no weights of {type(net).__name__}: {_first_line(error)}", where=weights, fix=fix) from None
    missing = sorted(key for key in report["missing_keys"] if not any(name in key for name in OF_CLASSES))
    if missing:
        raise UserError(f"no {missing[0]} among the weights", where=weights, fix=fix)
    load_fitting(net, donor.state_dict(), where=weights, fix=fix, fresh=OF_CLASSES)


def _from_name(weights: str, net: PreTrainedModel) -> Any:
    name, _, revision = weights.partition("@")
    if Path(name).exists() and not (Path(name) / "config.json").is_file():
        raise UserError("no config.json beside the weights", where=name, fix="give a folder that transformers saved")
    return type(net).from_pretrained(name, revision=revision or "main", output_loading_info=True)


def _from_file(weights: str, net: PreTrainedModel) -> Any:
    """A file says nothing of its config: it is the network's own, but for colors and classes."""
    state, config = read_weights(weights), copy.deepcopy(net.config)
    if any(value.ndim == 4 and value.shape[1] == 3 for value in state.values()):
        set_channels(config, 3)
    return type(net).from_pretrained(
        None, config=config, state_dict=state, ignore_mismatched_sizes=True, output_loading_info=True
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
