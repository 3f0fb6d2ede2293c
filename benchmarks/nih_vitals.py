"""The NIH images with the patients' real age and sex, the view, and synthetic vital signs: the data of a sample.

Usage: python benchmarks/nih_vitals.py --out data/nih-vitals

The vital signs are those of a phantom with the same findings (see study_sources.py), once as they tell the findings
apart and once, as idle_temperature and so on, telling nothing. They say nothing about these patients, and their
schema, the dataset and every report of it call them synthetic. Images without a box are left out. The shared validation
images are the test images, a seventh of the training patients picks the epoch. Images are written as PNG of 320 pixels,
twice what the sample trains on: mdfnet experiment docs/examples/study/nih.yaml --data data/nih-vitals
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from study_sources import NIH, NIHReal

from mdfnet.clinical.schema import Feature, Schema
from mdfnet.data.dataset import Dataset
from mdfnet.data.dataset_folder import write_dataset

#: What is drawn; age and sex are the patients' own.
VITALS = ("temperature", "heartrate", "resprate", "o2sat", "sbp", "dbp", "pain", "acuity")

#: How much the drawn values tell, by what their names begin with.
SIGNALS = {"": 1.0, "idle_": 0.0}


def nih_with_vitals(seed: int = 0) -> Dataset:
    """Real and synthetic values side by side, the synthetic ones named so in the schema."""
    real = NIHReal().images(Path(), seed, 1.0)
    features, columns = list(real.schema.features), [np.stack([sample.clinical for sample in real.samples])]
    for prefix, signal in SIGNALS.items():
        drawn = NIH().images(Path(), seed, signal)
        places = [drawn.schema.index(name) for name in VITALS]
        features += [_named(drawn.schema.features[place], prefix) for place in places]
        columns.append(np.stack([sample.clinical[places] for sample in drawn.samples]))
    schema = Schema(name="age-sex-view-synthetic-vitals", features=tuple(features))
    records = np.concatenate(columns, 1)
    samples = tuple(replace(sample, clinical=record) for sample, record in zip(real.samples, records, strict=True))
    return replace(real, name="nih-synthetic-vitals", schema=schema, samples=samples, synthetic=("clinical",),
                   source=f"{real.source}; vital signs are synthetic, age, sex and view are real")  # fmt: skip


def _named(feature: Feature, prefix: str) -> Feature:
    says = "SYNTHETIC, tells nothing" if prefix else "SYNTHETIC"
    return feature.model_copy(update={"name": prefix + feature.name, "meaning": f"{says}: {feature.meaning}"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="of the vital signs and the validation patients")
    options = parser.parse_args()
    dataset = write_dataset(nih_with_vitals(options.seed), options.out, images="png", size=320)
    print(f"wrote {len(dataset)} images to {options.out}")


if __name__ == "__main__":
    main()
