"""A studio over two small clips and a volume, with a model of random weights, asked without a socket."""

from __future__ import annotations

import numpy as np
import pytest
from starlette.testclient import TestClient

from echoseg.annotate.desk import Desk, Limits
from echoseg.annotate.items import project_items
from echoseg.annotate.project import Project
from echoseg.serve.app import create_app
from echoseg.serve.security import Token
from echoseg.serve.studio import Studio

TOKEN = "a-token-that-nobody-guesses-0123456789"


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """A folder of two clips whose names nobody is to see, and a volume."""
    folder = tmp_path_factory.mktemp("Doe_Jane")
    y, x = np.mgrid[:64, :64] + 0.5
    frames = np.uint8([40 + 180 * (np.hypot(x - 24 - at, y - 32) < 14 - at / 2) for at in range(12)])
    np.save(folder / "Doe_Jane_1.npy", frames)
    np.save(folder / "Doe_Jane_2.npy", frames[:, ::-1].copy())
    np.savez(folder / "Doe_Jane_3.npz", imgs=frames, spacing=np.array([0.8, 0.8, 5.0]))
    return folder


@pytest.fixture
def studio(clips, tmp_path, micro_model):
    project = Project(tmp_path / "project", project_items([str(clips)], tmp_path / "project"))
    made = Studio(Desk(project, micro_model, Limits(sessions=3, cache_bytes=2**24), "given"))
    yield made
    made.close()


@pytest.fixture
def app(studio):
    return create_app(studio, Token(TOKEN), body_limit=200_000, upload_limit=4_000_000)


@pytest.fixture
def client(app):
    return TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}, raise_server_exceptions=False)


@pytest.fixture
def stranger(app):
    return TestClient(app, raise_server_exceptions=False)
