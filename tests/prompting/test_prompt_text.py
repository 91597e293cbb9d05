"""The ``--prompt`` option: what is written is what is meant, and anything else is refused with a reason."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from echoseg.errors import EchosegError, PromptError
from echoseg.io import open_source
from echoseg.prompting.mask_file import mask_plan, mask_prompt
from echoseg.prompting.parse import parse_prompt
from echoseg.prompting.plan import Plan
from echoseg.types import Box, MaskPrompt, Points

coordinate = st.floats(-1e4, 1e4, allow_nan=False)
frames = st.none() | st.integers(0, 10**6)


def at(frame):
    return "" if frame is None else f"@{frame}"


@given(x0=coordinate, y0=coordinate, width=st.floats(0.1, 1e3), height=st.floats(0.1, 1e3), frame=frames)
def test_a_box_round_trips(x0, y0, width, height, frame):
    box = Box(x0, y0, x0 + width, y0 + height)
    text = f"box:{box.x0!r},{box.y0!r},{box.x1!r},{box.y1!r}{at(frame)}"
    assert parse_prompt(text) == Plan({1: {frame or 0: [box]}})


@given(clicks=st.lists(st.tuples(coordinate, coordinate, st.booleans()), min_size=1, max_size=5), frame=frames)
def test_points_round_trip(clicks, frame):
    text = "points:" + ";".join(f"{x!r},{y!r},{'+' if inside else '-'}" for x, y, inside in clicks) + at(frame)
    ((got,),) = (prompts for prompts in parse_prompt(text).prompts[1].values())
    assert list(parse_prompt(text).prompts[1]) == [frame or 0]
    assert isinstance(got, Points)
    np.testing.assert_array_equal(got.xy, np.array([(x, y) for x, y, _ in clicks], dtype=np.float32))
    assert got.labels.tolist() == [int(inside) for *_, inside in clicks]


@given(text=st.text(max_size=30) | st.builds("{}:{}".format, st.sampled_from(["box", "points", "recist", "auto"]), st.text(max_size=30)))
def test_any_other_text_is_refused_and_never_crashes(text):
    try:
        read = parse_prompt(text)
    except EchosegError as error:
        assert str(error)
    else:
        assert isinstance(read, Plan) or read.split(":")[0].strip().lower() == "auto"


def test_spaces_around_numbers_do_not_matter():
    assert parse_prompt("box: 1, 2 ,3,4 @5") == parse_prompt("box:1,2,3,4@5") == Plan({1: {5: [Box(1, 2, 3, 4)]}})
    spaced, plain = (parse_prompt(text).prompts[1][0][0] for text in ("points: 1, 2, + ; 3 , 4 , -", "points:1,2,+;3,4,-"))
    np.testing.assert_array_equal(spaced.xy, plain.xy)
    np.testing.assert_array_equal(spaced.labels, plain.labels)


@pytest.mark.parametrize("text", ["auto", "auto:LV,LA", "AUTO", "auto: lv"])
def test_auto_is_left_to_the_policy(text):
    assert parse_prompt(text) == text


def test_a_recist_line_becomes_a_box_around_its_middle():
    assert parse_prompt("recist:10,10,10,20@4") == Plan({1: {4: [Box(5, 10, 15, 20)]}})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot read the prompt ''; give auto"),
        ("bx:1,2,3,4", "cannot read the prompt"),
        ("box:", "cannot read the prompt"),
        ("box", "cannot read the prompt"),
        ("box:@3", "cannot read the prompt"),
        ("box:1,2,3", "should be 4 numbers"),
        ("box:1,2,3,4,5", "should be 4 numbers"),
        ("box:1,2,3,x", "should be 4 numbers"),
        ("box:1,2,3,4@-1", "should be 4 numbers"),
        ("box:1,2,3,4@1.5", "should be 4 numbers"),
        ("box:4,2,3,4", "is empty"),
        ("box:0,0,nan,4", "finite numbers"),
        ("box:0,0,inf,4", "finite numbers"),
        ("points:1,2", "should be a point such as"),
        ("points:1,2,*", "should be a point such as"),
        ("points:1,2,+;", "should be a point such as"),
        ("points:1,+", "should be 2 numbers"),
        ("recist:1,2,1,2", "must differ"),
        ("auto:", "each structure once"),
        ("auto:LV,LV", "each structure once"),
        ("nothing-here.json", "no prompt file nothing-here.json"),
    ],
)
def test_what_is_wrong_is_said(text, reason):
    with pytest.raises(PromptError, match=reason):
        parse_prompt(text)


def save_mask(path, frames=None):
    mask = np.zeros((6, 8), dtype=np.uint8)
    mask[2:4, 3:7] = 255
    if path.suffix == ".npy":
        np.save(path, mask if frames is None else np.stack([mask * 0, mask, mask.T.reshape(6, 8)])[:frames])
    else:
        Image.fromarray(mask).save(path)
    return mask > 0


@pytest.mark.parametrize("name", ["mask.png", "mask.npy", "mask@2.png", "mask: 3.png"])
def test_a_mask_is_read_from_its_file(tmp_path, name):
    mask = save_mask(tmp_path / name)
    text = f"mask:{tmp_path / name}@7"
    assert parse_prompt(text) == text
    with open_source(np.zeros((8, *mask.shape), np.uint8)) as source:
        ((prompt,),) = mask_plan(*mask_prompt(text)[:1], source, 7).prompts[1].values()
    assert isinstance(prompt, MaskPrompt)
    np.testing.assert_array_equal(prompt.mask, mask)


def test_of_several_masks_the_one_of_the_frame_is_taken(tmp_path):
    mask = save_mask(tmp_path / "masks.npy", frames=3)
    with open_source(np.zeros((3, *mask.shape), np.uint8)) as source:
        np.testing.assert_array_equal(mask_plan(tmp_path / "masks.npy", source, 1).prompts[1][1][0].mask, mask)
        with pytest.raises(PromptError, match="marks nothing on frame 0"):
            mask_plan(tmp_path / "masks.npy", source, 0)
        with pytest.raises(PromptError, match="no frame 3"):
            mask_plan(tmp_path / "masks.npy", source, 3)


def test_a_missing_mask_file_is_named(tmp_path):
    with pytest.raises(EchosegError, match="gone.png: no such file"):
        parse_prompt(f"mask:{tmp_path / 'gone.png'}")
