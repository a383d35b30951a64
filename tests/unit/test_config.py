"""What a configuration says, and what it takes."""

import json
import pickle
import time
from pathlib import Path
from typing import Any

import attrs
import pytest

from pydeps_host.config import HostConfig, Index, RateLimit, Redirects, keys_of
from pydeps_host.dependency import Dependency
from pydeps_host.errors import ConfigError
from pydeps_host.values import Limits, Url

URL = "https://packages.example.com/simple"
EXAMPLE = """
{
  // Tried in order for each project. 404 and 410 go on to the next; nothing else does.
  "urls": ["https://user:${INDEX_PASSWORD}@packages.example.com/simple", "https://mirror.example.org/simple"],
  "dependencies": ["numpy==1.22.3", "flask", "django>=4.2,<5"],
  "rateLimit": {"enabled": true, "requestsPerHour": 57600}
}
"""


def make(urls: object = (URL,), **members: Any) -> HostConfig:
    return HostConfig.from_mapping({"urls": urls, **members}, environ={})


def index(**members: Any) -> Index:
    return make([{"url": URL, **members}]).urls[0]


def problems(urls: object = (URL,), **members: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        make(urls, **members)
    return [str(problem) for problem in caught.value.problems]


def places(urls: object = (URL,), **members: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        make(urls, **members)
    return [problem.place for problem in caught.value.problems]


def test_the_example_is_read() -> None:
    config = HostConfig.loads(EXAMPLE, environ={"INDEX_PASSWORD": "p@ss"})
    assert [url.url.reveal() for url in config.urls] == [
        "https://user:p%40ss@packages.example.com/simple",
        "https://mirror.example.org/simple",
    ]
    assert config.dependencies == tuple(Dependency.parse(text) for text in ("numpy==1.22.3", "flask", "django>=4.2,<5"))
    assert config.rate_limit == RateLimit(enabled=True, requests_per_hour=57600)
    assert config.warnings == ()


def test_everything_but_the_urls_has_a_default() -> None:
    config = make()
    assert config == HostConfig(urls=(Index.of(Url.parse(URL)),))
    assert config.dependencies == ()
    assert config.rate_limit == RateLimit(enabled=True, requests_per_hour=57600.0)
    assert (config.id, config.versions_per_dependency, config.version_fallthrough) == ("default", 50, False)
    assert config.limits == Limits()


def test_an_index_has_defaults() -> None:
    only = make().urls[0]
    assert only.name == "packages.example.com/simple"
    assert (only.projects, only.absent_status, only.empty_is_absent, only.allowed_hosts) == ((), frozenset(), False, ())
    assert only.redirects is Redirects.REFUSE


def test_every_key_of_ours_is_read() -> None:
    config = make(
        [
            {
                "url": URL,
                "name": "internal",
                "projects": ["acme-*", "Other_Name"],
                "absentStatus": [403, 401],
                "emptyIsAbsent": True,
                "redirects": "follow",
                "allowedHosts": ["Files.example.com", "[::1]"],
            }
        ],
        id="team",
        versionsPerDependency=3,
        versionFallthrough=True,
        limits={"fileBytes": 1, "xzMemoryBytes": 2},
    )
    assert config.urls[0] == Index(
        Url.parse(URL),
        "internal",
        projects=("acme-*", "other-name"),
        absent_status=frozenset({401, 403}),
        empty_is_absent=True,
        redirects=Redirects.FOLLOW,
        allowed_hosts=("files.example.com", "::1"),
    )
    assert (config.id, config.versions_per_dependency, config.version_fallthrough) == ("team", 3, True)
    assert config.limits == Limits(file_bytes=1, xz_memory_bytes=2)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, RateLimit()),
        ({"enabled": False}, RateLimit(enabled=False)),
        ({"enabled": False, "requestsPerHour": 0}, RateLimit(enabled=False, requests_per_hour=0)),
        ({"requestsPerHour": 0.5}, RateLimit(enabled=True, requests_per_hour=0.5)),
    ],
)
def test_a_rate_limit_may_be_written_in_part(members: dict[str, object], expected: RateLimit) -> None:
    assert make(rateLimit=members).rate_limit == expected


@pytest.mark.parametrize("rate", [-1, -0.5, float("nan"), float("inf"), float("-inf"), 10**400])
def test_a_rate_that_is_negative_or_no_finite_number_is_a_problem_even_where_it_is_off(rate: float) -> None:
    assert places(rateLimit={"enabled": False, "requestsPerHour": rate}) == ["rateLimit.requestsPerHour"]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1", "1" * 5000])
def test_a_rate_in_text_that_is_no_rate_is_a_problem(text: str) -> None:
    with pytest.raises(ConfigError, match=r"rateLimit\.requestsPerHour"):
        HostConfig.loads(f'{{"urls": ["{URL}"], "rateLimit": {{"requestsPerHour": {text}}}}}')


def test_a_rate_of_zero_is_a_problem_while_the_limit_is_on() -> None:
    (problem,) = problems(rateLimit={"requestsPerHour": 0})
    assert problem.startswith("rateLimit.requestsPerHour: ")
    assert '"enabled": false' in problem


@pytest.mark.parametrize("value", [None, []])
def test_dependencies_may_be_null_or_empty(value: object) -> None:
    assert make(dependencies=value).dependencies == ()


def test_equal_dependencies_are_one() -> None:
    assert make(dependencies=["Flask", "numpy", "flask", "FLASK # again"]).dependencies == (
        Dependency.parse("flask"),
        Dependency.parse("numpy"),
    )


def test_the_schema_key_is_ignored() -> None:
    assert make(**{"$schema": {"anything": [1]}}) == make()


def test_lock_files_are_paths_each_once() -> None:
    assert make(lockfiles=["../app/uv.lock", "repo.git@main", "../app/uv.lock"]).lockfiles == ("../app/uv.lock", "repo.git@main")
    remedy = "write the path of a lock file or a folder, such as `../app/uv.lock`, or `repo.git@main`"
    assert problems(lockfiles=["ok", "", "a\0b"]) == [f"lockfiles[{number}]: this is no path; {remedy}" for number in (1, 2)]


def test_relative_lock_files_are_relative_to_the_folder_of_the_configuration_or_else_to_the_working_directory(tmp_path: Path) -> None:
    path = tmp_path / "conf" / "host.jsonc"
    path.parent.mkdir()
    path.write_text('{"urls": ["https://packages.example.com/simple"], "lockfiles": ["../uv.lock"]}')
    loaded = HostConfig.load(path)
    assert (loaded.folder, loaded.lockfiles) == (path.parent, ("../uv.lock",))
    assert HostConfig.loads(path.read_text()).folder == Path()


def test_no_id_can_be_taken_for_a_claim_of_a_lock_file() -> None:
    (problem,) = problems(id="lock:default:uv.lock")
    assert problem.startswith("id: this name stands for what is asked for besides any configuration")


# --- nothing is coerced ------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"dependencies": "abc"}, "dependencies"),
        ({"dependencies": {"a": 1}}, "dependencies"),
        ({"dependencies": [1]}, "dependencies[0]"),
        ({"dependencies": ["a", None]}, "dependencies[1]"),
        ({"urls": URL}, "urls"),
        ({"urls": None}, "urls"),
        ({"urls": [URL, None]}, "urls[1]"),
        ({"urls": [[URL]]}, "urls[0]"),
        ({"urls": [{"url": [URL]}]}, "urls[0].url"),
        ({"urls": [{"url": URL, "name": 1}]}, "urls[0].name"),
        ({"urls": [{"url": URL, "projects": "acme-*"}]}, "urls[0].projects"),
        ({"urls": [{"url": URL, "projects": [1]}]}, "urls[0].projects[0]"),
        ({"urls": [{"url": URL, "absentStatus": 403}]}, "urls[0].absentStatus"),
        ({"urls": [{"url": URL, "absentStatus": ["403"]}]}, "urls[0].absentStatus[0]"),
        ({"urls": [{"url": URL, "absentStatus": [403, True]}]}, "urls[0].absentStatus[1]"),
        ({"urls": [{"url": URL, "absentStatus": [403.0]}]}, "urls[0].absentStatus[0]"),
        ({"urls": [{"url": URL, "emptyIsAbsent": "no"}]}, "urls[0].emptyIsAbsent"),
        ({"urls": [{"url": URL, "emptyIsAbsent": 0}]}, "urls[0].emptyIsAbsent"),
        ({"urls": [{"url": URL, "redirects": True}]}, "urls[0].redirects"),
        ({"urls": [{"url": URL, "redirects": "Follow"}]}, "urls[0].redirects"),
        ({"urls": [{"url": URL, "redirects": ["follow"]}]}, "urls[0].redirects"),
        ({"urls": [{"url": URL, "allowedHosts": "a.example.com"}]}, "urls[0].allowedHosts"),
        ({"rateLimit": None}, "rateLimit"),
        ({"rateLimit": 57600}, "rateLimit"),
        ({"rateLimit": {"enabled": "no"}}, "rateLimit.enabled"),
        ({"rateLimit": {"enabled": 1}}, "rateLimit.enabled"),
        ({"rateLimit": {"enabled": None}}, "rateLimit.enabled"),
        ({"rateLimit": {"requestsPerHour": "57600"}}, "rateLimit.requestsPerHour"),
        ({"rateLimit": {"requestsPerHour": True}}, "rateLimit.requestsPerHour"),
        ({"id": 1}, "id"),
        ({"versionsPerDependency": 1.0}, "versionsPerDependency"),
        ({"versionsPerDependency": True}, "versionsPerDependency"),
        ({"versionsPerDependency": "50"}, "versionsPerDependency"),
        ({"versionFallthrough": "false"}, "versionFallthrough"),
        ({"limits": []}, "limits"),
        ({"limits": {"ratio": 1e3}}, "limits.ratio"),
    ],
)
def test_nothing_is_coerced(members: dict[str, Any], place: str) -> None:
    assert places(**members) == [place]


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"urls": []}, "urls"),
        ({"urls": [{"url": URL, "name": ""}]}, "urls[0].name"),
        ({"urls": [{"url": URL, "name": "a\nb"}]}, "urls[0].name"),
        ({"urls": [{"url": URL, "projects": ["a b"]}]}, "urls[0].projects[0]"),
        ({"urls": [{"url": URL, "projects": [""]}]}, "urls[0].projects[0]"),
        ({"urls": [{"url": URL, "absentStatus": [200]}]}, "urls[0].absentStatus[0]"),
        ({"urls": [{"url": URL, "absentStatus": [403, 429]}]}, "urls[0].absentStatus[1]"),
        ({"urls": [{"url": URL, "absentStatus": [408]}]}, "urls[0].absentStatus[0]"),
        ({"urls": [{"url": URL, "absentStatus": [503]}]}, "urls[0].absentStatus[0]"),
        ({"urls": [{"url": URL, "allowedHosts": ["https://a.example.com"]}]}, "urls[0].allowedHosts[0]"),
        ({"urls": [{"url": URL, "allowedHosts": ["a.example.com:8080"]}]}, "urls[0].allowedHosts[0]"),
        ({"urls": [{"url": URL, "allowedHosts": ["a.example.com#b"]}]}, "urls[0].allowedHosts[0]"),
        ({"urls": [{"url": URL, "allowedHosts": ["u@a.example.com"]}]}, "urls[0].allowedHosts[0]"),
        ({"urls": [{"url": URL, "allowedHosts": [""]}]}, "urls[0].allowedHosts[0]"),
        ({"id": " "}, "id"),
        ({"versionsPerDependency": 0}, "versionsPerDependency"),
        ({"limits": {"pageBytes": 0}}, "limits.pageBytes"),
        ({"limits": {"pageBytes": -1}}, "limits.pageBytes"),
    ],
)
def test_a_value_that_makes_no_sense_is_a_problem(members: dict[str, Any], place: str) -> None:
    assert places(**members) == [place]


def test_a_project_pattern_is_normalised_as_names_are() -> None:
    assert index(projects=["Acme_*", "a..b", "ACME-*", "*"]).projects == ("acme-*", "a-b", "*")


def test_urls_that_are_missing_are_a_problem_with_a_remedy() -> None:
    with pytest.raises(ConfigError) as caught:
        HostConfig.loads("{}")
    (problem,) = caught.value.problems
    assert (problem.place, problem.message) == ("urls", "the key is missing")
    assert '"urls": [' in problem.remedy


@pytest.mark.parametrize("data", [None, [], "x", 1, True])
def test_what_is_no_object_is_no_configuration(data: Any) -> None:
    with pytest.raises(ConfigError, match="stands where an object belongs"):
        HostConfig.from_mapping(data)


def test_a_mapping_of_python_may_hold_tuples_and_keys_of_any_type() -> None:
    assert make((URL,), dependencies=("flask",)).dependencies == (Dependency.parse("flask"),)
    data: Any = {"urls": [URL], 1: 2}
    with pytest.raises(ConfigError, match="a key of type int: there is no such key"):
        HostConfig.from_mapping(data)


# --- keys --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("depndencies", "dependencies"),
        ("rate_limit", "rateLimit"),
        ("ratelimit", "rateLimit"),
        ("Urls", "urls"),
        ("lockFiles", "lockfiles"),
        ("versions-per-dependency", "versionsPerDependency"),
    ],
)
def test_an_unknown_key_names_the_nearest_one(written: str, meant: str) -> None:
    (problem,) = problems(**{written: None})
    assert problem == f"{written}: there is no such key; write `{meant}`, if that is meant"


def test_an_unknown_key_that_is_near_to_none_lists_all() -> None:
    (problem,) = problems(qqq=1)
    assert all(key in problem for key in keys_of(HostConfig))


def test_unknown_keys_are_problems_at_every_level() -> None:
    given = [{"url": URL, "nme": "a"}]
    assert places(given, rateLimit={"enable": True}, limits={"page_bytes": 1}) == [
        "urls[0].nme",
        "rateLimit.enable",
        "limits.page_bytes",
    ]


def test_duplicate_keys_are_problems_with_their_place() -> None:
    text = f"""{{
      "urls": [{{"url": "{URL}", "name": "a", "name": "b"}}],
      "rateLimit": {{"enabled": true, "enabled": false}},
      "id": "a",
      "id": "b"
    }}"""
    with pytest.raises(ConfigError) as caught:
        HostConfig.loads(text)
    assert [problem.place for problem in caught.value.problems] == ["urls[0].name", "rateLimit.enabled", "id"]
    assert {problem.message for problem in caught.value.problems} == {"the key stands here more than once"}


def test_the_keys_are_the_fields_in_camel_case() -> None:
    assert list(keys_of(HostConfig)) == [
        "urls",
        "dependencies",
        "rateLimit",
        "id",
        "versionsPerDependency",
        "versionFallthrough",
        "limits",
        "filters",
        "onDemand",
        "lockfiles",
    ]
    assert list(keys_of(Index)) == ["url", "name", "projects", "absentStatus", "emptyIsAbsent", "redirects", "allowedHosts"]


def test_the_documentation_names_every_key_and_every_default_of_a_limit() -> None:
    text = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    for kind in (HostConfig, Index, RateLimit, Limits):
        assert [key for key in keys_of(kind) if f"`{key}`" not in text] == []
    for key, member in keys_of(Limits).items():
        assert f"| `{key}` | {member.default:,} |" in text


# --- all at once -------------------------------------------------------------


def test_all_problems_of_a_configuration_with_ten_mistakes_are_reported_in_one_go_each_with_its_place() -> None:
    text = """{
      "urls": [
        "https://${UNSET}@packages.example.com/simple",
        {"url": "gopher://mirror.example.org", "absentStatus": [403, "404"], "redirects": "yes"},
      ],
      "dependecies": [],
      "dependencies": ["flask", "numpy=1.0", "", 7],
      "rateLimit": {"enabled": "no", "requestsPerHour": -1},
      "versionsPerDependency": 2.5,
    }"""
    with pytest.raises(ConfigError) as caught:
        HostConfig.loads(text, source="host.jsonc", environ={})
    assert [problem.place for problem in caught.value.problems] == [
        "urls[0]",
        "urls[1].url",
        "urls[1].absentStatus[1]",
        "urls[1].redirects",
        "dependecies",
        "dependencies[1]",
        "dependencies[2]",
        "dependencies[3]",
        "rateLimit.enabled",
        "rateLimit.requestsPerHour",
        "versionsPerDependency",
    ]
    assert all(problem.message and problem.remedy for problem in caught.value.problems)
    assert str(caught.value).startswith("host.jsonc: 11 problems\n  urls[0]: ")


def test_a_rule_of_one_item_does_not_wait_until_the_kinds_of_all_items_are_right() -> None:
    assert places([{"url": URL, "absentStatus": ["403", 500, 1.0], "projects": ["a b", 1]}]) == [
        "urls[0].absentStatus[0]",
        "urls[0].absentStatus[1]",
        "urls[0].absentStatus[2]",
        "urls[0].projects[0]",
        "urls[0].projects[1]",
    ]


def test_an_unknown_key_does_not_hide_a_rule_of_the_whole_object() -> None:
    assert places(rateLimit={"enable": True, "requestsPerHour": 0}) == ["rateLimit.enable", "rateLimit.requestsPerHour"]


def test_a_problem_of_a_dependency_quotes_it_and_says_what_to_write() -> None:
    assert problems(dependencies=["numpy=1.0"]) == ["dependencies[0]: 'numpy=1.0' a pin has two equals signs; write `numpy==1.0`"]


def test_the_many_unknown_keys_of_a_wrong_file_are_all_reported_in_a_moment() -> None:
    count, start = 20_000, time.perf_counter()
    assert len(places(**{f"key of a wrong file {number}" * 4: 1 for number in range(count)})) == count
    # Half a second; a minute where the order of the keys is looked up anew for each.
    assert time.perf_counter() - start < 20


def test_a_number_with_a_point_is_told_how_to_become_a_whole_number() -> None:
    (problem,) = problems(versionsPerDependency=50.0)
    assert "without a decimal point" in problem


# --- the chain ---------------------------------------------------------------


def test_two_urls_of_one_origin_and_path_are_one() -> None:
    config = make([URL, f"{URL}/", "HTTPS://packages.EXAMPLE.com:443/simple", "https://mirror.example.org/simple"])
    assert [one.name for one in config.urls] == ["packages.example.com/simple", "mirror.example.org/simple"]
    assert config.warnings == ()


def test_another_port_or_path_is_another_index() -> None:
    assert len(make([URL, "https://packages.example.com:8443/simple", f"{URL}/x", "http://packages.example.com/simple"]).urls) == 4


def test_one_index_with_two_credentials_is_one_and_warned_of() -> None:
    config = make(["https://a:b@packages.example.com/simple", "https://c:d@packages.example.com/simple"])
    assert len(config.urls) == 1
    assert [warning.place for warning in config.warnings] == ["urls[1]"]
    assert config.urls[0].url.reveal().startswith("https://a:b@")


def test_one_index_with_two_settings_is_a_problem() -> None:
    (problem,) = problems([URL, {"url": URL, "projects": ["acme-*"]}])
    assert problem.startswith("urls[1]: this is the same index as `urls[0]`, with other settings")


def test_two_indexes_of_one_name_are_a_problem() -> None:
    given = [{"url": URL, "name": "a"}, URL, {"url": "https://mirror.example.org/simple", "name": "a"}]
    assert places(given[1:] + given[:1]) == ["urls[2]"]
    assert places([given[0], given[2]]) == ["urls[1].name"]


@pytest.mark.parametrize(
    "private",
    [
        "https://user:password@packages.example.com/simple",
        "https://packages.example.com/simple?token=x",
        "https://packages/simple",
        "https://packages.corp/simple",
        "http://10.0.0.1/simple",
        "http://[fd00::1]/simple",
        "file:///srv/index",
    ],
)
def test_private_after_public_is_worth_a_warning(private: str) -> None:
    public = "https://mirror.example.org/simple"
    (warning,) = make([public, private]).warnings
    assert warning.place == "urls[1]"
    assert "`urls[0]`" in warning.message
    assert make([private, public]).warnings == ()
    assert make([private, private]).warnings == ()
    assert make([public, {"url": private, "projects": ["acme-*"]}]).warnings == ()


def test_a_place_in_a_warning_is_the_one_of_the_text() -> None:
    (warning,) = make([URL, URL, "https://packages/simple"]).warnings
    assert warning.place == "urls[2]"


# --- made by hand ------------------------------------------------------------


@pytest.mark.parametrize(
    "construct",
    [
        lambda: HostConfig(urls=()),
        lambda: RateLimit(True, -1),
        lambda: RateLimit(True, 0),
        lambda: Index(Url.parse(URL), ""),
        lambda: Index(Url.parse(URL), absent_status={500}),
        lambda: Index(Url.parse(URL), projects=["a b"]),
        lambda: Index(Url.parse(URL), projects="acme-*"),
        lambda: Index(Url.parse(URL), allowed_hosts=["a/b"]),
        lambda: HostConfig(urls=(Index.of(Url.parse(URL)),), versions_per_dependency=0),
    ],
)
def test_a_value_made_in_python_keeps_the_same_rules(construct: Any) -> None:
    with pytest.raises(ConfigError):
        construct()


def test_values_are_frozen_and_survive_pickling() -> None:
    config = make(dependencies=["flask"])
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        config.id = "x"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(config)) is not None
    assert hash(config) == hash(make(dependencies=["flask"]))


def test_a_configuration_error_survives_pickling() -> None:
    with pytest.raises(ConfigError) as caught:
        make([])
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_variables_come_from_the_environment_of_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYDEPS_HOST_TEST_TOKEN", "t0ken")
    data = {"urls": ["https://${PYDEPS_HOST_TEST_TOKEN}@packages.example.com/simple"]}
    (tmp_path / "host.json").write_text(json.dumps(data))
    for config in (HostConfig.from_mapping(data), HostConfig.loads(json.dumps(data)), HostConfig.load(tmp_path / "host.json")):
        assert config.urls[0].url.reveal() == "https://t0ken@packages.example.com/simple"


# --- files -------------------------------------------------------------------


def failure(path: object) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        HostConfig.load(path)  # type: ignore[arg-type]
    assert caught.value.source == str(path)
    return caught.value


def test_a_file_is_read_with_and_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "host.jsonc"
    for start in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(start + f'{{"urls": ["{URL}"], /* é */}}'.encode())
        assert HostConfig.load(str(path)) == make()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in str(failure(tmp_path / "absent"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in str(failure(tmp_path))


def test_a_path_with_a_null_character_is_no_path() -> None:
    assert "no path" in str(failure("a\x00b"))


def test_a_file_that_is_not_utf_8_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    path.write_bytes(b'{\n "urls": ["https://user:s3cr3t@example.com/\xff"]}')
    error = failure(path)
    assert str(error.problems[0]) == "line 2: the file is not UTF-8; save it as UTF-8"
    assert error.__context__ is None


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    with path.open("wb") as file:
        file.truncate(16 * 1024 * 1024 + 1)
    assert "more than 16777216 bytes" in str(failure(path))


def test_a_problem_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    path.write_text('{"urls": []')
    assert str(failure(path)).startswith(f"{path}: 1 problem\n  line 1, column 12: ")


@pytest.mark.parametrize("name", ["command", "on-demand"])
def test_an_id_that_stands_for_something_else_is_a_problem(name):
    """Whose sync would end the claims of command lines, or of requests on demand."""
    with pytest.raises(ConfigError, match="id: this name stands for"):
        HostConfig.from_mapping({"urls": ["https://index.example.com/simple"], "id": name})
