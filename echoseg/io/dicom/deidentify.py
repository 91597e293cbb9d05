"""De-identification of DICOM objects by the Basic Application Level Confidentiality Profile (PS3.15 Annex E).

What happens to which attribute is the table of the library dicom-anonymizer, which is generated from the standard. This file
adds what it leaves to its user: items of sequences at any depth, UIDs that stay consistent over objects and runs, a
pseudonym that keeps patients apart, and the marks that say what was done. Pixels are not looked at.

UIDs are replaced by :func:`echoseg.io.dicom.uid.derived_uid`. There is no secret: whoever has the original UIDs can compute
the new ones, so that images de-identified by the same function match their results. Who has not, cannot go back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from dicomanonymizer.simpledicomanonymizer import delete_or_empty_or_replace_UID, initialize_actions_2024b, keep, replace_UID
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.coding import Code
from pydicom.uid import UID, UID_dictionary

from echoseg.io.dicom.uid import derived_uid
from echoseg.io.dicom.values import quiet_reading, text

Action = Callable[[Dataset, tuple[int, int]], None]
_CONTENT_SEQUENCE = (0x0040, 0xA730)
# Every date and time goes, listed or not; these attributes must be there all the same (type 1, then type 2).
_DUMMIES = {"ContentDate": "19000101", "ContentTime": "000000"}
_EMPTIED = ("StudyDate", "StudyTime", "PatientBirthDate")
_UIDS_OF_SCHEMES = ("CodingSchemeUID", "ContextUID", "MappingResourceUID")
_BASIC = Code("113100", "DCM", "Basic Application Confidentiality Profile")
_CLEAN_CONTENT = Code("113104", "DCM", "Clean Structured Content Option")
# The modalities whose pixels are numbers of a scanner; all others may show text.
_WITHOUT_TEXT = ("CT", "MR", "PT", "NM", "SEG")


def deidentify(dataset: Dataset, *, clean_content: bool = False) -> None:
    """Remove, in place, what identifies a patient.

    Args:
        dataset: a whole object, with its file meta group. Its pixels stay as they are, see :func:`may_show_text`.
        clean_content: keep the content of a structured report, which holds codes and numbers alone; else it is removed.
    """
    study = text(dataset, "StudyInstanceUID")
    with quiet_reading():
        _clean(dataset, clean_content)
    dataset.PatientName = dataset.PatientID = pseudonym(study)
    dataset.PatientIdentityRemoved = "YES"
    dataset.LongitudinalTemporalInformationModified = "REMOVED"
    dataset.DeidentificationMethod = "PS3.15 Basic Profile 2024b, dicom-anonymizer"
    dataset.DeidentificationMethodCodeSequence = Items([_item(code) for code in (_BASIC, *([_CLEAN_CONTENT] if clean_content else []))])
    meta = getattr(dataset, "file_meta", None)
    if meta is not None:
        meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        for element in list(meta):
            if element.tag.element >= 0x0016:  # application entities and private information
                del meta[element.tag]


def pseudonym(uid: str) -> str:
    """A short name that follows from a UID; one for each study is what keeps patients apart. An ID would be guessed back from its name."""
    return f"echoseg-{int(derived_uid('pseudonym', uid).rpartition('.')[2]) % 16**12:012x}"


def may_show_text(header: Dataset) -> bool:
    """True unless the object says, or its modality shows, that no text is burned into its pixels (PS3.3 C.7.6.1.1.6)."""
    stated = text(header, "BurnedInAnnotation")
    return stated == "YES" or (stated != "NO" and text(header, "Modality") not in _WITHOUT_TEXT)


@cache
def _rules() -> tuple[Mapping[tuple[int, int], Action], tuple[tuple[tuple[int, int, int, int], Action], ...]]:
    """The library's actions by tag, and those of repeating groups by ``(group, element, group mask, element mask)``."""
    actions = initialize_actions_2024b()
    renaming = (replace_UID, delete_or_empty_or_replace_UID)  # done here, for all UIDs alike
    single = {tag: keep if action in renaming else action for tag, action in actions.items() if len(tag) == 2}
    return single, tuple((tag, action) for tag, action in actions.items() if len(tag) == 4)


def _clean(dataset: Dataset, clean_content: bool) -> None:
    single, repeating = _rules()
    dataset.remove_private_tags()
    for element in list(dataset):
        tag = (element.tag.group, element.tag.element)
        if element.VR in ("DA", "DT", "TM"):
            element.value = _DUMMIES.get(element.keyword, "")
            if element.keyword not in (*_DUMMIES, *_EMPTIED):
                del dataset[element.tag]
            continue
        action = single.get(tag) or next((a for t, a in repeating if tag[0] & t[2] == t[0] & t[2] and tag[1] & t[3] == t[1] & t[3]), None)
        if action is not None and not (clean_content and tag == _CONTENT_SEQUENCE):
            action(dataset, tag)
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _clean(item, clean_content)
        elif element.VR == "UI" and element.keyword not in _UIDS_OF_SCHEMES and element.value:
            several = element.VM > 1
            element.value = [_renamed(uid) for uid in element.value] if several else _renamed(element.value)


def _renamed(uid: str) -> UID:
    """Names of classes, syntaxes and the like, which the standard registers, stay."""
    return UID(uid) if uid in UID_dictionary else derived_uid("deidentified", uid)


def _item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
