"""Run lengths are COCO's: read back by its own library, and refused when they are not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco

from echoseg.annotate.frame_mask import FrameMask
from echoseg.annotate.rle import decode, encode
from echoseg.errors import PromptError

masks = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(masks)
def test_coco_reads_what_is_written_and_writes_the_same(mask):
    counts = encode(mask)
    assert np.array_equal(coco.decode({"size": list(mask.shape), "counts": counts.encode()}), mask)
    assert coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"] == counts.encode()
    assert np.array_equal(decode(counts, mask.shape), mask)


def test_a_ventricle_in_a_large_frame_is_short_text():
    y, x = np.mgrid[:600, :800]
    mask = ((x - 400) / 90) ** 2 + ((y - 300) / 150) ** 2 < 1
    assert len(encode(mask)) < 600
    assert np.array_equal(decode(encode(mask), mask.shape), mask)


@given(st.text(max_size=40))
def test_anything_else_is_refused_before_memory_is_taken(text):
    try:
        mask = decode(text, (30, 40))
    except PromptError:
        return
    assert mask.shape == (30, 40)


@pytest.mark.parametrize("counts", ["", "0", "PPPPPPPPPP", "é", encode(np.ones((3, 3), bool)), "o" * 8 + "0"])
def test_run_lengths_of_another_mask_are_refused(counts):
    with pytest.raises(PromptError, match="run lengths"):
        decode(counts, (8, 8))


def test_a_frame_mask_survives_storage():
    mask = np.zeros((5, 7), bool)
    mask[1:3, 2:6] = True
    made = FrameMask.of(4, 2, mask, 0.87654321, float("nan"))
    assert made.bbox == (2, 1, 6, 3)
    assert (made.iou, made.score) == (0.8765, None)
    assert FrameMask.stored(made.row()) == made
    assert np.array_equal(made.mask((5, 7)), mask)
    assert FrameMask.of(0, 1, np.zeros((5, 7), bool)).bbox is None
