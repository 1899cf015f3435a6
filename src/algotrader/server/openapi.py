"""The description of the API, with the messages of the WebSocket among its schemas: the page's types come from one place."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from pydantic import TypeAdapter

from algotrader.server.models.stream import StreamMessage

STREAM_SCHEMA: Final = "StreamMessage"
"""Under this name stands what any message of the stream is."""

_REFERENCE: Final = "#/components/schemas/{model}"


def describe_stream(app: FastAPI) -> None:
    """Let an app's description name the messages of its WebSocket too."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = plain()
            schemas = found.setdefault("components", {}).setdefault("schemas", {})
            for name, schema in stream_schemas().items():
                schemas.setdefault(name, schema)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign] # this is how FastAPI has it extended


def stream_schemas() -> dict[str, Any]:
    """The schemas of all messages by name, ``StreamMessage`` being any of them."""
    union = TypeAdapter[Any](StreamMessage).json_schema(mode="serialization", ref_template=_REFERENCE)
    parts: dict[str, Any] = union.pop("$defs")
    return {**parts, STREAM_SCHEMA: union}
