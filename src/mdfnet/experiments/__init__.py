"""Whole experiments: many trainings of one plan, compared; see `mdfnet.experiments.run`."""
