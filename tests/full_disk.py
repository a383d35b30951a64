"""A disk that is full at one call to the system."""

import errno
import os
from collections.abc import Callable
from typing import Any

import pytest

CALLS = ("open", "write", "pwrite", "fsync", "ftruncate", "replace", "unlink")


def refuse_at(patch: pytest.MonkeyPatch, call: int) -> list[str]:
    """Have the disk be full at the n-th call to the system; return what lists the calls."""
    made: list[str] = []

    def refusing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(*arguments: Any, **options: Any) -> Any:
            made.append(name)
            if len(made) == call:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **options)

        return replacement

    for name in CALLS:
        patch.setattr(os, name, refusing(name, getattr(os, name)))
    return made
