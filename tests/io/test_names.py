from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoseg.io.names import output_name, safe_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/clip.dcm", "clip"),
        ("scan.nii.gz", "scan"),
        ("SCAN.NII.GZ", "SCAN"),
        ("a4c.rest.mp4", "a4c.rest"),
        ("1.2.840.113619.2", "1.2.840.113619.2"),
        ("IM_0001", "IM_0001"),
        ("my clip (2).avi", "my_clip_2"),
        ("..", "unnamed"),
        (".nii.gz", "nii"),
        ("CON.dcm", "_CON"),
        ("Müller.mp4", "Müller"),
    ],
)
def test_names_of_paths(path, name):
    assert output_name(path) == name


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_any_text_becomes_one_safe_folder_name(text):
    name = safe_name(text)
    assert name == Path(name).name != ""
    assert name not in (".", "..")
    assert not name.startswith(".")
    assert len(name.encode()) <= 121
    assert not set(name) & set('/\\:*?"<>|\0\n\t ')
    assert safe_name(name) == name
