"""Which index owns a project, and which of its files stand for a dependency.

`choose` is pure. `Resolver` asks a chain of indexes through a `Transport`.
"""

from pydeps_host.resolver.candidates import yanked_releases
from pydeps_host.resolver.chain import Found, Located, Resolver, ResolverOptions
from pydeps_host.resolver.choice import choose
from pydeps_host.resolver.release import Choice, Release, SetAside

__all__ = ["Choice", "Found", "Located", "Release", "Resolver", "ResolverOptions", "SetAside", "choose", "yanked_releases"]
