"""What ``/v1/model`` says."""

from __future__ import annotations

from mdfnet.clinical.normal import normal_range
from mdfnet.clinical.schema import Feature
from mdfnet.clinical.standardize import Standardizer
from mdfnet.models.card import NOTICE, Card
from mdfnet.models.operating_points import Operating
from mdfnet.report.colors import class_colors
from mdfnet.services.serve.answers import FeatureFacts, Limits, ModelClass, ModelFacts, PreprocessingFacts, Seen
from mdfnet.services.serve.settings import Settings


def model_facts(card: Card, operating: Operating | None, fused: bool, settings: Settings) -> ModelFacts:
    """All that a client needs to know of a model to use it."""
    colors = ("#" + bytes(color).hex() for color in class_colors(len(card.classes)))
    classes = zip(card.classes.items(), colors, strict=True)
    fitted = Standardizer.from_dict(card.fitted, card.seen)
    limits = Limits(**{name: getattr(settings, name) for name in Limits.model_fields})
    return ModelFacts(
        name=card.config.name,
        version=card.versions["mdfnet"],
        sha256=card.weights_sha256,
        notice=NOTICE,
        classes=[ModelClass(name=name, id=number, color=color) for (name, number), color in classes],
        features=[_feature(feature, i, fitted) for i, feature in enumerate(card.clinical_schema.features)],
        operating=operating and operating.to_dict(),
        preprocessing=PreprocessingFacts(**{"intensity": "as-is", **card.preprocessing}),
        fused=fused,
        limits=limits,
        card=card.model_dump(mode="json"),
    )


def _feature(feature: Feature, position: int, fitted: Standardizer) -> FeatureFacts:
    facts = FeatureFacts(name=feature.name, title=feature.meaning, kind=feature.kind)
    if feature.kind == "category":
        return facts.model_copy(update={"categories": list(feature.categories)})
    seen, span = None, fitted.seen[position] if fitted.seen else ()
    if span:  # to the figures that 32 bits have
        figures = (*span, fitted.mean[position], fitted.std[position])
        low, high, mean, deviation = (float(f"{number:.6g}") for number in figures)
        seen = Seen(min=low, max=high, mean=mean, sd=deviation)
    plausible, normal = (feature.low, feature.high), normal_range(feature)
    return facts.model_copy(update={"unit": feature.unit, "plausible": plausible, "normal": normal, "seen": seen})
