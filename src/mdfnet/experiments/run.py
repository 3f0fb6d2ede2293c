"""An experiment from plan to results, on one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mdfnet.core.files import check_folder_can_be_made
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.experiments.cell_data import open_data
from mdfnet.experiments.cells import Cell, arms_for, cells_of
from mdfnet.experiments.plan import Plan, SyntheticData, check_configs, with_absolute_paths
from mdfnet.experiments.state import begin, check_data, collect, is_done
from mdfnet.experiments.work import Job, job_of


@dataclass(frozen=True)
class Experiment:
    """A plan that fits its data, with its folder."""

    plan: Plan  #: With the arms that the data allow, and absolute paths
    out: Path  #: Its folder
    datasets: dict[int, Dataset]  #: Seed -> data as given
    other: Dataset | None  #: The data of another place as given
    notes: tuple[str, ...]  #: Sentences on what was left out

    @property
    def cells(self) -> list[Cell]:
        return cells_of(self.plan)

    @property
    def left(self) -> list[Cell]:
        """The cells that are not done."""
        return [cell for cell in self.cells if not is_done(self.out, cell)]

    def jobs(self, cells: Iterable[Cell]) -> list[Job]:
        """See :func:`mdfnet.experiments.work.job_of`."""
        return [job_of(self.plan, cell, self.out, self.datasets[cell.seed], self.other) for cell in cells]


def prepare(plan: Plan, out: str | Path, *, dry: bool = False) -> Experiment:
    """Read or generate the data, check that plan, data and folder fit each other, and note them in the folder.

    The folder is new, or that of the same experiment, which may have grown. A ``dry`` run reads only the first seed's
    data and notes nothing; synthetic images are generated all the same.
    """
    check_folder_can_be_made(out)
    plan, out = with_absolute_paths(plan), Path(out)
    synthetic, first = isinstance(plan.data, SyntheticData), open_data(plan, plan.seeds[0], out)
    seeds = plan.seeds[:1] if dry else plan.seeds
    datasets = {seed: open_data(plan, seed, out) if synthetic and seed != plan.seeds[0] else first for seed in seeds}
    plan, notes = arms_for(plan, first.schema)
    check_configs(plan)
    other = None if plan.test is None else read_dataset(plan.test)
    experiment = Experiment(plan, out, datasets, other, tuple(notes))
    fingerprints = {
        f"the data of seed {seed}" if synthetic else "the data": one.fingerprint for seed, one in datasets.items()
    }
    if other:
        fingerprints["the data of --test"] = other.fingerprint
    fingerprints = check_data(out, fingerprints)
    experiment.jobs(cell for cell in experiment.cells if cell.seed in datasets)
    if not dry:
        begin(plan, out, fingerprints)
    return experiment


def finish(
    engine: Callable[[Plan, Sequence[Cell], Path], Iterable[tuple[Cell, str | None]]], experiment: Experiment
) -> dict[str, str]:
    """Do what is left with an engine; each result becomes a line of ``results.jsonl`` as soon as it is there.

    Gives the name of each cell that failed -> its error.
    """
    failed = {}
    collect(experiment.out)
    for cell, error in engine(experiment.plan, experiment.left, experiment.out):
        if error:
            failed[cell.name] = error
        collect(experiment.out)
    return failed
