"""Codes of what is found. One that cannot be looked up in a standard is private: a wrong code is worse than none."""

from __future__ import annotations

import re

from highdicom.sr import CodedConcept

#: Coding scheme of our own codes (PS3.16, section 8: "99" marks private ones).
PRIVATE = "99MDFNET"

#: Class name in lower letters -> code, scheme and meaning. SCT: SNOMED CT, DCM: PS3.16 annex D. The paper's "Enlarged
#: cardiac silhouette" and "Pleural abnormality" are wider than any code: they stay private.
FINDINGS = {
    "atelectasis": ("46621007", "SCT", "Atelectasis"),
    "cardiomegaly": ("8186001", "SCT", "Cardiomegaly"),
    "consolidation": ("95436008", "SCT", "Lung consolidation"),
    "edema": ("19242006", "SCT", "Pulmonary edema"),
    "pulmonary edema": ("19242006", "SCT", "Pulmonary edema"),
    "effusion": ("60046008", "SCT", "Pleural effusion"),
    "pleural effusion": ("60046008", "SCT", "Pleural effusion"),
    "emphysema": ("87433001", "SCT", "Pulmonary emphysema"),
    "fibrosis": ("51615001", "SCT", "Fibrosis of lung"),
    "infiltrate": ("112121", "DCM", "Infiltrate"),
    "infiltration": ("112121", "DCM", "Infiltrate"),
    "mass": ("309529002", "SCT", "Lung mass"),
    "nodule": ("27925004", "SCT", "Nodule"),
    "pneumonia": ("233604007", "SCT", "Pneumonia"),
    "pneumothorax": ("36118008", "SCT", "Pneumothorax"),
}

CHEST_RADIOGRAPH = ("399208008", "SCT", "Plain chest X-ray")

#: Longest code and meaning that DICOM holds (SH, LO).
_CODE, _MEANING = 16, 64


def finding(name: str) -> CodedConcept:
    """The code of a class, by its name.

    Examples:
        >>> finding("Atelectasis").value, finding("Pleural abnormality").scheme_designator
        ('46621007', '99MDFNET')
    """
    return CodedConcept(*FINDINGS.get(name.lower().replace("_", " "), (private_code(name), PRIVATE, name[:_MEANING])))


def score(name: str) -> CodedConcept:
    """What a score measures; viewers such as OHIF show its meaning and nothing else beside the number.

    Examples:
        >>> score("Atelectasis").meaning
        'Atelectasis, score'
    """
    return CodedConcept(private_code(f"s-{name}"), PRIVATE, f"{name[: _MEANING - 7]}, score")


def private_code(name: str) -> str:
    """A code of at most 16 characters.

    Examples:
        >>> private_code("Enlarged cardiac silhouette")
        'ENLARGED-CARDIAC'
    """
    return re.sub(r"[^A-Z0-9]+", "-", name.upper())[:_CODE].strip("-") or "FINDING"
