"""The NIH films with the patients' real age and sex, the view, and synthetic vital signs: the data of a study.

Usage: python benchmarks/nih_vitals.py --out data/nih-vitals

The vital signs are those of a phantom with the same findings (see study_sources.py); they say nothing about these
patients, and their schema, the dataset and every report of it call them synthetic. Films without a box are left out.
The shared validation films are the test films, a seventh of the training patients picks the epoch. Films are written as
PNG of 320 pixels, twice what the study trains on: mdfnet experiment docs/examples/study/nih.yaml --data data/nih-vitals
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from study_sources import NIH, NIHReal

from mdfnet.clinical.schema import Schema
from mdfnet.data.dataset import Dataset, write_dataset

#: What is drawn; age and sex are the patients' own.
VITALS = ("temperature", "heartrate", "resprate", "o2sat", "sbp", "dbp", "pain", "acuity")


def nih_with_vitals(seed: int = 0) -> Dataset:
    """Real and synthetic values side by side, the synthetic ones named so in the schema."""
    real, drawn = (source.films(Path(), seed, 1.0) for source in (NIHReal(), NIH()))
    columns = [drawn.schema.index(name) for name in VITALS]
    synthetic = [drawn.schema.features[i] for i in columns]
    named = tuple(feature.model_copy(update={"meaning": f"SYNTHETIC: {feature.meaning}"}) for feature in synthetic)
    schema = Schema(name="age-sex-view-synthetic-vitals", features=(*real.schema.features, *named))
    studies = tuple(
        replace(study, clinical=np.concatenate([study.clinical, vitals.clinical[columns]]))
        for study, vitals in zip(real.studies, drawn.studies, strict=True)
    )
    return replace(real, name="nih-synthetic-vitals", schema=schema, studies=studies, synthetic=("clinical",),
                   source=f"{real.source}; vital signs are synthetic, age, sex and view are real")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="of the vital signs and the validation patients")
    options = parser.parse_args()
    dataset = write_dataset(nih_with_vitals(options.seed), options.out, images="png", size=320)
    print(f"wrote {len(dataset)} films to {options.out}")


if __name__ == "__main__":
    main()
