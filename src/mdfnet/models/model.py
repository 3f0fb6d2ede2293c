"""The model: images and records in, losses or detections out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from mdfnet.clinical.records import RecordResult, read_records
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer
from mdfnet.clinical.use import uses_of
from mdfnet.core.arrays import Array
from mdfnet.core.errors import UserError
from mdfnet.core.types import PAPER_CLASSES, Classes, Detections
from mdfnet.models.card import FORMAT_VERSION, NOTICE, Card, is_model, versions
from mdfnet.models.checkpoint import start_from, write_model
from mdfnet.models.config import Config, load_config
from mdfnet.models.detectors.backbone import pretrain
from mdfnet.models.detectors.registry import find
from mdfnet.models.detectors.settings import ComposedConfig
from mdfnet.models.fusion.build import attach
from mdfnet.models.fusion.features import Features, image_features, replayed
from mdfnet.models.fusion.screen import Screen
from mdfnet.models.inputs import are_records, as_images, as_records, checked_targets
from mdfnet.models.operating_points import Operating
from mdfnet.models.preprocessing import Geometry, Preprocessing, to_image
from mdfnet.models.scale import SCALE, scale_of, scale_state

#: Records of a batch: a tensor or an array, whole or row by row, or named values image by image.
Clinical: TypeAlias = (
    Tensor | Array | Sequence[Mapping[str, Any] | RecordResult | None] | Sequence[Tensor | Array | Sequence[float]]
)
Targets: TypeAlias = Sequence[Mapping[str, Tensor]]  #: Boxes, labels and perhaps masks, image by image


def build(
    config: str | Path | Config = "default",
    *,
    classes: Classes | Sequence[str] = PAPER_CLASSES,
    schema: Schema | str | None = None,
    pretrained: bool | None = None,
    **overrides: Any,
) -> Model:
    """Make a model to train; with ``weights=``, its detector starts from them.

    Args:
        config: A preset name, a path to a YAML file, or a config.
        classes: What it shall find: classes, or a list of names. Default: the paper's five.
        schema: Its clinical features, or the name of a schema. Default: ``mimic-ed``, the paper's ten.
        pretrained: Load what ``detector.weights`` names, as :meth:`Model.load_pretrained` does; a name of torchvision
            or of the Hugging Face hub is downloaded. Default: where ``weights`` is given in this call. Those that only
            the config names are then not loaded, and a warning says so. False: all weights start at random.
        overrides: Config keys, such as ``mask_head=True``, ``epochs=3`` or ``weights="DEFAULT"``.

    Raises:
        UserError: The config does not fit, or its weights cannot be had, or there are none that ``pretrained`` could
            load.
        TypeError: The classes are no list of names.

    Examples:
        >>> model = build("tiny")
        >>> found = model.detect([torch.rand(1, 120, 100)], clinical=None)
        >>> found[0].boxes.shape[1]
        4
    """
    schema = Schema.load(schema or "mimic-ed") if not isinstance(schema, Schema) else schema
    made = load_config(config, overrides)
    weights, given = made.detector.weights, overrides.keys() & {"weights", "detector.weights"}
    if pretrained and weights is None:
        fix = 'name some, such as weights="DEFAULT", or leave out pretrained'
        raise UserError("pretrained=True, but the config names no weights", where="detector.weights", fix=fix)
    model = Model(made, _classes(classes), schema)
    if pretrained or (pretrained is None and weights and given):
        model.load_pretrained()
    elif pretrained is None and weights:
        what = f"the config's weights {str(weights)!r} are not loaded: all weights start at random"
        warnings.warn(f"{what}; build(..., pretrained=True) loads them, training does by itself", stacklevel=2)
    return model


def _classes(given: Classes | Sequence[str]) -> Classes:
    if isinstance(given, Classes):
        return given
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        fix = f"write [{given!r}]" if isinstance(given, str) else "for other ids give mdfnet.Classes(names, ids)"
        raise TypeError(f"classes is {given!r}, not a list of names; {fix}")
    return Classes(tuple(given))


class Model(nn.Module):
    """A detector with clinical fusion attached.

    ``model(images, targets, clinical)`` gives losses in training mode and detections in evaluation mode, as the
    detectors of torchvision do; :meth:`losses` and :meth:`detect` give one of them whatever the mode.

    Images are a list of float tensors ``[3, H, W]`` or ``[1, H, W]`` in [0, 1], of any sizes; uint8 and uint16 are
    divided by their largest value; a tensor ``[B, 1 or 3, H, W]`` is a list of B images.

    Clinical data are ``[B, F]`` in the schema's order and units, a category as its index, NaN = missing, whole or as a
    list of rows; or a list of records with named values, see :func:`mdfnet.clinical.records.read_records`; or None: no
    records at all. Implausible values never reach the network: they are taken as missing.

    ``state_dict()`` carries the clinical scale beside the weights, and ``load_state_dict()`` takes it over.

    Args:
        config, classes, schema: See :func:`build`.
        fitted: The clinical scale fitted on the training split. Default: from the schema's plausible ranges.

    Attributes:
        operating: Operating points and calibration, fitted on validation images; None before that. Detections are never
            changed by them.
    """

    def __init__(self, config: Config, classes: Classes, schema: Schema, fitted: Standardizer | None = None):
        super().__init__()
        self.config, self.classes, self.schema = config, classes, schema
        self.fitted = fitted or Standardizer.of_ranges(schema)
        self.preprocessing = Preprocessing(config.input)
        # Channels last: the same numbers, 1.1 to 1.6 times faster on a CPU for depthwise convolutions.
        detector = find(config.detector.name).build(config.detector, config.input, len(classes))
        self.detector = detector.to(memory_format=torch.channels_last)
        self.fusion = attach(config, schema, self.fitted, self.detector) if config.fused else None
        self.screen = Screen(schema)
        self.operating: Operating | None = None

    def forward(
        self,
        images: Sequence[Tensor] | Tensor,
        targets: Targets | None = None,
        clinical: Clinical | None = None,
    ) -> dict[str, Tensor] | list[Detections]:
        """In training mode what :meth:`losses` gives, in evaluation mode what :meth:`detect` gives.

        Args:
            images, clinical: See the class.
            targets: See :meth:`losses`. In evaluation mode they may be there and are not used.

        Raises:
            TypeError: Records stand in the place of targets.

        Examples:
            >>> model, images = build("tiny", size=64), [torch.rand(1, 64, 64)]
            >>> targets = [{"boxes": torch.tensor([[8.0, 8, 40, 40]]), "labels": torch.tensor([1])}]
            >>> sorted(model(images, targets))
            ['loss_box_reg', 'loss_classifier', 'loss_objectness', 'loss_rpn_box_reg']
            >>> (found,) = model.eval()(images)
            >>> found["boxes"].shape[1]
            4
        """
        if self.training:
            return self.losses(images, targets, clinical)
        if are_records(targets):
            raise TypeError("records stand where targets belong; write model(images, clinical=records)")
        return self.detect(images, clinical)

    def set_scale(self, fitted: Standardizer) -> None:
        """Take over the clinical scale fitted on the training split.

        Raises:
            TypeError: It is no scale; :meth:`Standardizer.fit` makes one of records.
            ValueError: It is one of other features.
        """
        if not isinstance(fitted, Standardizer):
            fix = "give Standardizer.fit(model.schema, records of the training split)"
            raise TypeError(f"the scale is a {type(fitted).__name__}, not a Standardizer; {fix}")
        if len(fitted.mean) != len(self.schema):
            features = f"the model has the {len(self.schema)} of {self.schema.name}"
            raise ValueError(f"the scale is one of {len(fitted.mean)} features; {features}")
        self.fitted = fitted
        if self.fusion is not None:
            self.fusion.encoder.columns.fit(fitted)

    def load_pretrained(self) -> None:
        """Start the detector, and the paper's second backbone, from the config's weights, if it names any.

        From the folder of a saved model the detector is taken; the fusion starts anew, as records differ more between
        places than images do.

        Raises:
            UserError: They cannot be had or do not fit.
        """
        weights = self.config.detector.weights
        if weights is not None and is_model(weights):
            start_from(self.detector, self.config, self.classes, weights)
            return
        self.detector.load_pretrained()
        if self.fusion is not None and isinstance(self.config.detector, ComposedConfig):
            pretrain(self.config.detector, self.fusion)

    def losses(
        self, images: Sequence[Tensor] | Tensor, targets: Targets | None, clinical: Clinical | None = None
    ) -> dict[str, Tensor]:
        """Training losses by name, scalars.

        Args:
            images, clinical: See the class.
            targets: Per image ``boxes`` float32 ``[N, 4]`` xyxy in image pixels, ``labels`` int64 ``[N]`` from 1 and,
                for a mask head, optionally ``masks`` ``[N, H, W]``. An image without findings has zero rows.

        Raises:
            TypeError, ValueError: Images, targets or records are not what they should be.
        """
        batch, geometries = self._prepare(images)
        checked = checked_targets(targets, [(one.width, one.height) for one in geometries], len(self.classes))
        outlines, ready = self.config.detector.outlines, []
        for target, geometry in zip(checked, geometries, strict=True):
            ready.append(self.preprocessing.target(target, geometry, outlines, batch))
        given, _ = self._read(clinical, batch)
        with self._patients(self.screen(given), batch):
            return self.detector.losses(batch, ready)

    @torch.no_grad()
    def detect(self, images: Sequence[Tensor] | Tensor, clinical: Clinical | None = None) -> list[Detections]:
        """Find boxes, in the pixels of the images given. Never looks at targets; always in evaluation mode.

        How each image's record was used is in ``Detections.record``: values used, missing, refused and why.

        Raises:
            UserError: A unit in a record does not fit its feature.
            TypeError, ValueError: Images are not what they should be, there is not one record per image, or a tensor
                has not one column per feature.

        Examples:
            >>> model = build("tiny", size=64)
            >>> (found,) = model.detect([torch.rand(1, 64, 64)], [{"age": 61, "temperature": 98.6}])
            >>> found.record.used, found.record.refused["temperature"]
            (('age',), 'temperature is 98.6 Cel, outside the plausible 25 to 45 Cel; looks like [degF]')
        """
        batch, geometries = self._prepare(images)
        return self._detect(batch, geometries, clinical)

    @torch.no_grad()
    def encode(self, images: Sequence[Tensor] | Tensor) -> Features:
        """The part that depends on the images alone, for :meth:`detect_from` with as many records as wanted."""
        batch, geometries = self._prepare(images)
        with self._evaluating():
            return Features(batch, tuple(geometries), image_features(self.detector, batch))

    @torch.no_grad()
    def detect_from(self, features: Features, clinical: Clinical | None = None) -> list[Detections]:
        """What :meth:`detect` gives for these images and records. One image may come with several records."""
        if clinical is not None:
            features = features.for_records(len(clinical))
        with replayed(self.detector, features.outputs):
            return self._detect(features.images, features.geometries, clinical)

    @contextmanager
    def seeing(self, features: Features, clinical: Tensor) -> Iterator[Features]:
        """While entered, the detector's own methods see these images and records ``[B, F]``, without gradients.

        For those who ask the detector for more than detections, as :mod:`mdfnet.explain.regions` does. Gives the
        features, repeated where one image came with several records.
        """
        features = features.for_records(len(clinical))
        given, _ = self._read(clinical, features.images)
        replaying = replayed(self.detector, features.outputs)
        with torch.no_grad(), replaying, self._evaluating(), self._patients(self.screen(given), features.images):
            yield features

    def save(self, folder: str | Path, **training: Any) -> None:
        """Write the model as a folder, replacing one of that name only when the new one is complete.

        Args:
            folder: Where.
            training: JSON-able facts about its training: data set, fingerprint, epoch, scores, what was synthetic.

        Raises:
            UserError: The folder exists and is not a model, or it cannot be written.
        """
        card = Card(
            format_version=FORMAT_VERSION,
            notice=NOTICE,
            config=self.config,
            classes=dict(zip(self.classes.names, self.classes.ids, strict=True)),
            clinical_schema=self.schema,
            fitted=self.fitted.to_dict(),
            seen=self.fitted.seen,
            preprocessing=self.preprocessing.card(),
            versions=versions(),
            weights_sha256="",
            training=training,
        )
        # The scale is in the card, and nowhere else: two could differ.
        weights = {key: value for key, value in self.state_dict().items() if not key.startswith(SCALE)}
        write_model(folder, card, weights, self.operating)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination.update({prefix + name: value for name, value in scale_state(self.fitted, self.schema).items()})

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: Any, strict: bool, *lists: list[str]
    ) -> None:
        """Take the scale over before torch looks for weights; one of mdfnet 0.1 has none, and changes none."""
        scale = [key for key in state_dict if key.startswith(prefix + SCALE)]
        values = {key.removeprefix(prefix): state_dict.pop(key) for key in scale}
        known = scale_state(self.fitted, self.schema)
        if values:
            lists[0].extend(prefix + name for name in known.keys() - values)
            lists[1].extend(prefix + name for name in values.keys() - known)
        values = {name: value for name, value in values.items() if name in known}
        if any(value.shape[:1] != (len(self.schema),) for value in values.values()):
            lists[-1].append(f"the clinical scale is not of the {len(self.schema)} features of {self.schema.name}")
        elif values:
            self.set_scale(scale_of({**known, **values}))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, *lists)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """What ``to``, ``half``, ``cuda`` and alike go through."""
        if fn(torch.zeros(1)).dtype in (torch.float16, torch.bfloat16):
            fix = "keep the weights in float32 and detect under torch.autocast"
            raise TypeError(f"16 bits are too few for the coordinates of boxes; {fix}")
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch does not annotate it
        return self

    def _prepare(self, images: Sequence[Tensor] | Tensor) -> tuple[Tensor, list[Geometry]]:
        prepared = [self.preprocessing(image) for image in as_images(images, next(self.parameters()))]
        return torch.stack([image for image, _ in prepared]), [geometry for _, geometry in prepared]

    def _detect(self, batch: Tensor, geometries: Sequence[Geometry], clinical: Clinical | None) -> list[Detections]:
        given, notes = self._read(clinical, batch)
        kept = self.screen(given)
        with self._evaluating(), self._patients(kept, batch):
            found = self.detector.detect(batch)
        found = [to_image(one, geometry) for one, geometry in zip(found, geometries, strict=True)]
        if self.fusion is None:
            return found
        uses = uses_of(self.schema, self.fitted.seen, given.cpu().numpy(), kept.cpu().numpy(), notes)
        return [replace(one, record=use) for one, use in zip(found, uses, strict=True)]

    def _read(self, clinical: Clinical | None, batch: Tensor) -> tuple[Tensor, Sequence[Mapping[str, str]]]:
        """Values ``[B, F]``, float32, where the batch is, all NaN without records; and what was not taken, and why."""
        count = len(batch)
        notes: Sequence[Mapping[str, str]] = [{}] * count
        if clinical is None:
            return torch.full((count, len(self.schema)), torch.nan, device=batch.device), notes
        if not isinstance(clinical, Tensor | np.ndarray):
            if isinstance(clinical, Mapping) or len(clinical) != count:
                raise ValueError(f"clinical is not a list of {count} records, one per image")
            clinical = as_records(clinical)
            if not isinstance(clinical, Tensor):
                clinical, notes = read_records(self.schema, clinical)
        if clinical.shape != (count, len(self.schema)):
            raise ValueError(f"clinical is {list(clinical.shape)}, expected {[count, len(self.schema)]}")
        return torch.as_tensor(clinical).to(batch.device, torch.float32), notes

    @contextmanager
    def _patients(self, clinical: Tensor, batch: Tensor) -> Iterator[None]:
        if self.fusion is None:
            yield
            return
        with self.fusion.of(clinical.to(batch)):
            yield

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = [module for module in self.modules() if module.training]
        if not training:  # a fifth of the time that setting it takes
            yield
            return
        self.eval()
        try:
            yield
        finally:  # one by one: what its owner had frozen stays so
            for module in training:
                module.training = True
