"""From other people's files to a dataset.

Importers read and check; `mdfnet.data.dataset_folder.write_dataset` writes. What they leave out or turn to missing is
counted.
"""

from mdfnet.data.importers.coco import import_coco
from mdfnet.data.importers.common import DatasetInfo, ImportOptions, ImportResult
from mdfnet.data.importers.dicom import import_dicom
from mdfnet.data.importers.tables import import_csv
from mdfnet.data.importers.voc import import_voc
from mdfnet.data.importers.yolo import import_yolo

__all__ = [
    "DatasetInfo",
    "ImportResult",
    "ImportOptions",
    "import_coco",
    "import_csv",
    "import_dicom",
    "import_voc",
    "import_yolo",
]
