"""Show without Docker that the image can be built and works: carry out the Dockerfile's own steps in an empty folder.

What the RUN and COPY steps of the first stage do to the project is done for real: tools from PyPI, the locked packages, the wheel
with the compiled engine and the built page, the installation. Left out are the system's packages (apt-get) and the users of the
final stage. Then the installed program is started as the image starts it, with the image's variables, the health check is run, and
every query of the Grafana dashboard is compared with what /metrics gives.

Three things differ from an image: the machine's own system instead of Debian slim, folders below a temporary one, and a server on
127.0.0.1 instead of all addresses of a container.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import deploy_files as files

TOKEN = "a-token-for-this-check"
PATIENCE = 120.0
_DAY = ("--from", "2024-03-07", "--speed", "300")
"""A made-up day in a hurry, so that there are bars, orders and fills to be measured."""

_SYSTEM = ("apt-get", "groupadd")
_KEPT = ("HOME", "LANG", "PIP_", "SSL_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_PYTHONS = (os.environ.get("PYTHON") or "python3.12", "python3.12", "python3.13", "python3.11", sys.executable)


class Failed(Exception):
    """A step did not work."""


def say(text: str) -> None:
    """Tell what is done."""
    print(f"deploy-check: {text}", flush=True)


class Image:
    """A folder that stands for the root of the image.

    Args:
        root: the folder.
        stages: of the Dockerfile.
    """

    def __init__(self, root: Path, stages: list[files.Stage]) -> None:
        self.root = root
        self.first, self.last = stages[0], stages[-1]
        self.place = root
        self.tools = root / "usr" / "local"

    def prepare(self) -> None:
        """Python as the base image has it: one that nothing is installed in."""
        found = next(name for name in _PYTHONS if _runs(name))
        version = subprocess.run(
            [found, "-c", "import sys; print(sys.version.split()[0])"], capture_output=True, text=True, check=True
        )
        say(f"Python {version.stdout.strip()} stands for {self.first.image}")
        subprocess.run([found, "-m", "venv", str(self.tools)], check=True)
        for folder in ("tmp", "root", "var/lib/algo-trader", "var/log/algo-trader", "var/cache/algo-trader"):
            (self.root / folder).mkdir(parents=True)

    def mapped(self, text: str) -> str:
        """A text with the image's folders as folders of ours."""
        for folder in (
            "/opt/algo-trader",
            "/dist",
            "/src",
            "/var/lib/algo-trader",
            "/var/log/algo-trader",
            "/var/cache/algo-trader",
        ):
            text = text.replace(folder, f"{self.root}{folder}")
        return text

    def build(self, context: list[str]) -> None:
        """Carry out the first stage."""
        for step in self.first.steps:
            if step.name == "WORKDIR":
                self.place = Path(self.mapped(step.text))
                self.place.mkdir(parents=True, exist_ok=True)
            elif step.name == "COPY":
                self._copy(step.words, context)
            elif step.name == "RUN":
                self._run(step.text)

    def _copy(self, words: list[str], context: list[str]) -> None:
        *sources, target = words
        for path in context:
            if any(source == "." or path == source or path.startswith(f"{source}/") for source in sources):
                goal = self.place / target / path
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(files.ROOT / path, goal)

    def _run(self, command: str) -> None:
        if command.startswith(_SYSTEM):
            say(f"left out: {command[:70]} …")
            return
        say(f"RUN {command[:90]}{' …' if len(command) > 90 else ''}")
        begun = time.monotonic()
        result = subprocess.run(
            ["sh", "-ec", self.mapped(command)],
            cwd=self.place,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise Failed(f"{command}\n{(result.stdout + result.stderr)[-4000:]}")
        say(f"    {time.monotonic() - begun:.0f} s")

    def _environment(self) -> dict[str, str]:
        """Of a build step: what the stage sets, and how this machine reaches the network."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
        path = f"{self.tools / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        return {**kept, **self.first.environment, "PATH": path, "HOME": str(self.root / "root"), "TMPDIR": str(self.root / "tmp")}

    def running(self, port: int) -> dict[str, str]:
        """The variables of a container; the server keeps to this machine."""
        own = {name: self.mapped(value) for name, value in self.last.environment.items()}
        return {
            **own,
            "ALGO_WEB__HOST": files.LOOPBACK,
            "ALGO_WEB__PORT": str(port),
            "ALGO_WEB__TOKEN": TOKEN,
            "ALGO_APP__LOG_FORMAT": "json",
        }

    def program(self, words: list[str]) -> list[str]:
        """A command with its program where the image has it."""
        return [str(self.root / "opt" / "algo-trader" / "bin" / words[0]), *words[1:]]


def _runs(name: str) -> bool:
    try:
        return subprocess.run([name, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def context_files() -> list[str]:
    """What a build is given: the files of the repository and what is new, without what .dockerignore keeps out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=files.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    ignored = files.Ignored((files.ROOT / ".dockerignore").read_text(encoding="utf-8"))
    return [path for path in listed.stdout.splitlines() if not ignored(path) and (files.ROOT / path).is_file()]


def ask(url: str) -> tuple[int, str]:
    """Ask the session, with its token."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def try_it(image: Image) -> list[str]:
    """Start a session as the image does and look at it from all sides; gives what is wrong."""
    with socket.create_server((files.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
    environment, state = image.running(port), image.root / "var" / "lib" / "algo-trader"
    told = subprocess.run(image.program(["algo-trader", "--version"]), env=environment, capture_output=True, text=True, check=True)
    compiled = 'import algotrader.core.engine as e; assert not e.__file__.endswith(".py"), "the engine is plain Python"'
    subprocess.run(image.program(["python", "-c", compiled]), env=environment, cwd=state, check=True)
    say(f"{told.stdout.strip()}, compiled")
    _refuses_without_token(image, environment, state)
    words = [*image.last.all("ENTRYPOINT")[-1].words, *image.last.all("CMD")[-1].words, *_DAY]
    with (image.root / "session.txt").open("w+") as output:
        session = subprocess.Popen(image.program(words), env=environment, cwd=state, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_until_well(image, session, environment)
            faults = _page_faults(port) + _metrics_faults(port)
        finally:
            session.terminate()
            code = session.wait(30)
    if code:
        raise Failed(f"the session ended with {code}\n{(image.root / 'session.txt').read_text()[-2000:]}")
    say("SIGTERM ended it in order")
    return faults


def _refuses_without_token(image: Image, environment: dict[str, str], state: Path) -> None:
    """As the image is, for all addresses, nothing starts without a token; it ends before it listens."""
    bare = {name: value for name, value in environment.items() if name != "ALGO_WEB__TOKEN"}
    bare["ALGO_WEB__HOST"] = image.last.environment["ALGO_WEB__HOST"]
    result = subprocess.run(
        image.program(["algo-trader", "start"]), env=bare, cwd=state, capture_output=True, text=True, check=False
    )
    if result.returncode != 2 or "web.token" not in result.stderr:
        raise Failed(f"without a token it ended with {result.returncode}: {result.stderr[-500:]}")
    say("without a token it refuses to start")


def _wait_until_well(image: Image, session: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    command = image.program(files.health_command(image.last))
    until = time.monotonic() + PATIENCE
    while subprocess.run(command, env=environment, capture_output=True, check=False).returncode:
        if session.poll() is not None or time.monotonic() > until:
            raise Failed(f"the session did not become healthy\n{(image.root / 'session.txt').read_text()[-2000:]}")
        time.sleep(0.5)
    say("the health check of the image is content")


def _page_faults(port: int) -> list[str]:
    status, text = ask(f"http://{files.LOOPBACK}:{port}/")
    if status != 200 or "<html" not in text.lower():
        return [f"the page answered {status}: {text[:200]}"]
    say("the page is there")
    return []


def _metrics_faults(port: int) -> list[str]:
    """Compare the dashboard's queries with what the session gives; some figures come with the first order only."""
    until = time.monotonic() + PATIENCE
    while True:
        status, text = ask(f"http://{files.LOOPBACK}:{port}/metrics")
        if status != 200:
            return [f"/metrics answered {status}: {text[:200]}"]
        given = set(files.given_names(text))
        faults = list(files.check_files(given=given))
        if not faults or time.monotonic() > until:
            break
        time.sleep(1)
    say(f"/metrics gives {len(given)} names; the dashboard has {len(files.queries(files.load(files.DASHBOARD)))} queries")
    return faults


def main() -> int:
    """Check everything; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave the folder there")
    keep = parser.parse_args().keep
    faults = files.check_files()
    if not faults:
        say("the files agree with each other")
        folder = Path(tempfile.mkdtemp(prefix="deploy-check-"))
        try:
            image = Image(folder, files.read_dockerfile((files.ROOT / "Dockerfile").read_text(encoding="utf-8")))
            image.prepare()
            image.build(context_files())
            faults = try_it(image)
        except (Failed, OSError, subprocess.SubprocessError) as error:
            faults = [str(error)]
        finally:
            if keep:
                say(f"left in {folder}")
            else:
                shutil.rmtree(folder)
    for fault in faults:
        print(f"deploy-check: {fault}", file=sys.stderr)
    if not faults:
        say("all of it works; that an image is built, only Docker can show")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
