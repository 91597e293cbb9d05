import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import Source, open_source
from echoseg.io.open import apply_given


def test_importing_the_package_loads_no_decoder_and_no_torch():
    heavy = ("torch", "av", "SimpleITK", "cv2", "pydicom", "nibabel", "PIL", "scipy")
    code = f"import sys, echoseg.io; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_an_open_source_is_returned_as_it_is():
    source = open_source(np.zeros((3, 40, 40), dtype=np.uint8))
    assert open_source(source) is source
    assert isinstance(source, Source)
    with pytest.raises(SourceError, match="open already"):
        open_source(source, fps=3)


def test_what_the_caller_states_leaves_the_source_it_is_stated_of_unchanged():
    source = open_source(np.zeros((3, 40, 40), dtype=np.uint8))
    stated = apply_given(source, 25.0, (0.5, 0.25))
    assert (stated.timing.fps, stated.geometry.spacing) == (25.0, (0.5, 0.25))
    assert (source.timing.fps, source.geometry.spacing) == (None, None)
    assert {flag.code for flag in stated.flags} == {"fps_given", "spacing_given"}
    assert {flag.code for flag in source.flags} == {"spacing_missing"}


@pytest.mark.parametrize("name", ["clip.mp4", "clip.dcm", "a.npy", "a.nii.gz", "IM0001", "a.png"])
def test_missing_and_empty_files_are_source_errors(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(SourceError, match="no such file"):
        open_source(path)
    path.touch()
    with pytest.raises(SourceError, match="empty"):
        open_source(str(path))


@pytest.mark.parametrize("name", ["clip.avi", "clip.mp4", "clip.dcm", "scan.nii.gz", "scan.mhd", "scan.npz", "a.gif", "a.npy", "noext"])
@pytest.mark.parametrize("content", [b"just some text, longer than any header " * 40, b"\x00" * 600, b"\xff" * 600, b"x"])
def test_content_that_is_nothing_is_unsupported_whatever_the_name(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnsupportedSourceError, match=name):
        open_source(path)


@pytest.mark.parametrize("seed", range(30))
def test_known_beginnings_with_random_rest_are_source_errors(tmp_path, seed):
    """Whatever follows a file's magic, the error is ours and names the file."""
    from echoseg.io.sniff import _MAGIC

    rng = np.random.default_rng(seed)
    offset, magic, _ = _MAGIC[seed % len(_MAGIC)]
    data = bytearray(rng.integers(0, 256, 4000, dtype=np.uint8).tobytes())
    data[offset : offset + len(magic)] = magic
    path = tmp_path / "fuzz"
    path.write_bytes(data)
    with pytest.raises(SourceError, match="fuzz"):
        list(open_source(path).frames())


@pytest.mark.parametrize("name", ["SC_rgb_rle_2frame.dcm", "MR_small.dcm", "SC_rgb_small_odd_jpeg.dcm", "SC_rgb_jpeg_dcmtk.dcm"])
@pytest.mark.filterwarnings("ignore")
def test_damaged_dicom_is_read_or_refused_but_never_fails_otherwise(tmp_path, name):
    from pydicom.data import get_testdata_file

    original = Path(get_testdata_file(name)).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(original)
        for position in rng.integers(0, min(len(data), 2000), 4):
            data[position] = rng.integers(256)
        path = tmp_path / "damaged.dcm"
        path.write_bytes(data)
        try:
            with open_source(path) as source:
                assert sum(frame.shape[:2] == source.size for frame in source.frames()) == source.length
        except SourceError as error:
            assert str(path) in str(error) or "damaged" in str(error)


def test_the_same_frames_from_a_wrong_suffix(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 40, 40), dtype=np.uint8))
    (tmp_path / "a.npy").rename(tmp_path / "a.mp4")
    assert open_source(tmp_path / "a.mp4").length == 3


@pytest.mark.parametrize("fps", [0, -1, float("nan"), "fast"])
def test_impossible_frame_rates_are_refused(fps):
    with pytest.raises(SourceError, match="fps"):
        open_source(np.zeros((3, 40, 40), dtype=np.uint8), fps=fps)


@pytest.mark.parametrize("spacing", [0, -1, (1,), (1, 2, 3), (1, float("nan")), "ab", object()])
def test_impossible_spacing_is_refused(spacing):
    with pytest.raises(SourceError, match="spacing"):
        open_source(np.zeros((3, 40, 40), dtype=np.uint8), spacing=spacing)


def test_a_frame_rate_does_not_refuse_a_still_beside_clips():
    source = open_source(np.zeros((40, 40), dtype=np.uint8), fps=50)
    assert (source.kind, source.timing.fps) == ("image", None)
    assert "fps_given" not in {flag.code for flag in source.flags}
    with pytest.raises(SourceError, match="not for volumes"):
        open_source(np.zeros((3, 40, 40), dtype=np.uint8), kind="volume", fps=50)


def test_given_facts_are_used_and_flagged():
    source = open_source(np.zeros((3, 40, 40), dtype=np.uint8), name="a/b c", fps=50, spacing=0.5)
    assert (source.name, source.timing.fps, source.geometry.spacing) == ("a_b_c", 50, (0.5, 0.5))
    assert {f.code for f in source.flags} == {"fps_given", "spacing_given"}
    assert {f.severity for f in source.flags} == {"info"}


def test_unknown_spacing_is_flagged_whatever_the_input():
    for array in (np.zeros((3, 40, 40), dtype=np.uint8), np.zeros((40, 40), dtype=np.uint8)):
        assert [flag.code for flag in open_source(array).flags] == ["spacing_missing"]


def test_numpy_numbers_are_numbers():
    source = open_source(np.zeros((3, 40, 40), dtype=np.uint8), fps=np.float32(25), spacing=np.array([0.5, 0.25]))
    assert (source.timing.fps, source.geometry.spacing) == (25, (0.5, 0.25))
    assert open_source(np.zeros((3, 40, 40), dtype=np.uint8), spacing=np.int64(2)).geometry.spacing == (2, 2)


def test_kind_can_be_chosen_for_an_array():
    array = np.zeros((3, 40, 40), dtype=np.uint8)
    assert open_source(array, kind="volume").kind == "volume"
    with pytest.raises(SourceError, match="kind"):
        open_source(array, kind="image")
    with pytest.raises(SourceError, match="kind"):
        open_source(array, kind="film")


def test_small_frames_are_flagged():
    assert "small_frames" in {f.code for f in open_source(np.zeros((3, 4, 4), dtype=np.uint8)).flags}
