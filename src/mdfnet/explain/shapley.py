"""How much of a score each clinical value accounts for: Shapley values over the features of a record."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from mdfnet.core.arrays import Array
from mdfnet.core.types import Detections
from mdfnet.explain.scores import box_scores, finding_scores
from mdfnet.models.fusion.features import Features
from mdfnet.models.model import Model

EXACT = 12  #: Known values up to which all coalitions are evaluated, 2 to the power of this
ORDERS = 200  #: Orders that are drawn where there are more values
Worth = Callable[[Array], Array]  #: Coalitions, bool ``[M, players]`` -> their worth, ``[M, N]``


@dataclass(frozen=True)
class Shapley:
    """What each clinical value adds to N scores; ``baseline + values.sum(0) == full``.

    Args:
        values: float64 ``[F, N]`` in score points; 0 where the record has no value.
        errors: float64 ``[F, N]``, standard errors from drawing orders; 0 where exact.
        baseline: float64 ``[N]``, the scores without a record.
        full: float64 ``[N]``, the scores with the record.
        exact: Whether all coalitions were evaluated.
    """

    values: Array
    errors: Array
    baseline: Array
    full: Array
    exact: bool


def shapley_values(worth: Array) -> Array:
    """Exact Shapley values of a game (Shapley 1953; eq. 4 of Lundberg and Lee, NeurIPS 2017).

    ``[F, ...]`` from ``[2 ** F, ...]``, where bit ``i`` of a row's index says whether player ``i`` takes part.

    Examples:
        >>> shapley_values(np.array([0, 1, 2, 7])).tolist()  # together they make 4 more than alone: 2 each
        [3.0, 4.0]
    """
    worth = np.asarray(worth, np.float64)
    players = len(worth).bit_length() - 1
    coalitions = np.arange(len(worth))
    sizes = np.bitwise_count(coalitions)
    weights = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    values = np.empty((players, *worth.shape[1:]))
    for player in range(players):
        without = coalitions[coalitions >> player & 1 == 0]
        values[player] = np.tensordot(weights[sizes[without]], worth[without | 1 << player] - worth[without], 1)
    return values


def explain(worth: Worth, players: int, *, orders: int | None = None, seed: int = 0) -> Shapley:
    """Shapley values of a game: exact up to :data:`EXACT` players, else by drawing orders in which they join.

    With ``orders``, at least 2, so many are drawn in any case, each with its reverse (Mitchell et al., JMLR 2022);
    :data:`ORDERS` by default.
    """
    if orders is None and players <= EXACT:
        coalitions = np.arange(2**players)[:, None] >> np.arange(players) & 1 == 1
        worths = np.asarray(worth(coalitions), np.float64)
        values = shapley_values(worths)
        return Shapley(values, np.zeros_like(values), worths[0], worths[-1], exact=True)
    return _drawn(worth, players, orders or ORDERS, seed)


def box_shapley(
    model: Model, features: Features, boxes: Detections, record: Tensor, *, orders: int | None = None, seed: int = 0
) -> Shapley:
    """What each value of a record adds to the scores of fixed boxes of one image; a value left out is missing.

    Args:
        model, features, boxes: As :func:`mdfnet.explain.scores.box_scores`.
        record: float32 ``[F]``, NaN = missing, with which the boxes are found. Implausible values count as missing, as
            everywhere.
        orders, seed: As :func:`explain`.

    Returns:
        ``full`` is the box's score with the record, for a box found with it the detection's own.

    Raises:
        ValueError: There is more than one image, or not one value per feature.

    Examples:
        >>> import mdfnet
        >>> model = mdfnet.build("tiny", size=64, box_score=0.0).eval()
        >>> image, record = model.encode([torch.rand(1, 64, 64)]), torch.full((10,), torch.nan)
        >>> record[:3] = torch.tensor([61, 38.9, 104])
        >>> (found,) = model.detect_from(image, record[None])
        >>> shapley = box_shapley(model, image, found, record)
        >>> shapley.values.shape == (10, len(found)), bool((shapley.values[3:] == 0).all()), shapley.exact
        (True, True, True)
    """
    return _of_record(model, record, partial(box_scores, model, features, boxes), orders, seed)


def finding_shapley(
    model: Model, features: Features, record: Tensor, *, orders: int | None = None, seed: int = 0
) -> Shapley:
    """As :func:`box_shapley` for the findings of one image as a whole, in the order of the classes.

    Of :func:`mdfnet.explain.scores.finding_scores`, ``N`` being the number of classes.
    """
    return _of_record(model, record, partial(finding_scores, model, features), orders, seed)


def _of_record(model: Model, record: Tensor, score: Callable[..., Tensor], orders: int | None, seed: int) -> Shapley:
    """Only values that are known play; the others add nothing."""
    if record.shape != (len(model.schema),):
        raise ValueError(f"a record is [{len(model.schema)}], got {list(record.shape)}")
    kept = model.screen(record[None].to(next(model.parameters()).device))[0]
    known = (~kept.isnan()).nonzero()[:, 0]

    def worth(coalitions: Array) -> Array:
        records = torch.full((len(coalitions), len(kept)), torch.nan, device=kept.device)
        records[:, known] = kept[known].masked_fill(~torch.from_numpy(coalitions).to(kept.device), torch.nan)
        return score(records, found_with=kept).double().cpu().numpy()

    played = explain(worth, len(known), orders=orders, seed=seed)
    values, errors = (np.zeros((len(kept), played.full.size)) for _ in range(2))
    values[known.cpu()], errors[known.cpu()] = played.values, played.errors
    return Shapley(values, errors, played.baseline, played.full, played.exact)


def _drawn(worth: Worth, players: int, orders: int, seed: int) -> Shapley:
    """Mean over orders of what each player adds on joining; an order and its reverse are one draw of their mean."""
    random = np.random.default_rng(seed)
    ranks = np.argsort(random.random((orders, 1, players)), -1)
    ranks = np.concatenate([ranks, players - 1 - ranks], 1)  # [orders, 2, players]: when a player joins
    joined = ranks[:, :, None] < np.arange(players + 1)[:, None]  # [orders, 2, players + 1 steps, players]
    # All and none are evaluated once, and so are other coalitions that come up twice.
    distinct, where = np.unique(joined.reshape(-1, players), axis=0, return_inverse=True)
    worths = np.asarray(worth(distinct), np.float64)
    along = worths[where.ravel()].reshape(orders, 2, players + 1, -1)
    steps = np.diff(along, axis=2)  # [orders, 2, players, N]: what whoever joins then adds
    added = np.take_along_axis(steps, ranks[..., None], 2).mean(1)  # [orders, players, N]
    errors = added.std(0, ddof=1) / math.sqrt(orders)
    return Shapley(added.mean(0), errors, along[0, 0, 0], along[0, 0, -1], exact=False)
