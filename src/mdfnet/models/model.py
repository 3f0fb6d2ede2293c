"""The model: an image and a record in, losses or detections out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mdfnet.clinical.records import RecordResult, read_records
from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer
from mdfnet.clinical.use import uses_of
from mdfnet.core.outlines import masks_of
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
from mdfnet.models.operating_points import Operating
from mdfnet.models.preprocessing import Geometry, Preprocessing

#: Records of a batch: a tensor, or named values image by image.
Clinical = Tensor | Sequence[Mapping[str, Any] | RecordResult | None]


def build(
    config: str | Path | Config = "default",
    *,
    classes: Classes = PAPER_CLASSES,
    schema: Schema | str | None = None,
    **overrides: Any,
) -> Model:
    """Make an untrained model. Nothing is downloaded; see :meth:`Model.load_pretrained`.

    Args:
        config: A preset name, a path to a YAML file, or a config.
        classes: What it shall find. Default: the paper's five.
        schema: Its clinical features, or the name of a schema. Default: ``mimic-ed``, the paper's ten.
        overrides: Config keys, such as ``mask_head=True`` or ``epochs=3``.

    Raises:
        UserError: The config does not fit.

    Examples:
        >>> model = build("tiny")
        >>> found = model.detect([torch.rand(1, 120, 100)], clinical=None)
        >>> found[0].boxes.shape[1]
        4
    """
    schema = Schema.load(schema or "mimic-ed") if not isinstance(schema, Schema) else schema
    return Model(load_config(config, overrides), classes, schema)


class Model(nn.Module):
    """A detector with clinical fusion attached.

    Images are lists of float32 ``[3, H, W]`` or ``[1, H, W]`` in [0, 1], of any sizes. A clinical batch is float32
    ``[B, F]`` in the schema's order and units; categories as their index; NaN = missing; None = no records at all. For
    detection it may also be a list of records with named values, see :func:`mdfnet.clinical.records.read_records`.
    Values that cannot be right never reach the network: they are taken as missing.

    Args:
        config, classes, schema: What :func:`build` says.
        fitted: The clinical scale fitted on the training split. Default: from the schema's plausible ranges.

    ``operating`` holds the operating points and the calibration that were fitted on validation images, None before
    that. Detections are never changed by them."""

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

    def fit(self, fitted: Standardizer) -> None:
        """Take over the clinical scale fitted on the training split."""
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
        self, images: Sequence[Tensor], targets: Sequence[dict[str, Tensor]], clinical: Tensor | None
    ) -> dict[str, Tensor]:
        """Training losses by name, scalars.

        Args:
            images, clinical: See the class.
            targets: Per image ``boxes`` float32 ``[N, 4]`` xyxy in image pixels, ``labels`` int64 ``[N]`` from 1 and,
                for a mask head, optionally ``masks`` ``[N, H, W]``.
        """
        batch, geometries = self._prepare(images)
        targets = [self._target(target, geometry) for target, geometry in zip(targets, geometries, strict=True)]
        with self._patients(self.screen(self._values(clinical, batch)), batch):
            return self.detector.losses(batch, targets)

    @torch.no_grad()
    def detect(self, images: Sequence[Tensor], clinical: Clinical | None = None) -> list[Detections]:
        """Find boxes, in the pixels of the images given. Never looks at targets; always in evaluation mode.

        What became of each image's record stands in ``Detections.record``: values used, missing, refused and why.

        Raises:
            UserError: A unit in a record does not fit its feature.
            ValueError: There is not one record per image, or a tensor has not one column per feature.

        Examples:
            >>> model = build("tiny", size=64)
            >>> (found,) = model.detect([torch.rand(1, 64, 64)], [{"age": 61, "temperature": 98.6}])
            >>> found.record.used, found.record.refused["temperature"]
            (('age',), 'temperature is 98.6 Cel, outside the plausible 25 to 45 Cel; looks like [degF]')
        """
        batch, geometries = self._prepare(images)
        return self._detect(batch, geometries, clinical)

    @torch.no_grad()
    def encode(self, images: Sequence[Tensor]) -> Features:
        """The part that depends on the images alone, for :meth:`detect_from` with as many records as wanted."""
        batch, geometries = self._prepare(images)
        with self._evaluating():
            return Features(batch, tuple(geometries), image_features(self.detector, batch))

    @torch.no_grad()
    def detect_from(self, features: Features, clinical: Clinical | None = None) -> list[Detections]:
        """What :meth:`detect` gives for these images and records. One image may come with several records."""
        if clinical is not None and len(features) == 1 < len(clinical):
            features = features.repeat(len(clinical))
        with replayed(self.detector, features.outputs):
            return self._detect(features.images, features.geometries, clinical)

    @contextmanager
    def seeing(self, features: Features, clinical: Tensor) -> Iterator[Features]:
        """While entered, the detector's own methods see these images and records ``[B, F]``, without gradients.

        For those who ask the detector for more than detections, as :mod:`mdfnet.explain.regions` does. Gives the
        features, repeated where one image came with several records.
        """
        if len(features) == 1 < len(clinical):
            features = features.repeat(len(clinical))
        kept = self.screen(self._values(clinical, features.images))
        replaying = replayed(self.detector, features.outputs)
        with torch.no_grad(), replaying, self._evaluating(), self._patients(kept, features.images):
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
        write_model(folder, card, self.state_dict(), self.operating)

    def _prepare(self, images: Sequence[Tensor]) -> tuple[Tensor, list[Geometry]]:
        device = next(self.parameters()).device
        prepared = [self.preprocessing(image.to(device)) for image in images]
        return torch.stack([image for image, _ in prepared]), [geometry for _, geometry in prepared]

    def _target(self, target: dict[str, Tensor], geometry: Geometry) -> dict[str, Tensor]:
        device, size = next(self.parameters()).device, self.config.input.size
        boxes = geometry.to_network(target["boxes"].to(device))
        ready = {"boxes": boxes, "labels": target["labels"].to(device)}
        outlines = self.config.detector.outlines
        if outlines is not None:
            masks = target.get("masks")
            if masks is None:
                ready["masks"] = masks_of(boxes, size, outlines)
            else:
                ready["masks"] = self._masks_to_network(masks.to(device), geometry)
        return ready

    def _masks_to_network(self, masks: Tensor, geometry: Geometry) -> Tensor:
        if not len(masks):
            return masks.new_zeros(0, self.config.input.size, self.config.input.size)
        return torch.stack([self.preprocessing(mask[None].float())[0][0] for mask in masks]).gt(0.5).to(torch.uint8)

    def _detect(self, batch: Tensor, geometries: Sequence[Geometry], clinical: Clinical | None) -> list[Detections]:
        notes: Sequence[Mapping[str, str]] = [{}] * len(batch)
        if clinical is not None and not isinstance(clinical, Tensor):
            if isinstance(clinical, Mapping) or len(clinical) != len(batch):
                raise ValueError(f"clinical is not a list of {len(batch)} records, one per image")
            values, notes = read_records(self.schema, clinical)
            clinical = torch.from_numpy(values)
        given = self._values(clinical, batch)
        kept = self.screen(given)
        with self._evaluating(), self._patients(kept, batch):
            found = self.detector.detect(batch)
        found = [_to_image(one, geometry) for one, geometry in zip(found, geometries, strict=True)]
        if self.fusion is None:
            return found
        uses = uses_of(self.schema, self.fitted.seen, given.cpu().numpy(), kept.cpu().numpy(), notes)
        return [replace(one, record=use) for one, use in zip(found, uses, strict=True)]

    def _values(self, clinical: Tensor | None, batch: Tensor) -> Tensor:
        """Float32 ``[B, F]`` where the batch is, all NaN where there are no records."""
        shape = (len(batch), len(self.schema))
        if clinical is None:
            return torch.full(shape, torch.nan, device=batch.device)
        if clinical.shape != shape:
            raise ValueError(f"clinical is {list(clinical.shape)}, expected {list(shape)}")
        return clinical.to(batch.device, torch.float32)

    @contextmanager
    def _patients(self, clinical: Tensor, batch: Tensor) -> Iterator[None]:
        if self.fusion is None:
            yield
            return
        with self.fusion.of(clinical.to(batch)):
            yield

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        if not any(module.training for module in self.modules()):  # a fifth of the time that setting it takes
            yield
            return
        training = self.training
        self.eval()
        try:
            yield
        finally:
            self.train(training)


def _to_image(found: Detections, geometry: Geometry) -> Detections:
    """From network pixels to the image's, clipped to it; what lay in the padding is dropped."""
    boxes = geometry.clipped_to_image(found.boxes)
    keep = (boxes[:, 2:] > boxes[:, :2]).all(1)
    masks = None if found.masks is None else _masks_to_image(found.masks[keep], geometry)
    return Detections(boxes[keep], found.labels[keep], found.scores[keep], masks)


def _masks_to_image(masks: Tensor, geometry: Geometry) -> Tensor:
    (left, top), (width, height) = geometry.offset, geometry.inner
    inner = masks[None, :, top : top + height, left : left + width]
    if not len(masks) or (height, width) == (geometry.height, geometry.width):
        return inner[0] if len(masks) else masks.new_zeros(0, geometry.height, geometry.width)
    return nn.functional.interpolate(inner, (geometry.height, geometry.width), mode="bilinear")[0]
