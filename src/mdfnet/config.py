"""One experiment as one YAML file: strict, readable, with overrides and presets.

A config has four parts: ``input`` (what happens to a film before the network), ``detector``, ``fusion`` (how clinical
data enter it) and ``train``. A preset is such a file that comes with the package; it is found by its name.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic import ConfigDict as Settings

from mdfnet.errors import UserError, nearest
from mdfnet.files import parse_yaml, read_text

#: Version of this format. A file of a later version is refused; see :func:`load_config`.
CONFIG_VERSION = 1


#: A number above zero.
Positive = Annotated[float, Field(gt=0)]


class Part(BaseModel):
    """A part of a config: frozen, unknown keys and numbers that are not finite refused."""

    model_config = Settings(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class InputConfig(Part):
    """How a film of any size becomes the network's input."""

    size: int = Field(512, ge=32, multiple_of=32, description="side of the network's square input, pixels")
    fit: Literal["letterbox", "squash"] = Field("letterbox", description="keep the aspect ratio (pad), or not (paper)")
    channels: Literal[1, 3] = Field(
        1, description="grey once, or copied to three channels as pretrained networks expect"
    )
    mean: tuple[float, ...] = Field((0.5,), description="subtracted from values in [0, 1], one per channel")
    std: tuple[Positive, ...] = Field((0.25,), description="divided by, one per channel")

    @model_validator(mode="after")
    def _channels(self):
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std need {self.channels} values each")
        return self


class DetectorConfig(Part):
    """A two-stage detector on one feature map: Faster R-CNN, or Mask R-CNN with ``mask_head``."""

    name: Literal["rcnn"] = "rcnn"
    backbone: str = Field("mobilenet_v3_small", description="a torchvision classifier with a .features trunk")
    weights: str | None = Field(None, description="torchvision weights by name, a local .safetensors file, or none")
    stride: Literal[8, 16, 32] = Field(8, description="film pixels per cell of the feature map")
    depth: Literal[8, 16, 32] = Field(16, description="stride of the backbone's last layer, added to the map")
    channels: int = Field(64, ge=1, description="channels of the feature map")
    norm: bool = Field(True, description="batch norm and ReLU behind the convolution that makes the feature map")
    norm_momentum: float | None = Field(
        0.1, gt=0, le=1, description="of all batch norms; null keeps the classifier's own, too slow for short runs"
    )
    anchor_sizes: tuple[Positive, ...] = Field(
        (0.05, 0.1, 0.2, 0.35, 0.6), min_length=1, description="sides of square anchors, as shares of the input's side"
    )
    anchor_ratios: tuple[Positive, ...] = Field((0.5, 1.0, 2.0), min_length=1)
    rpn_nms: float = Field(0.7, gt=0, le=1)
    proposals_train: int = Field(500, ge=1, description="proposals kept per film before and after NMS, in training")
    proposals_test: int = Field(200, ge=1, description="the same in detection")
    rois_per_film: int = Field(128, ge=1, description="proposals sampled per film for the loss of the second stage")
    roi_samples: int = Field(
        1,
        ge=1,
        description="points per side of each of the 7 x 7 cells of a RoI; the paper's 2 doubles a training step",
    )
    representation: int = Field(64, ge=1, description="width of the box head")
    box_score: float = Field(0.05, ge=0, lt=1, description="detections below this score are dropped")
    box_nms: float = Field(0.5, gt=0, le=1)
    detections: int = Field(50, ge=1, description="detections kept per film")
    mask_head: bool = Field(False, description="predict outlines too")
    mask_shape: Literal["ellipse", "rectangle"] = Field("ellipse", description="outline where only the box is known")

    @model_validator(mode="after")
    def _deep_enough(self):
        if self.depth < self.stride:
            raise ValueError(f"depth {self.depth} is below stride {self.stride}")
        return self


class FusionConfig(Part):
    """How clinical data enter the detector. ``map`` and ``vector`` both null is the image-only detector."""

    map: Literal["deconv", "paper"] | None = Field("deconv", description="3-D fusion, on the feature map")
    vector: Literal["concat"] | None = Field("concat", description="1-D fusion, in the box head")
    encoder: Literal["mlp", "paper"] = Field("mlp", description="from a record to a clinical vector")
    dim: int = Field(64, ge=1, description="width of the clinical vector")
    zero_start: bool = Field(
        True, description="1-D fusion starts as the plain layer; deconv always starts at zero, paper never"
    )
    record_dropout: float = Field(0.1, ge=0, le=1, description="share of whole records hidden in training")
    feature_dropout: float = Field(0.1, ge=0, le=1, description="share of single values hidden in training")


class TrainConfig(Part):
    """How the model is trained."""

    epochs: int = Field(30, ge=1)
    batch_size: int = Field(8, ge=1)
    accumulate: int = Field(1, ge=1, description="batches per optimizer step")
    optimizer: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(1e-3, gt=0, description="peak learning rate")
    weight_decay: float = Field(0.01, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: float = Field(0.1, ge=0, lt=1, description="share of all steps in which the learning rate rises linearly")
    clip: float | None = Field(5.0, gt=0, description="gradient norm is clipped to this")
    loss: Literal["sum", "learned"] = Field(
        "sum", description="add the losses, or weigh them by learned uncertainty (paper)"
    )
    ema: float | None = Field(None, gt=0, lt=1, description="decay of an exponential moving average of the weights")
    balance: bool = Field(False, description="draw films with rare findings more often (repeat-factor sampling)")
    augment: Literal["none", "chest", "paper"] = Field("chest", description="chest: no flips; paper: flips only")
    patience: int | None = Field(None, ge=1, description="stop after so many epochs without a better validation score")
    monitor: Literal["AP@IoU=0.25", "AP@IoU=0.5", "AP@IoBB=0.5"] = Field(
        "AP@IoU=0.5", description="validation score that picks the best epoch"
    )
    precision: Literal["32", "bf16", "16"] = "32"
    workers: int = Field(0, ge=0, description="processes that load films; 0 loads in the main one")
    seed: int = Field(0, ge=0, lt=2**31)
    deterministic: bool = Field(True, description="same seed, same weights")


class Config(Part):
    """One experiment.

    Examples:
        >>> config = load_config("tiny", ["epochs=3", "fusion.vector=null"])
        >>> config.train.epochs, config.fusion.vector
        (3, None)
    """

    version: Literal[1] = CONFIG_VERSION
    name: str = "default"
    input: InputConfig = InputConfig()
    detector: DetectorConfig = DetectorConfig()
    fusion: FusionConfig = FusionConfig()
    train: TrainConfig = TrainConfig()

    def to_yaml(self) -> str:
        """The whole config as YAML; :func:`load_config` reads it back to an equal one."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    @model_validator(mode="after")
    def _map_of_several_cells(self):
        if self.input.size < 2 * self.detector.depth:
            raise ValueError(f"input.size {self.input.size} leaves one cell at detector.depth {self.detector.depth}")
        return self

    @model_validator(mode="after")
    def _paper_sizes(self):
        if self.fusion.map == "paper" and self.input.size & (self.input.size - 1):
            raise ValueError(f"fusion.map paper doubles up to input.size, {self.input.size} is not a power of two")
        return self

    @property
    def fused(self) -> bool:
        """Whether clinical data enter the detector at all."""
        return self.fusion.map is not None or self.fusion.vector is not None


def presets() -> list[str]:
    """Names of the configs that come with the package."""
    folder = resources.files("mdfnet") / "presets"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_config(source: str | Path | Config = "default", overrides: list[str] | Mapping[str, Any] = ()) -> Config:
    """Read a preset by name or a YAML file by path, and apply overrides.

    Args:
        source: Preset name, path, or a ready config.
        overrides: ``["key=value", ...]`` with YAML values, or a mapping. A key is dotted (``train.epochs``), or just
            its last part where that is unique (``epochs``).

    Raises:
        UserError: No such preset or file, unknown key (the nearest is named), a value that does not fit, or a file of a
            later version.
    """
    values, where = (source.model_dump(), source.name) if isinstance(source, Config) else _read(source)
    if isinstance(values, Mapping) and isinstance(values.get("version"), int) and values["version"] > CONFIG_VERSION:
        fix = "update mdfnet"
        raise UserError(f"config version {values['version']} is later than {CONFIG_VERSION}, which this mdfnet reads",
                        where=where, fix=fix)  # fmt: skip
    config = _validate(values, where)
    given = overrides.items() if isinstance(overrides, Mapping) else (_split(text) for text in overrides)
    values = config.model_dump()
    for key, value in given:
        part, leaf = _locate(key)
        (values[part] if part else values)[leaf] = value
    return _validate(values, "override" if overrides else where)


def _read(source: str | Path) -> tuple[Any, str]:
    name, path = str(source), Path(source)
    if name in presets():
        text = (resources.files("mdfnet") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    elif path.is_file():
        text = read_text(path)
    else:
        raise UserError(f"no preset or config file {name!r}", fix=nearest(name, presets()))
    return parse_yaml(text, name) or {}, name


def _validate(values: Any, where: object) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(_say(problem) for problem in error.errors()), where=where) from None


def _say(problem: dict[str, Any]) -> str:
    """One pydantic problem in one line: key, what was given, what is expected."""
    key = ".".join(str(part) for part in problem["loc"]) or "config"
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key!r}; {nearest(key, keys())}"
    return f"{key} = {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}"


def keys() -> list[str]:
    """All config keys, dotted.

    Examples:
        >>> "train.epochs" in keys()
        True
    """
    dotted = []
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Part):
            dotted += [f"{name}.{leaf}" for leaf in field.annotation.model_fields]
        else:
            dotted.append(name)
    return dotted


def _split(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"override {text!r} is not key=value", fix="write for example epochs=10")
    return key.strip(), parse_yaml(value, f"override {text!r}")


def _locate(key: str) -> tuple[str | None, str]:
    """Part and leaf of an override's key, which may be given without its part where that is unambiguous."""
    known = keys()
    found = [name for name in known if name == key] or [name for name in known if name.split(".")[-1] == key]
    if len(found) > 1:
        raise UserError(f"override key {key!r} is ambiguous", fix=f"write one of {', '.join(found)}")
    if not found:
        leaves = {name.split(".")[-1]: name for name in known}
        near = difflib.get_close_matches(key.split(".")[-1], leaves, n=1)
        raise UserError(
            f"unknown key {key!r}", fix=f"did you mean {leaves[near[0]]!r}?" if near else nearest(key, known)
        )
    part, _, leaf = found[0].rpartition(".")
    return part or None, leaf
