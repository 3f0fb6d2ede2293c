"""Which detectors there are, ours and other packages', by the name that ``detector.name`` takes. No torch in here.

Another package adds its own by an entry point of the group ``mdfnet.detectors`` whose object is an :class:`Entry`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
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

#: Entry points of this group are detectors of other packages.
GROUP = "mdfnet.detectors"


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


def _torchvision(name: str, family: str, source: str) -> Entry:
    home = "mdfnet.models.detectors.zoo:build"
    return Entry(name, family, home, ZooConfig, "torchvision", "BSD-3-Clause", source=source)


def _dense(name: str, family: str, source: str) -> Entry:
    home = f"mdfnet.models.detectors.dense:{name}"
    return Entry(name, family, home, DenseConfig, "torchvision", "BSD-3-Clause", source=source)


def _transformers(name: str, source: str) -> Entry:
    home = "mdfnet.models.detectors.transformers:build"
    return Entry(name, "DETR", home, TransformersConfig, "transformers", "Apache-2.0", extra="detr", source=source)


def _yolo(name: str, kind: str, license: str, source: str) -> Entry:
    home = f"mdfnet.models.detectors.libreyolo:{kind}"
    return Entry(name, "YOLO", home, YOLOConfig, "libreyolo", license, extra="yolo", source=source)


_FASTER, _MASK = "Ren et al., NeurIPS 2015", "He et al., ICCV 2017"
_RETINA, _FCOS, _SSD = "Lin et al., ICCV 2017", "Tian et al., ICCV 2019", "Liu et al., ECCV 2016"
_YOLOX, _YOLOV9 = "Ge et al., arXiv 2107.08430", "Wang et al., ECCV 2024"

#: The detectors that come with this package.
OWN = (
    Entry(
        "rcnn",
        "two-stage",
        "mdfnet.models.detectors.rcnn:build",
        RCNNConfig,
        "torchvision",
        "BSD-3-Clause",
        source=_FASTER,
    ),
    _dense("retinanet", "RetinaNet", _RETINA),
    _dense("fcos", "FCOS", _FCOS),
    _dense("ssd", "SSD", _SSD),
    _torchvision("fasterrcnn_mobilenet_v3_large_320_fpn", "two-stage", _FASTER),
    _torchvision("fasterrcnn_mobilenet_v3_large_fpn", "two-stage", _FASTER),
    _torchvision("fasterrcnn_resnet50_fpn", "two-stage", _FASTER),
    _torchvision("fasterrcnn_resnet50_fpn_v2", "two-stage", f"{_FASTER}; Li et al., 2021"),
    _torchvision("maskrcnn_resnet50_fpn", "two-stage", _MASK),
    _torchvision("maskrcnn_resnet50_fpn_v2", "two-stage", f"{_MASK}; Li et al., 2021"),
    _torchvision("retinanet_resnet50_fpn", "RetinaNet", _RETINA),
    _torchvision("retinanet_resnet50_fpn_v2", "RetinaNet", f"{_RETINA}; Zhang et al., CVPR 2020"),
    _torchvision("fcos_resnet50_fpn", "FCOS", _FCOS),
    _torchvision("ssd300_vgg16", "SSD", _SSD),
    _torchvision("ssdlite320_mobilenet_v3_large", "SSD", "Sandler et al., CVPR 2018; Howard et al., ICCV 2019"),
    _transformers("detr", "Carion et al., ECCV 2020"),
    _transformers("conditional-detr", "Meng et al., ICCV 2021"),
    _transformers("deformable-detr", "Zhu et al., ICLR 2021"),
    _transformers("rt-detr-v2", "Lv et al., 2024"),
    _transformers("d-fine", "Peng et al., ICLR 2025"),
    _transformers("rf-detr", "Robinson et al., 2025"),
    _transformers("lw-detr", "Chen et al., 2024"),
    _transformers("yolos", "Fang et al., NeurIPS 2021"),
    *(_yolo(f"yolox_{size}", "YOLOX", "Apache-2.0", _YOLOX) for size in ("nano", "tiny", "s", "m", "l")),
    *(_yolo(f"yolov9_{size}", "YOLOv9", "MIT", _YOLOV9) for size in ("t", "s", "m", "c")),
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
