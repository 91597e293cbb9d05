"""Under which licence trained weights stand: that of what they began with, and of all they learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from echoseg.model.build import weights_info
from echoseg.model.config import CAMUS_CITATION, PATIENTS_LICENCE
from echoseg.training.config import TrainConfig

_BY_KIND = {"camus": (PATIENTS_LICENCE, CAMUS_CITATION), "simulated": ("Apache-2.0", ""), "simulated-volumes": ("Apache-2.0", "")}
"""Licence and citation of the layouts that have one; what lies in others only the configuration can say."""

Licence = tuple[str, str]
"""SPDX name, empty where nothing tells; and what to cite."""


def licence_of_run(config: TrainConfig) -> Licence:
    """Of the weights that a run makes.

    Raises:
        WeightsError: the weights it begins with are not there.
    """
    began = [] if config.weights is None else [weights_info(config.weights)]
    return joined([*((info.licence or "", info.citation) for info in began), *licences_of_data(config.model_dump(mode="json")["data"])])


def licences_of_data(data: Iterable[Mapping[str, Any]]) -> list[Licence]:
    """Of every set in a configuration's ``data``."""
    found = []
    for one in data:
        licence, citation = _BY_KIND.get(one["kind"], ("", ""))
        found.append((one.get("licence") or licence, one.get("citation") or citation))
    return found


def joined(licences: Sequence[Licence]) -> Licence:
    """Of weights that came of all these: a permissive licence yields to any other, others stand side by side."""
    names = dict.fromkeys(part for name, _ in licences for part in name.split(" AND ") if part)
    strict = [name for name in names if name != "Apache-2.0"] or list(names)
    cited = dict.fromkeys(part for _, citation in licences for part in citation.split("; ") if part)
    return " AND ".join(strict), "; ".join(cited)
