"""Folders and repositories of lock files: what is found in them, in which order, and what is passed over."""

import os
import shutil
import time
import zlib
from pathlib import Path

import pytest

from pydeps_host.errors import LockfileError
from pydeps_host.git import ObjectId, Tag, encode_tag, object_id
from pydeps_host.lockfiles import LockLimits, read_lockfiles
from repositories import WHO, Made


def names(place: str | Path, **limits: int) -> list[str]:
    reading = read_lockfiles(place, limits=LockLimits(**limits))
    assert reading.errors == ()
    return [lockfile.path.removeprefix(str(place)) for lockfile in reading.lockfiles]


def refused(place: str | Path, **limits: int) -> LockfileError:
    with pytest.raises(LockfileError) as caught:
        read_lockfiles(place, limits=LockLimits(**limits))
    return caught.value


def lay_out(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("flask==3.0\n")


# --- folders -----------------------------------------------------------------


def test_a_folder_gives_every_lock_file_below_it_in_the_order_of_their_paths(tmp_path):
    wanted = [
        "a/requirements-dev.txt",
        "a/requirements.txt",
        "a/requirements_test.txt",
        "b/c/d/dev-requirements.txt",
        "requirements/requirements.txt",
        "requirements.txt",
    ]
    lay_out(tmp_path, *wanted, "a/readme.txt", "a/requirements.in", "notes/uv.lock.bak", "a/my.lock")
    assert names(tmp_path) == [f"/{path}" for path in sorted(wanted, key=lambda path: path.split("/"))]


@pytest.mark.parametrize("name", ["poetry.lock", "Pipfile.lock", "uv.lock", "pdm.lock", "pylock.toml", "pylock.dev.toml"])
def test_every_format_is_looked_for_by_its_name(tmp_path, name):
    lay_out(tmp_path, f"app/{name}", "app/pylock.a.b.toml", f"app/x{name}")
    reading = read_lockfiles(tmp_path)
    assert [error.path for error in reading.errors] == [str(tmp_path / "app" / name)]


def test_what_other_programs_keep_is_passed_over(tmp_path):
    lay_out(tmp_path, *(f"{name}/requirements.txt" for name in (".git", ".tox", ".nox", "node_modules", "site-packages", "venv", ".venv")))
    lay_out(tmp_path, "env/requirements.txt", "env/pyvenv.cfg", "x.git/HEAD", "x.git/objects/requirements.txt", ".github/requirements.txt")
    assert names(tmp_path) == ["/.github/requirements.txt"]


def test_links_are_not_followed_while_looking(tmp_path):
    lay_out(tmp_path, "real/requirements.txt")
    (tmp_path / "linked").symlink_to("real")
    (tmp_path / "real" / "loop").symlink_to("..")
    (tmp_path / "requirements-linked.txt").symlink_to("real/requirements.txt")
    os.mkfifo(tmp_path / "requirements-fifo.txt")
    assert names(tmp_path) == ["/real/requirements.txt"]


def test_a_file_that_cannot_be_read_does_not_hide_the_others(tmp_path):
    lay_out(tmp_path, "a/requirements.txt", "b/uv.lock", "c/requirements.txt")
    reading = read_lockfiles(tmp_path)
    assert [Path(lockfile.path).parent.name for lockfile in reading.lockfiles] == ["a", "c"]
    assert [error.path for error in reading.errors] == [str(tmp_path / "b/uv.lock")]


def test_files_of_a_folder_include_others_of_the_folder(tmp_path):
    lay_out(tmp_path, "base.txt")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "requirements.txt").write_text("-r ../base.txt\n-r ../../base.txt\n")
    (lockfile,) = read_lockfiles(tmp_path).lockfiles
    assert [str(dependency) for dependency in lockfile.dependencies] == ["flask==3.0"]
    assert [one.reason for one in lockfile.left_out] == ["include"]


def test_an_empty_folder_gives_nothing(tmp_path):
    assert read_lockfiles(tmp_path) == type(read_lockfiles(tmp_path))(str(tmp_path), ())


def test_bounds_of_a_folder(tmp_path):
    lay_out(tmp_path, "a/requirements.txt", "b/c/requirements.txt")
    assert refused(tmp_path, files=1).reason == "limit"
    assert refused(tmp_path, visited=3).reason == "limit"
    assert names(tmp_path, depth=1) == ["/a/requirements.txt"]


def test_a_place_that_is_not_there_is_refused(tmp_path):
    assert refused(tmp_path / "gone").reason == "unreadable"
    assert refused(f"{tmp_path}/gone@main").reason == "unreadable"
    assert refused(f"{tmp_path}@main").message == "there is no git repository"


# --- repositories ------------------------------------------------------------


@pytest.fixture
def made(tmp_path):
    return Made(tmp_path / "app.git")


def at(made: Made, revision: str = "main") -> str:
    return f"{made.folder}@{revision}"


FILE = "100644"


def test_a_revision_gives_every_lock_file_in_it(made):
    blob = made.loose("blob", b"flask==3.0\n")
    inner = made.tree({"requirements.txt": (FILE, blob), "x.txt": (FILE, blob)})
    environment = made.tree({"pyvenv.cfg": (FILE, blob), "requirements.txt": (FILE, blob)})
    module = ObjectId(b"m" * 20)
    entries = {"app": ("40000", inner), "env": ("40000", environment), "node_modules": ("40000", inner), "link": ("120000", blob)}
    commit = made.main(
        {**entries, "module": ("160000", module), "requirements.txt": ("100755", blob), "old-requirements.txt": ("100664", blob)}
    )
    found = [":app/requirements.txt", ":old-requirements.txt", ":requirements.txt"]
    assert names(at(made)) == found
    assert names(at(made, commit.hex())) == found
    assert names(made.folder) == [f"@HEAD{path}" for path in found], "a bare repository alone is read at its HEAD"
    assert names(f"{at(made)}:app") == ["/requirements.txt"]
    assert names(f"{at(made)}:app/x.txt") == [""]
    assert refused(f"{at(made)}:../x").message == "the path leads out of the repository"


def test_a_file_of_a_revision_includes_files_of_the_revision(made):
    (made.folder.parent / "base.txt").write_text("outside\n")
    base, top = made.loose("blob", b"flask==3.0\n"), made.loose("blob", b"-r base.txt\n-r ../base.txt\n")
    made.main({"base.txt": (FILE, base), "requirements.txt": (FILE, top)})
    (lockfile,) = read_lockfiles(at(made)).lockfiles
    assert [str(dependency) for dependency in lockfile.dependencies] == ["flask==3.0"]


@pytest.mark.parametrize(
    "revision", ["main", "heads/main", "refs/heads/main", "v1.0", "tags/v1.0", "HEAD", "origin/dev", "origin", "feature/x@y"]
)
def test_a_revision_is_named_as_git_names_it(made, revision):
    commit = made.main({"requirements.txt": (FILE, made.loose("blob", b"flask\n"))})
    tag = made.loose("tag", encode_tag(Tag(object=commit, name="v1.0", tagger=WHO, message=b"m\n")))
    made.set("refs/tags/v1.0", made.loose("tag", encode_tag(Tag(object=tag, kind="tag", name="v1.0", tagger=WHO, message=b"m\n"))))
    made.set("refs/remotes/origin/HEAD", "ref: refs/remotes/origin/dev")
    made.set("packed-refs", f"# pack-refs with: peeled\n{commit.hex()} refs/heads/feature/x@y\n{commit.hex()} refs/remotes/origin/dev")
    assert names(at(made, revision)) == [":requirements.txt"]


def test_a_loose_reference_goes_before_a_packed_one(made):
    commit = made.main({"requirements.txt": (FILE, made.loose("blob", b"flask\n"))})
    made.set("packed-refs", f"{'0' * 40} refs/heads/main\n{commit.hex()} refs/heads/other")
    assert names(at(made)) == names(at(made, "other")) == [":requirements.txt"]


@pytest.mark.parametrize(
    "revision",
    [
        "gone",
        "",
        "config",
        "objects",
        "../app.git/HEAD",
        "main~1",
        "main^{tree}",
        "-main",
        "/main",
        "main/",
        "heads",
        "a b",
        "main.lock",
        "abc123",
        "A" * 300,
        "\0",
        "ma*n",
    ],
)
def test_what_names_no_revision_is_refused(made, revision):
    made.main({})
    made.set("config", "0" * 40)
    assert refused(at(made, revision)).reason == "repository"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"refs/heads/main": "ref: refs/heads/main"}, "leads from one to the next"),
        ({"refs/heads/main": "ref: ../../secret"}, "which is none"),
        ({"refs/heads/main": "ref: HEAD"}, "which is none"),
        ({"refs/heads/main": "f" * 64}, "holds no id of SHA-1"),
        ({"refs/heads/main": "x" * 5000}, "more than 4096 bytes"),
        ({"refs/heads/main": "0" * 40}, "it is not there"),
    ],
)
def test_a_broken_reference_is_refused(made, files, message):
    for name, text in files.items():
        made.set(name, text)
    assert message in refused(at(made)).message


def test_a_reference_that_leads_out_of_the_repository_is_none(made, tmp_path):
    commit = made.main({})
    (tmp_path / "secret").write_text(commit.hex())
    (made.folder / "refs/heads/linked").symlink_to(tmp_path / "secret")
    (made.folder / "refs/heads/folder").symlink_to(tmp_path)
    for name in ("linked", "folder/secret"):
        assert "no revision" in refused(at(made, name)).message
    os.mkfifo(made.folder / "refs/heads/fifo")
    assert "no revision" in refused(at(made, "fifo")).message


def test_a_folder_with_its_repository_is_read_at_a_revision(made, tmp_path):
    made.main({"requirements.txt": (FILE, made.loose("blob", b"flask\n"))})
    shutil.move(made.folder, tmp_path / "work@home" / ".git")
    assert names(tmp_path / "work@home") == [], "the folder itself, in which .git is passed over"
    assert names(f"{tmp_path}/work@home@main") == [":requirements.txt"]


def test_nothing_but_objects_and_references_is_looked_at(made):
    """A configuration that would run a program, include files or change the format has no effect; nor have alternates."""
    commit = made.main({"requirements.txt": (FILE, made.loose("blob", b"flask\n"))})
    made.set("config", "[core]\n\trepositoryformatversion = 99\n\tfsmonitor = touch /tmp/never\n[include]\n\tpath = /dev/zero\n")
    assert names(at(made)) == [":requirements.txt"]
    other = made.folder.with_name("other.git")
    shutil.copytree(made.folder, other)
    shutil.rmtree(made.folder / "objects")
    made.set("objects/info/alternates", str(other / "objects"))
    assert "it is not there" in refused(at(made, commit.hex())).message


# --- hostile objects ----------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "packed", "message"),
    [
        (b"flask\n", b"", "no loose object"),
        (b"flask\n", b"xx", "header"),
        (b"flask\n", zlib.compress(b"blob 6\0flask\n")[:-3], "no loose object"),
        (b"flask\n", zlib.compress(b"blob 7\0flask\n"), "no loose object"),
        (b"flask\n", zlib.compress(b"blub 6\0flask\n"), "no loose object"),
        (b"flask\n", zlib.compress(b"blob 6\0other\n"), "another id"),
        (b"flask\n", zlib.compress(b"blob 99999999\0" + bytes(99_999_999)), "no loose object"),
    ],
)
def test_a_loose_object_that_is_not_what_it_must_be_is_refused(made, data, packed, message):
    id_ = object_id("blob", data)
    made.loose("blob", data, name=id_, packed=packed)
    made.main({"requirements.txt": (FILE, id_)})
    (error,) = read_lockfiles(at(made)).errors
    assert (error.reason, error.path) == ("repository", f"{at(made)}:requirements.txt")
    assert message in error.message


@pytest.mark.parametrize(
    "tree",
    [
        b"x",
        b"100644 a",
        b"100644 a\0" + bytes(19),
        b"100644 a/b\0" + bytes(20),
        b"100644 ..\0" + bytes(20),
        b" a\0" + bytes(20),
        b"100644 \0" + bytes(20),
    ],
)
def test_a_folder_whose_entries_are_none_is_refused(made, tree):
    made.set("refs/heads/main", made.commit(made.loose("tree", tree)))
    assert "is none" in refused(at(made)).message


def test_objects_of_another_kind_than_is_needed_are_refused(made):
    blob = made.loose("blob", b"flask\n")
    folder = made.tree({})
    made.set("refs/heads/blob", blob)
    assert "leads to no folder" in refused(at(made, "blob")).message
    made.set("refs/heads/odd", made.loose("commit", b"parent x\n"))
    assert "leads to no folder" in refused(at(made, "odd")).message
    made.main({"folder": ("40000", blob)})
    assert "a folder is a blob" in refused(at(made)).message
    made.main({"requirements.txt": (FILE, folder)})
    (error,) = read_lockfiles(at(made)).errors
    assert "its object is a tree" in error.message


def test_tags_of_tags_end(made):
    id_ = made.main({})
    for number in range(7):
        id_ = made.loose(
            "tag", encode_tag(Tag(object=id_, kind="tag" if number else "commit", name=f"t{number}", tagger=WHO, message=b"m\n"))
        )
    made.set("refs/tags/deep", id_)
    assert "leads to no folder" in refused(at(made, "deep")).message


def test_a_revision_of_folders_that_unfold_without_end_is_refused(made):
    """Ten folders in one another, each a hundred times in the next: git's own objects are few, what they spell out is not."""
    tree = made.tree({"requirements.txt": (FILE, made.loose("blob", b"flask\n"))})
    for _ in range(10):
        tree = made.tree({f"{number:02}": ("40000", tree) for number in range(100)})
    made.set("refs/heads/main", made.commit(tree))
    assert refused(at(made)).message == "it has more than 10000 lock files"
    assert refused(at(made), visited=1000).message == "more than 1000 files and folders are not looked at"


def test_a_folder_that_stands_in_very_many_places_is_gone_through_once(made):
    tree = made.tree({})
    for _ in range(18):
        tree = made.tree(dict.fromkeys("ab", ("40000", tree)))
    made.set("refs/heads/main", made.commit(tree))
    started = time.process_time()
    assert names(at(made)) == []
    assert time.process_time() - started < 0.5


def test_folders_too_deep_in_one_another_are_not_looked_into(made):
    file = (FILE, made.loose("blob", b"flask\n"))
    made.main({"a": ("40000", made.tree({"b": ("40000", made.tree({"requirements.txt": file})), "requirements.txt": file}))})
    assert names(at(made), depth=1) == [":a/requirements.txt"]
    assert names(at(made), depth=2) == [":a/b/requirements.txt", ":a/requirements.txt"]


def test_lock_files_that_are_many_times_the_same_have_an_end(made):
    file = (FILE, made.loose("blob", b"flask\ndjango\n"))
    made.main({name: ("40000", made.tree({"requirements.txt": file})) for name in "abcdefgh"})
    assert len(names(at(made), all_entries=14, all_bytes=13 * 7)) == 8
    assert refused(at(made), all_entries=13).reason == "limit"
    assert refused(at(made), all_bytes=13 * 7 - 1).reason == "limit"


def test_bounds_of_a_repository(made):
    blob = made.loose("blob", b"flask\n" + b"#" * 10_000)
    made.main({"a": ("40000", made.tree({"requirements.txt": (FILE, blob)})), "requirements.txt": (FILE, blob)})
    assert refused(at(made), files=1).reason == "limit"
    assert refused(at(made), visited=2).reason == "limit"
    (first, second) = read_lockfiles(at(made), limits=LockLimits(file_bytes=100)).errors
    assert {first.reason, second.reason} == {"limit"}
    assert "more than is allowed" in read_lockfiles(at(made), limits=LockLimits(object_bytes=15_000)).errors[0].message
