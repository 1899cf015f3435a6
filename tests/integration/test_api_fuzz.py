"""Whatever is sent to the server, by the description of its own interface or against it: never a mistake of ours in answer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from engine_rig import Rig
from hypothesis import HealthCheck, given, settings
from web_kit import BEARER, TOKEN, Web

schemathesis = pytest.importorskip("schemathesis")

HEADERS = BEARER | {"Host": "127.0.0.1:8000"}
EXAMPLES = 8
MEANT = {(503, code) for code in ("no_jobs", "no_history", "no_settings")}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A session that holds something, with a database."""
    folder: Path = tmp_path_factory.mktemp("fuzz")
    rig = Rig()
    rig.hold(rig.strategy("velez"))
    # Time flies, so that wrong tokens are forgotten again.
    made = Web(folder, rig=rig, timer=count(step=100).__next__)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_request_makes_the_server_fail(web: Web, mode: str) -> None:
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

    checks = (content_type_conformance, response_schema_conformance)
    description = schemathesis.openapi.from_asgi("/openapi.json", web.app, headers=HEADERS)
    seen = 0
    for found in description.get_all_operations():
        operation = found.ok()
        seen += 1

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
        def ask(case: Any) -> None:
            answer = case.call(headers=HEADERS)
            web.control.events.clear()
            web.control.shutdowns.clear()
            case.validate_response(answer, checks=checks)
            # Of these, only "not here" and "not now" are meant: no backtests in this session, say.
            assert answer.status_code < 500 or (answer.status_code, answer.json()["error"]["code"]) in MEANT, answer.text
            assert TOKEN not in answer.text
            assert answer.headers["x-content-type-options"] == ["nosniff"]

        if mode == "positive" or operation.body or operation.query or operation.path_parameters:
            ask()
    assert seen >= 30
