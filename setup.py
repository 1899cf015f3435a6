"""Build hooks: compile the engine and the simulated venue with mypyc where a C compiler works, and build the web page.

The environment variable ALGOTRADER_COMPILE decides: ``0`` never compiles, ``1`` makes any failure an error, and without
it a failure leaves the package in plain Python, which gives the same results more slowly, and says so in one line.
ALGOTRADER_PAGE does the same for the page: ``0`` takes it as it is, ``1`` makes any failure an error.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import BaseError, CompileError, LinkError

SWITCH = "ALGOTRADER_COMPILE"
PAGE_SWITCH = "ALGOTRADER_PAGE"
PAGE_BUILDER = Path("scripts") / "build_page.py"
COMPILED = ("core", "simulation")
PACKAGE = Path("src") / "algotrader"
# The build back end also runs this file only to ask for names and versions; compiling then would be waste.
QUESTIONS = {"egg_info", "dist_info", "sdist", "clean", "--version", "--name"}
# A fused multiply-add rounds once where plain Python rounds twice: results would differ between machines.
EXACT_FLOATS = "-ffp-contract=off"
# mypyc asks for -Werror; a warning that only a newer compiler gives must not cost the compiled engine.
TOLERANT = "-Wno-error"
OPTIMIZATION = "2"


def fall_back(reason: str) -> None:
    """Say that the package stays plain Python, or stop the build when compiling was demanded.

    Raises:
        SystemExit: ALGOTRADER_COMPILE is 1.
    """
    if os.environ.get(SWITCH) == "1":
        raise SystemExit(f"algo-trader: {SWITCH}=1, but {reason}")
    print(f"algo-trader: {reason}; installing the plain Python engine (same results, slower)", file=sys.stderr)


def compiler_works() -> bool:
    """Try to build a small extension module with the C compiler that the build would use."""
    command = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <Python.h>\nint probe(void) { return PY_VERSION_HEX != 0; }\n", encoding="utf-8")
        include = f"-I{sysconfig.get_path('include')}"
        target = str(source.with_suffix(".so"))
        try:
            command += ["-shared", "-fPIC", include, str(source), "-o", target]
            result = subprocess.run(command, capture_output=True, check=False)
        except OSError:
            return False
        return result.returncode == 0 and Path(target).exists()


def modules() -> list[str]:
    """List the source files to compile; package files hold no code worth compiling."""
    found = [path for name in COMPILED for path in (PACKAGE / name).rglob("*.py")]
    return sorted(path.as_posix() for path in found if path.name != "__init__.py")


def extensions() -> list[Any]:
    """Translate the modules to C and describe how to build them; empty when the package stays plain Python."""
    if os.environ.get(SWITCH) == "0" or QUESTIONS & set(sys.argv):
        return []
    if not compiler_works():
        fall_back("no working C compiler was found")
        return []
    try:
        from mypyc.build import mypycify

        translated = mypycify(modules(), opt_level=OPTIMIZATION, debug_level="0", group_name="algotrader")
    except ImportError:
        fall_back("mypyc is not installed")
        return []
    except SystemExit as refusal:
        fall_back(f"mypyc refused the sources ({refusal})")
        return []
    for extension in translated:
        extension.extra_compile_args = [*extension.extra_compile_args, EXACT_FLOATS, TOLERANT]
        extension.depends = [*extension.depends, "setup.py"]
    return list(translated)


def build_page() -> None:
    """Build the web page where its sources are; without it everything but the page works.

    Raises:
        SystemExit: ALGOTRADER_PAGE is 1, and it could not be built.
    """
    wanted = os.environ.get(PAGE_SWITCH)
    if wanted == "0" or not PAGE_BUILDER.exists():
        return
    if subprocess.run([sys.executable, str(PAGE_BUILDER)], check=False).returncode:
        if wanted == "1":
            raise SystemExit(f"algo-trader: {PAGE_SWITCH}=1, but the page could not be built")
        print("algo-trader: the page could not be built; installing without it (`make page` tries again)", file=sys.stderr)


class BuildPy(build_py):
    """Copies files after removing those of an earlier build, whose sources may be gone by now."""

    def run(self) -> None:
        """Build the page, clear the earlier copies, then copy."""
        build_page()
        # What is in the package is listed when the command is made, which was before the page was built.
        self.__dict__.pop("data_files", None)
        copied = Path(self.build_lib) / "algotrader"
        for stale in [*copied.rglob("*.py"), *(copied / "server" / "page").rglob("*.*")]:
            if stale.is_file():
                stale.unlink()
        super().run()


class BuildExt(build_ext):
    """Compiles the C files; when that fails the package stays plain Python."""

    def run(self) -> None:
        """Compile, and remove what an earlier build left of modules that are gone."""
        try:
            super().run()
        except (BaseError, CompileError, LinkError, OSError) as error:
            fall_back(f"compiling failed ({error})")
            self.extensions = []
        wanted = {Path(output).resolve() for output in self.get_outputs()}
        for library in Path(self.build_lib).rglob("*.so"):
            if library.resolve() not in wanted:
                library.unlink()


setup(ext_modules=extensions(), cmdclass={"build_py": BuildPy, "build_ext": BuildExt})
