"""The files of a deployment, read and judged without Docker: Dockerfile, .dockerignore, compose.yaml, Prometheus, Grafana.

Every check gives sentences about what is wrong; none of them is good news.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = "127.0.0.1"
_SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|API_KEY)", re.IGNORECASE)
_FOLDED = re.compile(r"\\\n")
_WORD = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_KEYWORDS = frozenset(("and", "bool", "by", "inf", "nan", "offset", "or", "unless", "without"))
_ENDINGS = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count"), "counter": ("", "_total", "_created")}


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a Dockerfile; ``flags`` are its words with two dashes."""

    name: str
    text: str
    flags: Mapping[str, str]

    @property
    def words(self) -> list[str]:
        """The arguments: of the JSON form, or as a shell splits them."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


@dataclass(slots=True)
class Stage:
    """One stage: its image, its name and its steps."""

    image: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def all(self, name: str) -> list[Step]:
        """The steps of a kind."""
        return [step for step in self.steps if step.name == name]

    @property
    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        return dict(word.partition("=")[::2] for step in self.all("ENV") for word in step.words)


def read_dockerfile(text: str) -> list[Stage]:
    """The stages of a Dockerfile.

    Raises:
        ValueError: a line is no instruction.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in _FOLDED.sub(" ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ")
        if not re.fullmatch(r"[A-Z]+", name):
            raise ValueError(f"{name!r} is no instruction")
        flags, rest = _flags(rest.strip())
        if name == "FROM":
            image, _, stage = rest.partition(" AS ")
            stages.append(Stage(image, stage.strip()))
        elif not stages:
            raise ValueError(f"{name} before the first FROM")
        else:
            stages[-1].steps.append(Step(name, " ".join(rest.split()) if name != "CMD" else rest, flags))
    return stages


def _flags(rest: str) -> tuple[dict[str, str], str]:
    found: dict[str, str] = {}
    while match := re.match(r"--([a-z-]+)=(\S+)\s+", rest):
        found[match[1]] = match[2]
        rest = rest[match.end() :]
    return found, rest


def check_dockerfile(stages: list[Stage]) -> Iterator[str]:
    """What an image for production must have: two stages, a pinned base, nobody's rights, a health check, no secret."""
    if len(stages) < 2:
        yield "Dockerfile: the tools that build stay in the image; there must be two stages"
    for stage in stages:
        if stage.image not in {other.name for other in stages} and not re.search(r":[\w.-]*\d", stage.image):
            yield f"Dockerfile: {stage.image} has no version"
        for step in stage.all("ENV") + stage.all("ARG"):
            for name in re.findall(r"([A-Za-z_]+)=", step.text):
                if _SECRET.search(name):
                    yield f"Dockerfile: {name} would stay readable in the image"
        if stage.all("ADD"):
            yield "Dockerfile: ADD unpacks and downloads; use COPY"
    last = stages[-1]
    if not re.match(r"python:3\.12[\w.]*-slim", last.image):
        yield f"Dockerfile: the image is {last.image}, not a slim Python 3.12"
    users = [step.text for step in last.all("USER")]
    if not users or users[-1].split(":")[0] in ("root", "0"):
        yield "Dockerfile: it runs as root"
    for name in ("HEALTHCHECK", "ENTRYPOINT", "STOPSIGNAL", "EXPOSE", "VOLUME"):
        if not last.all(name):
            yield f"Dockerfile: there is no {name}"
    for step in last.all("ENTRYPOINT") + last.all("CMD"):
        if not step.text.startswith("["):
            yield f"Dockerfile: {step.name} goes through a shell, which keeps signals from the session"


def health_command(stage: Stage) -> list[str]:
    """The command of a stage's health check."""
    (step,) = stage.all("HEALTHCHECK")
    return list(json.loads(step.text.partition("CMD")[2].strip()))


class Ignored:
    """What .dockerignore keeps out of a build.

    Args:
        text: of the file.
    """

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        self._rules = [(line.removeprefix("!"), line.startswith("!")) for line in lines if line and not line.startswith("#")]

    def __call__(self, path: str) -> bool:
        """Whether a path is kept out; the last rule that fits it, or a folder above it, decides."""
        parts = path.split("/")
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        found = False
        for rule, is_exception in self._rules:
            if any(_fits(rule, one) for one in above):
                found = not is_exception
        return found


def _fits(rule: str, path: str) -> bool:
    pattern = re.escape(rule.strip("/")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(pattern, path) is not None


def check_compose(document: Mapping[str, Any], stage: Stage, known: Iterable[str], root: Path = ROOT) -> Iterator[str]:
    """Ports, volumes, secrets, health checks and restarts of every service; the engine's variables are settings."""
    for name, service in document["services"].items():
        yield from (f"compose: {name}: {fault}" for fault in _service_faults(service, document, root))
        own = stage if "build" in service else None
        if "healthcheck" not in service and not (own and own.all("HEALTHCHECK")):
            yield f"compose: {name}: nobody looks whether it is well"
    engine = document["services"]["engine"]
    for variable in engine.get("environment", {}):
        if variable not in set(known):
            yield f"compose: engine: {variable} is no setting"
    mounted = {str(volume).split(":")[1] for volume in engine["volumes"]}
    for wanted in {word for step in stage.all("VOLUME") for word in step.words} - mounted:
        yield f"compose: engine: {wanted} would be lost with the container"
    inner = {port.split(":")[-1] for port in engine["ports"]}
    if inner != {stage.environment["ALGO_WEB__PORT"]}:
        yield f"compose: engine: it listens at {stage.environment['ALGO_WEB__PORT']}, and {sorted(inner)} are published"


def _service_faults(service: Mapping[str, Any], document: Mapping[str, Any], root: Path) -> Iterator[str]:
    for port in service.get("ports", []):
        if str(port).split(":")[0] != LOOPBACK or str(port).count(":") != 2:
            yield f"port {port} is open to other machines"
    for volume in service.get("volumes", []):
        source = str(volume).split(":")[0]
        if source.startswith("."):
            if not (root / source).exists():
                yield f"{source} is not there"
        elif source not in document["volumes"]:
            yield f"volume {source} is not declared"
    for secret in service.get("secrets", []):
        if secret not in document["secrets"]:
            yield f"secret {secret} is not declared"
    for name, value in service.get("environment", {}).items():
        if _SECRET.search(name) and not name.endswith("_FILE"):
            yield f"{name} is written down"
        if str(value).startswith("/run/secrets/") and str(value).rpartition("/")[2] not in service.get("secrets", []):
            yield f"{name} names a secret that it is not given"
    if service.get("restart") != "unless-stopped":
        yield "it stays down when it dies"
    if not service.get("read_only") or service.get("cap_drop") != ["ALL"]:
        yield "its root is writable, or it keeps capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "its programs may gain privileges"
    if "build" not in service and not re.search(r":[\w.-]*\d", str(service["image"])):
        yield f"{service['image']} has no version"
    for network in service.get("networks", []):
        if network not in document["networks"]:
            yield f"network {network} is not declared"


def check_prometheus(scrapes: Mapping[str, Any], document: Mapping[str, Any], stage: Stage) -> Iterator[str]:
    """Prometheus asks the engine where it listens, and shows it the token that it is given."""
    (job,) = scrapes["scrape_configs"]
    wanted = f"engine:{stage.environment['ALGO_WEB__PORT']}"
    if job["static_configs"] != [{"targets": [wanted]}] or job["metrics_path"] != "/metrics":
        yield f"prometheus: it does not ask {wanted}/metrics"
    secret = str(job["authorization"]["credentials_file"])
    if secret.removeprefix("/run/secrets/") not in document["services"]["prometheus"]["secrets"]:
        yield f"prometheus: {secret} is not there"


def queries(dashboard: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The panels' titles and queries."""
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])]


def metric_names(query: str) -> set[str]:
    """The metrics that a query of Prometheus names."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', " ", query)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\b\d+(\.\d+)?([smhdwy])?\b", " ", bare)
    # What is followed by a parenthesis is a function.
    return {word for word in re.findall(rf"({_WORD.pattern})(?![A-Za-z0-9_:]|\s*\()", bare) if word.lower() not in _KEYWORDS}


def given_names(text: str) -> set[str]:
    """The names that a query may use of what ``/metrics`` gives: those of samples, and of families that have none yet."""
    found: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(None, 3)
            found |= {name + ending for ending in _ENDINGS.get(kind, ("",))}
        elif line and not line.startswith("#"):
            match = _WORD.match(line)
            found |= {match[0]} if match else set()
    return found


def check_dashboard(dashboard: Mapping[str, Any], sources: Mapping[str, Any], given: set[str] | None = None) -> Iterator[str]:
    """Panels have queries and the provisioned source, and every metric is given; ``given`` None leaves that out."""
    known = {source["uid"] for source in sources["datasources"]}
    for panel in dashboard["panels"]:
        if not panel.get("targets"):
            yield f"grafana: {panel['title']} asks nothing"
        if panel["datasource"]["uid"] not in known:
            yield f"grafana: {panel['title']} asks {panel['datasource']['uid']}, which is not there"
    if given is None:
        return
    for title, query in queries(dashboard):
        names = metric_names(query)
        if not names:
            yield f"grafana: {title} names no metric"
        for name in sorted(names - given):
            yield f"grafana: {title}: /metrics gives no {name}"


def load(name: str, root: Path = ROOT) -> Any:
    """A file of YAML or JSON."""
    text = (root / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


DASHBOARD = "deploy/grafana/provisioning/dashboards/algo-trader.json"
SOURCES = "deploy/grafana/provisioning/datasources/prometheus.yaml"


def known_variables() -> set[str]:
    """The environment variables that the engine understands."""
    from algotrader.config.layers import CONFIG_VARIABLE, ENV_FILE_VARIABLE
    from algotrader.config.schema import all_settings
    from algotrader.config.values import CACHE_VARIABLE

    return {setting.variable for setting in all_settings()} | {CONFIG_VARIABLE, ENV_FILE_VARIABLE, CACHE_VARIABLE}


def check_files(root: Path = ROOT, given: set[str] | None = None) -> list[str]:
    """Everything that can be seen in the files alone; with the names of metrics, the queries too."""
    stages = read_dockerfile((root / "Dockerfile").read_text(encoding="utf-8"))
    document, last = load("compose.yaml", root), stages[-1]
    faults = list(check_dockerfile(stages))
    settings = known_variables()
    faults += [f"Dockerfile: {name} is no setting" for name in last.environment if name.startswith("ALGO") and name not in settings]
    faults += check_compose(document, last, settings, root)
    faults += check_prometheus(load("deploy/prometheus.yml", root), document, last)
    faults += check_dashboard(load(DASHBOARD, root), load(SOURCES, root), given)
    return faults
