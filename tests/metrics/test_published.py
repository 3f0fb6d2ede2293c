"""The published tables of arXiv 2302.13390 (test set, IoBB 0.5) add up by our own sums and means."""

import pytest

from mdfnet.metrics.average_precision import mean_over_classes
from mdfnet.metrics.counts import Counts

# Enlarged cardiac silhouette, Atelectasis, Pleural abnormality, Consolidation, Pulmonary edema; overall. In percent.
MEASURES = {
    "Mask R-CNN AP": ([54.8306, 14.5784, 16.2893, 3.1212, 9.2211], 19.6081),
    "Mask R-CNN AR": ([100.0, 40.0, 42.8571, 20.0, 66.6667], 53.9048),
    "MSF-Net (3D) AP": ([69.1240, 16.3322, 13.2027, 16.9346, 22.2601], 27.5707),
    "MSF-Net (3D) AR": ([94.4444, 42.8571, 52.3810, 40.0, 72.2222], 60.3810),
    "MSF-Net (1D) AP": ([50.5422, 17.2963, 10.0843, 17.5518, 15.4344], 22.1818),
    "MSF-Net (1D) AR": ([83.3333, 54.2857, 23.8095, 30.0, 55.5556], 49.3968),
    "MDF-Net AP": ([70.3607, 24.4309, 16.0932, 14.2857, 33.2543], 31.6850),
    "MDF-Net AR": ([100.0, 48.5714, 28.5714, 30.0, 66.6667], 54.7619),
}

# False positives, false negatives, true positives, in the same order.
COUNTS = {
    "MSF-Net (3D)": ([(26, 1, 17), (51, 20, 15), (31, 13, 8), (8, 9, 1), (51, 8, 10)], (167, 51, 51)),
    "MSF-Net (1D)": ([(14, 3, 15), (39, 19, 16), (15, 17, 4), (12, 7, 3), (23, 13, 5)], (103, 59, 43)),
    "MDF-Net": ([(41, 0, 18), (36, 19, 16), (18, 16, 5), (8, 9, 1), (45, 7, 11)], (148, 51, 51)),
    "Mask R-CNN": ([(42, 2, 16), (52, 21, 14), (43, 14, 7), (19, 9, 1), (75, 7, 11)], (231, 53, 49)),
}


@pytest.mark.parametrize(("per_class", "overall"), MEASURES.values(), ids=MEASURES)
def test_overall_is_the_plain_mean_of_the_classes(per_class, overall):
    assert mean_over_classes(per_class) == pytest.approx(overall, abs=1e-4)


@pytest.mark.parametrize(("per_class", "overall"), COUNTS.values(), ids=COUNTS)
def test_counts_add_up(per_class, overall):
    assert sum(map(counts, per_class), Counts()) == counts(overall)


def counts(published):
    false_positives, false_negatives, true_positives = published
    return Counts(true_positives, false_positives, false_negatives)
