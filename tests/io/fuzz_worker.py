"""Opens mutated files of every reader, one after the other, and says how each ended: ``python fuzz_worker.py FOLDER FIRST STOP``.

An input is made of its number alone, so that one that fails can be made again: ``python fuzz_worker.py FOLDER N N+1``. A line is written
before and after each. Memory is bounded: what allocates beyond the ceiling ends with a MemoryError, which is no error of ours.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import resource
import struct
import sys
import traceback
import zlib
from contextlib import suppress
from pathlib import Path

import av
import nibabel
import numpy as np
import pydicom
import SimpleITK
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from echoseg.errors import EchosegError
from echoseg.io import open_source
from echoseg.io.ceiling import ceiling
from echoseg.io.labels.read import read_labels
from echoseg.prompting.parse import read_prompt_file

CEILING_GIB = 0.25
_MORE_MEMORY = 3 << 30
_DICOM = ("JPEG2000.dcm", "MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "CT_small.dcm", "emri_small.dcm", "JPEG-lossy.dcm")
_DICOM += ("MR_small_jpeg_ls_lossless.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "examples_palette.dcm", "color3d_jpeg_baseline.dcm")
_EXTREMES = [b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\x00\x00\x01\x00", b"\x80\x00\x00\x00"]
_NUMBERS = [b"0", b"-1", b"99999999999", b"4294967296", b"65536", b"nan", b"1e308", b"", b"../../../etc/passwd"]


def corpus() -> list[tuple[str, bytes]]:
    """Name and bytes of a whole file for every reader."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 200, (4, 40, 36), dtype=np.uint8)
    files: list[tuple[str, bytes]] = []
    image = nibabel.Nifti1Image(values.T, np.eye(4)).to_bytes()
    files += [("v.nii", image), ("v.nii.gz", gzip.compress(image))]
    header = "ObjectType = Image\nNDims = 3\nDimSize = 36 40 4\nElementSpacing = 1 1 2\nElementType = MET_UCHAR\n"
    files.append(("v.mha", f"{header}ElementDataFile = LOCAL\n".encode() + values.tobytes()))
    files.append(("z.mha", f"{header}CompressedData = True\nElementDataFile = LOCAL\n".encode() + zlib.compress(values.tobytes())))
    files.append(("v.mhd", f"{header}ElementDataFile = v.raw\n".encode()))
    header = "NRRD0004\ntype: uchar\ndimension: 3\nspace: LPS\nsizes: 36 40 4\nspace directions: (1,0,0) (0,1,0) (0,0,2)\n"
    files.append(("v.nrrd", f"{header}encoding: raw\n\n".encode() + values.tobytes()))
    files.append(("z.nrrd", f"{header}encoding: gzip\n\n".encode() + gzip.compress(values.tobytes())))
    files.append(("v.nhdr", f"{header}encoding: raw\ndata file: v.raw\n".encode()))
    for name, save in (("a.npy", np.save), ("a.npz", np.savez_compressed)):
        buffer = io.BytesIO()
        save(buffer, values)
        files.append((name, buffer.getvalue()))
    for kind in ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "PPM", "GIF", "JPEG2000"):
        buffer = io.BytesIO()
        pages = [Image.fromarray(one) for one in values]
        several = {"save_all": True, "append_images": pages[1:]} if kind in ("TIFF", "GIF") else {}
        (pages[0].convert("RGB") if kind in ("WEBP", "JPEG") else pages[0]).save(buffer, kind, **several)
        files.append((f"i.{'jp2' if kind == 'JPEG2000' else kind.lower()}", buffer.getvalue()))
    files += [(f"c.{kind}", _video(kind, codec, values)) for kind, codec in (("mp4", "libx264"), ("avi", "mjpeg"), ("mkv", "mpeg4"))]
    files += [(name, Path(get_testdata_file(name)).read_bytes()) for name in _DICOM if get_testdata_file(name)]
    for syntax in (DeflatedExplicitVRLittleEndian, RLELossless):
        dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        if syntax == RLELossless:
            dataset.compress(syntax)
        dataset.file_meta.TransferSyntaxUID = syntax
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        files.append((f"{syntax.keyword[:3]}.dcm", buffer.getvalue()))
    given = {"objects": [{"id": 1, "name": "LV", "prompts": [{"frame": 0, "box": [1, 2, 30, 40]}, {"points": [[5, 6, 1], [7, 8, 0]]}]}]}
    files.append(("p.json", json.dumps(given).encode()))
    return files


def _video(kind: str, codec: str, values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska" if kind == "mkv" else kind) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = 40, 36, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for one in values:
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.stack([one] * 3, axis=-1), format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return buffer.getvalue()


def mutated(content: bytes, chance: random.Random) -> bytes:
    """``content`` with one to four things done to it, more often in its first bytes than elsewhere."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if not data:
            break
        end = min(len(data), chance.choice([64, 512, 4096, len(data)]))
        at, how = chance.randrange(end), chance.randrange(7)
        if how == 0:
            data[at] = chance.randrange(256)
        elif how == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif how == 2:
            data[at : at + 4] = chance.choice(_EXTREMES)
        elif how == 3:
            del data[chance.randrange(len(data)) :]
        elif how == 4:
            start = chance.randrange(len(data))
            data[at:at] = data[start : start + chance.choice([1, 16, 512])]
        elif how == 5:
            digits = [place for place in range(end) if data[place] in b"0123456789"]
            if digits:
                place = chance.choice(digits)
                data[place : place + 1] = chance.choice(_NUMBERS)
        else:
            data[at : at + 2] = struct.pack("<H", chance.choice([0, 1, 0x7FFF, 0xFFFF]))
    return bytes(data)


def outcome(path: Path) -> str:
    """``read`` or ``refused``; any other error is passed on."""
    try:
        if path.suffix == ".json":
            read_prompt_file(path)
            return "read"
        with suppress(EchosegError):
            read_labels(path)
        with open_source(path) as source:
            for index in sorted({0, (source.length or 1) // 2, (source.length or 1) - 1}):
                source.frame(index)
    except EchosegError as error:
        assert "\n" not in str(error), str(error)
        return "refused"
    return "read"


def main(folder: Path, first: int, stop: int) -> None:
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    files = corpus()
    (folder / "v.raw").write_bytes(bytes(4 * 40 * 36))
    for name, content in files:  # whole, they are read; and every library is loaded
        (folder / name).write_bytes(content)
        with ceiling(CEILING_GIB):
            outcome(folder / name)
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + _MORE_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    for number in range(first, stop):
        chance = random.Random(number)
        name, content = files[number % len(files)]
        path = folder / name
        path.write_bytes(mutated(content, chance))
        print(number, name, "begins", flush=True)
        try:
            with ceiling(CEILING_GIB):
                ended = outcome(path)
        except Exception:
            ended = "FAILED " + traceback.format_exc().replace("\n", " | ")
        path.write_bytes(content)
        print(number, name, ended, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
