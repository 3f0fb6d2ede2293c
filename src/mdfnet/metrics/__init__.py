"""Score detections against the ground truth; NumPy and SciPy only, no model in sight.

A score takes three steps, each a file of its own: images become flat, checked arrays (:mod:`~mdfnet.metrics.cases`),
detections and truths are matched once (:mod:`~mdfnet.metrics.matching`), and every figure is computed from the matches
(:mod:`~mdfnet.metrics.average_precision`, :mod:`~mdfnet.metrics.counts`). :func:`score_detections` does all three.

What scores take is the same everywhere: ``matches`` of :func:`mdfnet.metrics.matching.match`; ``weights``, how often
each image counts, see :mod:`mdfnet.metrics.weights`; ``threshold``, one of the overlap thresholds that were matched,
0.5 unless another is given (``ValueError`` where it was not matched). What was never annotated has no value: NaN.

Detections that come here never come from a model that saw the targets: ``Model.detect`` does not take any.
"""

from mdfnet.metrics.evaluation import Evaluation, compare, score_detections

__all__ = ["Evaluation", "compare", "score_detections"]
