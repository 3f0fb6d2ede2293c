"""Datasets: the folder they live in, films, importers, checks, splits, summaries and phantoms."""
