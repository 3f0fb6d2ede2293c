"""Image files: PNG, JPEG and DICOM to one gray picture, within bounds, and nothing lost that the file holds."""
