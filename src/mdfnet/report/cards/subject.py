"""What a card is about: a saved model with the evaluations that were made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdfnet.core.errors import UserError
from mdfnet.evaluation.score import read_details, read_evaluation
from mdfnet.metrics.evaluation import Evaluation
from mdfnet.models.card import Card, find_model, read_card
from mdfnet.models.operating_points import Operating, read_operating


@dataclass(frozen=True)
class CardEvaluation:
    """One evaluation of the model: what it is about, its scores, and the rest of its file."""

    about: Mapping[str, Any]
    scores: Evaluation
    content: Mapping[str, Any]

    @property
    def where(self) -> str:
        """On which images, in words."""
        return f"the {self.about.get('split', '')} split of {self.about.get('dataset', 'a dataset')}"


@dataclass(frozen=True)
class Subject:
    """A saved model."""

    folder: Path
    name: str  #: What to call it: its run, or its config
    card: Card  #: All about it but the weights
    operating: Operating | None
    evaluations: tuple[CardEvaluation, ...]  #: Of these very weights

    @classmethod
    def read(cls, model: str | Path, evaluations: Sequence[Path] | None = None) -> Subject:
        """Read a model and evaluations of it; by default those that lie in its run.

        Raises:
            UserError: There is no model, or an evaluation is of other weights.
        """
        folder = find_model(model).resolve()
        run = folder.parent if folder.name == "model" else folder
        card = read_card(folder)
        classes = card.known_classes()
        there = sorted(path.parent for path in run.glob("*/evaluation.json"))
        found = []
        for path in evaluations or there:
            about, scores = read_evaluation(path)
            if about.get("weights_sha256") == card.weights_sha256:
                found.append(CardEvaluation(about, scores, read_details(path)))
            elif evaluations is not None:
                fix = "evaluate this model again"
                raise UserError("an evaluation of other weights than the model's", where=path, fix=fix)
        name = run.name if folder.name == "model" else card.config.name
        return cls(folder, name, card, read_operating(folder, classes), tuple(found))

    @property
    def synthetic(self) -> tuple[str, ...]:
        """Which parts of the training data were made up."""
        return tuple(self.card.training.get("synthetic", ()))

    @property
    def tested(self) -> CardEvaluation | None:
        """The evaluation to report: of test images, else none."""
        return next((one for one in self.evaluations if one.about.get("split") == "test"), None)
