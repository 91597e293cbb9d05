"""A DICOM segmentation as prompt: its segments on the frames of the source that they belong to."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

import echoseg
from echoseg.errors import PromptError, SourceError
from echoseg.io import open_source
from echoseg.io.dicom.header import dicom_origin
from echoseg.io.dicom.seg import build_segmentation
from echoseg.prompting.mask_file import mask_plan, mask_prompt
from echoseg.prompting.parse import parse_prompt
from tests.dicom_objects import write_clip
from tests.io.dicom.test_dicom_segmentation import ALGORITHM, COLOURS, NAMES


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "clip.dcm", np.random.default_rng(0).integers(0, 255, (6, 40, 40, 3), dtype=np.uint8))


@pytest.fixture
def masks(clip) -> np.ndarray:
    """Object 2 ("LV") is largest on frame 3, object 5 ("lesion") is on frame 4 alone; beside the clip as ``seg.dcm``."""
    masks = np.zeros((6, 40, 40), np.uint8)
    for frame in range(6):
        size = 20 - 3 * abs(frame - 3)
        masks[frame, 5 : 5 + size, 5:25] = 2
    masks[4, 30:35, 30:38] = 5
    with open_source(clip) as source:
        made = build_segmentation(dicom_origin(source.dicom_frames), masks, NAMES, ALGORITHM, COLOURS)
    made.save_as(clip.with_name("seg.dcm"), enforce_file_format=True)
    return masks


def test_each_segment_is_prompted_where_it_is_largest(clip, masks):
    with open_source(clip) as source:
        plan = mask_plan(clip.with_name("seg.dcm"), source, None)
    assert dict(plan.names) == {1: "LV", 2: "lesion"}
    assert {segment: list(frames) for segment, frames in plan.prompts.items()} == {1: [3], 2: [4]}
    np.testing.assert_array_equal(plan.prompts[1][3][0].mask, masks[3] == 2)
    np.testing.assert_array_equal(plan.prompts[2][4][0].mask, masks[4] == 5)


def test_on_a_frame_only_what_is_marked_there_is_prompted(clip, masks):
    with open_source(clip) as source:
        assert mask_plan(clip.with_name("seg.dcm"), source, 1).names == {1: "LV"}
        with pytest.raises(PromptError, match="no frame 6"):
            mask_plan(clip.with_name("seg.dcm"), source, 6)


def test_it_is_told_from_other_mask_files_by_its_content(clip, masks):
    segmentation = clip.with_name("seg.dcm")
    text = f"mask:{segmentation}@4"
    assert mask_prompt(text) == (segmentation, 4) and parse_prompt(text) == text and mask_prompt("box:1,2,3,4") is None
    renamed = segmentation.rename(segmentation.with_suffix(".mask"))
    with open_source(clip) as source:
        assert dict(mask_plan(renamed, source, 4).names) == {1: "LV", 2: "lesion"}


def test_a_run_starts_from_it_and_keeps_its_names(clip, masks, micro_model, tmp_path):
    result = echoseg.run(clip, tmp_path / "out", prompt=f"mask:{clip.with_name('seg.dcm')}", model=micro_model)
    assert dict(result.segmentation.names) == {1: "LV", 2: "lesion"}
    assert dict(result.segmentation.seeds) == {1: (3,), 2: (4,)}
    assert result.measurements["provenance"]["prompt"] == "mask:seg.dcm"


def test_a_segmentation_of_other_images_is_refused(clip, masks, tmp_path):
    other = np.zeros((6, 40, 40), np.uint8)
    with open_source(other) as source, pytest.raises(SourceError, match="other images"):
        mask_plan(clip.with_name("seg.dcm"), source, None)


def test_a_real_one_prompts_as_its_nrrd_twin():
    if "ECHOSEG_DATA" not in os.environ:
        pytest.skip("ECHOSEG_DATA is unset")
    folder = Path(os.environ["ECHOSEG_DATA"]) / "ct" / "dicom-seg"
    truth = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "liver_seg.nrrd"))) > 0
    with open_source(folder / "ct-3slice") as source:
        plan = mask_plan(folder / "liver.dcm", source, None)
    ((frame, (prompt,)),) = plan.prompts[1].items()
    np.testing.assert_array_equal(prompt.mask, truth[frame])
    assert frame == int(truth.sum(axis=(1, 2)).argmax()) and plan.names == {1: "Liver"}
