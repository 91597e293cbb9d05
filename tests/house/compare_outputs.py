"""Do two checkouts write the same files? A script for those who move code: one line a file, exit code 1 where one differs.

    python tests/house/compare_outputs.py OLD NEW

Each checkout runs the same inputs with the same weights (those of OLD) and a clock that stands still: the demo clip with DICOM results, a
volume, two simulated clips that make a study, and the masks of one of them measured again. OLD is best a worktree:
``git worktree add ../old COMMIT``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom

BOX = "box:27,19,35,32@27"  # around the cord of mri/spinal-cord/t2.nii.gz

# A subclass cannot stand in for a type written in C unless instances of that count as its own.
FROZEN = """
import datetime, os, sys, time

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

class Still(type):
    def __instancecheck__(cls, value):
        return isinstance(value, real)

class Clock(datetime.datetime, metaclass=Still):
    @classmethod
    def now(cls, tz=None):
        return real.fromtimestamp(1.6e9, tz)

real, datetime.datetime = datetime.datetime, Clock
time.time = lambda: 1.6e9
from echoseg.cli.main import app
app(sys.argv[1:])
"""

SIMULATE = """
import numpy, sys
from echoseg.simulate import simulate_study
for view, clip in simulate_study(1, 160, 64).items():
    numpy.save(f"{sys.argv[1]}/{view}.npy", clip.frames)
"""


def python(checkout: Path, code: str, *arguments: str | Path) -> None:
    """Runs ``code`` with the package of ``checkout``; its folder, and not the current one, is where imports are looked for."""
    # x264 does not repeat itself to the byte: it reads memory before it has written it (glibc fills that on request), and its threads race
    # (FROZEN leaves them one core).
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve()), "PYTHONSAFEPATH": "1", "MALLOC_PERTURB_": "165"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], env=environment, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode != 0:
        sys.exit(f"{checkout}: {' '.join(map(str, arguments))}\n{done.stdout.decode()}")


def run_all(checkout: Path, out: Path, inputs: Path, volume: Path, weights: Path, volume_weights: Path) -> None:
    clips = [inputs / "A4C.npy", inputs / "A2C.npy"]
    geometry = ["--spacing", "1.0,1.2", "--fps", "44"]
    commands: dict[str, list[str | Path]] = {
        "dicom": ["run", demo_clip(), "--weights", weights, "--fractional"],
        "volume": ["run", volume, "--model", "compact-volume", "--weights", volume_weights, "--prompt", BOX, "--format", "own"],
        "study": ["run", *clips, "--weights", weights, "--views", "A4C,A2C", "--prompt", "auto:LV,LA", *geometry],
        "measured": ["measure", out / "study" / "A4C" / "masks.nii.gz", "--views", "A4C", "--labels", "LV=1,LA=2"],
    }
    for name, command in commands.items():
        python(checkout, FROZEN, *command, "--out", out / name)


def demo_clip() -> Path:
    spec = find_spec("data_store")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the demo clip is not installed: pip install pydicom-data")
    return Path(spec.submodule_search_locations[0]) / "data" / "color3d_jpeg_baseline.dcm"


def records_equal(old: Path, new: Path) -> bool:
    """JSON but for the time of creation."""
    first, second = (json.loads(path.read_text()) for path in (old, new))
    for record in (first, second):
        record.get("provenance", {}).pop("created", None)
    return bool(first == second)


def dicom_equal(old: Path, new: Path) -> bool:
    """DICOM objects but for UIDs, dates and times."""
    first, second = (list(elements(pydicom.dcmread(path))) for path in (old, new))
    return first == second


def elements(dataset: pydicom.Dataset) -> Iterator[tuple[object, ...]]:
    for element in dataset:
        if element.VR == "SQ":
            yield element.tag, len(element.value)
            for item in element.value:
                yield from elements(item)
        elif element.VR not in ("UI", "DA", "TM", "DT"):
            yield element.tag, element.VR, element.value


LOOSER: dict[str, Callable[[Path, Path], bool]] = {".json": records_equal, ".dcm": dicom_equal}


def compared(old: Path, new: Path) -> str:
    """``equal``, ``differs``, or where not the bytes but all that counts is equal, that."""
    if not (old.is_file() and new.is_file()):
        return "only in OLD" if old.is_file() else "only in NEW"
    if old.read_bytes() == new.read_bytes():
        return "equal"
    looser = LOOSER.get(old.suffix)
    return "equal but for its time and UIDs" if looser and looser(old, new) else "differs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path, metavar="OLD", help="a checkout")
    parser.add_argument("new", type=Path, metavar="NEW", help="another")
    parser.add_argument("--weights", type=Path, help="of the model `compact`, for both; default: those of OLD")
    parser.add_argument("--volume-weights", type=Path, help="of `compact-volume`, likewise")
    parser.add_argument("--out", type=Path, help="where the results are kept, a new folder; default: nowhere")
    given = parser.parse_args()
    if "ECHOSEG_DATA" not in os.environ:
        sys.exit("the volume lies in ECHOSEG_DATA: set it")
    volume = Path(os.environ["ECHOSEG_DATA"]).resolve() / "mri" / "spinal-cord" / "t2.nii.gz"
    shipped = given.old.resolve() / "echoseg" / "weights"
    weights = given.weights.resolve() if given.weights else shipped / "compact.safetensors"
    volume_weights = given.volume_weights.resolve() if given.volume_weights else shipped / "compact-volume.safetensors"
    with TemporaryDirectory() as temporary:
        out = given.out.resolve() if given.out else Path(temporary)
        for folder in ("inputs", "old", "new"):
            (out / folder).mkdir(parents=True)
        python(given.old, SIMULATE, out / "inputs")
        for side in ("old", "new"):
            run_all(getattr(given, side), out / side, out / "inputs", volume, weights, volume_weights)
        names = sorted({str(path.relative_to(out / side)) for side in ("old", "new") for path in (out / side).rglob("*") if path.is_file()})
        results = {name: compared(out / "old" / name, out / "new" / name) for name in names}
    for name, result in results.items():
        print(f"{name:<50} {result}")
    same = all(result.startswith("equal") for result in results.values())
    print(f"{len(results)} files, {'all equal' if same else 'not all equal'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
