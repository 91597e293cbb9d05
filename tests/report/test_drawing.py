from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from echoseg.report.drawing import as_rgb, crop_window, draw_text, object_colour, outlines, paint, square_pixels


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_outlines_separate_every_pixel_of_the_mask_from_every_other(mask):
    lines = outlines(mask)
    for (row, column), inside in np.ndenumerate(mask):
        turns = sum(cv2.pointPolygonTest(line.astype(np.float32), (column + 0.5, row + 0.5), False) > 0 for line in lines)
        assert bool(turns % 2) == bool(inside)


def test_outline_of_a_rectangle_encloses_its_area():
    mask = np.zeros((40, 60), bool)
    mask[5:35, 10:50] = True
    (line,) = outlines(mask)
    assert cv2.contourArea(line.astype(np.float32)) == pytest.approx(30 * 40, rel=0.002)
    assert line.min(axis=0) == pytest.approx([10, 5], abs=0.01)
    assert line.max(axis=0) == pytest.approx([50, 35], abs=0.01)


def test_empty_mask_leaves_the_image_as_it_is():
    image = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    painted = paint(image, np.zeros((20, 30), np.uint8), {})
    assert np.array_equal(painted, as_rgb(image))


def test_paint_copies_its_input():
    image, labels = np.zeros((20, 20, 3), np.uint8), np.full((20, 20), 1, np.uint8)
    paint(image, labels, {1: "LV"})
    assert not image.any()


def test_hole_is_not_filled():
    labels = np.zeros((40, 40), np.uint8)
    labels[5:35, 5:35] = 1
    labels[15:25, 15:25] = 0
    painted = paint(np.zeros((40, 40), np.uint8), labels, {1: "LV"})
    assert painted[10, 20].any() and not painted[20, 20].any()


def test_scale_gives_the_size_of_the_result():
    assert paint(np.zeros((10, 20), np.uint8), np.ones((10, 20), np.uint8), {}, scale=(2.0, 3.0)).shape == (30, 40, 3)


def test_structures_keep_their_colour_whatever_their_id():
    assert object_colour(3, "LV") == object_colour(1, "LV")
    assert len({object_colour(i) for i in range(1, 8)}) == 7


def test_crop_window_holds_the_object_and_stays_in_the_image():
    mask = np.zeros((50, 80), bool)
    mask[0:10, 70:80] = True
    assert crop_window(mask, margin=0.5) == (0, 15, 65, 80)
    assert crop_window(np.zeros((50, 80), bool)) == (0, 50, 0, 80)


def test_crop_window_keeps_context_around_a_dot():
    mask = np.zeros((100, 100), bool)
    mask[50, 50] = True
    top, bottom, left, right = crop_window(mask, at_least=0.5)
    assert bottom - top >= 50 and right - left >= 50


def test_square_pixels_enlarges_the_coarser_side():
    assert square_pixels((0.5, 1.0)) == (2.0, 1.0)
    assert square_pixels((0.5, 0.5)) == square_pixels(None) == (1.0, 1.0)


def test_text_beyond_the_canvas_is_cut_off():
    canvas = np.zeros((10, 10, 3), np.uint8)
    draw_text(canvas, (8, 8), "frame", (255, 255, 255), 12)
    draw_text(canvas, (50, 50), "frame", (255, 255, 255), 12)
    draw_text(canvas, (-4, -4), "frame", (255, 255, 255), 12)
    assert canvas.any()
