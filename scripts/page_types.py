"""Write the types of the page's answers from the server's own description: frontend/src/api/schema.ts.

With --check nothing is written; the exit status says whether the file is as it should be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from build_page import ROOT, SOURCES, run

# The session of the tests stands in for one: only the description of the calls is wanted.
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

DESCRIPTION = SOURCES / "openapi.json"
TYPES = SOURCES / "src" / "api" / "schema.ts"
LEFT_OUT = ("example", "examples", "title")


def description() -> dict[str, Any]:
    """What the server offers, as OpenAPI."""
    from session_kit import ToldControl

    from algotrader.server.app import create_app
    from algotrader.server.jobs.market import market_of
    from algotrader.server.jobs.service import Jobs, JobSettings

    with tempfile.TemporaryDirectory() as folder:
        jobs = Jobs(JobSettings(folder=Path(folder), market=market_of(None, None)))
        found = create_app(ToldControl(), token="not used", jobs=jobs).openapi()
    # The page names its calls itself; what it needs is the form of what they take and give.
    return {
        "openapi": found["openapi"],
        "info": found["info"],
        "paths": {},
        "components": {"schemas": bare(found["components"]["schemas"])},
    }


def bare(part: Any) -> Any:
    """A description without its examples and made-up titles, which would be half of the file."""
    if isinstance(part, list):
        return [bare(each) for each in part]
    if not isinstance(part, dict):
        return part
    is_names = all(isinstance(value, dict) for value in part.values())
    return {name: bare(value) for name, value in part.items() if is_names or name not in LEFT_OUT}


def main() -> int:
    """Write the types, or compare them; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only")
    only_check = parser.parse_args().check
    before = TYPES.read_text(encoding="utf-8") if TYPES.exists() else ""
    DESCRIPTION.write_text(json.dumps(description(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    run("types")
    after = TYPES.read_text(encoding="utf-8")
    if only_check and after != before:
        TYPES.write_text(before, encoding="utf-8")
        print("page_types: the types of the page are out of date; `make page-types` writes them anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
