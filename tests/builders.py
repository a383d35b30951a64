"""The builders of `pydeps_host.testing`, by the short names that some tests use."""

from pydeps_host.testing import Distribution as Built
from pydeps_host.testing import Item
from pydeps_host.testing import build_sdist as sdist
from pydeps_host.testing import build_wheel as wheel

__all__ = ["Built", "Item", "sdist", "wheel"]
