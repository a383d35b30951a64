"""What embedders test with: a fake index, distributions, events."""

import io
import subprocess
import sys
import tarfile
import time
import zipfile
from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest
from attrs import evolve

import pydeps_host.testing
from pydeps_host import Project, Request, Url, parse_project
from pydeps_host.config import Redirects
from pydeps_host.errors import DeadlineError, RedirectError, TooLargeError, UnavailableError, UsageError
from pydeps_host.events import Notice, ProjectStarted
from pydeps_host.testing import Answer, FakeIndex, FakeNetwork, Item, Listed, Recorder, Redirect, build_sdist, build_wheel
from pydeps_host.transport import Response

ALPHA = build_sdist("alpha", "1.0", {"alpha.py": "print('hello')\n"})
UPLOADED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


class Sink:
    def __init__(self) -> None:
        self.data = b"left over"

    def restart(self) -> None:
        self.data = b""

    def write(self, data: bytes, /) -> None:
        self.data += data


def get(index: FakeIndex | FakeNetwork, path: str, *, at: str = "https://index.example.com", **more: object) -> Response:
    return index.send(Request(Url.parse(f"{at}{path}"), **{"max_bytes": 10_000, "max_bytes_name": "page_bytes", **more}))  # type: ignore[arg-type]


def page(index: FakeIndex, name: str = "alpha") -> Project:
    response = get(index, index.page_path(name))
    assert response.status == 200
    return parse_project(response.body, content_type=response.headers["content-type"], url=response.url, name=name)


# --- distributions -----------------------------------------------------------


@pytest.mark.parametrize("suffix", [".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar"])
def test_a_source_distribution_is_what_tarfile_reads_with_one_top_folder(suffix):
    files: dict[str, Item | bytes | str] = {
        "run": Item(b"#!/bin/sh\n", executable=True),
        "near": Item(link="run"),
        "twin": Item(hard_link="alpha-1.0/run"),
        "café": "é",
        "PKG-INFO": "mine",
    }
    built = build_sdist("alpha", "1.0", files, suffix=suffix, mtime=1_234_567_890)
    assert built.filename == f"alpha-1.0{suffix}"
    with tarfile.open(fileobj=io.BytesIO(built.data)) as archive:
        assert archive.getnames() == [f"alpha-1.0{path}" for path in ("", "/PKG-INFO", "/run", "/near", "/twin", "/café")]
        assert {member.mtime for member in archive} == {1_234_567_890}
        assert archive.getmember("alpha-1.0/run").mode == 0o755
        assert archive.getmember("alpha-1.0/near").issym()
        assert archive.getmember("alpha-1.0/twin").islnk()
        contents = {path: archive.extractfile(f"alpha-1.0/{path}") for path in ("PKG-INFO", "twin", "café")}
        assert {path: file and file.read() for path, file in contents.items()} == {
            "PKG-INFO": b"mine", "twin": b"#!/bin/sh\n", "café": "é".encode(),
        }  # fmt: skip


def test_a_zip_keeps_executable_bits_and_links_and_has_no_hard_links():
    built = build_sdist("alpha", "1.0", {"run": Item(b"x", executable=True), "near": Item(link="run")}, suffix=".zip")
    with zipfile.ZipFile(io.BytesIO(built.data)) as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
        assert modes == {"alpha-1.0/PKG-INFO": 0o100644, "alpha-1.0/run": 0o100755, "alpha-1.0/near": 0o120777}
        assert archive.read("alpha-1.0/near") == b"run"
    with pytest.raises(UsageError, match="hard link"):
        build_wheel("alpha", "1.0", {"twin": Item(hard_link="run")})
    with pytest.raises(UsageError, match=r"use one of \.tar\.gz"):
        build_sdist("alpha", "1.0", {}, suffix=".rar")


def test_a_wheel_records_each_of_its_files():
    built = build_wheel("dotted-name", "1.0", {"x.py": "x\n"}, tag="cp311-cp311-linux_x86_64")
    assert built.filename == "dotted_name-1.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(io.BytesIO(built.data)) as archive:
        record = archive.read("dotted_name-1.0.dist-info/RECORD").decode().splitlines()
        assert [line.split(",")[0] for line in record] == archive.namelist()
        assert record[0] == "x.py,sha256=c8s4WKaHqElMozIwUwFigvPa051Cz2LKTnndoqrH2aw,2"


def test_the_same_call_gives_the_same_bytes_at_another_time_and_in_another_time_zone(tmp_path):
    program = (
        "import time; from pydeps_host.testing import build_sdist, build_wheel; time.tzset()\n"
        "suffixes = ('.tar.gz', '.tar.bz2', '.tar.xz', '.tar', '.zip')\n"
        "print([build_sdist('a', '1', {'x': 'x' * 999}, suffix=suffix).sha256 for suffix in suffixes])\n"
        "print(build_wheel('a', '1', {'x': 'x'}).sha256)\n"
    )
    told = set()
    for zone in ("UTC", "Asia/Kathmandu"):
        told.add(subprocess.run([sys.executable, "-c", program], env={"TZ": zone}, capture_output=True, check=True).stdout)
        time.sleep(1.0)
    assert len(told) == 1


def test_a_distribution_written_into_a_folder_is_there(tmp_path):
    path = ALPHA.into(tmp_path / "deep" / "er")
    assert (path.name, path.read_bytes()) == (ALPHA.filename, ALPHA.data)
    assert (ALPHA.size, "data" in repr(ALPHA)) == (len(ALPHA.data), False)


# --- the index ---------------------------------------------------------------


@pytest.mark.parametrize("json", [True, False])
def test_a_page_says_what_was_listed(json):
    index = FakeIndex(json=json)
    index.add(ALPHA, listed=Listed(yanked="broken & <bad>", uploaded=UPLOADED, requires_python=">=3.8"))
    index.add(build_wheel("alpha", "1!2.0+local.1", {}), listed=Listed(digests=(), size=False, yanked=True))
    first, second = page(index).files
    assert (first.filename, first.yanked, first.yanked_reason, first.requires_python) == (ALPHA.filename, True, "broken & <bad>", ">=3.8")
    assert [str(digest) for digest in first.digests] == [f"sha256:{ALPHA.sha256}"]
    assert (first.size, first.upload_time) == ((ALPHA.size, UPLOADED) if json else (None, None))
    assert (second.digests, second.size, second.yanked, second.yanked_reason) == (frozenset(), None, True, None)
    for file in (first, second):
        assert get(index, file.url.path, into=Sink()).status == 200
    assert index.files == (first.filename, second.filename)
    assert index.pages == ("alpha",)


def test_a_time_without_a_zone_is_utc():
    index = FakeIndex()
    index.add(ALPHA, listed=Listed(uploaded=UPLOADED.replace(tzinfo=None)))
    assert page(index).files[0].upload_time == UPLOADED


def test_what_is_not_there_is_a_404_and_what_was_removed_is_no_longer_there():
    index = FakeIndex()
    index.add(ALPHA)
    index.add_project("beta", status="quarantined")
    assert page(index, "Beta").status == "quarantined"
    assert page(index, "beta").files == ()
    index.remove(ALPHA.filename)
    index.remove("never-there")
    assert page(index).files == ()
    assert get(index, index.file_path(ALPHA.filename)).status == 404
    index.remove_project("alpha")
    index.remove_project("alpha")
    assert get(index, index.page_path("alpha")).status == 404


def test_a_file_of_a_known_name_takes_the_other_one_s_place():
    index = FakeIndex()
    index.add(ALPHA)
    index.add(evolve(ALPHA, data=b"other"))
    (file,) = page(index).files
    assert file.size == 5
    assert get(index, file.url.path).body == b"other"


def test_who_has_the_page_already_is_told_that_it_did_not_change():
    index = FakeIndex()
    index.add(ALPHA)
    etag = get(index, index.page_path("alpha")).headers["etag"]
    again = get(index, index.page_path("alpha"), headers=(("if-none-match", etag),))
    assert (again.status, again.body) == (304, b"")
    index.add(build_wheel("alpha", "1.0", {}))
    assert get(index, index.page_path("alpha"), headers=(("If-None-Match", etag),)).status == 200


def test_a_private_index_wants_its_own_credentials():
    index = FakeIndex("https://user:p%40ss@index.example.com/simple")
    index.add(ALPHA)
    assert get(index, index.page_path("alpha")).status == 401
    assert get(index, index.page_path("alpha"), at="https://user:wrong@index.example.com").status == 401
    assert get(index, index.page_path("alpha"), at="https://user:p%40ss@index.example.com").status == 200


def test_a_sink_takes_the_body_of_a_200_and_of_nothing_else():
    index = FakeIndex()
    index.add(ALPHA)
    path, sink = index.file_path(ALPHA.filename), Sink()
    index.script(path, 404)
    assert get(index, path, into=sink).status == 404
    assert sink.data == b"left over"
    assert get(index, path, into=sink).body == b""
    assert sink.data == ALPHA.data


def test_more_than_the_request_takes_is_too_large():
    index = FakeIndex()
    index.add(ALPHA)
    with pytest.raises(TooLargeError):
        get(index, index.file_path(ALPHA.filename), max_bytes=ALPHA.size - 1)


# --- scripts -----------------------------------------------------------------


def test_each_step_of_a_script_is_taken_once_and_then_the_truth_is_told():
    index = FakeIndex()
    index.add(ALPHA)
    path = index.page_path("alpha")
    seen: list[Request] = []
    index.script(path, 403, b"wrong", UnavailableError("u", "reset", None, 4))
    index.script(path, seen.append, Answer(418, b"tea", (("Content-Type", "text/plain"),)))
    assert get(index, path).status == 403
    assert get(index, path).body == b"wrong"
    with pytest.raises(UnavailableError):
        get(index, path)
    assert get(index, path).status == 200
    assert [request.url.path for request in seen] == [path]
    teapot = get(index, path)
    assert (teapot.status, teapot.body, teapot.headers["content-type"]) == (418, b"tea", "text/plain")
    assert get(index, path).status == 200
    assert len(index.requests) == 6


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_status_that_servers_recover_from_is_asked_again_without_delay_four_times_in_all(status):
    index = FakeIndex()
    index.add(ALPHA)
    path = index.page_path("alpha")
    index.script(path, status, status)
    recovered = get(index, path)
    assert (recovered.status, recovered.attempts, len(index.requests)) == (200, 3, 3)
    index.script_always(path, status)
    failed = get(index, path)
    assert (failed.status, failed.attempts, len(index.requests)) == (status, 4, 7)
    index.script_always(path, None)
    index.script_always(path, None)
    assert get(index, path).attempts == 1


def test_redirects_are_followed_by_the_rules_of_the_real_transport():
    one, two = FakeIndex("https://one.example.com/simple"), FakeIndex("https://two.example.com/simple", json=False)
    one.add(ALPHA)
    two.add(ALPHA)
    network = FakeNetwork(one, two)
    path = one.page_path("alpha")
    one.script("/old/", Redirect("/simple/alpha/", 308))
    assert get(network, "/old/", at="https://one.example.com").url.path == path
    one.script_always(path, Redirect("https://two.example.com/simple/alpha/"))
    moved = get(network, path, at="https://user:canary@one.example.com")
    assert (moved.status, str(moved.url)) == (200, "https://two.example.com/simple/alpha/")
    assert two.requests[-1].url.credentials is None
    with pytest.raises(RedirectError):
        get(network, path, at="https://one.example.com", redirects=Redirects.REFUSE)
    one.script_always(path, Redirect(path))
    with pytest.raises(RedirectError, match="loop"):
        get(one, path, at="https://one.example.com")


def test_nothing_else_can_be_reached_and_a_deadline_is_kept():
    index = FakeIndex()
    with pytest.raises(UnavailableError, match="no such host"):
        get(index, "/simple/alpha/", at="https://elsewhere.example.com")
    with pytest.raises(DeadlineError):
        get(index, "/simple/alpha/", deadline=time.monotonic())
    assert index.requests == ()


# --- the recorder, and the room ----------------------------------------------


def test_a_recorder_keeps_every_event_of_every_thread_and_finds_those_of_a_kind():
    recorder, begin = Recorder(), Barrier(8)

    def tell(number: int) -> None:
        begin.wait()
        for _ in range(100):
            recorder(Notice(str(number), "code", "message"))

    threads = [Thread(target=tell, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder(ProjectStarted("alpha"))
    assert len(recorder.events) == 801
    assert recorder.of(ProjectStarted) == (ProjectStarted("alpha"),)
    assert len(recorder.of(Notice)) == 800
    recorder.clear()
    assert recorder.events == ()


def test_the_room_needs_no_test_framework_and_its_names_are_sorted_and_explained():
    program = "import sys, pydeps_host.testing; sys.exit(any(name in sys.modules for name in ('pytest', 'httpx', 'unittest')))"
    subprocess.run([sys.executable, "-c", program], check=True)
    names = pydeps_host.testing.__all__
    assert names == sorted(names)
    assert all(getattr(pydeps_host.testing, name).__doc__ for name in names if name != "Step")
