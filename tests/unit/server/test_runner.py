"""The server over a real socket: found by its files, gone when stopped, and clear about a port that somebody else has."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import httpx
import pytest
from session_kit import ToldControl

from algotrader.errors import UserError
from algotrader.server.files import SessionFiles, make_token, read_address, read_token, session_files
from algotrader.server.listening import bind
from algotrader.server.runner import LocalServer


@pytest.fixture
def files(tmp_path: Path) -> SessionFiles:
    return session_files(f"sqlite:///{tmp_path / 'algo.db'}", tmp_path / "state")


def test_it_answers_where_its_file_says_and_lets_go_of_the_port(files: SessionFiles) -> None:
    async def go() -> None:
        before = signal.getsignal(signal.SIGINT)
        server = LocalServer("127.0.0.1", 0, files)
        control = ToldControl()
        await server.start(control)
        assert signal.getsignal(signal.SIGINT) is before
        address = read_address(files.address)
        assert address is not None
        assert (address.url, address.pid) == (server.url, os.getpid())
        async with httpx.AsyncClient(base_url=address.url) as client:
            answer = await client.get("/health")
            assert answer.headers["x-algo-session"] == address.instance
            bearer = {"Authorization": f"Bearer {read_token(files.token)}"}
            assert (await client.post("/api/halt", json={"reason": "why not"}, headers=bearer)).status_code == 202
            assert (await client.post("/api/halt", json={"reason": "why not"})).status_code == 401
        assert len(control.events) == 1
        port = int(address.url.rpartition(":")[2])
        await server.stop()
        await server.stop()
        assert read_address(files.address) is None
        bind("127.0.0.1", port).close()

    asyncio.run(go())


def test_a_server_that_never_started_lets_go_of_the_port_too(files: SessionFiles) -> None:
    server = LocalServer("127.0.0.1", 0, files)
    port = int(server.url.rpartition(":")[2])
    asyncio.run(server.stop())
    bind("127.0.0.1", port).close()


def test_a_port_in_use_is_one_clear_line(files: SessionFiles) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"^port {port} on 127.0.0.1 is in use") as raised:
            LocalServer("127.0.0.1", port, files)
    assert "--port" in raised.value.hint


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("203.0.113.7", 0)])
def test_impossible_addresses(host: str, port: int) -> None:
    with pytest.raises(UserError, match=r"no address|cannot listen"):
        bind(host, port)


def test_the_token_is_made_once_and_only_the_user_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "algo.db.token"
    assert read_token(path) == ""
    token = make_token(path)
    assert len(token) >= 43
    assert make_token(path) == token
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["algo.db.token"]
    assert make_token(path, token) == token
    assert make_token(path, "my-own") == read_token(path) == "my-own"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(UserError, match="can be read by others"):
        make_token(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": "x", "instance": "y", "pid": "z"}'])
def test_an_address_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "algo.db.session"
    path.write_text(text, encoding="utf-8")
    assert read_address(path) is None


@pytest.mark.parametrize(
    ("database", "beside"),
    [
        ("sqlite:////data/algo.db", "/data/algo.db"),
        ("sqlite+pysqlite:///algo.db", "algo.db"),
        ("sqlite://", ""),
        ("sqlite:///:memory:", ""),
        ("postgresql+psycopg://me:secret@db:5432/algo", ""),
    ],
)
def test_where_the_files_are(tmp_path: Path, database: str, beside: str) -> None:
    found = session_files(database, tmp_path)
    if beside:
        assert (str(found.token), str(found.address)) == (f"{beside}.token", f"{beside}.session")
    else:
        assert found.token.parent == tmp_path
        assert "secret" not in str(found.token)


def test_a_new_password_is_no_other_database(tmp_path: Path) -> None:
    one, two, other = (
        session_files(f"postgresql://{login}@db/{name}", tmp_path)
        for login, name in (("a:x", "algo"), ("a:y", "algo"), ("a:x", "other"))
    )
    assert one == two != other
