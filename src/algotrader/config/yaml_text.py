"""YAML as configuration needs it: nothing executed, nothing said twice, mistakes told with their line."""

from __future__ import annotations

from typing import Any

import yaml

from algotrader.config.values import ConfigError


class _Strict(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping; YAML itself would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, once its keys are known to be different."""
        seen: list[object] = []
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key} stands there twice", key_node.start_mark)
            seen.append(key)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, name: str) -> Any:
    """Read YAML.

    Raises:
        ConfigError: it is none; the message names the line.
    """
    try:
        # A loader for plain data: it makes no objects of classes.
        return yaml.load(text, _Strict)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        problem = " ".join(str(getattr(error, "problem", "") or error).split())
        raise ConfigError(
            f"{name} is not YAML{where}: {problem}", "indent with blanks, and put texts with : or # in quotes"
        ) from None
