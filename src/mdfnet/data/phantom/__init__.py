"""Synthetic chest X-rays with vital signs, for demonstration, tests and methods research with a known ceiling."""

from mdfnet.data.phantom.clinical import class_probabilities
from mdfnet.data.phantom.config import PhantomConfig
from mdfnet.data.phantom.generate import Phantom, phantoms, write_phantoms

__all__ = ["Phantom", "PhantomConfig", "class_probabilities", "phantoms", "write_phantoms"]
