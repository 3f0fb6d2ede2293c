"""Datasets: the folder they live in, images, importers, checks, splits, summaries and phantoms.

Whatever reads or checks a file raises `mdfnet.core.errors.UserError`: what is wrong, in which file and row, and how to
fix it. Docstrings say which errors to expect only where the function is public or more is to be said.
"""
