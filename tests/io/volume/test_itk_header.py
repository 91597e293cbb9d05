"""Sizes in NRRD and MetaImage headers that contradict each other, or are in another unit, never give a wrong volume in silence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoseg.io import open_source
from echoseg.masks import measure

VALUES = np.zeros((6, 40, 36), np.uint8)
VALUES[2:4, 10:20, 10:20] = 1
VOXEL_ML = 1 * 2 * 3 / 1000


def mha(path, **fields):
    stated = {"ElementSpacing": "1 2 3", "TransformMatrix": "1 0 0 0 1 0 0 0 1", **fields}
    lines = [f"{name} = {value}\n" for name, value in stated.items() if value]
    head = "ObjectType = Image\nNDims = 3\n" + "".join(lines) + "DimSize = 36 40 6\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    path.write_bytes(head.encode() + VALUES.tobytes())
    return path


def nrrd(path, fields):
    head = f"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 36 40 6\nencoding: raw\nendian: little\n{fields}\n\n"
    path.write_bytes(head.encode() + VALUES.tobytes())
    return path


def codes(path):
    with open_source(path) as source:
        return [flag.code for flag in source.flags], source.geometry.spacing


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"ElementSize": "1 2 3"},
        {"ElementSize": "1 2 2.5"},
        {"ElementSpacing": None, "ElementSize": "1 2 3"},
        {"TransformMatrix": "0.6 0.8 0 -0.8 0.6 0 0 0 1"},
        {"TransformMatrix": None},
    ],
)
def test_statements_that_agree_give_the_size(tmp_path, fields):
    assert codes(mha(tmp_path / "v.mha", **fields)) == ([], (2.0, 1.0))


@pytest.mark.parametrize(
    "fields",
    [
        {"ElementSize": "0.5 0.5 3"},
        {"TransformMatrix": "2 0 0 0 2 0 0 0 2"},
        {"TransformMatrix": "1 0 0 0 2 0 0 0 3"},
        {"ElementSpacing": "-1 2 3"},
        {"ElementSpacing": "0.001 0.002 0.003"},
    ],
)
def test_statements_that_differ_leave_the_size_unknown(tmp_path, fields):
    path = mha(tmp_path / "v.mha", **fields)
    told, spacing = codes(path)
    assert told[0] == "spacing_inconsistent" and spacing is None
    result = measure(path, tmp_path / "out")
    assert result.measurements["objects"][0]["volume_ml"] is None
    assert "spacing_inconsistent" in {flag.code for flag in result.flags}


@pytest.mark.parametrize(("unit", "per"), [("mm", 1.0), ("cm", 0.1), ("um", 1000.0), ("m", 0.001), ("micron", 1000.0)])
def test_a_unit_of_length_counts(tmp_path, unit, per):
    steps = f"({per},0,0) (0,{2 * per},0) (0,0,{3 * per})"
    path = nrrd(tmp_path / "v.nrrd", f'space: LPS\nspace directions: {steps}\nspace units: "{unit}" "{unit}" "{unit}"')
    told, spacing = codes(path)
    assert told == [] and spacing == pytest.approx((2.0, 1.0))
    assert measure(path, tmp_path / "out").measurements["objects"][0]["volume_ml"] == pytest.approx(200 * VOXEL_ML)


@pytest.mark.parametrize(
    "fields",
    [
        'space: LPS\nspace directions: (1,0,0) (0,2,0) (0,0,3)\nspace units: "inch" "inch" "inch"',
        'space: LPS\nspace directions: (1,0,0) (0,2,0) (0,0,3)\nspace units: "mm" "mm" "cm"',
        "space: LPS\nspace directions: (1,0,0) (0,2,0) none",
    ],
)
def test_a_size_that_is_not_stated_in_lengths_is_unknown(tmp_path, fields):
    assert codes(nrrd(tmp_path / "v.nrrd", fields))[1] is None


@settings(max_examples=25, deadline=None)
@given(length=st.sampled_from([0.5, 1.0, 1.0, 2.0]), size=st.sampled_from([None, "1 2 3", "2 2 3", "1 2 9"]))
def test_a_volume_is_the_true_one_or_unknown(tmp_path_factory, length, size):
    matrix = " ".join(f"{value:g}" for value in (length * np.eye(3)).ravel())
    path = mha(tmp_path_factory.mktemp("v") / "v.mha", TransformMatrix=matrix, ElementSize=size)
    told, spacing = codes(path)
    agree = length == 1 and size in (None, "1 2 3", "1 2 9")
    assert (spacing == (2.0, 1.0) and told == []) if agree else (spacing is None and told[0] == "spacing_inconsistent")
