"""Configurations and dependencies, as a typed program uses them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, assert_type

from packaging.utils import NormalizedName

from pydeps_host import Dependency, Digest, HostConfig, Index, Limits, Outcome, Policy, RateLimit, Redirects, Tried, Url
from pydeps_host.config import Filters, OnDemand, Pattern
from pydeps_host.errors import Problem

config = HostConfig.loads('{"urls": ["https://packages.example.com/simple"]}', source="host.jsonc", environ={"TOKEN": "x"})
assert_type(config, HostConfig)
assert_type(HostConfig.load("host.jsonc"), HostConfig)
assert_type(HostConfig.load(Path("host.jsonc"), environ={}), HostConfig)
assert_type(HostConfig.from_mapping({"urls": ["https://packages.example.com/simple"], "limits": {"ratio": 50}}), HostConfig)
assert_type(HostConfig.json_schema(), dict[str, Any])

assert_type(config.urls, tuple[Index, ...])
assert_type(config.dependencies, tuple[Dependency, ...])
assert_type(config.rate_limit, RateLimit)
assert_type(config.id, str)
assert_type(config.versions_per_dependency, int)
assert_type(config.version_fallthrough, bool)
assert_type(config.limits, Limits)
assert_type(config.filters, Filters)
assert_type(config.filters.allow, tuple[Pattern, ...] | None)
assert_type(config.on_demand, OnDemand)
assert_type(config.on_demand.allow, tuple[str, ...] | None)
assert_type(config.on_demand.max_versions, int | None)
assert_type(config.warnings, tuple[Problem, ...])
assert_type(config.warnings[0].remedy, str)

url = Url.parse("https://user:secret@packages.example.com/simple")
assert_type(url, Url)
assert_type(url.scheme, str)
assert_type(url.host, str)
assert_type(url.path, str)
assert_type(url.join("../x"), Url)
assert_type(url.child("numpy"), Url)
assert_type(url.without_credentials(), Url)
assert_type(url.reveal(), str)

patterns: Iterable[str] = ["acme-*"]
index = Index(url, "internal", projects=patterns, absent_status={403}, redirects=Redirects.FOLLOW, allowed_hosts=("files.example.com",))
assert_type(index, Index)
assert_type(Index.of(url), Index)
assert_type(index.name, str)
assert_type(index.projects, tuple[str, ...])
assert_type(index.absent_status, frozenset[int])
assert_type(index.empty_is_absent, bool)
assert_type(index.redirects, Redirects)
word: str = index.redirects.value

filters = Filters(allow=[Pattern.parse("acme-*")], block=(Pattern.parse("numpy==1.26.*"),))
assert_type(filters, Filters)
assert_type(filters.reason("numpy", "1.26.4"), str | None)
assert_type(filters.block[0].versions, str)
on_demand = OnDemand(allow=patterns, max_versions=5)
assert_type(on_demand.allows("acme-tools"), bool)

dependency = Dependency.parse("numpy==1.22.3")
assert_type(dependency, Dependency)
assert_type(dependency.name, NormalizedName)
assert_type(dependency.specifier, str)
assert_type(dependency.hashes, tuple[Digest, ...])
assert_type(dependency.notices, tuple[Problem, ...])
assert_type(dependency.pinned_text, str | None)
assert_type(dependency.is_pin, bool)

digest = Digest.of("sha256", "0" * 64)
assert_type(digest, Digest)
assert_type(Digest.parse(str(digest)).algorithm, str)

mine = HostConfig((index,), (dependency,), rate_limit=RateLimit(enabled=False), id="team", limits=Limits(ratio=50))
assert_type(mine.limits.ratio, int)
assert_type(mine.limits.unpacked_allowance(1), int)
assert_type(mine.rate_limit.requests_per_hour, float)
assert_type(Policy(Limits()).text, str)

tried = Tried(url, Outcome.FORBIDDEN, "no entry", 403)
assert_type(tried.outcome, Outcome)
assert_type(tried.outcome.remedy, str)
assert_type(tried.status, int | None)
assert_type(tried.url, Url)
