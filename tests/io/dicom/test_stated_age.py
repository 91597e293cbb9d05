"""The age at the examination comes from PatientAge and the date of birth; the younger counts."""

import numpy as np
import pytest
from dicom_objects import write_clip

from echoseg.io.dicom.study import stated_study


def age(tmp_path, **tags):
    blank = {"PatientAge": "", "PatientBirthDate": "", "StudyDate": "20200101"}
    return stated_study(write_clip(tmp_path / "clip.dcm", np.zeros((2, 8, 8), np.uint8), **(blank | tags))).subject.age_years


@pytest.mark.parametrize(
    ("tags", "years"),
    [
        ({}, None),
        ({"PatientAge": "003Y"}, 3),
        ({"PatientAge": "018M"}, 1.5),
        ({"PatientAge": "026W"}, pytest.approx(0.5, abs=0.01)),
        ({"PatientAge": "000D"}, 0),
        ({"PatientAge": "three"}, None),
        ({"PatientBirthDate": "20170101"}, 3),
        ({"PatientBirthDate": "20020102"}, 17),
        ({"PatientBirthDate": "1961.02.03"}, 58),
        ({"PatientBirthDate": "18000101"}, None),
        ({"PatientBirthDate": "20300101"}, None),
        ({"PatientAge": "045Y", "PatientBirthDate": "20150101"}, 5),  # contradicting: no child is taken for an adult
        ({"PatientBirthDate": "20100101", "StudyDate": "", "SeriesDate": "20200101"}, 10),
    ],
)
def test_age_is_read(tmp_path, tags, years):
    assert age(tmp_path, **tags) == years
