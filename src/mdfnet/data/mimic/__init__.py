"""From the tables of MIMIC-CXR-JPG, MIMIC-IV, MIMIC-IV-ED and REFLACX, or of MIMIC-Eye, to a dataset folder.

No message, no log and no file of the result holds an id or a date of a patient: places are named by file and row.
"""
