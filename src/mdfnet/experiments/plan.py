"""An experiment as a YAML file: which arms are compared, on which data, over which seeds, folds and sizes.

A protocol is one that comes with the package, known by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mdfnet.core.errors import UserError, first_problem, meant, nearest
from mdfnet.core.resources import Shipped
from mdfnet.data.phantom.config import Fraction
from mdfnet.metrics.measures import MEASURES
from mdfnet.models.config import key_and_value, load_config

_PROTOCOLS = Shipped("mdfnet.experiments", "protocols", "protocol")

EACH = "*"  #: Placeholder for each clinical feature of the data: an arm with it in its name becomes one arm per feature

#: What a model may get of the test images' records -> share of values that are hidden.
RECORDS = {"given": 0.0, "half": 0.5, "none": 1.0}


class PlanPart(BaseModel):
    """Frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Arm(PlanPart):
    """One of the things compared. What it does not set is as in the experiment."""

    config: str | None = None  #: Preset or YAML file to start from
    set: dict[str, Any] = {}  #: Config keys it changes
    only: tuple[str, ...] | None = None  #: Clinical features it gets. Default: all of the data
    without: tuple[str, ...] = ()  #: Clinical features it does not get
    clinical_only: bool = False  #: Not a detector, but :class:`mdfnet.experiments.clinical_only.ClinicalOnly`
    split: Literal["given", "patient", "row"] | None = None  #: See `Plan`
    against: str | None = None  #: The arm it is compared with, unless that is the experiment's reference
    published: str | None = None  #: Its row in the published table, see `mdfnet.experiments.published`
    optional: bool = False  #: Left out where the data lack one of its features, instead of an error


class Phantoms(PlanPart):
    """Synthetic data, made anew for each seed: other images, other patients; see `mdfnet.data.phantom`."""

    #: Number of images in each split, within one percent of all
    train: int = Field(ge=1)
    val: int = Field(ge=1)
    test: int = Field(ge=1)
    size: int = Field(128, ge=64, le=2048)  #: Width and height of the images in pixels
    signal: Fraction = 1.0  #: How informative vital signs are, in [0, 1]
    seed: int = Field(5000, ge=0)  #: Of the images of seed 0; the next seed has the next


class SyntheticData(PlanPart):
    """Data that are generated, instead of a folder."""

    phantom: Phantoms


def _counted(seeds: Any) -> Any:
    return list(range(seeds)) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds


def _known_measure(name: str) -> str:
    if name not in MEASURES:
        raise ValueError(f"no measure {name!r}; {nearest(name, MEASURES)}")
    return name


class Plan(PlanPart):
    """One experiment."""

    name: str
    question: str = ""  #: What it answers, in a sentence
    data: Path | SyntheticData | None = None  #: Dataset folder, or synthetic images to generate
    config: str = "default"  #: Preset or YAML file that all arms start from
    set: dict[str, Any] = {}  #: Config keys that all arms change
    arms: dict[str, Arm] = Field(min_length=1)  #: What is compared, by name
    reference: str  #: The arm that the others are compared with
    #: One training of every arm for each; a number stands for that many from 0
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**31)], ...], BeforeValidator(_counted)] = (0, 1, 2, 3, 4)
    folds: int = Field(0, ge=0)  #: Number of folds of patients in cross-validation; 0 for none
    #: Numbers of training images, smaller sets within larger ones; "all" for all of them
    sizes: tuple[Annotated[int, Field(ge=1)] | Literal["all"], ...] = ("all",)
    min_steps: int = Field(0, ge=0)  #: Small training sets get more epochs, for at least this many steps
    #: "given": as in the data; "patient": drawn anew by patient; "row": the paper's split of rows, which puts images of
    #: one patient into several splits
    split: Literal["given", "patient", "row"] = "given"
    #: What the models get of the test images' records: all that is "given", "half", "none"
    records: tuple[Literal["given", "half", "none"], ...] = ("given",)
    test: Path | None = None  #: Dataset folder of another place, to test on as well
    classes: dict[str, str] = {}  #: That dataset's name of a finding -> the training data's. Equal names need no entry
    #: What is reported, see `mdfnet.metrics.measures`
    measure: Annotated[str, AfterValidator(_known_measure)] = "AP@IoU=0.5"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
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
        """How the data of an arm are split."""
        return self.arms[arm].split or self.split

    @property
    def largest(self) -> int | None:
        """The largest number of training images; None for all of them."""
        numbers = [size for size in self.sizes if size != "all"]
        return max(numbers) if len(numbers) == len(self.sizes) else None

    def against(self, arm: str) -> str:
        """The arm that an arm is compared with; a reference is compared with itself."""
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
        arms: Only these arms, and the arms they are compared with.
        values: Keys of the plan, such as ``data=folder``; None changes nothing.

    Raises:
        UserError: No such protocol or file, an unknown key (the nearest is named), a value that does not fit.

    Examples:
        >>> plan = load_plan("ablation", ["seeds=2", "epochs=3"])
        >>> list(plan.arms), plan.seeds, plan.set
        (['none', '3-D', '1-D', 'both'], (0, 1), {'epochs': 3})
    """
    content = _PROTOCOLS.read(source)
    if not isinstance(content, Mapping):
        raise UserError("not an experiment: it has no keys", where=source)
    content = {**content, **{key: value for key, value in values.items() if value is not None}}
    content["set"] = dict(content.get("set") or {})
    for key, value in map(key_and_value, changes):
        (content if key in Plan.model_fields else content["set"])[key] = value
    try:
        plan = Plan.model_validate(content)
    except ValidationError as error:
        raise UserError(_problem(error), where=source) from None
    if plan.test is None and plan.classes:
        what = "classes name the findings of another dataset, and none is given"
        raise UserError(what, where=source, fix="give it as --test FOLDER")
    return _chosen(plan, arms)


def _problem(error: ValidationError) -> str:
    """The first problem in one line; for a misspelled key with the nearest known one."""
    first = next((one for one in error.errors() if one["type"] == "extra_forbidden"), None)
    if first is None:
        return first_problem(error)
    *parts, key = map(str, first["loc"])
    part = next((model for name, model in (("arms", Arm), ("phantom", Phantoms)) if name in parts), Plan)
    known = list((SyntheticData if parts[-1:] == ["SyntheticData"] else part).model_fields)
    where = f" in {'.'.join(parts)}" if parts else ""
    return f"unknown key {key!r}{where}; {nearest(key, known)}"


def _chosen(plan: Plan, names: Sequence[str]) -> Plan:
    for name in names:
        if name not in plan.arms:
            fix = meant(name, plan.arms) or f"its arms: {', '.join(plan.arms)}"
            raise UserError(f"the experiment has no arm {name!r}", fix=fix)
    wanted = {*names, *map(plan.against, names)}
    wanted |= {plan.reference} if names else set(plan.arms)
    return plan.model_copy(update={"arms": {name: arm for name, arm in plan.arms.items() if name in wanted}})


def with_absolute_paths(plan: Plan) -> Plan:
    """The plan, meaning the same in any working directory."""

    def whole(name: str | None) -> str | None:
        return str(Path(name).resolve()) if name and Path(name).is_file() else name

    arms = {name: arm.model_copy(update={"config": whole(arm.config)}) for name, arm in plan.arms.items()}
    folders = {key: value.resolve() for key in ("data", "test") if isinstance(value := getattr(plan, key), Path)}
    return plan.model_copy(update={"arms": arms, "config": whole(plan.config), **folders})


def check_configs(plan: Plan) -> None:
    """Check the config of every arm; the error names the arm."""
    for name, arm in plan.arms.items():
        try:
            load_config(arm.config or plan.config, {**plan.set, **arm.set})
        except UserError as error:
            raise UserError(error.what, where=f"arm {name!r}", fix=error.fix) from None
