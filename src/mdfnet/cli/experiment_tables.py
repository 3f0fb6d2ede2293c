"""Experiments as tables for the terminal, and as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mdfnet.cli.console import table_of, terminal
from mdfnet.core.csv_tables import format_table
from mdfnet.core.errors import UserError, nearest
from mdfnet.core.files import write_text
from mdfnet.evaluation import score as scoring
from mdfnet.experiments.plan import Plan
from mdfnet.experiments.published import discrepancies, overall, published
from mdfnet.experiments.shift import shift_of
from mdfnet.experiments.state import collect, error_of, is_done
from mdfnet.experiments.summary import VIEWS, SummaryRow, alarms, summarize
from mdfnet.metrics.measures import MEASURES

if TYPE_CHECKING:
    from mdfnet.experiments.run import Experiment

#: File that `print_report` writes.
REPORT = "report.csv"

_COLUMNS = ("scored on", "training images", "finding", "arm", "mean", "half width", "seeds", "compared with",
            "difference", "low", "high", "p", "interval over", "in words", "published")  # fmt: skip


def print_report(
    plan: Plan, out: Path, measure: str | None = None, by_finding: bool = False, draws: int | None = None
) -> None:
    """Tables of all that is done, what must not be overlooked, and what is not done; writes ``report.csv``.

    Raises:
        UserError: No such measure.
    """
    if measure is not None and measure not in MEASURES:
        raise UserError(f"no measure {measure!r}", fix=nearest(measure, MEASURES))
    measure = measure or plan.measure
    rows = summarize(plan, collect(out), out, [measure], draws or scoring.REPLICATES)
    _write(rows, plan, measure, out / REPORT)
    console = terminal()
    console.print(f"{plan.name}: {plan.question}", highlight=False, markup=False)
    shown = [row for row in rows if by_finding or row.finding == "all"]
    for (view, size), group in groupby(shown, key=lambda row: (row.view, row.size)):
        images = "" if size is None and plan.sizes == ("all",) else f", {size or 'all'} training images"
        console.print(_table(f"{measure}, {VIEWS[view]}{images}", list(group), plan, measure))
    console.print("±: 95 % over seeds (Student's t), none below three. Difference: 95 % interval, over what it says.",
                  highlight=False)  # fmt: skip
    gains = [] if measure.startswith("ECE") else alarms(rows)  # an error of calibration is no gain
    for line in [*gains, *shift_of(plan)]:
        console.print(f"! {line}", highlight=False, markup=False)
    _print_open(plan, out, console)
    console.print(f"as a page, with figures: mdfnet report {out}", highlight=False, markup=False, soft_wrap=True)


def _table(title: str, rows: list[SummaryRow], plan: Plan, measure: str) -> Table:
    beside, several = _published(rows, plan, measure), len({row.finding for row in rows}) > 1
    table = table_of(["arm", *(["finding"] if several else [])], ("mean", "seeds", "difference"), title)
    for heading in ("in words", "interval over"):
        table.add_column(heading)
    if any(beside.values()):
        table.add_column("published", justify="right")
    for row in rows:
        cells = [row.arm, *([row.finding] if several else []), str(row.score), str(row.score.count)]
        cells += [str(row.change), _words(row), row.change.over] if row.change else ["", _words(row), ""]
        cells += [beside[row.arm] if row.finding == "all" else ""] if any(beside.values()) else []
        table.add_row(*map(escape, cells))
    return table


def _words(row: SummaryRow) -> str:
    if row.change is None:
        return "reference" if row.arm == row.against else f"{row.against} is not done"
    verdict = row.change.verdict
    return f"{verdict} than {row.against}" if verdict in ("higher", "lower") else verdict


def _published(rows: Iterable[SummaryRow], plan: Plan, measure: str) -> dict[str, str]:
    """The paper's figure beside an arm's, where it is of the same measure."""
    known = {row.arm: overall(plan.arms[row.arm].published or "") for row in rows}
    return {arm: "" if value is None or measure != "AP@IoBB=0.5" else f"{value:.3f}" for arm, value in known.items()}


def _print_open(plan: Plan, out: Path, console: Console) -> None:
    from mdfnet.experiments.cells import cells_of

    left = [cell for cell in cells_of(plan) if not is_done(out, cell)]
    for cell in left:
        if why := error_of(out, cell):
            console.print(f"failed: {cell.name}: {why}", highlight=False, markup=False)
    if left:
        console.print(f"{len(left)} of {len(cells_of(plan))} cells are not done", highlight=False)


def _write(rows: list[SummaryRow], plan: Plan, measure: str, path: Path) -> None:
    lines = []
    for row in rows:
        line = [VIEWS[row.view], row.size or "all", row.finding, row.arm]
        line += [_cell(row.score.value), _cell(row.score.half), row.score.count]
        if change := row.change:
            line += [row.against, *map(_cell, (change.value, change.low, change.high, change.p)), change.over]
        else:
            line += [""] * 6
        beside = _published([row], plan, measure)[row.arm] if row.finding == "all" else ""
        lines.append([*line, _words(row), beside])
    write_text(path, format_table(_COLUMNS, lines))


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.5f}"


def print_cost(experiment: Experiment) -> None:
    """The cells, and how long those that are left will take on this machine."""
    from mdfnet.experiments.cost import estimate

    first = min(experiment.datasets)
    like = {cell.name: cell for cell in experiment.cells if cell.seed == first}
    seconds = estimate(experiment.jobs(like.values()))
    console, total = terminal(), 0.0
    for cell in experiment.cells:
        twin = next(one for one in like.values() if (one.arm, one.fold, one.size) == (cell.arm, cell.fold, cell.size))
        done = is_done(experiment.out, cell)
        total += 0 if done else seconds[twin.name]
        console.print(f"{cell.name}: {'done' if done else _time(seconds[twin.name])}", highlight=False, markup=False)
    left = len(experiment.left)
    console.print(f"{left} of {len(experiment.cells)} cells are left, about {_time(total)} one after the other",
                  highlight=False)  # fmt: skip


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def print_published() -> None:
    """The paper's tables, and what does not add up in them."""
    tables, console = published(), terminal()
    findings = list(tables["findings"])
    for title, key in (
        ("Test split, AP / AR in % at IoBB 0.5", "scores"),
        ("Clinical features of MDF-Net", "features"),
    ):
        table = Table("", *findings, "overall", title=title, title_justify="left")
        for name, row in tables[key].items():
            pairs = zip([*row["AP"], row["overall"][0]], [*row["AR"], row["overall"][1]], strict=True)
            table.add_row(escape(name), *(f"{ap:g} / {ar:g}" for ap, ar in pairs))
        console.print(table)
    table = Table("", *findings, "overall", title="False positives / false negatives / true positives, score 0.1",
                  title_justify="left")  # fmt: skip
    for name, row in tables["counts"].items():
        table.add_row(escape(name), *("/".join(map(str, one)) for one in [*row["findings"], row["overall"]]))
    console.print(table)
    table = Table("", "best val AP", "best val AR", "last epoch", title_justify="left",
                  title="The authors' three repeats: test AP in %, by which checkpoint is taken")  # fmt: skip
    for name, repeats in tables["repeats"].items():
        table.add_row(
            escape(name), *(", ".join(f"{100 * value:.2f}" for value in rule) for rule in zip(*repeats, strict=True))
        )
    console.print(table)
    sweep = tables["sweep"]
    shown = range(0, len(sweep["IoBB"]), 2)
    table = Table("IoBB", *(f"{sweep['IoBB'][i]:g}" for i in shown), title_justify="left",
                  title="Overall AP by IoBB, read off the figure")  # fmt: skip
    for name, values in sweep.items():
        if name != "IoBB":
            table.add_row(escape(name), *(f"{values[i]:.3f}" for i in shown))
    console.print(table)
    console.print("101 test images, 102 boxes, one seed, no intervals. What adding up shows:", highlight=False)
    for line in discrepancies():
        console.print(f"- {line}", highlight=False, markup=False)
