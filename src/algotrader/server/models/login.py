"""Logging in from the page."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr

LONGEST_TOKEN: Final = 4096


class LoginRequest(BaseModel):
    """The token of the session, to be exchanged for a cookie."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"token": "the text in the token file"}})

    token: SecretStr = Field(min_length=1, max_length=LONGEST_TOKEN, description="the secret that `algo-trader start` names")


class WebSession(BaseModel):
    """Who the browser is to the server."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"logged_in": True, "needs_login_to_read": False, "instance": "b1946ac92492d234", "version": "0.1.0"}
        }
    )

    logged_in: bool = Field(description="whether calls that change something would be taken")
    needs_login_to_read: bool = Field(description="whether reading needs the login too: the server can be reached over a network")
    instance: str = Field(description="a public name of this run of the server")
    version: str = Field(description="of the program")
