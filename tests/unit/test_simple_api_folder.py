import hashlib
import json
import os
from pathlib import Path

import pytest
from attrs import evolve
from packaging.utils import canonicalize_name

from pydeps_host.config import Index
from pydeps_host.simple_api import Answer, Ask, SimpleClient, SkippedEntry, fetch_file
from pydeps_host.values import Digest, Limits, Outcome, Url
from scripted import Scripted


def ask(root: Path, name: str = "foo", limits: Limits | None = None, **settings) -> Answer:
    index = evolve(Index.of(Url.parse(root.as_uri())), **settings)
    return SimpleClient(Scripted(), limits=limits).ask(Ask(index, canonicalize_name(name)))


def names(answer: Answer) -> list[str]:
    assert answer.project is not None, answer.tried
    return [file.filename for file in answer.project.files]


def put(path: Path, content: bytes = b"content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("folder", ["foo-bar", "Foo_Bar", "foo.bar", "FOO--BAR"])
def test_a_folder_of_any_spelling_is_the_projects(tmp_path, folder):
    put(tmp_path / folder / "foo-bar-1.0.tar.gz")
    put(tmp_path / "foo" / "foo-9.tar.gz")
    answer = ask(tmp_path, "Foo.Bar")
    assert names(answer) == ["foo-bar-1.0.tar.gz"]
    assert answer.tried.outcome is Outcome.FOUND


def test_two_folders_of_one_project_are_one(tmp_path):
    put(tmp_path / "Foo" / "foo-1.0.tar.gz")
    put(tmp_path / "FOO" / "foo-2.0.tar.gz")
    assert names(ask(tmp_path)) == ["foo-1.0.tar.gz", "foo-2.0.tar.gz"]


def test_files_have_their_sizes_and_no_upload_time(tmp_path):
    put(tmp_path / "foo" / "foo-1.0.tar.gz", b"12345")
    (file,) = ask(tmp_path).project.files  # type: ignore[union-attr]
    assert (file.size, file.upload_time, file.digests) == (5, None, frozenset())
    assert fetch_file(file, tmp_path / "spool", transport=Scripted()).size == 5


def test_a_flat_folder_has_the_files_that_bear_the_projects_name(tmp_path):
    for name in ("foo-1.0.tar.gz", "Foo-2.0.zip", "foo-1.0-py3-none-any.whl", "foo-bar-1.0.tar.gz", "foobar-1.0.tar.gz", "foo.txt", "x"):
        put(tmp_path / name)
    assert names(ask(tmp_path)) == ["Foo-2.0.zip", "foo-1.0-py3-none-any.whl", "foo-1.0.tar.gz"]
    assert names(ask(tmp_path, "foo-bar")) == ["foo-bar-1.0.tar.gz"]
    assert ask(tmp_path, "bar").tried.outcome is Outcome.ABSENT


def test_an_html_or_json_page_in_the_folder_tells_the_files(tmp_path):
    digest = hashlib.sha256(b"content").hexdigest()
    put(tmp_path / "foo" / "foo-1.0.tar.gz")
    put(tmp_path / "files" / "foo-2.0.tar.gz")
    put(tmp_path / "foo" / "unlisted-1.0.tar.gz")
    put(tmp_path / "foo" / "index.html", f'<a href="foo-1.0.tar.gz#sha256={digest}">x</a><a href="../files/foo-2.0.tar.gz">x</a>'.encode())
    answer = ask(tmp_path)
    assert names(answer) == ["foo-1.0.tar.gz", "foo-2.0.tar.gz"]
    assert answer.project is not None
    assert [file.size for file in answer.project.files] == [7, 7]
    assert answer.project.files[0].digests == {Digest("sha256", digest)}
    entry = {"filename": "foo-3.0.tar.gz", "url": "foo-1.0.tar.gz", "upload-time": "2024-01-02T03:04:05Z"}
    put(tmp_path / "foo" / "index.json", json.dumps({"meta": {"api-version": "1.1"}, "files": [entry]}).encode())
    assert names(ask(tmp_path)) == ["foo-3.0.tar.gz"]


def test_a_link_that_leaves_the_folder_is_skipped_and_recorded(tmp_path):
    root = tmp_path / "index"
    put(tmp_path / "outside-1.0.tar.gz")
    put(root / "foo" / "foo-1.0.tar.gz")
    (root / "foo" / "foo-2.0.tar.gz").symlink_to("foo-1.0.tar.gz")
    (root / "foo" / "foo-3.0.tar.gz").symlink_to(tmp_path / "outside-1.0.tar.gz")
    (root / "foo" / "foo-4.0.tar.gz").symlink_to("absent")
    (root / "foo" / "foo-5.0.tar.gz").symlink_to("foo-5.0.tar.gz")
    answer = ask(root)
    assert names(answer) == ["foo-1.0.tar.gz", "foo-2.0.tar.gz"]
    assert answer.project is not None
    assert set(answer.project.skipped) == {
        SkippedEntry("foo-3.0.tar.gz", "outside"),
        SkippedEntry("foo-4.0.tar.gz", "not-a-file"),
        SkippedEntry("foo-5.0.tar.gz", "not-a-file"),
    }
    assert answer.project.files[1].url.filename == "foo-1.0.tar.gz"


def test_a_page_that_links_out_of_the_folder_has_that_skipped_and_recorded(tmp_path):
    root = tmp_path / "index"
    put(tmp_path / "foo-1.0.tar.gz")
    put(root / "foo" / "foo-3.0.tar.gz")
    links = ["../../foo-1.0.tar.gz", "/etc/passwd", "foo-2.0.tar.gz", "foo-3.0.tar.gz"]
    links += ["https://example.com/foo-4.0.tar.gz", "x%00y", "a%00b/foo-5.0.tar.gz"]
    put(root / "foo" / "index.html", "".join(f'<a href="{link}">x</a>' for link in links).encode())
    answer = ask(root)
    assert names(answer) == ["foo-3.0.tar.gz"]
    assert answer.project is not None
    assert [one.reason for one in answer.project.skipped] == ["scheme", "filename", "outside", "outside", "not-a-file", "not-a-file"]


def test_a_pipe_a_folder_and_an_odd_name_are_no_files(tmp_path):
    put(tmp_path / "foo" / "foo-1.0.tar.gz")
    put(tmp_path / "foo" / "sub" / "foo-2.0.tar.gz")
    put(tmp_path / "foo" / "foo-3.0\n.tar.gz")
    put(Path(os.fsdecode(os.fsencode(tmp_path / "foo") + b"/foo-4.0\xff.tar.gz")))
    os.mkfifo(tmp_path / "foo" / "foo-5.0.tar.gz")
    answer = ask(tmp_path)
    assert names(answer) == ["foo-1.0.tar.gz"]
    assert answer.project is not None
    assert sorted(one.reason for one in answer.project.skipped) == ["filename", "filename", "not-a-file"]


def test_a_project_folder_outside_the_index_is_not_read_and_lets_no_other_index_be_asked(tmp_path):
    put(tmp_path / "elsewhere" / "foo-1.0.tar.gz")
    root = tmp_path / "index"
    root.mkdir()
    (root / "foo").symlink_to(tmp_path / "elsewhere")
    tried = ask(root).tried
    assert (tried.outcome, tried.detail) == (Outcome.MALFORMED, "the project's folder lies outside the index's folder")


def test_an_index_page_outside_the_index_is_not_read(tmp_path):
    put(tmp_path / "index.html", b'<a href="foo-1.0.tar.gz">x</a>')
    put(tmp_path / "index" / "foo" / "foo-2.0.tar.gz")
    (tmp_path / "index" / "foo" / "index.html").symlink_to(tmp_path / "index.html")
    answer = ask(tmp_path / "index")
    assert "foo-2.0.tar.gz" in names(answer)
    assert "foo-1.0.tar.gz" not in names(answer)


def test_the_index_itself_may_be_reached_by_a_link(tmp_path):
    put(tmp_path / "real" / "foo" / "foo-1.0.tar.gz")
    (tmp_path / "link").symlink_to("real")
    assert names(ask(tmp_path / "link")) == ["foo-1.0.tar.gz"]


def test_a_folder_that_is_not_there_may_be_an_unmounted_share_and_lets_no_other_index_be_asked(tmp_path):
    put(tmp_path / "file")
    assert ask(tmp_path / "absent").tried.outcome is Outcome.UNAVAILABLE
    assert ask(tmp_path / "file").tried.outcome is Outcome.UNAVAILABLE
    assert (
        SimpleClient(Scripted()).ask(Ask(Index.of(Url.parse("file:///a%00b")), canonicalize_name("foo"))).tried.outcome
        is Outcome.UNAVAILABLE
    )


def test_a_project_that_is_not_there_is_absent(tmp_path):
    assert ask(tmp_path).tried.outcome is Outcome.ABSENT


def test_an_empty_project_folder_is_an_empty_project(tmp_path):
    (tmp_path / "foo").mkdir()
    assert ask(tmp_path).tried.outcome is Outcome.EMPTY
    assert ask(tmp_path, empty_is_absent=True).tried.outcome is Outcome.ABSENT


def test_a_page_that_is_none_is_told(tmp_path):
    put(tmp_path / "foo" / "index.html", b"<form><input type=password>")
    assert ask(tmp_path).tried.outcome is Outcome.NOT_AN_INDEX


def test_limits_hold_for_folders(tmp_path):
    for number in range(3):
        put(tmp_path / "foo" / f"foo-{number}.tar.gz")
    answer = ask(tmp_path, limits=Limits(page_files=2))
    assert answer.tried.outcome is Outcome.MALFORMED
    assert "page_files" in answer.tried.detail
    put(tmp_path / "foo" / "index.html", b"<a>" * 100)
    # No more of it is read than the limit, so how large it is stays unknown.
    assert "has more, `limits.page_bytes`" in ask(tmp_path, limits=Limits(page_bytes=100)).tried.detail
