"""Whatever the schema allows, and much that it does not, is answered without an internal error."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

pytestmark = pytest.mark.slow


@pytest.fixture
def schema(app, studio, client):
    """The schema, with ids of things that are there so that requests get beyond them."""
    clip = next(iter(studio.project.items))
    session = client.post("/api/v1/sessions", json={"clip": clip, "user": "ana"}).json()["id"]
    loaded = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=dict(client.headers))
    loaded.config.update(headers=dict(client.headers))
    loaded.config.parameters.update({"clip": clip, "session": session})
    return loaded


operations = schemathesis.pytest.from_fixture("schema")


@operations.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_makes_an_internal_error(case, client):
    answer = case.call(headers={"Authorization": client.headers["authorization"]})
    not_a_server_error(None, answer, case) if answer.status_code == 500 else None
    assert answer.status_code != 500, answer.text
