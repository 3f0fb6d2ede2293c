"""Which detectors there are, ours and other packages', by the name that ``detector.name`` takes. No torch in here.

Another package adds its own by an entry point of the group ``mdfnet.detectors`` whose object is an :class:`Entry`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from typing import TYPE_CHECKING

from mdfnet.core.errors import UserError, nearest
from mdfnet.models.detectors.settings import (
    DenseConfig,
    DetectorConfig,
    RCNNConfig,
    TransformersConfig,
    YOLOConfig,
    ZooConfig,
)

if TYPE_CHECKING:
    from mdfnet.core.settings import InputConfig
    from mdfnet.models.detectors.base import Detector

GROUP = "mdfnet.detectors"  #: Entry points of this group are detectors of other packages


@dataclass(frozen=True)
class Entry:
    """A detector one can ask for by name.

    Args:
        name: What ``detector.name`` calls it.
        family: What it is: "two-stage", "RetinaNet", "FCOS", "SSD", "YOLO", "DETR", ...
        home: ``module:callable`` that makes it from ``(settings, input, classes)``; imported when first built.
        settings: The class of its settings.
        library: The distribution it needs.
        license: Of the code that is used of it.
        extra: The extra of this package that installs it; None: always there.
        source: Where it was published.
    """

    name: str
    family: str
    home: str
    settings: type[DetectorConfig]
    library: str
    license: str
    extra: str | None = None
    source: str = ""

    @property
    def installed(self) -> bool:
        """Whether its library is there."""
        try:
            metadata.version(self.library)
        except metadata.PackageNotFoundError:
            return False
        return True

    @property
    def install(self) -> str:
        """The command that installs its library."""
        return f"pip install 'mdfnet[{self.extra}]'" if self.extra else f"pip install {self.library}"

    def build(self, settings: DetectorConfig, input: InputConfig, classes: int) -> Detector:
        """Make it, untrained.

        Args:
            settings: Its part of the config.
            input: The network's input.
            classes: Number of classes without background.

        Raises:
            UserError: Its library is missing, or it does not take these settings.
        """
        if not self.installed:
            what = f"{self.name} needs {self.library}, which is not installed"
            raise UserError(what, where="detector.name", fix=self.install)
        module, _, maker = self.home.partition(":")
        made: Detector = getattr(import_module(module), maker)(settings, input, classes)
        return made


_HERE = "mdfnet.models.detectors"
_torchvision = partial(Entry, library="torchvision", license="BSD-3-Clause")
_dense = partial(_torchvision, settings=DenseConfig)
_zoo = partial(_torchvision, home=f"{_HERE}.zoo:build", settings=ZooConfig)
_detr = partial(
    Entry,
    family="DETR",
    home=f"{_HERE}.transformers:build",
    settings=TransformersConfig,
    library="transformers",
    license="Apache-2.0",
    extra="detr",
)
_yolo = partial(Entry, family="YOLO", settings=YOLOConfig, library="libreyolo", extra="yolo")
_yolox = partial(_yolo, home=f"{_HERE}.libreyolo:YOLOX", license="Apache-2.0", source="Ge et al., arXiv 2107.08430")
_yolov9 = partial(_yolo, home=f"{_HERE}.libreyolo:YOLOv9", license="MIT", source="Wang et al., ECCV 2024")

_FASTER, _MASK = "Ren et al., NeurIPS 2015", "He et al., ICCV 2017"
_RETINA, _FCOS, _SSD = "Lin et al., ICCV 2017", "Tian et al., ICCV 2019", "Liu et al., ECCV 2016"

#: The detectors that come with this package.
OWN = (
    _torchvision("rcnn", "two-stage", f"{_HERE}.rcnn:build", RCNNConfig, source=_FASTER),
    _dense("retinanet", "RetinaNet", f"{_HERE}.dense:retinanet", source=_RETINA),
    _dense("fcos", "FCOS", f"{_HERE}.dense:fcos", source=_FCOS),
    _dense("ssd", "SSD", f"{_HERE}.dense:ssd", source=_SSD),
    _zoo("fasterrcnn_mobilenet_v3_large_320_fpn", "two-stage", source=_FASTER),
    _zoo("fasterrcnn_mobilenet_v3_large_fpn", "two-stage", source=_FASTER),
    _zoo("fasterrcnn_resnet50_fpn", "two-stage", source=_FASTER),
    _zoo("fasterrcnn_resnet50_fpn_v2", "two-stage", source=f"{_FASTER}; Li et al., 2021"),
    _zoo("maskrcnn_resnet50_fpn", "two-stage", source=_MASK),
    _zoo("maskrcnn_resnet50_fpn_v2", "two-stage", source=f"{_MASK}; Li et al., 2021"),
    _zoo("retinanet_resnet50_fpn", "RetinaNet", source=_RETINA),
    _zoo("retinanet_resnet50_fpn_v2", "RetinaNet", source=f"{_RETINA}; Zhang et al., CVPR 2020"),
    _zoo("fcos_resnet50_fpn", "FCOS", source=_FCOS),
    _zoo("ssd300_vgg16", "SSD", source=_SSD),
    _zoo("ssdlite320_mobilenet_v3_large", "SSD", source="Sandler et al., CVPR 2018; Howard et al., ICCV 2019"),
    _detr("detr", source="Carion et al., ECCV 2020"),
    _detr("conditional-detr", source="Meng et al., ICCV 2021"),
    _detr("deformable-detr", source="Zhu et al., ICLR 2021"),
    _detr("rt-detr-v2", source="Lv et al., 2024"),
    _detr("d-fine", source="Peng et al., ICLR 2025"),
    _detr("rf-detr", source="Robinson et al., 2025"),
    _detr("lw-detr", source="Chen et al., 2024"),
    _detr("yolos", source="Fang et al., NeurIPS 2021"),
    *(_yolox(f"yolox_{size}") for size in ("nano", "tiny", "s", "m", "l")),
    *(_yolov9(f"yolov9_{size}") for size in ("t", "s", "m", "c")),
)


@functools.cache
def entries() -> dict[str, Entry]:
    """All detectors by name: this package's, then other packages'.

    Raises:
        UserError: Another package's entry cannot be read, or takes a name that is taken.

    Examples:
        >>> entries()["rcnn"].family
        'two-stage'
    """
    known = {entry.name: entry for entry in OWN}
    for point in metadata.entry_points(group=GROUP):
        where = f"{point.dist.name} ({point.value})" if point.dist else point.value
        entry = _load(point, where)
        if entry.name in known:
            fix = f"give it another name, or uninstall {point.dist.name if point.dist else point.value}"
            raise UserError(f"detector {entry.name!r} takes a name in use", where=where, fix=fix)
        known[entry.name] = entry
    return known


def _load(point: metadata.EntryPoint, where: str) -> Entry:
    """Another package's entry; every error names the package."""
    fix = f"update or uninstall {point.dist.name}" if point.dist else None
    try:
        entry = point.load()
    except Exception as error:
        what = f"cannot load detector {point.name!r}: {type(error).__name__}: {error}"
        raise UserError(what, where=where, fix=fix) from error
    if not isinstance(entry, Entry):
        what = f"detector {point.name!r} is of {type(entry).__name__}, not a mdfnet.models.detectors.registry.Entry"
        raise UserError(what, where=where, fix=fix)
    return entry


def find(name: str) -> Entry:
    """A detector by its name."""
    known = entries()
    if name not in known:
        raise UserError(f"no detector {name!r}", where="detector.name", fix=nearest(str(name), known))
    return known[name]
