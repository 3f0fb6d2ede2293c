"""Out to the hospital's archive and in from it: what was found as DICOM objects, and the node that reports."""
