"""Codes of what a segment shows: SNOMED CT, as DICOM lists them for segmentations (PS3.16 CID 7150, 7151)."""

from __future__ import annotations

import re

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

_OWN = {
    "LV": codes.SCT.LeftVentricle,
    "LA": codes.SCT.LeftAtrium,
    "RV": codes.SCT.RightVentricle,
    "RA": codes.SCT.RightAtrium,
    "MYO": codes.SCT.LeftVentricleMyocardium,
}
_TUMOUR = {"tumor": codes.SCT.Neoplasm, "tumour": codes.SCT.Neoplasm}
# The context groups that a name is looked up in, with the category (CID 7150) of what they list.
_GROUPS = (
    (codes.cid7192, codes.cid7150.AnatomicalStructure),
    (codes.cid7194, codes.cid7150.MorphologicallyAbnormalStructure),
)
UNNAMED = (codes.cid7150.Tissue, codes.SCT.Tissue)
"""What a segment is called of which only the pixels are known."""


def segment_codes(name: str) -> tuple[Code, Code]:
    """``(category, type)`` of a segment by its name: one of echoseg's structures, or a term of the standard in English.

    >>> [code.meaning for code in segment_codes("LV")], [code.meaning for code in segment_codes("spinal cord")]
    (['Anatomical Structure', 'Left ventricle'], ['Anatomical Structure', 'Spinal cord'])
    >>> [code.meaning for code in segment_codes("object 1")]
    ['Tissue', 'Tissue']
    """
    if name in _OWN:
        return codes.cid7150.AnatomicalStructure, _OWN[name]
    if name.lower() in _TUMOUR:
        return codes.cid7150.MorphologicallyAbnormalStructure, _TUMOUR[name.lower()]
    keyword = "".join(word[:1].upper() + word[1:].lower() for word in re.findall(r"[A-Za-z]+", name))
    for group, category in _GROUPS:
        if keyword and keyword in group.concepts:
            return category, group.concepts[keyword]
    return UNNAMED
