"""Detectors: what finds boxes on a film. None of them knows about patients; `mdfnet.models.fusion` attaches to them."""
