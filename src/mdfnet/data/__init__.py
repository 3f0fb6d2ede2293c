"""Datasets: the folder they live in, images, importers, checks, splits, summaries and phantoms."""
