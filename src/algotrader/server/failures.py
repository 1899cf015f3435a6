"""How the server says no: always JSON with a code for programs, a message and what to do about it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from algotrader.server.headers import security_headers
from algotrader.server.refusal import Refusal
from algotrader.storage.records import StoreBusy, StoreFailed


def answer(status: int, code: str, message: str, hint: str = "") -> JSONResponse:
    """A refusal as the client gets it; what was asked for may hold characters that no text can be made of."""
    told = {name: text.encode(errors="replace").decode() for name, text in (("code", code), ("message", message), ("hint", hint))}
    return JSONResponse({"error": told}, status)


def add_failures(app: FastAPI) -> None:
    """Let everything that goes wrong in an app be told in the same form."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreBusy, _store)
    app.add_exception_handler(StoreFailed, _store)
    app.add_exception_handler(Exception, _broken)


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
    path = request.scope["path"]
    if error.status_code == 404:
        return answer(404, "not_found", f"there is nothing at {path}", "/openapi.json lists what there is")
    if error.status_code == 405:
        return answer(405, "method_not_allowed", f"{path} does not take {request.method}", "/openapi.json lists what there is")
    return answer(error.status_code, "failed", str(error.detail))


def _store(_request: Request, error: Exception) -> JSONResponse:
    code = "database_busy" if isinstance(error, StoreBusy) else "database_failed"
    return answer(503, code, str(error), "the session itself goes on; try again")


def _broken(request: Request, _error: Exception) -> JSONResponse:
    """A mistake of ours: told without what it was, which is for the log. Made outside of all that adds headers."""
    response = answer(500, "internal_error", "the server made a mistake; its log says which", "the session itself goes on")
    for name, value in security_headers(request.scope["path"]):
        response.headers[name.decode()] = value.decode()
    return response
