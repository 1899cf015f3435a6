"""The models of the answers: every one has an example that fits it, and documents have exactly the fields that are described."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from pydantic import BaseModel
from session_kit import ToldControl

from algotrader.server import models
from algotrader.server.app import create_app
from algotrader.server.openapi import STREAM_SCHEMA, stream_schemas


def described() -> list[type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for module in pkgutil.iter_modules(models.__path__):
        named = vars(importlib.import_module(f"{models.__name__}.{module.name}"))
        found.update({f"{v.__module__}.{k}": v for k, v in named.items() if isinstance(v, type) and issubclass(v, BaseModel)})
    return list(found.values())


@pytest.mark.parametrize("model", described(), ids=lambda model: model.__name__)
def test_every_field_is_described_and_the_example_fits(model: type[BaseModel]) -> None:
    assert [n for n, f in model.model_fields.items() if not f.description and n not in ("type", "data")] == []
    extra = model.model_config.get("json_schema_extra")
    if isinstance(extra, dict):
        model.model_validate(extra["example"], extra="forbid")


def test_the_description_of_the_api_is_complete() -> None:
    found = create_app(ToldControl(), token="t").openapi()
    schemas = found["components"]["schemas"]
    assert set(stream_schemas()) <= set(schemas)
    assert len(schemas[STREAM_SCHEMA]["oneOf"]) == len(schemas[STREAM_SCHEMA]["discriminator"]["mapping"]) == 14
    for path, calls in found["paths"].items():
        if path.startswith("/api/") and "get" in calls:
            content = calls["get"]["responses"]["200"]["content"].get("application/json")
            assert content is None or "$ref" in content["schema"], path
