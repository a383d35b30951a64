"""Every example of docs/configuration.md."""

import re
from pathlib import Path

import pytest

from pydeps_host.config import HostConfig
from pydeps_host.errors import ConfigError

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
ENVIRON = {
    "INDEX_PASSWORD": "s3cr3t",
    "TOKEN": "s3cr3t",
    "INDEX_URL": "https://user:s3cr3t@packages.example.com/s3cr3t/simple",
}
WRONG = """{
  "urls": ["https://user:${INDEX_PASSWORD}@packages.example.com/simple",
           {"url": "https://mirror.example.org/simple", "absentStatus": ["403"]}],
  "dependecies": [],
  "dependencies": ["flask", "numpy=1.0"],
  "rateLimit": {"enabled": "no"}
}"""
NO_COMMA = '{\n  // where to ask\n  "urls": ["https://packages.example.com/simple"]\n  "dependencies": []\n}'


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("jsonc"))
def test_a_configuration_in_the_documentation_has_no_problem_and_no_warning(text: str) -> None:
    assert HostConfig.loads(text, environ=ENVIRON).warnings == ()


def test_the_programs_in_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INDEX_PASSWORD", "s3cr3t")
    Path("host.jsonc").write_text(blocks("jsonc")[0])
    names: dict[str, object] = {}
    for program in blocks("python"):
        exec(program, names)
    assert capsys.readouterr().out.startswith("urls | the list is empty")


@pytest.mark.parametrize(("text", "shown"), [*zip([WRONG, NO_COMMA], blocks("text"), strict=True)])
def test_problems_look_as_the_documentation_shows_them(text: str, shown: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HostConfig.loads(text, source="host.jsonc", environ={})
    assert f"{caught.value}\n" == shown


@pytest.mark.parametrize(("written", "shown"), re.findall(r"^\| `(\S*[$:]\S*)` \| `(http\S+)` \|$", PAGE, re.MULTILINE))
def test_a_url_is_shown_as_the_documentation_says(written: str, shown: str) -> None:
    made = HostConfig.from_mapping({"urls": [written]}, environ=ENVIRON).urls[0].url
    assert str(made) == shown
    assert "s3cr3t" in made.reveal() or "written" in made.reveal()


def test_the_documentation_has_the_examples_that_are_tested() -> None:
    assert (len(blocks("jsonc")), len(blocks("python")), len(blocks("text"))) == (5, 2, 2)
    assert len(re.findall(r"^\| `(\S*[$:]\S*)` \| `(http\S+)` \|$", PAGE, re.MULTILINE)) == 6
