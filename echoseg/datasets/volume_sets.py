"""Volumes with truth, as a command line or a YAML file of sets names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from echoseg.datasets.case import Case
from echoseg.datasets.folders import Part, folder_pairs
from echoseg.datasets.medsam2 import npz_volumes
from echoseg.datasets.sunnybrook import short_axis_cines
from echoseg.errors import SourceError
from echoseg.io.data_path import Strict, expanded
from echoseg.io.labels.placing import laid_on
from echoseg.io.labels.read import read_labels
from echoseg.io.names import output_name
from echoseg.io.open import open_source

_PAIR = "="


class VolumeSet(Strict):
    """Cases of one kind, whose labels mean the same in all of them.

    Attributes:
        name: of the set.
        cases: what :func:`volume_references` takes; of ``sunnybrook`` a patient or a folder of them. Each part of it may begin with an
            environment variable.
        layout: ``volumes``, or ``sunnybrook``: slices of short-axis cine MR.
        labels: names of the labels, ``{1: RV}``; those it does not name are left out. Empty: every label, called ``object``.
        part: of a folder of images and masks, see :func:`echoseg.datasets.folders.part_of`.
        seen: what the set may be used for, in a word or two: ``held out``, ``chosen by``.
    """

    name: str
    cases: Annotated[str, BeforeValidator(lambda text: _PAIR.join(str(expanded(part)) for part in str(text).split(_PAIR)))]
    layout: Literal["volumes", "sunnybrook"] = "volumes"
    labels: Mapping[int, str] = {}
    part: Part = "all"
    seen: str = ""

    def read(self) -> Iterator[Case]:
        """The cases, one after another.

        Raises:
            SourceError: as :func:`volume_references`.
        """
        if self.layout == "sunnybrook":
            yield from short_axis_cines(Path(self.cases))
        else:
            yield from (replace(case, names=dict(self.labels) or case.names) for case in volume_references([self.cases], self.part))


def read_volume_sets(path: Path) -> list[VolumeSet]:
    """The sets of a YAML file, a list of :class:`VolumeSet`.

    Raises:
        SourceError: missing, not YAML, or a key is unknown, missing or wrong; the message names each.
    """
    try:
        return TypeAdapter(list[VolumeSet]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise SourceError(f"cannot read the sets in {path}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise SourceError(f"{path}: {faults}") from error


def volume_references(paths: Iterable[str], part: Part = "all") -> Iterator[Case]:
    """The cases that ``paths`` name: MedSAM2's ``.npz`` files, folders of them, folders with ``images/`` and ``masks/``, or
    ``IMAGE=LABELS``, two volumes of one grid.

    Raises:
        SourceError: unreadable, or image and labels differ in shape or lie elsewhere.
    """
    for path in paths:
        image, separator, labels = path.partition(_PAIR)
        if separator:
            yield _pair(Path(image), Path(labels))
        elif (Path(path) / "masks").is_dir():
            yield from folder_pairs(Path(path), part=part)
        else:
            yield from npz_volumes(Path(path))


def _pair(image: Path, labels: Path) -> Case:
    with open_source(image, kind="volume") as pictures:
        found = read_labels(labels, "volume", white=False, renumber=True)
        laid = laid_on(found, pictures, labels)
        frames, geometry = np.stack(list(pictures.frames())), pictures.geometry
    names = {int(label): str(laid.numbers.get(int(label), label)) for label in np.unique(laid.masks) if label}
    known = np.ones(len(frames), bool)
    name = output_name(image)
    return Case(name, name, frames, laid.masks, names, known, "volume", geometry.spacing, geometry.slice_spacing)
