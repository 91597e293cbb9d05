import numpy as np
import pytest
from PIL import Image

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def grey(value, shape=(40, 50)):
    return np.full(shape, value, dtype=np.uint8)


def test_a_folder_is_read_in_natural_order_whatever_the_names(tmp_path):
    names = ["img10.png", "img2.png", "img1.png", "Frame 3.PNG", "img20b.png"]
    for value, name in enumerate(names):
        save(tmp_path / name, grey(value))
    for other in (".hidden.png", "Thumbs.db", "notes.txt"):
        (tmp_path / other).write_text("no image")
    with open_source(tmp_path) as source:
        order = [names[int(f[0, 0])] for f in source.frames()]
        assert order == ["Frame 3.PNG", "img1.png", "img2.png", "img10.png", "img20b.png"]
        assert (source.kind, source.length, source.name) == ("clip", 5, tmp_path.name)
        assert [names[int(f[0, 0])] for f in source.frames_backward(4)] == order[::-1]
        assert names[int(source.frame(3)[0, 0])] == order[3]


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "jpg"])
def test_one_image_is_a_source_of_one_frame(tmp_path, suffix):
    colour = np.zeros((40, 50, 3), dtype=np.uint8)
    colour[..., 0] = 200
    with open_source(save(tmp_path / f"a.{suffix}", colour)) as source:
        assert (source.kind, source.length, source.size) == ("image", 1, (40, 50))
        np.testing.assert_allclose(source.frame(0).astype(int), colour, atol=3)


def test_sixteen_bit_folders_share_one_window(tmp_path):
    for index, value in enumerate((0, 1000, 500)):
        save(tmp_path / f"{index}.png", np.full((40, 50), value, dtype=np.uint16))
    with open_source(tmp_path) as source:
        assert [int(f[0, 0]) for f in source.frames()] == [0, 255, 128]


def test_palette_and_alpha_become_rgb(tmp_path):
    rgba = np.zeros((40, 50, 4), dtype=np.uint8)
    rgba[..., 1] = 99
    save(tmp_path / "a.png", rgba)
    image = Image.fromarray(rgba[..., :3]).convert("P", palette=Image.Palette.ADAPTIVE)
    image.save(tmp_path / "b.png")
    with open_source(tmp_path) as source:
        for frame in source.frames():
            np.testing.assert_array_equal(frame, rgba[..., :3])


def test_a_mix_of_grey_and_colour_is_all_colour(tmp_path):
    save(tmp_path / "a.png", grey(7))
    save(tmp_path / "b.png", np.full((40, 50, 3), 8, dtype=np.uint8))
    with open_source(tmp_path) as source:
        assert {f.shape for f in source.frames()} == {(40, 50, 3)}


def test_the_pages_of_a_tiff_are_frames(tmp_path):
    pages = [Image.fromarray(grey(v)) for v in (1, 2, 3)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    with open_source(tmp_path / "stack.tif") as source:
        assert [int(f[0, 0]) for f in source.frames()] == [1, 2, 3]


def test_mixed_sizes_are_refused_and_both_named(tmp_path):
    save(tmp_path / "a.png", grey(1))
    save(tmp_path / "b.png", grey(1, (41, 50)))
    with pytest.raises(SourceError, match=r"a\.png has size \(40, 50\), b\.png \(41, 50\)"):
        open_source(tmp_path)


def test_camera_orientation_is_applied(tmp_path):
    picture = np.zeros((40, 64), dtype=np.uint8)
    picture[:16, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show the picture turned 90 degrees clockwise
    save(tmp_path / "turned.jpg", picture, exif=exif, quality=95)
    with open_source(tmp_path / "turned.jpg") as source:
        assert source.size == (64, 40)
        np.testing.assert_allclose(source.frame(0).astype(int), np.rot90(picture, -1), atol=60)


def test_a_cut_off_image_is_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)
    for index in range(20):
        save(tmp_path / f"{index}.png", noise)
    cut = tmp_path / "13.png"
    cut.write_bytes(cut.read_bytes()[:-900])
    with open_source(tmp_path) as source, pytest.raises(SourceError, match=r"13\.png"):
        list(source.frames())


def test_text_named_png_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(SourceError, match=r"a\.png"):
        open_source(tmp_path)
    with pytest.raises(UnsupportedSourceError, match=r"a\.png"):
        open_source(tmp_path / "a.png")


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UnsupportedSourceError, match="no images"):
        open_source(tmp_path)
