"""Films become flat, checked arrays, so that every score after that is array arithmetic."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mdfnet.core.errors import UserError


class Marked(Protocol):
    """What was marked on one film: :class:`mdfnet.core.types.Target`, or anything with such arrays."""

    boxes: Any
    labels: Any


class Detected(Marked, Protocol):
    """What was found on one film: :class:`mdfnet.core.types.Detections` in main memory, or anything like it."""

    scores: Any


@dataclass(frozen=True)
class Boxes:
    """Boxes of many films in one table, in film order.

    Args:
        film: int64 ``[N]``, index of the film.
        label: int64 ``[N]``, 1-based.
        box: float64 ``[N, 4]``, ``x1, y1, x2, y2`` in pixels.
    """

    film: np.ndarray
    label: np.ndarray
    box: np.ndarray

    def __len__(self) -> int:
        return len(self.film)


@dataclass(frozen=True)
class Cases:
    """The films of an evaluation: what was marked on them and what was found, as flat arrays.

    Args:
        films: Names of the films, unique; a film's index in here is its index everywhere.
        class_count: Labels run from 1 to this.
        truths: What was marked.
        detections: What was found.
        scores: float64 ``[D]`` in [0, 1], one per detection.

    Examples:
        >>> from types import SimpleNamespace as Found
        >>> from mdfnet.core.types import Target
        >>> found = [Found(boxes=[[0, 0, 9, 9]], labels=[2], scores=[0.5]), Found(boxes=[], labels=[], scores=[])]
        >>> cases = Cases.of(found, [Target.of([], []), Target.of([[0, 0, 8, 9]], [1])], class_count=2)
        >>> cases.detections.film.tolist(), cases.truths.film.tolist(), cases.truths_per_film.tolist()
        ([0], [1], [[0, 0], [1, 0]])
    """

    films: tuple[str, ...]
    class_count: int
    truths: Boxes
    detections: Boxes
    scores: np.ndarray

    @classmethod
    def of(
        cls,
        detections: Sequence[Detected],
        targets: Sequence[Marked],
        class_count: int,
        films: Sequence[str] | None = None,
    ) -> Cases:
        """Lay out and check detections and targets of the same films in the same order.

        Args:
            detections: One per film; boxes ``[N, 4]``, labels ``[N]``, scores ``[N]`` in [0, 1].
            targets: One per film; boxes ``[N, 4]``, labels ``[N]``.
            class_count: Number of classes.
            films: Names of the films. Default: "0", "1", "2", ...

        Raises:
            UserError: There are no films; their numbers differ; a name comes twice; a box, label or score is not what
                it should be. The film is named.
        """
        films = tuple(map(str, range(len(targets)) if films is None else films))
        _check_films(len(detections), len(targets), films)
        truths = _flatten(targets, films, class_count, "target")
        found = _flatten(detections, films, class_count, "detection")
        scores = _flatten_scores(detections, found, films)
        return cls(films, class_count, truths, found, scores)

    @property
    def truths_per_film(self) -> np.ndarray:
        """int64 ``[films, classes]``, how many boxes of each class were marked on each film."""
        counts = np.zeros((len(self.films), self.class_count), np.int64)
        np.add.at(counts, (self.truths.film, self.truths.label - 1), 1)
        return counts

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the films' names and what was marked on them, whatever their order."""
        rows = [(self.films[film], int(label), *box) for film, label, box in self._truth_rows()]
        return hashlib.sha256(repr((sorted(self.films), sorted(rows))).encode()).hexdigest()

    def _truth_rows(self):
        return zip(self.truths.film, self.truths.label, self.truths.box.tolist(), strict=True)


def _check_films(detections: int, targets: int, films: tuple[str, ...]) -> None:
    if not detections == targets == len(films):
        raise UserError(f"{detections} films with detections, {targets} with targets, {len(films)} film names")
    if not films:
        raise UserError("there are no films to evaluate")
    if len(set(films)) < len(films):
        twice = next(film for film in films if films.count(film) > 1)
        raise UserError("film comes twice in the evaluation", where=f"film {twice}")


def _flatten(marks: Sequence[Marked], films: tuple[str, ...], class_count: int, what: str) -> Boxes:
    boxes = [np.asarray(mark.boxes, np.float64).reshape(-1, 4) for mark in marks]
    labels = [np.asarray(mark.labels, np.int64).reshape(-1) for mark in marks]
    for film, box, label in zip(films, boxes, labels, strict=True):
        if len(box) != len(label):
            raise UserError(f"{len(box)} {what} boxes but {len(label)} labels", where=f"film {film}")
    film = np.repeat(np.arange(len(films)), [len(label) for label in labels])
    table = Boxes(film, np.concatenate(labels), np.concatenate(boxes))
    x1, y1, x2, y2 = table.box.T
    proper = np.isfinite(table.box).all(1) & (x1 <= x2) & (y1 <= y2)
    _refuse(~proper, table, films, lambda row: f"{what} box {table.box[row].tolist()} is not x1 <= x2, y1 <= y2")
    strange = (table.label < 1) | (table.label > class_count)
    _refuse(strange, table, films, lambda row: f"{what} label {table.label[row]} is not in 1 to {class_count}")
    return table


def _flatten_scores(detections: Sequence[Detected], table: Boxes, films: tuple[str, ...]) -> np.ndarray:
    scores = [np.asarray(found.scores, np.float64).reshape(-1) for found in detections]
    boxes_per_film = np.bincount(table.film, minlength=len(films))
    for film, count, score in zip(films, boxes_per_film, scores, strict=True):
        if len(score) != count:
            raise UserError(f"{count} detection boxes but {len(score)} scores", where=f"film {film}")
    flat = np.concatenate(scores)
    _refuse(~((flat >= 0) & (flat <= 1)), table, films, lambda row: f"detection score {flat[row]} is not in [0, 1]")
    return flat


def _refuse(bad: np.ndarray, table: Boxes, films: tuple[str, ...], say) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise UserError(say(row), where=f"film {films[table.film[row]]}")
