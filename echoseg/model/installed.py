"""Weights that were imported or pulled: a folder outside the package, with a record of each set. No torch here.

The folder holds ``MODEL.json``, the record, and beside it the file as it came, byte for byte: its sha256 stays the one that its authors'
users know, and a result computed from it says the same as one computed with ``--weights``.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from echoseg.errors import OutputError, WeightsError
from echoseg.io.atomic import atomic_path
from echoseg.model.config import SAM2Config

ENVIRONMENT = "ECHOSEG_WEIGHTS"
"""Environment variable that names the folder."""

_BLOCK = 2**20


class WeightsRecord(BaseModel):
    """What is known of a set of weights in the folder.

    Attributes:
        model: name of its architecture in the registry.
        name: of the file, as it was called where it came from.
        stored: name of the file in the folder.
        sha256: hex digest of the file. ``size``: bytes.
        as_published: whether it is the file that the authors publish, by its digest or because it was pulled from their repository.
        licence: of the weights; None when echoseg cannot know it.
        origin: where they come from.
    """

    model_config = ConfigDict(frozen=True)
    model: str
    name: str
    stored: str = Field(pattern=r"^\w[\w.\-]*$")  # a file of the folder, never a path
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int
    as_published: bool
    licence: str | None
    origin: str

    @property
    def path(self) -> Path:
        return weights_folder() / self.stored


def weights_folder() -> Path:
    """``$ECHOSEG_WEIGHTS``, else ``echoseg/weights`` among the user's data; it need not exist."""
    given = os.environ.get(ENVIRONMENT)
    return Path(given).expanduser() if given else platformdirs.user_data_path("echoseg", appauthor=False) / "weights"


def installed_weights(model: str) -> WeightsRecord | None:
    """The weights of a model in the folder, or None.

    Raises:
        WeightsError: the record is damaged, or its file is gone.
    """
    path = _record_path(model)
    again = "import the weights again (echoseg weights import FILE), or delete the record"
    try:
        record = WeightsRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise WeightsError(f"{path}: cannot be read as a record of weights; {again}") from error
    if record.model != model or not record.path.is_file():
        raise WeightsError(f"{path}: the weights it records, {record.stored}, are gone; {again}")
    return record


def install(source: Path, record: WeightsRecord) -> None:
    """Copies the file ``source`` into the folder and records it; what the model had there before is removed last.

    Raises:
        WeightsError: the file changed since its digest was taken.
        OutputError: the folder cannot be written.
    """
    folder = weights_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); name another folder in {ENVIRONMENT}") from error
    before = _stored_before(record.model)
    with atomic_path(record.path) as temporary:
        if _copied(source, temporary) != record.sha256:
            raise WeightsError(f"{source}: changed while it was copied; try again once it is complete")
    with atomic_path(_record_path(record.model)) as temporary:
        temporary.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if before is not None and before != record.path:
        with suppress(OSError):  # in use on Windows: a file too many does no harm
            before.unlink()


def how_to_get(config: SAM2Config) -> str:
    """What to do to have the weights of a model here: sentences for a message."""
    if config.published is None:
        return by_hand(config)
    return f"With a network: echoseg weights pull {config.name}. {by_hand(config)}"


def by_hand(config: SAM2Config) -> str:
    """What to download where, and what to do with it: sentences for a message."""
    published = config.published
    if published is None:
        return f"Get them from their authors ({config.origin}), then: echoseg weights import FILE --model {config.name}{_into()}."
    digest = f" (sha256 {published.sha256})" if published.sha256 else ""
    return (
        f"By hand: download {published.file}{digest} from the repository {published.repository}, {published.url}, "
        f"then: echoseg weights import {published.file} --model {config.name}{_into()}."
    )


def _into() -> str:
    return f" (which copies it to {weights_folder()})"


def _record_path(model: str) -> Path:
    return weights_folder() / f"{model}.json"


def _stored_before(model: str) -> Path | None:
    try:
        record = installed_weights(model)
    except WeightsError:  # damaged: about to be replaced
        return None
    return None if record is None else record.path


def _copied(source: Path, target: Path) -> str:
    """Copies block by block; the hex digest of what was written."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("wb") as write:
        while block := read.read(_BLOCK):
            digest.update(block)
            write.write(block)
    return digest.hexdigest()
