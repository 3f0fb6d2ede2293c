"""Phantoms with patients of several images, a plan that takes a second, and one ablation done for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mdfnet.data.dataset import Dataset
from mdfnet.data.phantom import PhantomConfig, write_phantoms
from mdfnet.evaluation import score as scoring
from mdfnet.experiments.engines import run_here
from mdfnet.experiments.plan import Plan, load_plan
from mdfnet.experiments.run import Experiment, finish, prepare

#: What makes a training take a second.
QUICK = ("epochs=1", "size=64", "weights=null")


@contextmanager
def few_draws() -> Iterator[None]:
    """Intervals from few draws of the patients: quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "REPLICATES", 20)
        yield


@pytest.fixture(scope="module", autouse=True)
def quick_intervals() -> Iterator[None]:
    """Few draws for the tests of this folder, and of no other."""
    with few_draws():
        yield


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory) -> Dataset:
    """30 synthetic images of 64 pixels; not to be written to."""
    config = PhantomConfig(count=30, size=64, splits=(0.5, 0.2, 0.3))
    return write_phantoms(config, tmp_path_factory.mktemp("phantoms") / "set")


@pytest.fixture(scope="session")
def quick(phantoms) -> Callable[..., Plan]:
    """``quick(name, *changes, arms=(), **values)``: a protocol on the phantoms, with trainings of a second."""

    def plan(name: str | Path, *changes: str, arms: tuple[str, ...] = (), **values) -> Plan:
        return load_plan(name, [*QUICK, *changes], arms, **{"data": phantoms.folder, "config": "tiny", **values})

    return plan


@pytest.fixture(scope="session")
def do() -> Callable[[Plan, Path], tuple[Experiment, dict[str, str]]]:
    """Prepare and finish an experiment here; gives it back with what failed."""

    def run(plan: Plan, out: Path, said: list[str] | None = None) -> tuple[Experiment, dict[str, str]]:
        experiment, said = prepare(plan, out), [] if said is None else said
        return experiment, finish(lambda plan, cells, out: run_here(plan, cells, out, None, said.append), experiment)

    return run


@pytest.fixture(scope="session")
def ablation(quick, do, tmp_path_factory) -> Path:
    """Folder of an ablation of two arms and two seeds that is done; not to be written to."""
    out = tmp_path_factory.mktemp("ablation") / "out"
    with few_draws():
        _, failed = do(quick("ablation", "seeds=2", arms=("both",)), out)
    assert failed == {}
    return out
