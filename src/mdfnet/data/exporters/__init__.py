"""From a dataset to the files of other programs: what they can hold of it, exactly, and the clinical table beside."""

from mdfnet.data.exporters.coco import export_coco
from mdfnet.data.exporters.voc import export_voc
from mdfnet.data.exporters.yolo import export_yolo

__all__ = ["export_coco", "export_voc", "export_yolo"]
