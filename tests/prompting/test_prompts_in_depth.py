"""Prompts of volumes: 3D boxes, 3D points and RECIST lines, as values, text and JSON."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoseg.errors import PromptError, SourceError
from echoseg.prompting.parse import parse_prompt
from echoseg.prompting.plan import Plan, manual_plan
from echoseg.prompting.recist import recist_box, recist_lines, recist_points
from echoseg.types import Box, Box3D, Point3D, Points

BOX = Box3D(10, 20, 4, 30, 50, 9)
CLICK = Points([[3, 4]], [1])


@pytest.fixture
def lines_file(tmp_path):
    lines = np.zeros((6, 40, 50), np.uint8)
    lines[2, 10, 5:26] = 1  # 20 pixels from end to end
    for step in range(13):
        lines[4, 8 + step, 30 - step] = 7
    path = tmp_path / "case.npz"
    np.savez_compressed(path, imgs=np.zeros(lines.shape, np.uint8), recist=lines)
    return path


def test_a_3d_box_sits_on_its_middle_slice_and_bounds_its_object():
    assert manual_plan(BOX) == Plan({1: {6: [Box(10, 20, 30, 50)]}}, extents={1: (4, 9)})
    assert manual_plan(BOX, 8) == Plan({1: {8: [Box(10, 20, 30, 50)]}}, extents={1: (4, 9)})
    assert parse_prompt("box:10,20,4,30,50,9") == manual_plan(BOX)
    assert parse_prompt("box:10,20,4,30,50,9@8") == parse_prompt("box:10,20,4,30,50,9", 8) == manual_plan(BOX, 8)


@pytest.mark.parametrize("frame", [3, 9])
def test_a_key_slice_outside_the_3d_box_is_refused(frame):
    with pytest.raises(PromptError, match=f"slice {frame} lies outside the 3D box, which covers slices 4 to 8"):
        manual_plan(BOX, frame)


def test_a_3d_point_leaves_the_slice_to_the_policy():
    expected = Plan({1: {7: [CLICK]}}, anywhere=frozenset({1}))
    assert manual_plan(Point3D(3, 4, 7)) == parse_prompt("point:3,4,7") == expected
    with pytest.raises(PromptError, match="a 3D point has one"):
        manual_plan(Point3D(3, 4, 7), 2)


def test_several_objects_each_have_their_own_extent():
    plan = manual_plan({1: BOX, 2: {5: Box(1, 2, 3, 4), 6: Box(1, 2, 3, 5)}, 3: Point3D(3, 4, 0)})
    assert plan.prompts == {1: {6: [BOX.plane]}, 2: {5: [Box(1, 2, 3, 4)], 6: [Box(1, 2, 3, 5)]}, 3: {0: [CLICK]}}
    assert (plan.extents, plan.anywhere) == ({1: (4, 9)}, {3})


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Box3D(1, 2, 5, 3, 4, 5), "0 <= z0 < z1"),
        (lambda: Box3D(1, 2, -1, 3, 4, 5), "0 <= z0 < z1"),
        (lambda: Box3D(1, 2, 0.5, 3, 4, 5), "whole number"),
        (lambda: Box3D(3, 2, 0, 3, 4, 5), "is empty"),
        (lambda: Point3D(1, float("nan"), 0), "finite"),
        (lambda: Point3D(1, 2, -1), "counted from 0"),
        (lambda: parse_prompt("box:1,2,0.5,3,4,5"), "whole numbers"),
        (lambda: parse_prompt("point:1,2,3@4"), "cannot read the prompt"),
        (lambda: parse_prompt("point:1,2"), "3 numbers"),
    ],
)
def test_what_is_wrong_is_said(make, reason):
    with pytest.raises(PromptError, match=reason):
        make()


def test_prompt_files_hold_them_too(tmp_path):
    path = tmp_path / "lesions.json"
    objects = [
        {"id": 1, "name": "liver", "prompts": [{"box": [10, 20, 4, 30, 50, 9]}]},
        {"id": 2, "prompts": [{"point": [3, 4, 7]}]},
        {"id": 3, "prompts": [{"point": [3, 4, 7]}, {"frame": 8, "recist_points": [0, 0, 10, 0]}]},
    ]
    path.write_text(json.dumps({"objects": objects}))
    plan = parse_prompt(str(path))
    assert plan.names == {1: "liver"}
    assert plan.extents == {1: (4, 9)}
    assert plan.prompts[1] == {6: [BOX.plane]}
    assert plan.anywhere == {2}, "with a prompt on a slice of the user's choice there is nothing left to choose"
    assert plan.prompts[3] == {7: [CLICK], 8: [recist_points(0, 0, 10, 0)]}


@given(st.tuples(*[st.floats(-500, 500)] * 4).filter(lambda ends: np.hypot(ends[2] - ends[0], ends[3] - ends[1]) > 0.1))
def test_the_box_of_a_line_is_medsam2s_square(ends):
    box, length = recist_box(*ends), np.hypot(ends[2] - ends[0], ends[3] - ends[1])
    assert box.x1 - box.x0 == pytest.approx(length, abs=1e-6) == box.y1 - box.y0
    assert (box.x0 + box.x1, box.y0 + box.y1) == pytest.approx((ends[0] + ends[2], ends[1] + ends[3]), abs=1e-6)


def test_five_points_lie_evenly_on_the_line_and_off_its_ends():
    points = recist_points(0, 10, 100, 10)
    np.testing.assert_allclose(points.xy, [[10, 10], [30, 10], [50, 10], [70, 10], [90, 10]])
    assert points.labels.tolist() == [1] * 5


def test_lines_drawn_as_pixels_are_found(lines_file):
    with np.load(lines_file) as archive:
        lines = recist_lines(archive["recist"])
    assert lines[1] == (2, (5.5, 10.5, 25.5, 10.5))
    assert lines[7][0] == 4
    assert {lines[7][1][:2], lines[7][1][2:]} == {(30.5, 8.5), (18.5, 20.5)}


def test_a_file_of_lines_is_a_prompt_of_several_objects(lines_file):
    plan = parse_prompt(f"recist:{lines_file}")
    assert plan.prompts[1] == {2: [Box(5.5, 0.5, 25.5, 20.5)]}
    assert list(plan.prompts[7]) == [4]
    assert parse_prompt(f"recist-points:{lines_file}").prompts[1] == {2: [recist_points(5.5, 10.5, 25.5, 10.5)]}
    with pytest.raises(PromptError, match="leave @frame out"):
        parse_prompt(f"recist:{lines_file}@3")


def test_what_is_no_line_is_refused(tmp_path):
    with pytest.raises(PromptError, match="holds no RECIST line"):
        recist_lines(np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(PromptError, match="a line lies on one slice"):
        recist_lines(np.ones((2, 4, 4), np.uint8))
    with pytest.raises(PromptError, match="that is an area"):
        recist_lines(np.ones((1, 64, 64), np.uint8))
    with pytest.raises(PromptError, match="single pixel"):
        recist_lines(np.eye(1, 9, dtype=np.uint8).reshape(1, 3, 3))
    np.savez(tmp_path / "no.npz", imgs=np.zeros((2, 4, 4)))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "no.npz").read_bytes()[:40])
    np.savez(tmp_path / "pickled.npz", recist=np.array([{}]))
    for name, reason in (
        ("no", "no array called 'recist'"),
        ("cut", "not a readable"),
        ("pickled", "not a readable"),
        ("none", "no such file"),
    ):
        with pytest.raises(SourceError, match=reason):
            parse_prompt(f"recist:{tmp_path / name}.npz")
