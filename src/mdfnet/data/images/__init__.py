"""Image files: PNG, JPEG and DICOM to one gray image, within bounds, at the full depth of the file."""
