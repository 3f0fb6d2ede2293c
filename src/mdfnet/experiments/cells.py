"""From a plan to its cells: one training and its scoring for each arm, seed, fold and size."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mdfnet.clinical.schema import Schema
from mdfnet.core.errors import UserError
from mdfnet.experiments.plan import EACH, Arm, Plan
from mdfnet.models.config import Config, load_config


@dataclass(frozen=True)
class Cell:
    """One training and its scoring.

    Examples:
        >>> Cell("3-D", 0, fold=2).name, Cell("gender + age", 1, size=100).name
        ('3-D-seed-0-fold-2', 'gender-age-seed-1-size-100')
    """

    arm: str  #: What is trained
    seed: int  #: Of the training, and of the data where they are generated
    fold: int | None = None  #: The test fold, from 0; None without cross-validation
    size: int | None = None  #: Number of training images; None for all

    @property
    def name(self) -> str:
        """Also that of its folder."""
        parts = [re.sub(r"[^\w.]+", "-", self.arm).strip("-"), f"seed-{self.seed}"]
        parts += [f"{key}-{value}" for key, value in (("fold", self.fold), ("size", self.size)) if value is not None]
        return "-".join(parts)


def arms_for(plan: Plan, schema: Schema) -> tuple[Plan, list[str]]:
    """The plan with the arms that the data allow, and sentences on what was left out.

    An arm with ``*`` in its name becomes one for each clinical feature.
    """
    arms, notes = dict[str, Arm](), []
    for name, arm in _one_each(plan.arms, schema).items():
        absent = [name for name in (*(arm.only or ()), *arm.without) if name not in schema.names]
        if absent and not arm.optional:
            try:
                schema.index(absent[0])
            except UserError as error:
                raise error.at(f"arm {name!r}") from None
        if absent:
            notes.append(f"arm {name!r} is left out: the data have no {', no '.join(absent)}")
        else:
            arms[name] = arm
    return plan.model_copy(update={"arms": arms}), notes


def _one_each(arms: Mapping[str, Arm], schema: Schema) -> dict[str, Arm]:
    each = {}
    for name, arm in arms.items():
        for feature in schema.names if EACH in name else (EACH,):
            only = arm.only and tuple(one.replace(EACH, feature) for one in arm.only)
            without = tuple(one.replace(EACH, feature) for one in arm.without)
            each[name.replace(EACH, feature)] = arm.model_copy(update={"only": only, "without": without})
    return each


def cells_of(plan: Plan) -> list[Cell]:
    """All cells, replicate by replicate, so that a part of the experiment can already be compared.

    Examples:
        >>> from mdfnet.experiments.plan import load_plan
        >>> [cell.name for cell in cells_of(load_plan("ablation", ["seeds=[0, 7]"], ["both"]))]
        ['none-seed-0', 'both-seed-0', 'none-seed-7', 'both-seed-7']
    """
    folds, named = range(plan.folds) if plan.folds else (None,), dict[str, Cell]()
    for seed, size, fold, arm in itertools.product(plan.seeds, plan.sizes, folds, plan.arms):
        by_row = plan.split_of(arm) == "row"
        if by_row and fold:  # a split of rows has no folds of patients: once
            continue
        cell = Cell(arm, seed, None if by_row else fold, None if size == "all" else size)
        other = named.setdefault(cell.name.lower(), cell).arm
        if other != arm:
            raise UserError(f"arms {other!r} and {arm!r} would have one folder", fix="rename one of them")
    return list(named.values())


def config_of(plan: Plan, cell: Cell, images: int) -> Config:
    """The config of a cell with this number of training images."""
    arm = plan.arms[cell.arm]
    config = load_config(arm.config or plan.config, {**plan.set, **arm.set, "train.seed": cell.seed})
    steps, epochs = math.ceil(images / config.train.batch_size), config.train.epochs
    if plan.min_steps > steps * epochs > 0:
        longer, fusion = math.ceil(plan.min_steps / steps), config.train.fusion_epochs
        fusion = math.ceil(fusion * longer / epochs) if isinstance(fusion, int) else fusion
        return load_config(config, {"train.epochs": longer, "train.fusion_epochs": fusion})
    return config
