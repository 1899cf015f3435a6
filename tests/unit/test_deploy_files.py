"""The files of a deployment agree with each other, and what would be wrong with them is named."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from algotrader.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy" / "systemd" / "algo-trader.service"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deploy_files", ROOT / "scripts" / "deploy_files.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


files = _load()
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
STAGES = files.read_dockerfile((ROOT / "Dockerfile").read_text(encoding="utf-8"))
COMPOSE = files.load("compose.yaml")


@pytest.mark.covers("B243", "B244")
def test_the_files_are_without_fault() -> None:
    assert files.check_files() == []


def test_a_dockerfile_is_read_as_docker_reads_it() -> None:
    text = '# words\nFROM base:1 AS one\nENV A=1 \\\n    B="two words"\n# between\nRUN first \\\n  && second\n'
    text += 'COPY --from=one /a /b\nCMD ["x", "y  z"]\n'
    (stage,) = files.read_dockerfile(text)
    assert (stage.image, stage.name, stage.environment) == ("base:1", "one", {"A": "1", "B": "two words"})
    assert [step.text for step in stage.all("RUN")] == ["first && second"]
    assert stage.all("COPY")[0].flags == {"from": "one"}
    assert stage.all("CMD")[0].words == ["x", "y  z"]
    for wrong in ("RUN early\n", "FROM a:1\nrun small\n"):
        with pytest.raises(ValueError, match=r"before the first|no instruction"):
            files.read_dockerfile(wrong)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("USER 10001:10001", "USER root", "it runs as root"),
        ("USER 10001:10001", "", "it runs as root"),
        ("FROM python:3.12-slim-bookworm AS final", "FROM python:latest AS final", "python:latest has no version"),
        ("FROM python:3.12-slim-bookworm AS final", "FROM python:3.11-slim AS final", "not a slim Python 3.12"),
        ("ENV PIP_NO_CACHE_DIR=1", "ENV ALGO_WEB__TOKEN=abc", "ALGO_WEB__TOKEN would stay readable"),
        ('ENTRYPOINT ["algo-trader"]', "ENTRYPOINT algo-trader", "keeps signals from the session"),
        ("STOPSIGNAL SIGTERM", "", "there is no STOPSIGNAL"),
        ("COPY . .", "ADD . .", "use COPY"),
    ],
)
def test_faults_of_a_dockerfile(old: str, new: str, told: str) -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert old in text
    assert any(told in fault for fault in files.check_dockerfile(files.read_dockerfile(text.replace(old, new))))


def changed(service: str, **values: Any) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(COMPOSE)
    document["services"][service].update(values)
    return document


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (changed("engine", ports=["8000:8000"]), "port 8000:8000 is open to other machines"),
        (changed("engine", ports=["0.0.0.0:8000:8000"]), "is open to other machines"),
        (changed("engine", ports=["127.0.0.1:8000:8001"]), "it listens at 8000"),
        (changed("engine", volumes=["state:/var/lib/algo-trader"]), "/var/log/algo-trader would be lost"),
        (changed("engine", environment={"ALGO_WEB__TOKEN": "x"}), "ALGO_WEB__TOKEN is written down"),
        (changed("engine", environment={"ALGO_WEB__PROT": "1"}), "ALGO_WEB__PROT is no setting"),
        (changed("engine", secrets=[]), "ALGO_ENV_FILE names a secret that it is not given"),
        (changed("engine", restart="no"), "it stays down when it dies"),
        (changed("grafana", read_only=False), "its root is writable"),
        (changed("grafana", volumes=["./deploy/nothing:/x:ro"]), "./deploy/nothing is not there"),
        (changed("grafana", volumes=["elsewhere:/x"]), "volume elsewhere is not declared"),
        (changed("grafana", image="grafana/grafana"), "grafana/grafana has no version"),
        (changed("postgres", security_opt=[]), "may gain privileges"),
        (changed("postgres", secrets=["other"]), "secret other is not declared"),
        (changed("postgres", networks=["street"]), "network street is not declared"),
    ],
)
def test_faults_of_a_composition(document: dict[str, Any], told: str) -> None:
    faults = list(files.check_compose(document, STAGES[-1], files.known_variables()))
    assert any(told in fault for fault in faults)


def test_services_without_a_health_check_are_named() -> None:
    document = copy.deepcopy(COMPOSE)
    del document["services"]["postgres"]["healthcheck"]
    faults = list(files.check_compose(document, STAGES[-1], files.known_variables()))
    assert faults == ["compose: postgres: nobody looks whether it is well"]


def test_prometheus_and_grafana_ask_what_is_there() -> None:
    scrapes, dashboard, sources = files.load("deploy/prometheus.yml"), files.load(files.DASHBOARD), files.load(files.SOURCES)
    scrapes["scrape_configs"][0]["static_configs"] = [{"targets": ["engine:9000"]}]
    scrapes["scrape_configs"][0]["authorization"]["credentials_file"] = "/run/secrets/other"
    assert len(list(files.check_prometheus(scrapes, COMPOSE, STAGES[-1]))) == 2
    used = {name for _, query in files.queries(dashboard) for name in files.metric_names(query)}
    assert list(files.check_dashboard(dashboard, sources, used)) == []
    gone = "algotrader_positions"
    assert list(files.check_dashboard(dashboard, sources, used - {gone})) == [
        f"grafana: {title}: /metrics gives no {gone}" for title, query in files.queries(dashboard) if gone in query
    ]
    dashboard["panels"][0]["datasource"]["uid"] = "elsewhere"
    assert list(files.check_dashboard(dashboard, sources)) == ["grafana: Health asks elsewhere, which is not there"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('sum(rate(orders_total{event="a_b", x!~"c"}[5m])) * 60', {"orders_total"}),
        ("histogram_quantile(0.99, sum by (le, job) (rate(took_seconds_bucket[10m])))", {"took_seconds_bucket"}),
        ("a:b / on (x) group_left (y) c_d offset 1h > bool 3", {"a:b", "c_d"}),
        ("vector(1) or up", {"up"}),
    ],
)
def test_metrics_of_a_query(query: str, names: set[str]) -> None:
    assert files.metric_names(query) == names


def test_names_that_metrics_give() -> None:
    text = '# HELP a_total x\n# TYPE a_total counter\na_total 1.0\n# TYPE b histogram\n# TYPE c gauge\nc{x="y"} 2\n'
    assert files.given_names(text) >= {"a_total", "b_bucket", "b_sum", "b_count", "c"}
    assert "b" not in files.given_names(text)


@pytest.mark.parametrize(
    ("path", "kept_out"),
    [
        ("src/algotrader/core/engine.py", False),
        ("src/algotrader/research/assets/base.js", False),
        ("src/algotrader/server/page/index.html", True),
        ("src/algotrader/core/__pycache__/engine.pyc", True),
        ("frontend/src/main.tsx", False),
        ("frontend/node_modules/react/index.js", True),
        ("frontend/tests/a.ts", True),
        ("scripts/build_page.py", False),
        ("scripts/capabilities.py", True),
        ("deploy/secrets/web_token", True),
        (".env", True),
        ("data/trading.db", True),
        (".git/config", True),
        ("tests/unit/a.py", True),
        ("pyproject.toml", False),
    ],
)
def test_what_a_build_is_given(path: str, kept_out: bool) -> None:
    assert files.Ignored((ROOT / ".dockerignore").read_text(encoding="utf-8"))(path) is kept_out


@pytest.mark.covers("A221")
def test_every_text_of_the_repository_has_the_line_ends_of_linux() -> None:
    assert "* text=auto eol=lf" in (ROOT / ".gitattributes").read_text(encoding="utf-8").splitlines()
    named = [ROOT / "Dockerfile", ROOT / "compose.yaml", ROOT / ".dockerignore", *(ROOT / "deploy").rglob("*.*")]
    assert [path.name for path in named if path.is_file() and b"\r" in path.read_bytes()] == []


def test_secrets_are_drawn_once_and_belong_together(tmp_path: Path) -> None:
    script = tmp_path / "make_secrets.sh"
    shutil.copy(ROOT / "deploy" / "make_secrets.sh", script)
    told = subprocess.run([script], capture_output=True, text=True, check=True).stdout
    folder = tmp_path / "secrets"
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert set(found) == {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert len({found["web_token"], found["postgres_password"], found["grafana_password"]}) == 3
    assert len(found["web_token"]) == 48
    assert f"ALGO_WEB__TOKEN={found['web_token']}\n" in found["engine.env"]
    assert f"algo:{found['postgres_password']}@postgres:5432/algo\n" in found["engine.env"]
    assert folder.stat().st_mode & 0o077 == 0
    assert not any(found[name] in told for name in ("web_token", "postgres_password", "grafana_password"))
    subprocess.run([script], capture_output=True, check=True)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == found


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
def test_the_unit_is_valid_and_locked_in(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8").replace("/opt/algo-trader/bin/algo-trader", sys.executable)
    unit = tmp_path / UNIT.name
    unit.write_text(text, encoding="utf-8")
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout[-300:]


def test_the_unit_sets_what_is_a_setting() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    variables = [line.split("=")[1] for line in lines if line.startswith("Environment=ALGO")]
    assert variables
    assert set(variables) <= files.known_variables()
    for wanted in ("NoNewPrivileges=yes", "ProtectSystem=strict", "KillSignal=SIGTERM", "Restart=on-failure"):
        assert wanted in lines


def test_the_dashboard_shows_what_it_must() -> None:
    dashboard = files.load(files.DASHBOARD)
    titles = " ".join(panel["title"].lower() for panel in dashboard["panels"])
    for wanted in (
        "portfolio value",
        "orders a minute",
        "order latency, p99",
        "error rate",
        "positions",
        "last bar",
        "mismatch",
        "memory",
    ):
        assert wanted in titles
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert json.dumps(dashboard, indent=2) + "\n" == (ROOT / files.DASHBOARD).read_text(encoding="utf-8")


def test_what_the_page_tells_people_to_type_is_there() -> None:
    """The lines that need Docker or root are not run here; their programs, files and services are looked for."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) >= 8
    for block in blocks:
        subprocess.run(["sh", "-n"], input=block, text=True, check=True)
    text = "\n".join(blocks).replace("\\\n", " ")
    for path in set(re.findall(r"(?<![/\w])(?:deploy|requirements-image)[\w./-]*", text)):
        assert path.startswith("deploy/secrets/") or (ROOT / path).exists(), path
    told = set(re.findall(r"(?:engine |bin/)algo-trader ([a-z]+)", text))
    assert {"status", "halt"} <= told <= set(COMMANDS)
    for service in re.findall(r"docker compose (?:exec|stop|logs --follow|up --build --detach) ([a-z]+)", text):
        assert service in COMPOSE["services"], service
    for name in COMPOSE["services"]:
        assert f"| `{name}` |" in PAGE
