"""What is normal for a healthy adult at rest, for forms and explanations. No model reads it."""

from __future__ import annotations

from mdfnet.clinical.schema import Feature
from mdfnet.clinical.units import convert

#: LOINC code -> low, high, UCUM unit. MedlinePlus (U.S. National Library of Medicine), "Vital signs" and "Pulse
#: oximetry": temperature, heart and respiratory rate, blood pressure, oxygen saturation. Guidance, not a diagnosis.
NORMAL = {
    "8310-5": (36.5, 37.3, "Cel"),
    "8867-4": (60, 100, "/min"),
    "9279-1": (12, 18, "/min"),
    "59408-5": (95, 100, "%"),
    "2708-6": (95, 100, "%"),
    "8480-6": (90, 120, "mm[Hg]"),
    "8462-4": (60, 80, "mm[Hg]"),
}


def normal_range(feature: Feature) -> tuple[float, float] | None:
    """Ends of the normal range in the feature's own unit; None where none is known.

    Examples:
        >>> from mdfnet.clinical.schema import Schema
        >>> schema = Schema.load("mimic-ed")
        >>> normal_range(schema["temperature"]), normal_range(schema["acuity"])
        ((36.5, 37.3), None)
    """
    if feature.kind != "number" or feature.loinc not in NORMAL:
        return None
    low, high, unit = NORMAL[feature.loinc]
    return convert(low, unit, feature.unit), convert(high, unit, feature.unit)
