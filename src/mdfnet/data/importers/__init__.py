"""From other people's files to a dataset.

Importers read and check; `mdfnet.data.dataset.write_dataset` writes. What they leave out or turn to missing is counted.
"""

from mdfnet.data.importers.coco import import_coco
from mdfnet.data.importers.reading import About, Imported, Reading
from mdfnet.data.importers.tables import import_csv

__all__ = ["About", "Imported", "Reading", "import_coco", "import_csv"]
