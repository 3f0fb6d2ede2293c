"""Whole experiments: many trainings of one plan, compared; start at `mdfnet.experiments.run`."""
