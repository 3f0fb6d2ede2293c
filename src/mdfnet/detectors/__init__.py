"""Detectors: what finds boxes on a film. None of them knows about patients; `mdfnet.fusion` attaches to them."""
