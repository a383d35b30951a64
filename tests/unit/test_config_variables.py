"""Secrets from the environment in URLs of a configuration."""

import json
import pickle
import traceback
from pathlib import Path

import pytest

from pydeps_host.config import HostConfig
from pydeps_host.config.variables import Variables
from pydeps_host.errors import ConfigError
from pydeps_host.values import Url

AWKWARD = "p@s/s:w?o#r%41d ${X}é"


def url(text: str, **environ: str) -> Url:
    return HostConfig.from_mapping({"urls": [text]}, environ=environ).urls[0].url


def problem(text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        HostConfig.from_mapping({"urls": [text]}, environ=environ)
    (only,) = caught.value.problems
    assert only.place == "urls[0]"
    assert only.remedy or "is no URL of an index" in only.message
    return str(only)


def test_a_password_is_put_in_literally() -> None:
    made = url("https://user:${PASSWORD}@packages.example.com/simple", PASSWORD=AWKWARD)
    assert made.host == "packages.example.com"
    assert made.credentials is not None
    assert made.credentials.password is not None
    assert made.credentials.password.reveal() == AWKWARD
    on_the_wire = Url.parse(made.reveal()).credentials
    assert on_the_wire is not None
    assert on_the_wire.password is not None
    assert on_the_wire.password.reveal() == AWKWARD
    assert str(made) == "https://user:${PASSWORD}@packages.example.com/simple"


def test_user_information_that_is_written_is_percent_decoded() -> None:
    made = url("https://us%40er:pass%2Fword@packages.example.com/simple")
    assert made.credentials is not None
    assert made.credentials.username.reveal() == "us@er"
    assert made.credentials.password is not None
    assert made.credentials.password.reveal() == "pass/word"


@pytest.mark.parametrize(
    ("text", "username", "password", "shown"),
    [
        ("https://${A}@h.example.com/", AWKWARD, None, "https://${A}@h.example.com/"),
        ("https://${A}:${B}@h.example.com/", AWKWARD, "b", "https://${A}:${B}@h.example.com/"),
        ("https://${A}:${A}@h.example.com/", AWKWARD, AWKWARD, "https://${A}:${A}@h.example.com/"),
        ("https://:${B}@h.example.com/", "", "b", "https://:${B}@h.example.com/"),
        ("https://u-${B}:x%40${B}y@h.example.com/", "u-b", "x@by", "https://u-${B}:****${B}****@h.example.com/"),
        ("https://token-${B}@h.example.com/", "token-b", None, "https://****${B}@h.example.com/"),
    ],
)
def test_a_variable_is_a_part_of_user_name_or_password(text: str, username: str, password: str | None, shown: str) -> None:
    made = url(text, A=AWKWARD, B="b")
    assert made.credentials is not None
    assert made.credentials.username.reveal() == username
    assert (made.credentials.password and made.credentials.password.reveal()) == password
    assert str(made) == shown


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        ("t0ken", "t0ken"),
        ("team/private", "team/private"),
        ("a%41?#b", "a%2541%3F%23b"),
        ("é ${X}", "%C3%A9%20%24%7BX%7D"),
        ("x@y!z", "x%40y%21z"),
    ],
)
def test_in_a_path_a_variable_is_encoded_for_the_wire_and_hidden(value: str, wire: str) -> None:
    made = url("https://packages.example.com/${TOKEN}-a/simple", TOKEN=value)
    assert made.reveal() == f"https://packages.example.com/{wire}-a/simple"
    assert str(made) == "https://packages.example.com/${TOKEN}-a/simple"
    assert str(made.child("numpy")) == "https://packages.example.com/${TOKEN}-a/simple/numpy/"


def test_a_part_of_a_value_that_a_relative_link_leaves_is_hidden_too() -> None:
    made = url("https://packages.example.com/${TOKEN}/simple", TOKEN="s3cr3t/other")
    assert made.join("/s3cr3t/files/a.whl").reveal() == "https://packages.example.com/s3cr3t/files/a.whl"
    assert str(made.join("/s3cr3t/files/a.whl")) == "https://packages.example.com/${TOKEN}/files/a.whl"


def test_in_a_query_a_variable_is_encoded_and_hidden() -> None:
    made = url("https://packages.example.com/simple?token=${TOKEN}&a=b", TOKEN="a&b=/c")
    assert made.reveal() == "https://packages.example.com/simple?token=a%26b%3D%2Fc&a=b"
    assert "a%26b" not in str(made)


def test_in_the_path_of_a_folder_index_a_variable_may_stand() -> None:
    assert url("file:///${FOLDER}/index", FOLDER="srv/a b").reveal() == "file:///srv/a%20b/index"


@pytest.mark.parametrize(
    "text",
    [
        "${A}://packages.example.com/simple",
        "http${A}://packages.example.com/simple",
        "https://${A}/simple",
        "https://${A}.example.com/simple",
        "https://packages.example.com:${A}/simple",
        "https://user:${A}@${A}/simple",
        "https://user@${A}:8080/simple",
        "https://${A}",
        "https://${A}?x",
        "https://u:${A}@packages.example.com:80${A}/",
        "${A}/simple",
        "${A}${A}",
        "file://${A}",
    ],
)
@pytest.mark.parametrize("value", ["https", "443", "h.example.com", "https://h.example.com", "x@evil.example.com/", "s3cr3t"])
def test_a_variable_is_not_scheme_host_or_port(text: str, value: str) -> None:
    said = problem(text, A=value)
    assert "a variable may not be the scheme, the host or the port" in said
    assert "let one variable be the whole URL" in said


@pytest.mark.parametrize(
    "value", ["x@evil.example.com/", "evil.example.com/", "evil.example.com?", "@evil.example.com#", "\\@evil.example.com"]
)
def test_no_value_chooses_another_host(value: str) -> None:
    for text in ("https://u:${A}@good.example.com/simple", "https://${A}@good.example.com/simple", "https://good.example.com/${A}"):
        assert url(text, A=value).host == "good.example.com"
        assert Url.parse(url(text, A=value).reveal()).host == "good.example.com"


def test_a_variable_may_be_the_whole_entry_and_is_parsed() -> None:
    made = url("${INDEX_URL}", INDEX_URL="https://us%40er:p%2Fw@packages.example.com:8443/t0ken/x/simple?key=k3y")
    assert made.reveal() == "https://us%40er:p%2Fw@packages.example.com:8443/t0ken/x/simple?key=k3y"
    assert str(made) == "https://${INDEX_URL}:${INDEX_URL}@packages.example.com:8443/${INDEX_URL}/${INDEX_URL}/simple?…"
    assert "t0ken" not in str(made.join("../files/t0ken/a.whl"))


def test_a_whole_entry_in_an_object_is_parsed_too() -> None:
    config = HostConfig.from_mapping({"urls": [{"url": "${A}"}]}, environ={"A": "https://h.example.com/simple"})
    assert config.urls[0].url == Url.parse("https://h.example.com/simple")
    assert config.urls[0].name == "h.example.com/simple"


def test_a_value_is_not_searched_for_variables() -> None:
    made = url("https://u:${A}@h.example.com/", A="${B}", B="b")
    assert made.credentials is not None
    assert made.credentials.password is not None
    assert made.credentials.password.reveal() == "${B}"
    assert "no URL of an index" in problem("${A}", A="${B}", B="https://h.example.com")


def test_an_index_gets_no_secret_into_its_name() -> None:
    config = HostConfig.from_mapping({"urls": ["https://u:${A}@h.example.com:8443/${A}/simple/?k=${A}"]}, environ={"A": "s3cr3t"})
    assert config.urls[0].name == "h.example.com:8443/${A}/simple"


def test_an_unset_variable_is_a_problem() -> None:
    assert "`${A}` is not set" in problem("https://u:${A}@h.example.com/")


def test_an_empty_variable_is_a_problem() -> None:
    assert "`${A}` is empty" in problem("https://u:${A}@h.example.com/", A="")


def test_every_unset_variable_of_a_url_is_reported_once() -> None:
    with pytest.raises(ConfigError) as caught:
        HostConfig.from_mapping({"urls": ["https://${A}:${B}@h.example.com/${A}"]}, environ={})
    assert [one.message for one in caught.value.problems] == [
        "the environment variable `${A}` is not set",
        "the environment variable `${B}` is not set",
    ]


def test_a_value_that_is_not_utf_8_is_a_problem() -> None:
    assert "not UTF-8" in problem("https://u:${A}@h.example.com/", A="s3cr3t\udcff")


@pytest.mark.parametrize("text", ["https://u:${A@h.example.com/", "https://u:${}@h.example.com/", "https://u:${1A}@h.example.com/${A}"])
def test_a_variable_without_a_name_is_a_problem(text: str) -> None:
    assert "`${` begins a variable" in problem(text, A="a")


def test_a_dollar_sign_alone_means_itself() -> None:
    assert url("https://u:pa$$@h.example.com/$A").reveal() == "https://u:pa%24%24@h.example.com/$A"


@pytest.mark.parametrize(
    "text", ["https://u:s3#cr3t@h.example.com/simple", "https://us#s3cr3t@h.example.com/simple", "https://h.example.com/simple#x"]
)
def test_a_fragment_is_a_problem_for_it_may_be_half_a_password(text: str) -> None:
    assert "s3cr3t" not in problem(text)


def test_a_name_that_looks_like_a_mark_is_no_variable() -> None:
    made = url("https://variable0z:${A}@h.example.com/Variable0z/%76ariablex0z", A="a")
    assert made.reveal() == "https://variable0z:a@h.example.com/Variable0z/%76ariablex0z"


SECRET = "c4n4ry"


@pytest.mark.parametrize(
    "entry",
    [
        f"https://u:{SECRET}@h:x/",
        f"https://u:{SECRET}/@h.example.com/",
        f"https://u:{SECRET} @h.example.com/",
        f"https://u:{SECRET}[@h.example.com/",
        f"gopher://u:{SECRET}@h.example.com/",
        f"https://u:{SECRET}@/",
        f"https://u:{SECRET}@h.example.com/${{",
        f"https://u:{SECRET}@${{A}}/",
        "${A}",
        "https://${A}/",
        "x${A}",
        "https://u:${A}@h.example.com:port/",
        {"url": f"https://u:{SECRET}@h:x/"},
        {"url": [f"https://u:{SECRET}@h.example.com/"]},
        {f"https://u:{SECRET}@h.example.com/": 1},
        {f"https://u:{SECRET}{'x' * 300}@h.example.com/": 1},
        {"url": "https://h.example.com", "allowedHosts": [f"https://u:{SECRET}@h.example.com/"]},
        [f"https://u:{SECRET}@h.example.com/"],
    ],
)
def test_no_secret_is_in_an_error_nor_in_its_traceback(entry: object) -> None:
    environ = {"A": f"gopher://u:{SECRET}@h.example.com/{SECRET}"}
    with pytest.raises(ConfigError) as caught:
        HostConfig.from_mapping({"urls": [entry], "dependencies": [f"x @ https://u:{SECRET}@h.example.com/x"]}, environ=environ)
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    for text in (str(error), repr(error), repr(error.args), *traceback.format_exception(error), repr(pickle.loads(pickle.dumps(error)))):
        # The lines of this file's own source are part of a traceback; the secret itself is in none of them.
        assert SECRET not in text


@pytest.mark.parametrize("environ", [None, Variables({"A": SECRET})])
def test_no_frame_of_a_problem_shows_the_environment(environ: Variables | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"urls": ["https://u:${A}@h.example.com/simple"], "dependencies": ["numpy=1"]}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(data))
    monkeypatch.setenv("A", SECRET)
    for read in (
        lambda: HostConfig.from_mapping(data, environ=environ),
        lambda: HostConfig.loads(path.read_text(), environ=environ),
        lambda: HostConfig.loads("{", environ=environ),
        lambda: HostConfig.load(path, environ=environ),
        lambda: HostConfig.load(tmp_path / "none", environ=environ),
    ):
        with pytest.raises(ConfigError) as caught:
            read()
        assert SECRET not in "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())


def test_of_a_mapping_that_is_given_no_frame_of_ours_shows_the_values() -> None:
    with pytest.raises(ConfigError) as caught:
        HostConfig.from_mapping({"urls": []}, environ={"A": SECRET})
    assert caught.value.__traceback__ is not None
    ours = traceback.walk_tb(caught.value.__traceback__.tb_next)
    assert SECRET not in "".join(traceback.StackSummary.extract(ours, capture_locals=True).format())


def test_variables_are_a_mapping_that_shows_none_of_its_values() -> None:
    variables = Variables({"A": SECRET})
    assert (dict(variables), len(variables)) == ({"A": SECRET}, 1)
    assert SECRET not in f"{variables} {variables!r}"


@pytest.mark.parametrize(
    "text",
    [
        "https://u:${A}@h.example.com/${A}/simple?x=${A}",
        "https://${A}@h.example.com/",
        "${WHOLE}",
        f"https://u:{SECRET}@h.example.com/",
        f"https://{SECRET}@h.example.com/",
    ],
)
def test_no_secret_is_shown_by_a_configuration(text: str) -> None:
    environ = {"A": SECRET, "WHOLE": f"https://{SECRET}:{SECRET}@h.example.com/{SECRET}/simple?x={SECRET}"}
    config = HostConfig.from_mapping({"urls": ["https://mirror.example.org/", text, text]}, environ=environ)
    assert SECRET in config.urls[1].url.reveal()
    for shown in (str(config), repr(config), repr(config.urls), repr(config.warnings), config.urls[1].name, str(config.urls[1].url)):
        assert SECRET not in shown
    assert SECRET.encode() not in pickle.dumps(config)
