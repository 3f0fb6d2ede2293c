"""What a run can say by itself to the questions of checklists; what it cannot, the authors must."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mdfnet.report.answer import HEADLINE
from mdfnet.report.cards.subject import CardEvaluation, Subject

#: Where no answer is known.
TO_FILL_IN = "*To be filled in by the authors.*"

#: Encoders that fill in what is missing, as the paper did.
PAPER_ENCODERS = ("paper", "paper-scaled")

#: What becomes of clinical values, by encoder.
SCALING = {
    "mlp": "Numbers are standardized with mean and deviation of the training images, categories are one-hot.",
    "tokens": "Numbers are standardized with mean and deviation of the training images, categories are embedded.",
    "paper": "Numbers enter as they are, categories are embedded, as in arXiv 2302.13390.",
    "paper-scaled": "Numbers are standardized with mean and deviation of the training images, categories are embedded.",
}

#: What a fused model does with poor inputs.
REFUSED_FUSED = "Images that cannot be read and implausible clinical values are refused; missing values are allowed."


def answers(subject: Subject) -> dict[str, str]:
    """Answers by key, only those that are known."""
    tested = subject.tested
    known = {**_of_model(subject), **_of_training(subject), **_of_evaluation(subject)}
    known |= _of_test(subject, tested) if tested else {}
    return {key: text for key, text in known.items() if text}


def _of_model(subject: Subject) -> dict[str, str]:
    card, config = subject.card, subject.card.config
    fused = f"with clinical fusion (map: {config.fusion.map}, vector: {config.fusion.vector})"
    kind = f"Deep learning: object detector “{config.detector.name}” {fused if config.fused else 'on images alone'}."
    recipe = card.preprocessing.get("intensity") or "as-is"
    units = ", ".join(f"{one.name} ({' or '.join(one.scale)})" for one in card.clinical_schema.features)
    size = f"{config.input.size} pixels ({config.input.fit})"
    thresholds = recalibration = ""
    if found := subject.operating:
        thresholds = f" Thresholds ({', '.join(point.name for point in found.points)}) were found on {found.fitted_on}."
        scales = ", ".join(f"{name} {value:.2f}" for name, value in found.temperatures.items())
        recalibration = f"Temperatures fitted on {found.fitted_on}: {scales}. Reported scores are not changed by them."
    return {
        "technology": kind,
        "model": f"{kind} Input: images of {size}; findings: {', '.join(card.classes)}. All settings: model.json.",
        "preprocessing": f"Images are resized to {size}; DICOM by recipe {recipe}.",
        "software": ", ".join(f"{name} {version}" for name, version in card.versions.items()) + ".",
        "predictors": f"Beside the image: {units}. When measured: {TO_FILL_IN}" if config.fused else "",
        "scaling": SCALING[config.fusion.encoder] if config.fused else "",
        "missing": _missing(subject),
        "poor_inputs": REFUSED_FUSED if config.fused else "Images that cannot be read are refused.",
        "output": f"Boxes, each with a finding and a score in 0 to 1.{thresholds}",
        "calculation": "By `mdfnet evaluate` from the saved model, which sees image and record, never the annotations.",
        "specification": f"model.json and model.safetensors (SHA-256 {card.weights_sha256}); read with `mdfnet.load`.",
        "availability": f"Software: mdfnet {card.versions.get('mdfnet', '')}, Apache-2.0. Model and data: {TO_FILL_IN}",
        "recalibration": recalibration,
        "users": "Research use only, not a medical device. How people would work with it is for the authors to say.",
    }


def _missing(subject: Subject) -> str:
    fusion = subject.card.config.fusion
    if not subject.card.config.fused:
        return "No clinical data enter the model."
    if fusion.encoder in PAPER_ENCODERS:
        how = "Missing numbers become the mean of the training images, missing categories the most frequent one."
    else:
        how = "Nothing is filled in: the network is told which clinical values are missing."
    shares = f"{fusion.record_dropout:.0%} of records and {fusion.feature_dropout:.0%} of values"
    hidden = f"In training {shares} were hidden."
    return f"{how} {hidden} Why values are missing: {TO_FILL_IN}".replace("%", " %")


def _of_training(subject: Subject) -> dict[str, str]:
    config, training = subject.card.config, subject.card.training
    settings = config.train
    images = ", ".join(f"{count:,} for {split}" for split, count in training.get("images", {}).items())
    best = training.get("validation", {})
    synthetic = f" Synthetic: {', '.join(subject.synthetic)}." if subject.synthetic else ""
    source, terms = training.get("source"), training.get("license")
    epochs = f"{settings.epochs} epochs"
    if config.staged:
        epochs += f" of the detector on images alone, then {config.last_epochs} of the fusion on it,"
    how = (
        f"At most {epochs} in batches of {settings.batch_size}, {settings.optimizer} with rate"
        f" {settings.lr:g} ({settings.schedule}), augmentation “{settings.augment}”, seed {settings.seed}."
    )
    selected = f"The epoch with the best {settings.monitor} on the validation images"
    if best.get("epoch", 0) < 0:
        selected += (
            f": the detector alone, {best[settings.monitor]:.3f}. No epoch of the fusion was shown to be better,"
        )
        selected += " so that records change nothing"
    elif "epoch" in best:
        selected += f": epoch {best['epoch'] + 1}, {best.get(settings.monitor, float('nan')):.3f}"
    start = f"Detector: {getattr(config.detector, 'weights', None) or 'random'}, seed {settings.seed}."
    if config.fusion.zero_start:
        start += " Fusion starts at zero, so that it changes nothing at first."
    data = f"{training.get('dataset')}: {source or 'source not stated'} ({terms or 'no license stated'}).{synthetic}"
    return {
        "source": data if "dataset" in training else "",
        "partitions": f"Images: {images}. A split is by patient." if images else "",
        "disjoint": "Patients: no patient's images are in two splits, else the software refuses the dataset.",
        "training": how,
        "building": f"{how} {selected}.",
        "selection": f"{selected}.",
        "ensemble": "None, one model.",
        "imbalance": "Images with rare findings were repeated in training." if settings.balance else "Not handled.",
        "initialization": start,
        "reference": "Findings are synthetic: made with the images." if "findings" in subject.synthetic else "",
    }


def _of_evaluation(subject: Subject) -> dict[str, str]:
    if not subject.evaluations:
        return {}
    own = subject.card.training.get("dataset")
    inside = [one.where for one in subject.evaluations if one.about.get("dataset") == own]
    outside = [one.where for one in subject.evaluations if one.about.get("dataset") != own]
    return {
        "metrics": "Average precision and recall at IoU and IoBB, FROC, ROC and precision-recall of whole images,"
        " calibration error, hits, false alarms and misses; plots in the report.",
        "uncertainty": "95 % intervals by bootstrap over patients; differences paired, tested by swapping models by"
        " patient, corrected over findings after Holm.",
        "internal": f"Evaluated on {', '.join(inside)}." if inside else "",
        "external": f"Evaluated on {', '.join(outside)}; how it differs is for the authors to say." if outside else "",
    }


def _of_test(subject: Subject, tested: CardEvaluation) -> dict[str, str]:
    scores, content = tested.scores, tested.content
    low, high = content.get("intervals", {}).get(HEADLINE, [[None, None]])[-1]
    within = f" (95 % interval {low:.2f} to {high:.2f})" if low is not None else ""
    boxes = ", ".join(f"{name} {count:,}" for name, count in zip(scores.classes.names, scores.truths, strict=True))
    total = scores.total
    second = "A second reading was compared with the first, see the report." if "second_reading" in content else ""
    made_up = f" The {', '.join(subject.synthetic)} are synthetic." if subject.synthetic else ""
    return {
        "readers": second,
        "numbers": f"{len(scores.images):,} images of {tested.where} were evaluated, {scores.images_with_truths:,} with"
        " findings. Who was left out before is for the authors to say.",
        "events": f"Annotated boxes on {tested.where}: {boxes}.",
        "performance": f"Mean AP at IoU 0.5 on {tested.where}: {scores.mean(HEADLINE):.2f}{within}. Per finding and"
        " by group of patients in the report.",
        "points": _points(content),
        "failures": f"At score {scores.score_threshold:g}: {total.false_positives:,} false alarms and"
        f" {total.false_negatives:,} misses of {sum(scores.truths):,}; by kind and size in the report.",
        "groups": _groups(content),
        "limitations": f"One dataset, one training.{made_up} Further limitations are for the authors to say.",
    }


def _points(content: Mapping[str, Any]) -> str:
    texts = [
        f"{point['name']}: sensitivity {point['sensitivity'][-1]:.2f},"
        f" {point['false_positives_per_image'][-1]:.2f} false alarms per image"
        for point in content.get("operating_points", ())
        if point["sensitivity"][-1] is not None
    ]
    return "; ".join(texts) + (". Intervals in the report." if texts else "")


def _groups(content: Mapping[str, Any]) -> str:
    groups = content.get("groups", ())
    if not groups:
        return ""
    names = list(dict.fromkeys(group["grouping"] for group in groups))
    called = [(f"{one['grouping']} {one['name']}", one) for one in groups]
    short = [f"{name} ({', '.join(one['falls_short'])})" for name, one in called if one["falls_short"]]
    small = [name for name, one in called if one["too_small"]]
    text = f"Scored by {', '.join(names)}. Shown to fall short of the other patients: {', '.join(short) or 'none'}."
    return f"{text} Too small to tell: {', '.join(small)}." if small else text
