"""How the server says no: always JSON with a code for programs, a message and what to do about it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from algotrader.server.refusal import Refusal


def answer(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    """A refusal as the client gets it."""
    return JSONResponse({"error": {"code": code, "message": message, "hint": hint}}, status)


def add_failures(app: FastAPI) -> None:
    """Let everything that goes wrong in an app be told in the same form."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return answer(error.status, error.code, error.message, error.hint)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(detail) for detail in error.errors()]
    return answer(422, "invalid_request", "; ".join(faults), "/openapi.json says what each call takes")


def _fault(detail: dict[str, Any]) -> str:
    if detail["type"] == "json_invalid":
        return "the body is not JSON"
    place = [str(part) for part in detail["loc"] if part not in ("body", "query", "path")]
    if detail["type"] == "missing":
        return f"{'.'.join(place) or 'the body'} is missing"
    return f"{'.'.join(place) or 'the body'}: {detail['msg'].removeprefix('Value error, ')}"


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return answer(404, "not_found", f"there is nothing at {request.url.path}", "/openapi.json lists what there is")
    if error.status_code == 405:
        return answer(
            405, "method_not_allowed", f"{request.url.path} does not take {request.method}", "/openapi.json lists what there is"
        )
    return answer(error.status_code, "failed", str(error.detail))
