"""Configurations for syncs that are measured."""

import json
from collections.abc import Iterable
from pathlib import Path


def write_config(path: Path, url: str, dependencies: Iterable[str]) -> Path:
    """Write a configuration with one index and no budget of requests, and return its path."""
    path.write_text(json.dumps({"urls": [url], "dependencies": list(dependencies), "rateLimit": {"enabled": False}}), encoding="utf-8")
    return path
