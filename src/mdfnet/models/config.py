"""One experiment as one YAML file: strict, readable, with overrides and presets.

A config has four parts: ``input`` (what happens to an image before the network), ``detector``, ``fusion`` (how clinical
data enter it) and ``train``. A preset is such a file that comes with the package; it is found by its name.
"""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, model_validator

from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import parse_yaml
from mdfnet.core.former_names import KEYS
from mdfnet.core.resources import Shipped
from mdfnet.core.settings import InputConfig, Part
from mdfnet.models.detectors.registry import find
from mdfnet.models.detectors.settings import DetectorConfig, RCNNConfig

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_PRESETS = Shipped("mdfnet.models", "presets", "preset")

_FORMER = "rois_per_film"  #: The only key of a config that former_names renames

#: Version of this format. A file of a later version is refused; see :func:`load_config`.
CONFIG_VERSION: Final = 2


def _chosen(values: Any) -> Any:
    """A detector's settings in the class that belongs to its name."""
    if isinstance(values, DetectorConfig) or not isinstance(values, Mapping):
        return values
    return find(values.get("name", "rcnn")).settings.model_validate(dict(values))


class FusionConfig(Part):
    """How clinical data enter the detector. ``map`` and ``vector`` both null is the image-only detector."""

    map: Literal["deconv", "repeat", "film", "attention", "paper"] | None = Field(
        "deconv", description="3-D fusion, on the feature maps"
    )
    vector: Literal["residual", "concat", "film"] | None = Field(
        "residual", description="1-D fusion, in the head: residual at the scores, the others before them"
    )
    encoder: Literal["mlp", "tokens", "paper", "paper-scaled"] = Field(
        "mlp", description="from a record to a clinical vector"
    )
    dim: int = Field(64, ge=1, description="width of the clinical vector")
    zero_start: bool = Field(
        True, description="concat starts as the plain layer; all others always start at zero, map: paper never"
    )
    record_dropout: float = Field(0.1, ge=0, le=1, description="share of whole records dropped in training")
    feature_dropout: float = Field(0.1, ge=0, le=1, description="share of single values dropped in training")


class TrainConfig(Part):
    """How the model is trained."""

    epochs: int = Field(30, ge=0, description="0: the detector stays as `detector.weights` has it; see fusion_epochs")
    fusion_epochs: Annotated[int, Field(ge=1)] | Literal["half"] | None = Field(
        "half",
        description="then so many train the fusion alone, on the finished detector; half: of `epochs`; null: jointly",
    )
    fusion_gain: Literal["shown", "any"] = Field(
        "shown",
        description="an epoch of fusion alone is kept if it is better on the validation images: beyond chance, or"
        " at all",
    )
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
    balance: bool = Field(False, description="draw images with rare findings more often (repeat-factor sampling)")
    augment: Literal["none", "chest", "paper"] = Field("chest", description="chest: no flips; paper: flips only")
    patience: int | None = Field(None, ge=1, description="stop after so many epochs without a better validation score")
    monitor: Literal["AP@IoU=0.25", "AP@IoU=0.5", "AP@IoBB=0.5"] = Field(
        "AP@IoU=0.5", description="validation score that picks the best epoch"
    )
    precision: Literal["32", "bf16", "16"] = "32"
    workers: int = Field(0, ge=0, description="processes that load images; 0 loads in the main one")
    seed: int = Field(0, ge=0, lt=2**31)
    deterministic: bool = Field(True, description="same seed, same weights")


class Config(Part):
    """One experiment.

    Examples:
        >>> config = load_config("tiny", ["epochs=3", "fusion.vector=null"])
        >>> config.train.epochs, config.fusion.vector
        (3, None)
    """

    version: Literal[2] = CONFIG_VERSION
    name: str = "default"
    input: InputConfig = InputConfig()
    detector: Annotated[SerializeAsAny[DetectorConfig], BeforeValidator(_chosen)] = RCNNConfig()
    fusion: FusionConfig = FusionConfig()
    train: TrainConfig = TrainConfig()

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, values: Any) -> Any:
        """A config of the first format, whose keys said film where they now say image."""
        if not isinstance(values, dict) or values.get("version", 1) != 1:
            return values
        return _with_current_keys(values) | {"version": CONFIG_VERSION}

    def to_yaml(self) -> str:
        """The whole config as YAML; :func:`load_config` reads it back to an equal one."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    @model_validator(mode="after")
    def _map_of_several_cells(self) -> Self:
        smallest = self.detector.smallest_input
        if self.input.size < smallest:
            raise ValueError(f"input.size {self.input.size} leaves {self.detector.name} one cell; at least {smallest}")
        return self

    @model_validator(mode="after")
    def _paper_sizes(self) -> Self:
        if self.fusion.map == "paper" and self.input.size & (self.input.size - 1):
            raise ValueError(f"fusion.map paper doubles up to input.size, {self.input.size} is not a power of two")
        return self

    @model_validator(mode="after")
    def _begins_as_the_detector(self) -> Self:
        fresh = self.fusion.vector == "concat" and not self.fusion.zero_start
        if self.staged and (self.fusion.map == "paper" or fresh):
            what = "fusion.zero_start false" if fresh else "fusion.map paper"
            raise ValueError(f"{what} does not begin as the finished detector; train jointly: train.fusion_epochs null")
        return self

    @model_validator(mode="after")
    def _something_to_train(self) -> Self:
        if self.train.epochs == 0 and not (self.staged and self.detector.weights and self.last_epochs):
            raise ValueError("train.epochs = 0 leaves the detector as it is: give detector.weights and fusion_epochs")
        return self

    @property
    def fused(self) -> bool:
        """Whether clinical data enter the detector at all."""
        return self.fusion.map is not None or self.fusion.vector is not None

    @property
    def staged(self) -> bool:
        """Whether the fusion is trained by itself, on a finished detector."""
        return self.fused and self.train.fusion_epochs is not None

    @property
    def image_only(self) -> Config:
        """The same training of the detector on images alone."""
        train = self.train.model_copy(update={"fusion_epochs": None})
        return self.model_copy(update={"fusion": FusionConfig(map=None, vector=None), "train": train})

    @property
    def last_epochs(self) -> int:
        """Epochs of the training, or of its second stage."""
        epochs, fusion = self.train.epochs, self.train.fusion_epochs
        if not self.fused or fusion is None:
            return epochs
        return math.ceil(epochs / 2) if fusion == "half" else fusion


def _with_current_keys(values: dict[str, Any]) -> dict[str, Any]:
    """The one key of a config that was renamed, where it stands; no other word is taken for a former one."""
    detector = values.get("detector")
    if not isinstance(detector, dict) or _FORMER not in detector:
        return values
    now = KEYS[_FORMER]
    if now in detector:
        raise ValueError(f"detector has both {_FORMER} and {now}, which is its name now: keep {now}")
    return values | {"detector": {now if key == _FORMER else key: value for key, value in detector.items()}}


def presets() -> list[str]:
    """Names of the configs that come with the package."""
    return _PRESETS.names()


def load_config(source: str | Path | Config = "default", overrides: Iterable[str] | Mapping[str, Any] = ()) -> Config:
    """Read a preset by name or a YAML file by path, and apply overrides.

    Args:
        source: Preset name, path, or a ready config.
        overrides: ``["key=value", ...]`` with YAML values, or a mapping. A key is dotted (``train.epochs``), or just
            its last part where that is unique (``epochs``). Another ``detector.name`` starts from that detector's own
            defaults.

    Raises:
        UserError: No such preset or file, unknown key (the nearest is named), a value that does not fit, or a file of a
            later version.
    """
    if isinstance(source, Config):
        values, where = source.model_dump(), source.name
    else:
        values, where = _PRESETS.read(source) or {}, str(source)
    if isinstance(values, Mapping) and isinstance(values.get("version"), int) and values["version"] > CONFIG_VERSION:
        what = f"config version {values['version']} is later than {CONFIG_VERSION}, which this mdfnet reads"
        raise UserError(what, where=where, fix="update mdfnet")
    config = _validate(values, where)
    given = list(overrides.items() if isinstance(overrides, Mapping) else map(key_and_value, overrides))
    name = dict(given).get("detector.name", config.detector.name)
    if name != config.detector.name:
        config = config.model_copy(update={"detector": find(name).settings(name=name)})  # its input may be given, too
    values = config.model_dump()
    for key, value in given:
        *parts, leaf = _locate(key, config)
        functools.reduce(dict.__getitem__, parts, values)[leaf] = value
    return _validate(values, "override" if overrides else where, config)


def _validate(values: Any, where: object, before: Config | None = None) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        known = keys(before)
        raise UserError("; ".join(_say(problem, known) for problem in error.errors()), where=where) from None


def _say(problem: ErrorDetails, known: list[str]) -> str:
    """One pydantic problem in one line: key, what was given, what is expected."""
    key = ".".join(str(part) for part in problem["loc"]) or "config"
    if problem["type"] == "extra_forbidden":
        return f"unknown key {key!r}; {nearest(key, known)}"
    given = "" if isinstance(problem["input"], Mapping) else f" = {problem['input']!r}"  # a whole part says too much
    return f"{key}{given}: {problem['msg'].removeprefix('Value error, ')}"


def keys(config: Config | None = None) -> list[str]:
    """All config keys, dotted; those of the detector are the detector's of this config.

    Examples:
        >>> "train.epochs" in keys(), "detector.levels" in keys(load_config("default", ["detector.name=ssd"]))
        (True, True)
    """
    dotted = []
    for name, value in config or Config():
        dotted += [f"{name}.{leaf}" for leaf in type(value).model_fields] if isinstance(value, Part) else [name]
    return dotted


def key_and_value(text: str) -> tuple[str, Any]:
    """An override, ``key=value`` with the value as YAML.

    Examples:
        >>> key_and_value("sizes=[100, all]")
        ('sizes', [100, 'all'])
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"override {text!r} is not key=value", fix="write for example epochs=10")
    return key.strip(), parse_yaml(value, f"override {text!r}")


def _locate(key: str, config: Config) -> tuple[str, ...]:
    """Path to an override's key, which may be given without its part where that is unambiguous.

    What follows ``options`` is the library's: ``options.num_queries`` is ``detector.options.num_queries``.
    """
    known = keys(config)
    if key in (_FORMER, f"detector.{_FORMER}"):
        key = key.replace(_FORMER, KEYS[_FORMER])
    key, _, option = key.partition("options.") if "options." in key else (key, "", "")
    key, inner = (f"{key}options", (option,)) if option else (key, ())
    found = [name for name in known if name == key] or [name for name in known if name.split(".")[-1] == key]
    if len(found) > 1:
        raise UserError(f"override key {key!r} is ambiguous", fix=f"write one of {', '.join(found)}")
    if not found:
        leaves = {name.split(".")[-1]: name for name in known}
        near = difflib.get_close_matches(key.split(".")[-1], leaves, n=1)
        raise UserError(
            f"unknown key {key!r}", fix=f"did you mean {leaves[near[0]]!r}?" if near else nearest(key, known)
        )
    return (*found[0].split("."), *inner)
