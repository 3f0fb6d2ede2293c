"""The report of a whole experiment: many trainings, over seeds, folds and numbers of images."""
