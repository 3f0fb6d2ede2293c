"""Detectors: what finds boxes on an image. None knows about patients; `mdfnet.models.fusion` attaches to them."""
