"""A header of NRRD or MetaImage names no other file of the machine, and damaged compressed voxels are no voxels."""

import gzip
import zlib

import numpy as np
import pytest
import SimpleITK

from echoseg.errors import SourceError, UnsupportedSourceError
from echoseg.io import open_source
from echoseg.io.volume.itk import load_itk

SECRET = b"the key of the house" * 100
VALUES = np.random.default_rng(0).integers(0, 60, (4, 40, 36), dtype=np.uint8)
META = "ObjectType = Image\nNDims = 2\nDimSize = 40 40\nElementType = MET_UCHAR\n"
NRRD = "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 40 40\nencoding: raw\n"
PAD = "Comment = " + "x" * 70_000 + "\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.raw").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "below").symlink_to(tmp_path)
    return tmp_path / "in"


def spellings(secret):
    for name in (str(secret), "../secret", "link.raw", "below/secret", "./../secret", f"{secret.parent}/in/../secret"):
        for line in (f"ElementDataFile = {name}", f" ElementDataFile = {name}", f"ElementDataFile : {name}", f"\tElementDataFile:{name}"):
            yield "v.mhd", f"{META}{line}\n"
            yield "v.mhd", f"{META}{PAD}{line}\n"
            yield "v.mha", f"{META}{line}\n"
        for line in (f"data file: {name}", f"datafile:{name}", f"DATA FILE: {name}", f" data file: {name}"):
            yield "v.nhdr", f"{NRRD}{line}\n\n"
            yield "v.nhdr", f"{NRRD}# {'x' * 70_000}\n{line}\n\n"
    yield "v.mhd", f"{META}ElementDataFile = LOCAL\nElementDataFile = {secret}\n"
    yield "v.mhd", f"{META}ElementDataFile = LIST\n{secret}\n"
    yield "v.nhdr", f"{NRRD}data file: LIST\n{secret}\n"


def test_no_spelling_of_a_header_reads_a_file_outside_of_its_folder(folder):
    for name, text in spellings(folder.parent / "secret"):
        (folder / name).write_text(text)
        with pytest.raises(SourceError):
            open_source(folder / name)


def test_a_link_beside_the_header_is_followed_within_the_folder_alone(folder):
    (folder / "v.raw").write_bytes(VALUES[0].tobytes() + bytes(160))
    (folder / "own.raw").symlink_to(folder / "v.raw")
    (folder / "v.mhd").write_text(f"{META}ElementDataFile = own.raw\n")
    assert load_itk(folder / "v.mhd").values.shape == (40, 40)
    (folder / "v.mhd").write_text(f"{META}ElementDataFile = link.raw\n")
    with pytest.raises(UnsupportedSourceError, match="outside of its own folder"):
        load_itk(folder / "v.mhd")


@pytest.mark.parametrize("suffix", ["mha", "nrrd"])
@pytest.mark.parametrize("at", [0.3, 0.6, 0.9, 1.0])
def test_a_damaged_byte_of_compressed_voxels_is_found(tmp_path, suffix, at):
    path = tmp_path / f"v.{suffix}"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(VALUES), str(path), useCompression=True)
    np.testing.assert_array_equal(list(open_source(path, window="30,60").frames()), list(open_source(path, window="30,60").frames()))
    content = bytearray(path.read_bytes())
    start = content.index(b"LOCAL\n") + 6 if suffix == "mha" else content.index(b"\n\n") + 12
    content[start + int((len(content) - start - 2) * at)] ^= 0x10  # at last in the check sum
    path.write_bytes(content)
    with pytest.raises(SourceError, match="not a readable volume"):
        open_source(path)


@pytest.mark.parametrize(
    "packed",
    [zlib.compress(VALUES[0].tobytes()), zlib.compress(bytes(1601)), gzip.compress(bytes(1599)), b"", b"x"],
    ids=["too few", "too many", "one short", "nothing", "not compressed"],
)
def test_compressed_voxels_of_another_number_are_refused(tmp_path, packed):
    header = f"{META}CompressedData = True\nElementDataFile = LOCAL\n".encode()
    (tmp_path / "v.mha").write_bytes(header + packed)
    if packed == zlib.compress(VALUES[0].tobytes()):
        header = header.replace(b"40 40", b"36 40")
        (tmp_path / "v.mha").write_bytes(header + packed)
        np.testing.assert_array_equal(load_itk(tmp_path / "v.mha").values, VALUES[0])
        return
    with pytest.raises(SourceError, match="cut off|damaged|more than|less than|not a readable volume"):
        load_itk(tmp_path / "v.mha")


@pytest.mark.parametrize("sizes", ["4294967296 4294967296", "65536 65536", "0 40", "-1 40", "2147483648 2147483648", "40 40 40", ""])
def test_sizes_that_overflow_are_refused(tmp_path, sizes):
    for name, text in (
        ("v.mha", META.replace("40 40", sizes) + "ElementDataFile = LOCAL\n"),
        ("v.nrrd", NRRD.replace("40 40", sizes) + "\n"),
    ):
        (tmp_path / name).write_bytes(text.encode() + bytes(1600))
        with pytest.raises(SourceError):
            open_source(tmp_path / name)


@pytest.mark.parametrize("suffix", ["mha", "mhd", "nrrd", "nhdr"])
@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_itk_writes_is_read_as_itk_reads_it(tmp_path, suffix, kind, packed):
    values = (VALUES.astype(kind) * 3).astype(kind)
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing((0.5, 0.7, 3.0))
    image.SetOrigin((1, -2, 3))
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    path = tmp_path / f"v.{suffix}"
    SimpleITK.WriteImage(image, str(path), useCompression=packed)
    found = load_itk(path)
    np.testing.assert_array_equal(found.values, values)
    assert (found.values.dtype, found.spacing) == (np.dtype(kind), (0.5, 0.7, 3.0))
    np.testing.assert_allclose(found.affine, [[0, -0.7, 0, 1], [0.5, 0, 0, -2], [0, 0, 3, 3], [0, 0, 0, 1]], atol=1e-12)


def test_text_big_endian_and_skipped_bytes_are_read_as_itk_reads_them(tmp_path):
    values = VALUES[0, :4, :6].astype(np.int16) - 30
    shape = "NDims = 2\nDimSize = 6 4\nElementType = MET_SHORT\n"
    (tmp_path / "text.mha").write_text(f"{shape}BinaryData = False\nElementDataFile = LOCAL\n{' '.join(map(str, values.ravel()))}\n")
    (tmp_path / "big.mha").write_bytes(
        f"{shape}BinaryDataByteOrderMSB = True\nElementDataFile = LOCAL\n".encode() + values.astype(">i2").tobytes()
    )
    (tmp_path / "end.raw").write_bytes(b"before" + values.tobytes())
    (tmp_path / "end.mhd").write_text(f"{shape}HeaderSize = -1\nElementDataFile = end.raw\n")
    (tmp_path / "skip.nhdr").write_text(
        "NRRD0004\ntype: short\ndimension: 2\nsizes: 6 4\nencoding: raw\nendian: little\nbyte skip: 6\ndata file: end.raw\n"
    )
    (tmp_path / "text.nrrd").write_text(
        "NRRD0004\ntype: short\ndimension: 2\nsizes: 6 4\nencoding: ascii\n\n" + " ".join(map(str, values.ravel()))
    )
    for name in ("text.mha", "big.mha", "end.mhd", "skip.nhdr", "text.nrrd"):
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / name))), values)
        np.testing.assert_array_equal(load_itk(tmp_path / name).values, values, err_msg=name)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_values_of_a_voxel_may_be_any_axis_of_a_nrrd(tmp_path, axis):
    sizes, kinds = ["36", "40"], ["domain", "domain"]
    sizes.insert(axis, "4")
    kinds.insert(axis, "vector")
    header = f"NRRD0004\ntype: uchar\ndimension: 3\nsizes: {' '.join(sizes)}\nkinds: {' '.join(kinds)}\nencoding: raw\n\n"
    (tmp_path / "v.nrrd").write_bytes(header.encode() + VALUES.tobytes())
    expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "v.nrrd")))
    np.testing.assert_array_equal(load_itk(tmp_path / "v.nrrd").values, expected)


ONE_MHA = "ObjectType = Image\nNDims = 2\nDimSize = 2 2\nElementType = MET_UCHAR\n{}\nElementDataFile = LOCAL\n"
ONE_NRRD = "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 2\nencoding: raw\n{}\n\n"


@pytest.mark.parametrize(
    ("name", "header", "line"),
    [
        ("v.mha", ONE_MHA, "ElementNumberOfChannels = 1 1"),
        ("v.mha", ONE_MHA, "HeaderSize = 0 0"),
        ("v.mha", ONE_MHA, "CompressedData = True\nCompressedDataSize = 9 9"),
        ("v.nrrd", ONE_NRRD, "line skip: 0 0"),
        ("v.nrrd", ONE_NRRD, "byte skip: 0 0"),
    ],
)
def test_two_numbers_where_one_belongs_are_refused(tmp_path, name, header, line):
    path = tmp_path / name
    path.write_bytes(header.format(line).encode() + bytes(4))
    with pytest.raises(SourceError, match="in its header is '[09] [09]'|in its header is '1 1'"):
        open_source(path)
