"""Explains a model on one image, or on a split: what ``mdfnet explain`` does.

What is given is checked first; what takes seconds to import, torch and all that needs it, comes after.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mdfnet.clinical.records import Invalid
from mdfnet.core.arrays import Array, Floats
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import check_folder_can_be_made
from mdfnet.core.types import Sample
from mdfnet.data.dataset import Dataset
from mdfnet.data.image_records import read_records
from mdfnet.data.images.read import image_size, read_image, read_sample_image
from mdfnet.data.names import image_id
from mdfnet.models.card import NOTICE, find_model, read_card, versions
from mdfnet.models.fit import check_fit, check_fused
from mdfnet.report.record import describe

if TYPE_CHECKING:
    from mdfnet.models.model import Model


@dataclass
class Explainer:
    """Explains a model and writes ``explanation.html``; with a split also ``explanation.json`` and ``importance.csv``.

    Raises:
        UserError: There is no such model, or it looks at images alone; what is to be explained cannot be read or does
            not fit the model.
    """

    model: str | Path  #: A run's or model's folder, or "demo"
    out: Path  #: Folder to write
    orders: int | None = None  #: As :func:`mdfnet.explain.shapley.explain`
    command: str = ""  #: For the page
    log: Callable[[str], None] = print

    def __post_init__(self) -> None:
        self._card = read_card(find_model(self.model))
        check_fused(self._card.config)
        check_folder_can_be_made(self.out)

    def explain_file(self, image: Path, clinical: Path | None, score: float, invalid: Invalid) -> None:
        """Explain boxes from a score on a PNG, JPEG or DICOM file, with its record in ``clinical``, if any."""
        schema, name = self._card.clinical_schema, image_id(image.name)
        image_size(image)  # is there, and an image
        record = np.full(len(schema), np.nan, np.float32)
        if clinical is not None:
            found = read_records(clinical, schema, [name], invalid, self.log).get(name)
            record = record if found is None else found.values
        network = self._load()
        pixels = read_image(image, network.preprocessing.intensity)
        self._explain_image(network, name, pixels, record, score)

    def explain_sample(self, dataset: Dataset, case: str, score: float) -> None:
        """Explain boxes from a score on one image of a dataset, with the record it has there."""
        self._check_fit(dataset)
        samples = {sample.id: sample for sample in dataset.samples}
        if case not in samples:
            raise UserError(f"no image {case!r}", where=dataset.folder, fix=nearest(case, samples) if samples else None)
        sample, network = samples[case], self._load()
        self._explain_image(network, case, read_sample_image(sample), sample.clinical, score, dataset)

    def explain_split(self, dataset: Dataset, split: str, images: int | None, seed: int) -> None:
        """Explain importance and reliance over a split, or over so many of its images, drawn at random.

        The seed is of the draw, of shuffled records and of the bootstrap.
        """
        self._check_fit(dataset)
        samples: Sequence[Sample] = dataset.split(split)
        if images is not None and images < len(samples):
            chosen = np.random.default_rng(seed).choice(len(samples), images, replace=False)
            samples = [samples[k] for k in sorted(chosen)]
        network, log = self._load(), self.log
        from mdfnet.explain.importance import explain_images, importance
        from mdfnet.explain.reliance import reliance
        from mdfnet.report.importance import alarms_in_words, verdict, write_set_files, write_set_page

        log(f"{len(samples)} images: the reliance test, then Shapley values of every finding")
        relied = reliance(network, samples, seed=seed, tick=self._counting("reliance", len(samples)))
        tick = self._counting("importance", len(samples))
        explained = explain_images(network, samples, orders=self.orders, seed=seed, tick=tick)
        parts, features = [importance(explained, name) for name in network.classes.names], network.schema.names
        write_set_files(self.out, parts, relied, features)
        title = f"{Path(self.model).name} on {dataset.name}, {split}"
        facts = self._facts() | {"dataset": dataset.name, "split": split}
        write_set_page(self._page, title, parts, relied, features, synthetic=dataset.synthetic, facts=facts)
        log(verdict(relied))
        for alarm in alarms_in_words(relied):
            log(f"alarm: {alarm}")
        log(f"page: {self._page}. {NOTICE}")

    def _explain_image(
        self, network: Model, name: str, pixels: Array, record: Floats, score: float, dataset: Dataset | None = None
    ) -> None:
        import torch

        from mdfnet.explain.case import explain_case
        from mdfnet.report.explanation import in_words, write_case_page

        case = explain_case(network, pixels, torch.from_numpy(record), score=score, orders=self.orders)
        facts = self._facts() | ({"dataset": dataset.name} if dataset else {})
        synthetic = dataset.synthetic if dataset else ()
        write_case_page(self._page, name, case, network.classes, network.schema, synthetic=synthetic, facts=facts)
        values = dict(describe(network.schema, record.tolist(), case.found.record))
        self.log(in_words(case, network.classes, values))
        self.log(f"page: {self._page}. {NOTICE}")

    def _check_fit(self, dataset: Dataset) -> None:
        check_fit(self._card.known_classes(), self._card.clinical_schema, dataset)

    def _load(self) -> Model:
        from mdfnet.models.inference import on_best_device
        from mdfnet.models.load import load

        return on_best_device(load(find_model(self.model)))

    @property
    def _page(self) -> Path:
        return self.out / "explanation.html"

    def _facts(self) -> dict[str, str]:
        known = ", ".join(f"{name} {version}" for name, version in versions().items())
        detector = self._card.config.detector.name
        return {"model": str(self.model), "detector": detector, "versions": known, "command": self.command}

    def _counting(self, what: str, images: int) -> Callable[[], None]:
        """Logs the progress of a long run at every tenth image."""
        done = itertools.count(1)

        def tick() -> None:
            if (now := next(done)) % 10 == 0:
                self.log(f"{what}: {now} of {images} images")

        return tick
