"""Names that everybody uses: splits and views."""

SPLITS = ("train", "val", "test")
VIEWS = ("PA", "AP")
