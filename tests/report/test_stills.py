from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from echoseg.report.contact_sheet import contact_sheet, sheet_frames
from echoseg.report.stills import construction, still_png


def half_ellipse(height=160, width=120, *, across=1):
    """A ventricle: half-axes 40 and 120 pixels, apex at (60, 20), base on y = 140; columns optionally ``across`` times finer."""
    y, x = np.mgrid[:height, : width * across] + 0.5
    return (((x / across - 60) / 40) ** 2 + ((y - 140) / 120) ** 2 <= 1) & (y < 140)


def picture(png):
    return np.asarray(Image.open(BytesIO(png)))


@pytest.mark.parametrize("spacing", [None, (0.5, 0.5), (1.3, 1.3)])
def test_construction_of_a_half_ellipse_is_where_it_is_known_to_be(spacing):
    built = construction(half_ellipse(), spacing)
    assert built.axis[0] == pytest.approx([60, 140], abs=2)
    assert built.axis[1] == pytest.approx([60, 20], abs=2)
    assert built.hinges == pytest.approx(np.array([[20, 140], [100, 140]]), abs=4)
    assert built.disks.shape == (20, 2, 2)
    middle = np.hypot(*(built.disks[10, 1] - built.disks[10, 0]))
    assert middle == pytest.approx(80 * np.sqrt(1 - (10.5 / 20) ** 2), abs=1.5)


def test_construction_follows_pixels_that_are_not_square():
    built = construction(half_ellipse(across=2), (1.0, 0.5))
    assert built.axis[1] == pytest.approx([120, 20], abs=4)


def test_what_is_no_ventricle_has_no_construction():
    assert construction(np.zeros((20, 20), bool), None) is None


def test_still_is_cropped_to_the_object_with_square_millimetres():
    mask = np.zeros((400, 1000), bool)
    mask[100:260, 200:440] = half_ellipse(across=2)
    still = picture(still_png(np.zeros(mask.shape, np.uint8), mask, object_id=1, name="LV", spacing=(1.0, 0.5)))
    assert max(still.shape) == 560
    box = mask[100:220].any(axis=0).sum() * 0.5, mask.any(axis=1).sum()  # millimetres
    rows, columns = (np.flatnonzero(still.any(axis=(1 - axis, 2))) for axis in (0, 1))
    assert (columns[-1] - columns[0]) / (rows[-1] - rows[0]) == pytest.approx(box[0] / box[1], rel=0.08)


def test_only_a_ventricle_gets_axis_and_disks():
    mask = half_ellipse()
    frame = np.zeros(mask.shape, np.uint8)
    ventricle, cyst = (picture(still_png(frame, mask, object_id=1, name=name, spacing=None)) for name in ("LV", "cyst"))
    yellow = lambda image: ((image[..., 0] > 200) & (image[..., 2] < 90)).sum()  # noqa: E731
    assert yellow(ventricle) > 300 and yellow(cyst) == 0


def test_still_of_an_absent_object_is_the_plain_frame():
    frame = np.full((50, 100), 77, np.uint8)
    still = picture(still_png(frame, np.zeros((50, 100), bool), object_id=1, name="LV", spacing=None))
    assert still.shape == (280, 560, 3) and (still == 77).all()


def test_contact_sheet_has_a_tile_a_frame():
    frames = [np.full((30, 40), 50 * i, np.uint8) for i in range(1, 6)]
    labels = [np.zeros((30, 40), np.uint8)] * 5
    sheet = picture(contact_sheet(frames, labels, {}, columns=3, tile=80))
    assert sheet.shape == (2 * 64 + 4, 3 * 84 + 4, 3)
    assert [int(sheet[4 + 30 + 64 * (i // 3), 4 + 40 + 84 * (i % 3), 0]) for i in range(5)] == [50, 100, 150, 200, 250]


def test_contact_sheet_shows_the_window_only():
    frame = np.zeros((100, 100), np.uint8)
    frame[40:60, 40:60] = 200
    sheet = picture(contact_sheet([frame], [np.zeros((100, 100), np.uint8)], {}, window=(42, 58, 42, 58), tile=100))
    assert (sheet[10:-10, 10:-10] == 200).all()


def test_sheet_frames_are_spread_over_frames_with_the_object():
    labels = np.zeros((100, 4, 4), np.uint8)
    labels[20:41] = 1
    assert sheet_frames(labels, 3) == [20, 30, 40]
    assert sheet_frames(labels[:10], 3) == [0, 4, 9]
    assert sheet_frames(labels[20:22], 9) == [0, 1]
