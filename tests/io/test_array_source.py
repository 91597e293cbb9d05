import tracemalloc
from itertools import count, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from echoseg.errors import NotRereadableError, SourceError, UnsupportedSourceError
from echoseg.io import open_source

SHAPES = {
    (32, 40): (1, 32, 40),
    (5, 32, 40): (5, 32, 40),
    (32, 40, 3): (1, 32, 40),
    (32, 40, 4): (1, 32, 40),
    (5, 32, 40, 3): (5, 32, 40),
    (5, 32, 40, 4): (5, 32, 40),
}


@pytest.mark.parametrize("shape", [(9, 4, 4), (9, 2, 3), (4, 4)])
def test_tiny_frames_are_not_taken_for_colour(shape):
    assert open_source(np.zeros(shape, dtype=np.uint8)).size == shape[-2:]


@pytest.mark.parametrize("shape", SHAPES)
def test_accepted_shapes(shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    source = open_source(array)
    count, height, width = SHAPES[shape]
    assert (source.length, source.size) == (count, (height, width))
    assert source.kind == ("image" if count == 1 else "clip")
    frames = array if array.ndim == len(shape) and count == 5 else array[None]
    np.testing.assert_array_equal(list(source.frames()), frames[..., :3] if shape[-1] in (3, 4) else frames)


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((5, 3, 32, 40), r"moveaxis\(array, 1, -1\)"),
        ((3, 5, 32, 40), r"moveaxis\(array, 0, -1\)"),
        ((5, 1, 32, 40), r"array\[:, 0\]"),
        ((5, 32, 40, 1), r"array\[\.\.\., 0\]"),
        ((5,), "expected"),
        ((2, 2, 5, 32, 40), "expected"),
        ((0, 32, 40), "no pixels"),
        ((5, 0, 40), "no pixels"),
    ],
)
def test_other_shapes_are_refused_with_advice(shape, advice):
    with pytest.raises(SourceError, match=advice):
        open_source(np.zeros(shape, dtype=np.uint8))


def test_the_advice_for_channels_first_works():
    array = np.zeros((5, 3, 32, 40), dtype=np.uint8)
    assert open_source(np.moveaxis(array, 1, -1)).size == (32, 40)


@pytest.mark.parametrize("array", [np.array([["a"]]), np.zeros((2, 3, 4), dtype=complex), np.array([[None]])])
def test_values_that_are_no_numbers_are_refused(array):
    with pytest.raises(SourceError, match="pixels"):
        open_source(array)


def test_frames_are_copies_of_the_callers_array():
    array = np.zeros((2, 32, 32), dtype=np.uint8)
    source = open_source(array)
    source.frame(0)[:] = 7
    next(source.frames())[:] = 7
    assert array.max() == 0


def test_nan_is_refused_and_its_frame_named():
    array = np.random.default_rng(0).random((40, 32, 32))
    array[23, 4, 4] = np.nan
    with open_source(array, name="scan") as source, pytest.raises(SourceError, match="scan: frame 23"):
        list(source.frames())


@given(arrays(np.uint8, st.tuples(st.integers(1, 70), st.just(4), st.just(5))), st.data())
def test_every_way_of_reading_agrees(array, data):
    source = open_source(array)
    n = len(array)
    start, stop = data.draw(st.integers(0, n)), data.draw(st.integers(0, n + 5))
    assert np.array_equal(np.array(list(source.frames(start, stop))).reshape(-1, 4, 5), array[start:stop])
    last = data.draw(st.integers(0, n - 1))
    first = data.draw(st.integers(0, last))
    assert np.array_equal(list(source.frames_backward(last, first)), array[first : last + 1][::-1])
    assert np.array_equal(source.frame(last), array[last])


@pytest.mark.parametrize("index", [-1, 5])
def test_a_frame_that_does_not_exist_is_an_index_error(index):
    with pytest.raises(IndexError, match="array"):
        open_source(np.zeros((5, 32, 32), dtype=np.uint8)).frame(index)


def test_a_list_of_frames_is_one_clip():
    frames = [np.full((32, 32), i, dtype=np.uint8) for i in range(4)]
    source = open_source(frames)
    assert (source.length, source.rereadable, source.frame(2)[0, 0]) == (4, True, 2)
    with pytest.raises(SourceError, match="frame 1 has shape"):
        open_source([np.zeros((32, 32)), np.zeros((32, 33))])


def test_a_list_of_paths_or_sources_is_several_sources(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 32, 32), dtype=np.uint8))
    for item in (tmp_path / "a.npy", str(tmp_path / "a.npy"), open_source(tmp_path / "a.npy")):
        for several in ([item], [item, item], (np.zeros((32, 32)), item)):
            with pytest.raises(SourceError, match="several sources, not one"):
                open_source(several)


def test_a_generator_is_read_once_forward_and_only_as_far_as_asked():
    taken = []

    def endless():
        for index in count():
            taken.append(index)
            yield np.full((32, 32), index % 256, dtype=np.uint8)

    source = open_source(endless(), name="live")
    assert (source.kind, source.length, source.rereadable) == ("clip", None, False)
    assert [int(f[0, 0]) for f in islice(source.frames(), 5)] == [0, 1, 2, 3, 4]
    assert taken == [0, 1, 2, 3, 4]
    assert [int(f[0, 0]) for f in source.frames(7, 9)] == [7, 8]
    with pytest.raises(NotRereadableError, match="live"):
        next(source.frames())
    with pytest.raises(NotRereadableError):
        source.frame(0)
    with pytest.raises(TypeError):
        len(source)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "empty"),
        ([np.zeros((8, 8)), np.zeros((8, 9))], "frame 1 has size"),
        ([np.zeros((8, 8, 8))], "frame 0"),
        ([np.zeros((4, 4)), "x"], "frame 1"),
    ],
)
def test_iterables_of_something_else_are_refused(frames, message):
    with pytest.raises(SourceError, match=message):
        list(open_source(iter(frames)).frames())


@pytest.mark.parametrize("source", [["a.mp4", "b.mp4"], ("a.dcm",), 5, None, b"bytes", {"a": 1}])
def test_what_is_not_one_source_is_refused(source):
    with pytest.raises(SourceError, match="source"):
        open_source(source)


def test_npy_is_memory_mapped(tmp_path):
    frames = np.zeros((2000, 100, 100), dtype=np.uint8)  # 20 MB
    frames[:, 0, 0] = np.arange(2000) % 251
    np.save(tmp_path / "long.npy", frames)
    tracemalloc.start()
    with open_source(tmp_path / "long.npy") as source:
        seen = [int(f[0, 0]) for f in source.frames()]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == frames[:, 0, 0].tolist()
    assert (source.name, source.kind) == ("long", "clip")
    assert peak < 2_000_000


def test_npz_of_medsam2_is_a_volume_with_geometry(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (3, 32, 40), dtype=np.uint8)
    direction = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]])
    np.savez(tmp_path / "ct.npz", imgs=images, gts=images > 3, spacing=[0.7, 0.8, 5.0], direction=direction.ravel(), origin=[1.0, 2, 3])
    source = open_source(tmp_path / "ct.npz")
    assert source.kind == "volume"
    assert (source.geometry.spacing, source.geometry.slice_spacing) == ((0.8, 0.7), 5.0)
    np.testing.assert_allclose(source.geometry.affine @ [1, 0, 0, 1], [1, 2.7, 3, 1])
    np.testing.assert_array_equal(list(source.frames()), images)


@pytest.mark.parametrize("names", [("frames", "other"), ("images", "zzz"), ("anything",)])
def test_npz_array_is_found_by_name(tmp_path, names):
    np.savez(tmp_path / "a.npz", **{n: np.full((4, 32, 32), i, dtype=np.uint8) for i, n in enumerate(names)})
    assert open_source(tmp_path / "a.npz").frame(0)[0, 0] == 0


def test_npz_without_a_known_name_lists_what_it_holds(tmp_path):
    np.savez(tmp_path / "a.npz", first=np.zeros((4, 4)), second=np.zeros((4, 4)))
    with pytest.raises(SourceError, match="first, second"):
        open_source(tmp_path / "a.npz")


def test_pickles_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UnsupportedSourceError, match="pickle"):
        open_source(tmp_path / "a.npy")


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.95])
def test_cut_off_array_files_are_refused(tmp_path, suffix, fraction):
    path = tmp_path / f"a.{suffix}"
    frames = np.random.default_rng(0).integers(0, 255, (9, 32, 32), dtype=np.uint8)
    np.save(path, frames) if suffix == "npy" else np.savez(path, frames=frames)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    with pytest.raises(SourceError, match="not a complete"):
        open_source(path)
