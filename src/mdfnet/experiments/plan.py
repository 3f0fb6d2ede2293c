"""One experiment as one YAML file: which arms are compared, on which data, over which seeds, folds and sizes.

A protocol is such a file that comes with the package; it is found by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mdfnet.core.errors import UserError, first_problem, meant, nearest
from mdfnet.core.resources import Shipped
from mdfnet.data.phantom.config import Fraction
from mdfnet.metrics.evaluation import MEASURES
from mdfnet.models.config import key_and_value, load_config

_PROTOCOLS = Shipped("mdfnet.experiments", "protocols", "protocol")

#: Stands for each clinical feature of the data in turn: an arm with it in its name becomes one arm per feature.
EACH = "*"

#: What a model may be given of the test images' records.
RECORDS = {"given": 0.0, "half": 0.5, "none": 1.0}


class PlanPart(BaseModel):
    """A part of a plan: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Arm(PlanPart):
    """One of the things compared. What it does not say is as in the experiment.

    Args:
        config: Preset or YAML file to start from.
        set: Config keys it changes.
        only, without: Clinical features it sees, or does not see; by default it sees all of the data.
        clinical_only: Not a detector: findings from the record, boxes from the training boxes' distribution.
        split: See `Plan`.
        against: The arm it is compared with, where that is not the experiment's reference.
        published: Its row in the published table, see `mdfnet.experiments.published`.
        optional: Left out where the data lack one of its features; otherwise that is an error.
    """

    config: str | None = None
    set: dict[str, Any] = {}
    only: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    clinical_only: bool = False
    split: Literal["given", "patient", "row"] | None = None
    against: str | None = None
    published: str | None = None
    optional: bool = False


class Phantoms(PlanPart):
    """Synthetic data, made for each seed anew: other images, other patients; see `mdfnet.data.phantom`.

    Args:
        train, val, test: Number of images in each split, to one in a hundred of all.
        size: Width and height of the images in pixels.
        signal: How much vital signs tell, in [0, 1].
        seed: Of the images of the first seed.
    """

    train: int = Field(ge=1)
    val: int = Field(ge=1)
    test: int = Field(ge=1)
    size: int = Field(128, ge=64, le=2048)
    signal: Fraction = 1.0
    seed: int = Field(5000, ge=0)


class SyntheticData(PlanPart):
    """Data that are made and not given as a folder."""

    phantom: Phantoms


def _counted(seeds: Any) -> Any:
    return list(range(seeds)) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds


class Plan(PlanPart):
    """One experiment.

    Args:
        name: What it is called.
        question: What it answers, in a sentence.
        data: Dataset folder, or synthetic images to make.
        config, set: Preset or YAML file that all arms start from, and config keys that all of them change.
        arms: What is compared, by name.
        reference: The arm that the others are compared with.
        seeds: One training of every arm for each; a number stands for that many from 0.
        folds: Cross-validation over so many folds of patients; 0 for none.
        sizes: Numbers of training images, smaller sets within larger ones; "all" for all there are.
        min_steps: Small training sets get more epochs, so that there are at least so many steps.
        split: "given": as the data have it; "patient": drawn anew by patient; "row": the paper's split of rows,
            which puts a patient's images into several splits.
        records: What of the test images' records the models are given: all that is "given", "half", "none".
        test: Dataset folder of another place, to test on as well.
        classes: What that dataset calls a finding -> what the training data call it. Findings of the same name need no
            entry.
        measure: What is reported.
    """

    name: str
    question: str = ""
    data: Path | SyntheticData | None = None
    config: str = "default"
    set: dict[str, Any] = {}
    arms: dict[str, Arm] = Field(min_length=1)
    reference: str
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**31)], ...], BeforeValidator(_counted)] = (0, 1, 2, 3, 4)
    folds: int = Field(0, ge=0)
    sizes: tuple[Annotated[int, Field(ge=1)] | Literal["all"], ...] = ("all",)
    min_steps: int = Field(0, ge=0)
    split: Literal["given", "patient", "row"] = "given"
    records: tuple[Literal["given", "half", "none"], ...] = ("given",)
    test: Path | None = None
    classes: dict[str, str] = {}
    measure: Literal[MEASURES] = "AP@IoU=0.5"

    @model_validator(mode="after")
    def _consistent(self):
        for key in ("seeds", "sizes", "records"):
            values = getattr(self, key)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"{key} needs at least one value, and none twice")
        for name in (self.reference, *(arm.against for arm in self.arms.values() if arm.against)):
            if name not in self.arms:
                raise ValueError(f"there is no arm {name!r} to compare with; {nearest(name, self.arms)}")
        if 0 < self.folds < 3:
            raise ValueError("folds: at least 3, one to test on, one to validate, the others to train; or 0 for none")
        return self

    def to_yaml(self) -> str:
        """The whole plan as YAML; :func:`load_plan` reads it back to an equal one."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True)

    def split_of(self, arm: str) -> str:
        """How the data of an arm are split: as it says, else as the experiment does."""
        return self.arms[arm].split or self.split

    @property
    def largest(self) -> int | None:
        """The largest number of training images; None where that is all there are."""
        return None if "all" in self.sizes else max(self.sizes)

    def against(self, arm: str) -> str:
        """The arm that an arm is compared with; itself for a reference."""
        return self.arms[arm].against or self.reference


def protocols() -> list[str]:
    """Names of the experiments that come with the package."""
    return _PROTOCOLS.names()


def load_plan(source: str | Path, changes: Sequence[str] = (), arms: Sequence[str] = (), **values: Any) -> Plan:
    """Read a protocol by its name or a YAML file by its path.

    Args:
        source: Name or path.
        changes: ``["key=value", ...]``: keys of the plan (``seeds=3``, ``sizes=[100,all]``); any other key is one of
            the config, for all arms.
        arms: Only these arms, and those that they are compared with.
        values: Keys of the plan, such as ``data=folder``; None changes nothing.

    Raises:
        UserError: No such protocol or file, an unknown key (the nearest is named), a value that does not fit.

    Examples:
        >>> plan = load_plan("ablation", ["seeds=2", "epochs=3"])
        >>> list(plan.arms), plan.seeds, plan.set
        (['none', '3-D', '1-D', 'both'], (0, 1), {'epochs': 3})
    """
    content = _read(source)
    content |= {key: value for key, value in values.items() if value is not None}
    content["set"] = dict(content.get("set") or {})
    for key, value in map(key_and_value, changes):
        (content if key in Plan.model_fields else content["set"])[key] = value
    try:
        plan = Plan.model_validate(content)
    except ValidationError as error:
        raise UserError(_problem(error), where=source) from None
    if plan.test is None and plan.classes:
        raise UserError("classes say what the findings of another dataset are, and none is given", where=source,
                        fix="give it as --test FOLDER")  # fmt: skip
    return _chosen(plan, arms)


def _read(source: str | Path) -> dict[str, Any]:
    content = _PROTOCOLS.read(source)
    if not isinstance(content, Mapping):
        raise UserError("not an experiment: it has no keys", where=source)
    return dict(content)


def _problem(error: ValidationError) -> str:
    """The first problem in one line; of a misspelled key the nearest that is known."""
    first = next((one for one in error.errors() if one["type"] == "extra_forbidden"), None)
    if first is None:
        first = error.errors()[0]
        if first["loc"] == ("measure",):
            return f"no measure {first['input']!r}; {nearest(str(first['input']), MEASURES)}"
        return first_problem(error)
    *parts, key = map(str, first["loc"])
    part = next((model for name, model in (("arms", Arm), ("phantom", Phantoms)) if name in parts), Plan)
    known = list((SyntheticData if parts[-1:] == ["SyntheticData"] else part).model_fields)
    where = f" in {'.'.join(parts)}" if parts else ""
    return f"unknown key {key!r}{where}; {nearest(key, known)}"


def _chosen(plan: Plan, names: Sequence[str]) -> Plan:
    for name in names:
        if name not in plan.arms:
            raise UserError(
                f"the experiment has no arm {name!r}", fix=meant(name, plan.arms) or f"its arms: {', '.join(plan.arms)}"
            )
    wanted = {*names, *map(plan.against, names)}
    wanted |= {plan.reference} if names else set(plan.arms)
    return plan.model_copy(update={"arms": {name: arm for name, arm in plan.arms.items() if name in wanted}})


def placed(plan: Plan) -> Plan:
    """The plan with whole paths, so that it means the same from wherever it is read."""

    def whole(name: str | None) -> str | None:
        return str(Path(name).resolve()) if name and Path(name).is_file() else name

    arms = {name: arm.model_copy(update={"config": whole(arm.config)}) for name, arm in plan.arms.items()}
    folders = {key: value.resolve() for key in ("data", "test") if isinstance(value := getattr(plan, key), Path)}
    return plan.model_copy(update={"arms": arms, "config": whole(plan.config), **folders})


def check_configs(plan: Plan) -> None:
    """Whether the config of every arm can be made.

    Raises:
        UserError: One cannot; the arm is named.
    """
    for name, arm in plan.arms.items():
        try:
            load_config(arm.config or plan.config, {**plan.set, **arm.set})
        except UserError as error:
            raise UserError(error.what, where=f"arm {name!r}", fix=error.fix) from None
