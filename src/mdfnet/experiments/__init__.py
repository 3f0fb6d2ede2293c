"""Whole experiments: many trainings of one plan, compared; start at `mdfnet.experiments.run`.

Where plan, data and folder do not fit each other, a `mdfnet.core.errors.UserError` says so before anything is trained.
"""
