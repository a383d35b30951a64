"""The simple repository API: pages to values, an index asked, a file fetched.

`parse_project` and `read_filename` are pure. `SimpleClient` and `fetch_file` are
thin, over any `Transport`; a folder index (`file://`) needs none.
"""

from pydeps_host.simple_api.client import ACCEPT, Answer, Ask, SimpleClient
from pydeps_host.simple_api.download import FetchOptions, fetch_file
from pydeps_host.simple_api.filenames import SDIST_SUFFIXES, WHEEL_SUFFIX, Distribution, Kind, Unusable, read_filename, version_of
from pydeps_host.simple_api.kept import KeptPage, PageStore
from pydeps_host.simple_api.page import parse_project
from pydeps_host.simple_api.project import File, Project, SkippedEntry
from pydeps_host.values import Artifact

__all__ = [
    "ACCEPT",
    "SDIST_SUFFIXES",
    "WHEEL_SUFFIX",
    "Answer",
    "Artifact",
    "Ask",
    "Distribution",
    "FetchOptions",
    "File",
    "KeptPage",
    "Kind",
    "PageStore",
    "Project",
    "SimpleClient",
    "SkippedEntry",
    "Unusable",
    "fetch_file",
    "parse_project",
    "read_filename",
    "version_of",
]
