"""Which clinical values the models of an experiment rely on: each explained over its test images, once it is done."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import read_json
from mdfnet.core.former_names import EXPLANATION_KEYS, with_current_keys
from mdfnet.experiments.cell_data import arranged, open_data
from mdfnet.experiments.cells import Cell, cells_of
from mdfnet.experiments.plan import Plan
from mdfnet.experiments.state import EXPLANATION, SETTINGS, folder_of, is_done
from mdfnet.models.config import Config
from mdfnet.report.explain_run import Explainer

#: What is written last, so that a cell with it is explained.
_DONE = "explanation.html"


def explain_cells(
    plan: Plan,
    out: Path,
    *,
    arms: Collection[str] = (),
    images: int | None = None,
    command: str = "",
    log: Callable[[str], None] = print,
) -> int:
    """Write ``explanation/`` of every cell that is done and looks at records; returns how many are explained now.

    Those that have it are left alone, and so are those with fewer training images than others. Arms are by default all;
    with ``images``, so many test images of each cell are looked at, drawn by its seed.

    Raises:
        UserError: There is no such arm, or the data are not where they were.
    """
    for arm in arms:
        if arm not in plan.arms:
            raise UserError(f"the experiment has no arm {arm!r}", where=out, fix=nearest(arm, plan.arms))
    wanted = [cell for cell in cells_of(plan) if cell.size == plan.largest and (cell.arm in arms or not arms)]
    cells = [cell for cell in wanted if is_done(out, cell) and _looks_at_records(out, cell)]
    for number, cell in enumerate(cells, start=1):
        folder = folder_of(out, cell)
        if (folder / EXPLANATION / _DONE).is_file():
            continue
        log(f"{number}/{len(cells)}  {cell.name}")
        dataset = arranged(open_data(plan, cell.seed, out), plan, cell)
        explainer = Explainer(folder / "run", folder / EXPLANATION, command=command, log=log)
        explainer.explain_split(dataset, "test", images, cell.seed)
    return len(cells)


def read_explanation(folder: Path) -> dict[str, Any] | None:
    """What :func:`explain_cells` found for the cell of a folder; None where it was not explained."""
    path = folder / EXPLANATION / "explanation.json"
    return with_current_keys(read_json(path), EXPLANATION_KEYS) if path.is_file() else None


def _looks_at_records(out: Path, cell: Cell) -> bool:
    """Whether a cell is a detector with fusion."""
    settings = read_json(folder_of(out, cell) / SETTINGS)
    return not settings["clinical_only"] and Config.model_validate(settings["config"]).fused
