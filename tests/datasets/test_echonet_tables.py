"""The two tables of EchoNet's layout: both forms of tracings, names with and without extension, malformed rows."""

from pathlib import Path

import numpy as np
import pytest

from echoseg.datasets.echonet import cavity, folder_view, is_traced_folder, read_traced_folder, traced_videos
from echoseg.errors import SourceError

CHORDS = "FileName,X1,Y1,X2,Y2,Frame\n"
SQUARE = ["A.avi,5,1.5,5,7.5,4\n", "A.avi,1.5,1.5,7.5,1.5,4\n", "A.avi,1.5,7.5,7.5,7.5,4\n"]  # lines 2 to 4: the long axis, then two chords
LISTED = "FileName,EF,Split\nA,61.5,train\nB.avi,,TEST\n"


@pytest.fixture
def write(tmp_path):
    (tmp_path / "Videos").mkdir()

    def write(tracings: str, listed: str = LISTED) -> Path:
        (tmp_path / "VolumeTracings.csv").write_text(tracings)
        (tmp_path / "FileList.csv").write_text(listed)
        return tmp_path

    return write


def test_videos_come_with_their_facts_whether_the_tables_say_avi_or_not(write):
    root = write(CHORDS + "".join(SQUARE))
    a, b = read_traced_folder(root).videos
    assert (a.name, a.path, a.row, a.split, a.ef, a.fault) == ("A", root / "Videos" / "A.avi", 2, "TRAIN", 61.5, None)
    assert (b.name, b.path, b.row, b.split, b.ef, dict(b.outlines)) == ("B", root / "Videos" / "B.avi", 3, "TEST", None, {})
    assert list(a.outlines) == [4]


def test_chords_are_an_outline_down_one_side_and_up_the_other_without_the_long_axis(write):
    (a, _) = read_traced_folder(write(CHORDS + "".join(SQUARE))).videos
    assert a.outlines[4].tolist() == [[1.5, 1.5], [1.5, 7.5], [7.5, 7.5], [7.5, 1.5]]


def test_corners_of_a_polygon_mark_the_same_cavity(write):
    chords = read_traced_folder(write(CHORDS + "".join(SQUARE))).videos[0].outlines[4]
    polygon = "FileName,X,Y,Frame\n" + "".join(f"A,{x},{y},4\n" for x, y in ((1.5, 1.5), (7.5, 1.5), (7.5, 7.5), (1.5, 7.5)))
    corners = read_traced_folder(write(polygon)).videos[0].outlines[4]
    expected = np.zeros((10, 12), bool)
    expected[2:8, 2:8] = True
    assert np.array_equal(cavity(chords, (10, 12)), expected)
    assert np.array_equal(cavity(corners, (10, 12)), expected)


def test_a_phase_that_was_not_traced_has_no_frame(write):
    polygon = "FileName,X,Y,Frame\nA,2,2,4\nA,8,2,4\nA,8,8,4\nA,,,No Systolic\n"
    (a, _) = read_traced_folder(write(polygon)).videos
    assert (list(a.outlines), a.fault) == ([4], None)


def test_folders_in_a_file_name_do_not_count(write):
    root = write(CHORDS + "".join(SQUARE), "FileName,EF\n../../A.avi,60\n..\\B,61\n")
    assert [video.path for video in read_traced_folder(root).videos] == [root / "Videos" / "A.avi", root / "Videos" / "B.avi"]


def test_traced_videos_that_are_not_listed_are_named(write):
    assert read_traced_folder(write(CHORDS + "".join(row.replace("A", "Z") for row in SQUARE))).unlisted == ("Z",)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("A.avi,2,x,8,8,4", "row 5: Y1 is 'x', which is no number"),
        ("A.avi,2,8,nan,8,4", "row 5: X2 is 'nan', which is no finite number"),
        ("A.avi,2,8,8,,4", "row 5: has no Y2"),
        ("A.avi,2,8", "row 5: has no Frame"),
        ("A.avi,2,8,8,8,4.5", "row 5: Frame is '4.5', which is no frame"),
        ("A.avi,2,8,8,8,-1", "row 5: Frame is '-1', which is no frame"),
        ("A.avi,2,8,8,8,last", "row 5: Frame is 'last', which is no number"),
        ("A.avi,2,8,8,8,7", "row 5: frame 7 of A has 1 of its rows; an outline needs the long axis and two chords or more"),
    ],
)
def test_a_malformed_tracing_is_the_fault_of_its_video_alone_and_names_the_row(write, row, said):
    root = write(CHORDS + "".join(SQUARE) + row + "\n")
    a, b = read_traced_folder(root).videos
    assert said in a.fault and "VolumeTracings.csv" in a.fault
    assert b.fault is None
    (root / "Videos" / "A.avi").write_bytes(b"")
    with pytest.raises(SourceError, match="row 5"):
        traced_videos(root, "TRAIN")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("C,high,TEST", "row 4: EF is 'high', which is no number"),
        ("C,155,TEST", "row 4: EF is '155', which is not between 0 and 100 percent"),
        ("A.avi,60,TEST", "row 4: A stands there twice, first in row 2"),
    ],
)
def test_a_malformed_row_of_the_list_is_the_fault_of_its_video_alone(write, row, said):
    faults = [video.fault for video in read_traced_folder(write(CHORDS + "".join(SQUARE), LISTED + row + "\n")).videos]
    (fault,) = [fault for fault in faults if fault is not None]
    assert said in fault and "FileList.csv" in fault


@pytest.mark.parametrize(
    ("tracings", "listed", "said"),
    [
        (CHORDS, "EF\n60\n", r"FileList\.csv: lacks the column FileName"),
        (CHORDS, "FileName,EF\n,60\n", r"FileList\.csv, row 2: has no FileName"),
        (CHORDS + ",1,2,3,4,0\n", LISTED, r"VolumeTracings\.csv, row 2: has no FileName"),
        ("FileName,X1,Y1,X2,Frame\nA,1,2,3,0\n", LISTED, r"lacks the column Y2; tracings are X1, Y1, X2, Y2 \(chords\) or X, Y"),
        ("FileName,X,Y\nA,1,2\n", LISTED, r"VolumeTracings\.csv: lacks the column Frame"),
    ],
)
def test_a_table_that_names_no_videos_or_columns_is_an_error(write, tracings, listed, said):
    with pytest.raises(SourceError, match=said):
        read_traced_folder(write(tracings, listed))


def test_the_layout_is_both_tables_and_the_videos(write, tmp_path):
    assert not is_traced_folder(tmp_path)
    assert is_traced_folder(write(CHORDS))
    (tmp_path / "VolumeTracings.csv").unlink()
    assert not is_traced_folder(tmp_path)


def test_the_view_is_that_of_the_folder_s_name_from_within_as_well(tmp_path, monkeypatch):
    (tmp_path / "A2C").mkdir()
    monkeypatch.chdir(tmp_path / "A2C")
    assert (folder_view(tmp_path / "A2C"), folder_view(Path()), folder_view(tmp_path)) == ("A2C", "A2C", "A4C")
