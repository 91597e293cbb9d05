"""Whatever the schema allows, and much that it does not, is answered without an internal error."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_makes_an_internal_error(app, client, studio, mode):
    clip = next(iter(studio.project.items))
    schema = schemathesis.openapi.from_dict(client.get("/api/v1/openapi.json").json())
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case):
            # Ids of things that are there, so that requests get beyond them.
            session = client.post("/api/v1/sessions", json={"clip": clip, "user": "ana"}).json()["id"]
            there = {"clip": clip, "session": session}
            if case.path_parameters:
                case.path_parameters = {name: there.get(name, value) for name, value in case.path_parameters.items()}
            sent = case.as_transport_kwargs(base_url="http://testserver")
            sent["headers"] = {**dict(sent.get("headers") or {}), "Authorization": client.headers["authorization"]}
            sent.pop("cookies", None)
            answer = client.request(**sent)
            assert answer.status_code < 500 or answer.json()["error"]["code"] == "full", (
                case.method,
                answer.status_code,
                answer.text[:300],
            )
            asked.add(case.operation.label)

        try:
            check()
        except Unsatisfiable:  # an operation that takes nothing can be asked nothing wrong
            continue
    assert len(asked) >= 12
