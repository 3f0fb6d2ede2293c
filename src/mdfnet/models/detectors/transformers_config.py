"""From a config's options to a config of transformers: the library's own keys, the network's input, no downloads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import transformers
from huggingface_hub.errors import StrictDataclassError
from transformers import PreTrainedConfig
from transformers.utils import logging

from mdfnet.core.errors import UserError, nearest
from mdfnet.core.settings import InputConfig
from mdfnet.models.detectors.settings import TransformersConfig

#: Names of the library's classes without their ending.
PREFIXES = {
    "detr": "Detr",
    "conditional-detr": "ConditionalDetr",
    "deformable-detr": "DeformableDetr",
    "rt-detr-v2": "RTDetrV2",
    "d-fine": "DFine",
    "rf-detr": "RfDetr",
    "lw-detr": "LwDetr",
    "yolos": "Yolos",
}

_WHERE = "detector.options"
_LEVELS = {"out_features": ["stage2", "stage3", "stage4"]}

#: Image backbones. The library's own defaults name a network of timm, or leave out what the published models have.
BACKBONES: dict[str, dict[str, Any]] = {
    "detr": {"model_type": "resnet", "out_features": ["stage4"]},
    "conditional-detr": {"model_type": "resnet", "out_features": ["stage4"]},
    "deformable-detr": {"model_type": "resnet", **_LEVELS},
    "rt-detr-v2": {"model_type": "rt_detr_resnet", **_LEVELS},
    "d-fine": {"model_type": "hgnet_v2", **_LEVELS},
    # As RF-DETR nano to medium: patches and windows that divide every multiple of 32.
    "rf-detr": {
        "model_type": "rf_detr_dinov2",
        "hidden_size": 384,
        "num_attention_heads": 6,
        "patch_size": 16,
        "num_windows": 2,
        "out_features": ["stage3", "stage6", "stage9", "stage12"],
    },
    "lw-detr": {
        "model_type": "lw_detr_vit",
        "hidden_size": 192,
        "num_hidden_layers": 10,
        "window_block_indices": [0, 1, 3, 6, 7, 9],
        "out_features": ["stage2", "stage4", "stage5", "stage9"],
    },
}

#: What else the published models have and the library's defaults do not: a loss behind every
#: layer of the decoder, scores that start low.
DEFAULTS: dict[str, dict[str, Any]] = {
    "detr": {"auxiliary_loss": True},
    "conditional-detr": {"auxiliary_loss": True},
    "deformable-detr": {"auxiliary_loss": True},
    "rt-detr-v2": {"initializer_bias_prior_prob": 0.01},
    "d-fine": {"initializer_bias_prior_prob": 0.01},
    "lw-detr": {"projector_scale_factors": [1.0]},
}

#: Options whose code in the library does not train.
BROKEN = {
    ("deformable-detr", "two_stage"): "its proposals have no loss in transformers",
    ("yolos", "auxiliary_loss"): "transformers does not keep the layers it needs",
}

SIZED = ("rf-detr", "lw-detr")  #: Backbones whose position embedding belongs to an image size


def library_config(config: TransformersConfig, input: InputConfig, classes: int) -> PreTrainedConfig:
    """The library's config of a detector, from what `Entry.build` is given."""
    kind = getattr(transformers, f"{PREFIXES[config.name]}Config")
    options = dict(config.options)
    _known(options, kind, _WHERE)
    for name, why in ((name, why) for (of, name), why in BROKEN.items() if of == config.name and options.get(name)):
        raise UserError(f"{config.name} cannot be trained with {name}: {why}", where=_WHERE)
    values = DEFAULTS.get(config.name, {}) | options | {"num_labels": classes}
    if config.name == "yolos":
        values = {"num_channels": input.channels, "image_size": [input.size, input.size]} | values
    else:
        values["backbone_config"] = _backbone(config, input, options.get("backbone_config") or {})
    if "freeze_backbone_batch_norms" in _names(kind) and config.weights is None:
        values = {"freeze_backbone_batch_norms": False} | values  # what is frozen before it is trained stays noise
    made = _made(kind, values, config.name)
    _fit_widths(made, options)
    _fit_queries(made, input.size, given="num_queries" in options)
    return made


def _backbone(config: TransformersConfig, input: InputConfig, given: Mapping[str, Any]) -> PreTrainedConfig:
    """The image backbone's config; a ``model_type`` of its own starts from that type's defaults."""
    where, own = f"{_WHERE}.backbone_config", BACKBONES[config.name]
    if not isinstance(given, Mapping):
        raise UserError(f"{given!r} is no mapping", where=where, fix="write for example {depths: [2, 2, 2, 2]}")
    model_type = given.get("model_type", own["model_type"])
    try:
        kind = type(transformers.AutoConfig.for_model(model_type))
    except ValueError:
        types = (backbone["model_type"] for backbone in BACKBONES.values())
        raise UserError(f"no backbone {model_type!r}", where=where, fix=nearest(model_type, types)) from None
    _known(given, kind, where, ("model_type", "out_features", "out_indices"))
    values = dict(own) if model_type == own["model_type"] else {}
    if config.name in SIZED:
        values["image_size"] = input.size
    if "out_indices" in given:
        values.pop("out_features", None)
    values |= given
    values.pop("model_type")
    made = _made(kind, values, where)
    if isinstance(made, transformers.HGNetV2Config):  # it has some widths twice
        made.hidden_sizes = list(made.stage_out_channels)
    set_channels(made, input.channels)
    if hasattr(made, "use_pretrained_backbone"):
        made.use_pretrained_backbone = False
    return made


def set_channels(config: PreTrainedConfig, channels: int) -> None:
    """Let a network, or an image backbone, see images of so many channels."""
    config = getattr(config, "backbone_config", config)
    config.num_channels = channels
    if hasattr(config, "stem_channels"):
        config.stem_channels = [channels, *config.stem_channels[1:]]


def _fit_widths(made: PreTrainedConfig, options: Mapping[str, Any]) -> None:
    """Widths of RT-DETR and D-FINE that follow from others, where the options do not give them."""
    if not hasattr(made, "encoder_in_channels"):
        return
    backbone = made.backbone_config
    derived = {
        "encoder_in_channels": [backbone.hidden_sizes[level - 1] for level in backbone.out_indices],
        "decoder_in_channels": [made.encoder_hidden_dim] * len(backbone.out_indices),
    }
    for name, value in derived.items():
        setattr(made, name, options.get(name, value))


def _fit_queries(made: PreTrainedConfig, size: int, given: bool) -> None:
    """Where queries are the best cells of the maps, there are no more of them than cells."""
    cells = sum(math.ceil(size / stride) ** 2 for stride in _strides(made))
    if not cells or made.num_queries <= cells:
        return
    if given:
        fix = f"at most {cells}, or a larger input.size"
        raise UserError(f"num_queries {made.num_queries} are more than the maps have cells", where=_WHERE, fix=fix)
    made.num_queries = cells


def _strides(made: PreTrainedConfig) -> list[float]:
    """Strides of the maps that queries are chosen from; none where they are learned."""
    if hasattr(made, "feat_strides"):
        first = list(made.feat_strides)
        return first + [first[-1] * 2**extra for extra in range(1, 1 + made.num_feature_levels - len(first))]
    if hasattr(made, "group_detr"):
        scales = getattr(made, "projector_scale_factors", [1.0])
        return [made.backbone_config.patch_size / scale for scale in scales]
    return []


@contextmanager
def quiet() -> Iterator[None]:
    """The library prints whole configs where it makes a network."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # transformers does not annotate it
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _made(kind: type[PreTrainedConfig], values: Mapping[str, Any], where: str) -> PreTrainedConfig:
    try:
        return kind(**values)
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise UserError(str(error).strip(), where=where, fix="options are the keys of the library's config") from None


def _known(given: Iterable[str], kind: type[PreTrainedConfig], where: str, more: Iterable[str] = ()) -> None:
    known = [*_names(kind), *more]
    for name in given:
        if name not in known:
            raise UserError(f"{kind.model_type} has no option {name!r}", where=where, fix=nearest(name, known))


def _names(kind: type[PreTrainedConfig]) -> list[str]:
    """A config's own keys, without those that all configs of the library have, and what is not its to choose."""
    others = {field.name for field in fields(PreTrainedConfig)} | {"num_channels", "tie_word_embeddings"}
    return [field.name for field in fields(kind) if field.name not in others and not field.name.startswith("_")]
