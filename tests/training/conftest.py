from __future__ import annotations

import pytest
from beating_ellipses import Ellipses, tiny_config

from echoseg.training.config import TrainConfig


@pytest.fixture
def ellipses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the configuration says, the data are ellipses."""
    monkeypatch.setattr("echoseg.training.sources.build_dataset", lambda data, seed: Ellipses())


@pytest.fixture
def tiny(ellipses_only: None) -> TrainConfig:
    """A run of seconds."""
    return tiny_config()
