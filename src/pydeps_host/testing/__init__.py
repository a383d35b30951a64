r"""For tests of programs that use this library: an index without a network, distributions built in memory, events kept.

    index = FakeIndex()
    index.add(build_sdist("alpha", "1.0", {"alpha.py": "print('hello')\n"}))
    events = Recorder()
    config = HostConfig.from_mapping({"urls": [index.url], "dependencies": ["alpha"]})
    with Host(config, Store(folder), transport=index, observer=events) as host:
        report = host.sync()

Nothing here needs a test framework, and nothing of the library needs this.
"""

from pydeps_host.testing.answers import Answer, Redirect, Step
from pydeps_host.testing.distributions import Distribution, Item, build_sdist, build_wheel
from pydeps_host.testing.index import FakeIndex, FakeNetwork
from pydeps_host.testing.pages import Listed
from pydeps_host.testing.recorder import Recorder

__all__ = [
    "Answer",
    "Distribution",
    "FakeIndex",
    "FakeNetwork",
    "Item",
    "Listed",
    "Recorder",
    "Redirect",
    "Step",
    "build_sdist",
    "build_wheel",
]
