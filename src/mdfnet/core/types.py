"""The few types that all rooms share. All frozen; shapes, units and ranges are documented here and nowhere else.

Boxes are ``x1, y1, x2, y2`` in pixels of the original image, continuous: ``0, 0`` is the outer corner of the top-left
pixel and ``width, height`` that of the bottom-right one (as COCO and torchvision have it).
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, ValuesView
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from mdfnet.core.arrays import Floats, Ints
from mdfnet.core.errors import UserError, nearest

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Classes:
    """The findings a model knows: names, and the ids they had where they came from.

    Inside, labels run from 1 to ``len(classes)`` without gaps, 0 being background. Outside, the original ids are kept.

    Args:
        names: Unique names in label order; label ``i`` is ``names[i - 1]``.
        ids: Original category ids (COCO ids may have gaps). Default: 1, 2, 3, ...

    Raises:
        UserError: Names or ids are empty or not unique, or their numbers differ.

    Examples:
        >>> classes = Classes(("Atelectasis", "Effusion"), ids=(3, 90))
        >>> classes.label("Effusion"), classes.name(2), classes.id_of(2), classes.label_of_id(90)
        (2, 'Effusion', 90, 2)
    """

    names: tuple[str, ...]
    ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "ids", tuple(self.ids) or tuple(range(1, len(self.names) + 1)))
        if not self.names:
            raise UserError("there are no classes", fix="name at least one finding")
        if not all(name.strip() for name in self.names):
            raise UserError("a class has no name", fix="name every finding")
        if len(set(self.names)) < len(self.names) or len(set(self.ids)) < len(self.ids):
            raise UserError(f"class names and ids must be unique, got {self.names} and {self.ids}")
        if len(self.names) != len(self.ids):
            raise UserError(f"{len(self.names)} class names but {len(self.ids)} ids")

    def __len__(self) -> int:
        return len(self.names)

    def label(self, name: str, where: object = None) -> int:
        """Label of a class name, 1-based; ``where`` is for the message where it is unknown."""
        if name not in self.names:
            raise UserError(f"unknown class {name!r}", where=where, fix=nearest(name, self.names))
        return self.names.index(name) + 1

    def name(self, label: int) -> str:
        """Name of a 1-based label."""
        return self.names[label - 1]

    def id_of(self, label: int) -> int:
        """Original id of a 1-based label."""
        return self.ids[label - 1]

    def label_of_id(self, category_id: int, where: object = None) -> int:
        """1-based label of an original id; ``where`` is for the message where it is unknown."""
        if category_id not in self.ids:
            fix = f"known are: {', '.join(map(str, self.ids))}"
            raise UserError(f"unknown category id {category_id}", where=where, fix=fix)
        return self.ids.index(category_id) + 1


#: The five findings of the paper, in the order of the authors' code (arXiv 2302.13390).
PAPER_CLASSES = Classes(
    ("Enlarged cardiac silhouette", "Atelectasis", "Pleural abnormality", "Consolidation", "Pulmonary edema")
)


@dataclass(frozen=True)
class Target:
    """The ground truth of one image: what a reader annotated. An image without findings has zero rows.

    Args:
        boxes: float32 ``[N, 4]``, see the module's note.
        labels: int64 ``[N]``, 1-based.
        polygons: One float32 ``[P, 2]`` outline (x, y) per box, or None where only the box is known.

    Examples:
        >>> Target.of([[10, 20, 30, 60]], [2]).boxes.shape
        (1, 4)
        >>> len(Target.of([], []))
        0
    """

    boxes: Floats
    labels: Ints
    polygons: tuple[Floats | None, ...] = ()

    @classmethod
    def of(
        cls,
        boxes: Iterable[ArrayLike],
        labels: Iterable[ArrayLike],
        polygons: Iterable[Floats | None] | None = None,
    ) -> Target:
        """Make one from any sequences."""
        corners = np.asarray(list(boxes), np.float32).reshape(-1, 4)
        numbers = np.asarray(list(labels), np.int64).reshape(-1)
        outlines = tuple(polygons) if polygons is not None else (None,) * len(corners)
        if not len(corners) == len(numbers) == len(outlines):
            raise ValueError(f"{len(corners)} boxes, {len(numbers)} labels, {len(outlines)} polygons")
        return cls(corners, numbers, outlines)

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Sample:
    """One image of a dataset with what is known about it.

    Args:
        id: Name of the image, unique in its dataset.
        image: Path of the image file.
        width, height: Size of the original image in pixels.
        target: Its annotations.
        clinical: float32 ``[F]`` in the order and the units of the dataset's clinical schema; categories as their
            index; NaN = missing.
        patient: Patient identifier; images of one patient never cross splits. Default: the image is its own patient.
        split: "train", "val", "test", or None when not yet split.
        view: "PA", "AP" or None.
        spacing: Width and height of a pixel in mm, or None.
        intensity: Recipe by which a DICOM image becomes gray values, see `mdfnet.data.images.intensity`.
    """

    id: str
    image: Path
    width: int
    height: int
    target: Target
    clinical: Floats
    patient: str = ""
    split: str | None = None
    view: str | None = None
    spacing: tuple[float, float] | None = None
    intensity: str = "as-is"

    def __post_init__(self) -> None:
        if not self.patient:
            object.__setattr__(self, "patient", self.id)


@dataclass(frozen=True)
class RecordUse:
    """What a model did with one image's clinical record. Every feature of the model is in one of the first three.

    Args:
        used: Features whose values it looked at.
        missing: Features without a value.
        refused: Name -> why its value is implausible and was not used.
        unseen: Name -> what training had, of values that were used although no training image had such ones.
        unknown: Name -> why it was not used, of what the record names and the model was not made for.
    """

    used: tuple[str, ...]
    missing: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    unseen: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Detections:
    """What a model found on one image, highest score first.

    The tensors are read as attributes, or by name as from the dict that torchvision's models give: ``found["boxes"]``,
    ``"masks" in found``, ``found.items()``. ``len(found)`` is the number of boxes; a loop over ``found`` itself is
    refused, because it could mean boxes or names. Two are equal only if they are the same object.

    Args:
        boxes: float32 ``[N, 4]`` in pixels of the image given to the model, see the module's note.
        labels: int64 ``[N]``, 1-based.
        scores: float32 ``[N]`` in [0, 1], descending.
        masks: float32 ``[N, H, W]`` in [0, 1] at the image's size, or None.
        record: How the image's record was used; None where the model looks at images alone.

    Examples:
        >>> import torch
        >>> found = Detections(torch.tensor([[0.0, 0.0, 9.0, 9.0]]), torch.tensor([1]), torch.tensor([0.5]))
        >>> found["scores"].tolist(), "masks" in found, list(found.keys())
        ([0.5], False, ['boxes', 'labels', 'scores'])
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor
    masks: Tensor | None = field(default=None)
    record: RecordUse | None = field(default=None)

    def __len__(self) -> int:
        return len(self.boxes)

    def keys(self) -> KeysView[str]:
        """Names of the tensors, ``masks`` only where there are some."""
        return self._tensors().keys()

    def items(self) -> ItemsView[str, Tensor]:
        """Names and tensors."""
        return self._tensors().items()

    def values(self) -> ValuesView[Tensor]:
        """The tensors, in the order of their names."""
        return self._tensors().values()

    def get(self, name: str, default: Tensor | None = None) -> Tensor | None:
        """The tensor of that name, the default where there is none."""
        return self._tensors().get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __getitem__(self, name: str) -> Tensor:
        tensors = self._tensors()
        if not isinstance(name, str):
            raise KeyError(f"detections have no {name!r}; to choose boxes use `above` or `where`")
        if name == "masks" and self.masks is None:
            raise KeyError("these detections have no masks: the model has no mask head, or they were left out")
        if name not in tensors:
            raise KeyError(f"detections have no {name!r}; {nearest(name, tensors)}")
        return tensors[name]

    def __iter__(self) -> NoReturn:
        """Refused; without this, Python would ask for the items 0, 1, 2, ..."""
        fix = "read found.boxes, found.labels, found.scores, found.masks, or loop over found.items()"
        raise TypeError(f"detections are not iterable; {fix}")

    def cpu(self) -> Detections:
        """The same detections in main memory, detached."""
        return self._each(lambda tensor: tensor.detach().cpu())

    def to(self, device: str | torch.device) -> Detections:
        """The same detections on a device."""
        return self._each(lambda tensor: tensor.to(device))

    def without_masks(self) -> Detections:
        """The boxes alone: scores need no masks, and a mask is as large as its image."""
        return replace(self, masks=None)

    def above(self, score: float) -> Detections:
        """Only those with at least this score."""
        return self.where(self.scores >= score)

    def where(self, keep: Tensor) -> Detections:
        """Only those that a mask ``[N]`` keeps."""
        return self._each(lambda tensor: tensor[keep])

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {"boxes": self.boxes, "labels": self.labels, "scores": self.scores}
        return tensors if self.masks is None else {**tensors, "masks": self.masks}

    def _each(self, change: Callable[[Tensor], Tensor]) -> Detections:
        return Detections(**{name: change(tensor) for name, tensor in self.items()}, record=self.record)
