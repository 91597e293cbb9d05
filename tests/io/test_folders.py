"""What lies in a folder and is no frame of the clip is left out by name; a folder without frames says what it holds."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.types import Severity
from tests.dicom_objects import write_series

FRAME = np.arange(40 * 48, dtype=np.uint16).reshape(40, 48).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        Image.fromarray(FRAME + number).save(tmp_path / f"frame_{number}.png")
    return tmp_path


def left_out(source):
    return {flag.code: flag for flag in source.flags if flag.code.endswith("_left_out")}


def test_a_folder_of_frames_has_all_of_them(folder):
    source = open_source(folder)
    assert (source.length, left_out(source)) == (6, {})


@pytest.mark.parametrize("name", ["frame_{}_mask.png", "mask_{}.png", "frame_{}_gt.png", "seg{}.png"])
def test_masks_among_frames_are_left_out(folder, name):
    for number in range(6):
        Image.fromarray(FRAME // 200).save(folder / name.format(number))
    source = open_source(folder)
    assert source.length == 6
    assert name.format(0) in left_out(source)["masks_left_out"].message


def test_a_folder_of_masks_alone_is_one_of_frames(tmp_path):
    for number in range(3):
        Image.fromarray(FRAME).save(tmp_path / f"{number}_mask.png")
    assert open_source(tmp_path).length == 3


def test_a_picture_named_unlike_all_others_is_left_out_and_named(folder):
    Image.fromarray(FRAME).save(folder / "preview.png")
    source = open_source(folder)
    assert (source.length, "preview.png" in left_out(source)["images_left_out"].message) == (6, True)


def test_frames_named_in_several_ways_are_told(folder):
    for number in range(4):
        Image.fromarray(FRAME).save(folder / f"other_{number}.png")
    flags = {flag.code: flag.message for flag in open_source(folder).flags}
    assert "6 like frame_0.png, 4 like other_0.png" in flags["several_names"]


@pytest.mark.parametrize(("lost", "told"), [([3], "frame_2.png"), ([], None), ([0, 5], None)])
def test_a_number_that_is_left_out_is_told(folder, lost, told):
    for number in lost:
        (folder / f"frame_{number}.png").unlink()
    flags = {flag.code: flag.message for flag in open_source(folder).flags}
    assert told in flags["frames_missing"] if told else "frames_missing" not in flags


def test_frames_numbered_by_tens_miss_none(tmp_path):
    for number in range(0, 60, 10):
        Image.fromarray(FRAME).save(tmp_path / f"f{number:03d}.png")
    assert "frames_missing" not in {flag.code for flag in open_source(tmp_path).flags}


def test_names_without_numbers_are_all_frames(tmp_path):
    for name in "abcd":
        Image.fromarray(FRAME).save(tmp_path / f"{name}.png")
    source = open_source(tmp_path)
    assert (source.length, left_out(source)) == (4, {})


def test_a_folder_of_clips_names_them(tmp_path):
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.zeros((3, 40, 40), np.uint8))
    with pytest.raises(UnsupportedSourceError, match=r"a\.npy, b\.npy.*echoseg archive"):
        open_source(tmp_path)


def test_a_folder_of_folders_of_frames_names_them(folder):
    below = folder / "all" / "one"
    below.mkdir(parents=True)
    for path in folder.glob("*.png"):
        path.rename(below / path.name)
    with pytest.raises(UnsupportedSourceError, match="folders that do: one"):
        open_source(folder / "all")


def nifti(path, shape=(48, 40, 6)):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8), np.eye(4)), path)
    return path


def test_nifti_is_a_clip_where_it_is_asked_for_or_named_so(tmp_path):
    plain = nifti(tmp_path / "scan.nii.gz")
    assert open_source(plain).kind == "volume"
    assert (open_source(plain, kind="clip").kind, open_source(plain, kind="clip", fps=20).timing.fps) == ("clip", 20)
    with pytest.raises(SourceError, match="--kind clip"):
        open_source(plain, fps=20)
    camus = nifti(tmp_path / "patient0042_2CH_half_sequence.nii.gz")
    assert (open_source(camus).kind, open_source(camus, kind="volume").kind) == ("clip", "volume")
    assert open_source(nifti(tmp_path / "patient0042_2CH_ED.nii.gz")).kind == "volume"


def test_a_warning_while_reading_is_a_flag_and_not_printed(tmp_path, recwarn):
    from echoseg.io.array import ArraySource

    class Warns(ArraySource):
        def _read(self, start, stop):
            warnings.warn("odd coding", stacklevel=1)
            yield from super()._read(start, stop)

    clip = np.zeros((4, 40, 40), np.uint8)
    source = Warns(clip, "odd")
    before = list(warnings.filters)
    assert sum(1 for _ in source.frames()) == 4
    (flag,) = source.flags
    assert (flag.code, flag.severity, "odd coding" in flag.message) == ("library_warning", Severity.REVIEW, True)
    assert (list(recwarn), warnings.filters) == ([], before)
    twin = ArraySource(clip, "clean")
    list(twin.frames())
    assert twin.flags == ()


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(0, 5),
    masks=st.integers(0, 5),
    series=st.sampled_from([0, 0, 4]),
    beside=st.sets(st.sampled_from(["preview.jpg", "clip.npy", "notes.txt", "IM0099"])),
)
def test_every_picture_in_a_folder_is_used_or_named(tmp_path_factory, frames, masks, series, beside):
    folder = tmp_path_factory.mktemp("folder")
    pictures = [f"frame_{n}.png" for n in range(frames)] + [f"frame_{n}_mask.png" for n in range(masks)]
    for name in (*pictures, *(beside & {"preview.jpg"})):
        Image.fromarray(FRAME).save(folder / name)
    if series:
        write_series(folder, np.random.default_rng(0).integers(0, 900, (series, 40, 44)).astype(np.int16))
    if "clip.npy" in beside:
        np.save(folder / "clip.npy", np.repeat(FRAME[None], 3, 0))
    if "notes.txt" in beside:
        (folder / "notes.txt").write_text("nothing to see")
    if "IM0099" in beside:
        (folder / "IM0099").write_bytes(b"")
    try:
        source = open_source(folder, axis="stored") if series else open_source(folder)
    except SourceError as error:
        said, used = str(error), 0
    else:
        said, used = " ".join(flag.message for flag in source.flags), source.length
    left = [name for name in (*pictures, *(beside & {"preview.jpg", "clip.npy"})) if name in said]
    counted = "images and" in said or "holds no images" in said or " more " in said  # too many to be listed
    expected = len(pictures) + len(beside & {"preview.jpg"}) + (series if series else 0)
    assert counted or used + len(left) >= expected, (used, said)
