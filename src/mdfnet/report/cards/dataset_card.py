"""The card of a dataset folder, as Hugging Face's hub reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import read_dataset
from mdfnet.data.summary import summarize
from mdfnet.report.cards import markdown
from mdfnet.report.cards.answers import TO_FILL_IN

#: Upper ends of the hub's size categories, images.
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write_dataset_card(folder: Path, out: Path | None = None) -> Path:
    """Write the card of a dataset folder, by default into it.

    Raises:
        UserError: There is no dataset, or a README.md that is not ours to replace.
    """
    return markdown.write((out or folder) / "README.md", dataset_card(read_dataset(folder)))


def dataset_card(dataset: Dataset) -> str:
    """The card as text: YAML header and Markdown."""
    body = markdown.render(
        "dataset-card.md.j2",
        dataset=dataset,
        patients=len({sample.patient for sample in dataset.samples}),
        counts=_counts(dataset),
        values=_values(dataset),
        to_fill_in=TO_FILL_IN,
    )
    return markdown.page(_header(dataset), [body])


def _header(dataset: Dataset) -> dict[str, Any]:
    size = next((name for most, name in _SIZES if len(dataset) < most), "1M<n<10M")
    tags = ["chest-x-ray", "medical-imaging", "clinical-data", "research-use-only"]
    return {
        "pretty_name": dataset.name,
        **markdown.license_header(dataset.license),
        "task_categories": ["object-detection"],
        "size_categories": [size],
        "tags": [*tags, "synthetic-data"] if dataset.synthetic else tags,
    }


def _counts(dataset: Dataset) -> str:
    summary = summarize(dataset)
    rows = [("images", *(f"{split.images:,}" for split in summary.values()))]
    rows.append(("images with boxes", *(f"{split.boxed:,}" for split in summary.values())))
    rows.append(("patients", *(f"{split.patients:,}" for split in summary.values())))
    for name in dataset.classes.names:
        counts = [split.classes[name] for split in summary.values()]
        rows.append((name, *(f"{one.boxes:,} boxes on {one.images:,} images" for one in counts)))
    return markdown.table(("", *summary), rows)


def _values(dataset: Dataset) -> str:
    """Means and medians only: least and largest values are those of single patients."""
    rows = []
    for feature in dataset.schema.features:
        for name, split in summarize(dataset).items():
            found = split.clinical[feature.name]
            if found.shares is not None:
                spread = ", ".join(f"{value} {100 * share:.0f} %" for value, share in found.shares.items())
            else:
                spread = f"{found.mean:.1f} ({found.sd:.1f}), {found.median:g}" if found.known else "–"
            rows.append((feature.name, feature.unit or "", name, f"{100 * found.missing:.0f} %", spread))
    return markdown.table(("feature", "unit", "split", "missing", "mean (sd), median; or shares"), rows)
