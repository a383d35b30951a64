"""Which names are taken, skipped and flagged."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeps_host.archive import FlagReason, Kind, SkipReason
from pydeps_host.archive.budget import Budget
from pydeps_host.archive.gitfiles import gitattributes_is_safe, gitmodules_is_safe
from pydeps_host.archive.policy import Gate, content_reason
from pydeps_host.values import Limits
from raw_archives import END, Part, contents, entry, header, pax, reader, record, skips, zipped

REASONS = [
    (b"/etc/passwd", SkipReason.ABSOLUTE),
    (b"//etc/passwd", SkipReason.ABSOLUTE),
    (b"C:/x", SkipReason.ABSOLUTE),
    (b"c:x", SkipReason.ABSOLUTE),
    (b"..", SkipReason.DOT_DOT),
    (b"../x", SkipReason.DOT_DOT),
    (b"a/../x", SkipReason.DOT_DOT),
    (b"a/..", SkipReason.DOT_DOT),
    (b"a\\b", SkipReason.BACKSLASH),
    (b"\\\\host\\x", SkipReason.BACKSLASH),
    (b"..\\x", SkipReason.BACKSLASH),
    (b"a\nb", SkipReason.CONTROL),
    (b"a\x7f", SkipReason.CONTROL),
    ("a\x85".encode(), SkipReason.CONTROL),
    (b"\xff", SkipReason.NOT_UTF8),
    (b"a/\xc0\xaf", SkipReason.NOT_UTF8),
    ("\ud800".encode("utf-8", "surrogatepass"), SkipReason.NOT_UTF8),
    (b".git", SkipReason.DOT_GIT),
    (b".git/config", SkipReason.DOT_GIT),
    (b"a/.GiT/hooks/x", SkipReason.DOT_GIT),
    (b"GIT~1/x", SkipReason.DOT_GIT),
    (b".git./x", SkipReason.DOT_GIT),
    (b".git /x", SkipReason.DOT_GIT),
    (b".git . ./x", SkipReason.DOT_GIT),
    (b"git~1 ./x", SkipReason.DOT_GIT),
    (b".git::$INDEX_ALLOCATION/x", SkipReason.DOT_GIT),
    (b".git:stream", SkipReason.DOT_GIT),
    (b".git ::$INDEX_ALLOCATION", SkipReason.DOT_GIT),
    (".g\u200cit/x".encode(), SkipReason.DOT_GIT),
    ("\ufeff.git".encode(), SkipReason.DOT_GIT),
    (".GI\u206aT\u200f".encode(), SkipReason.DOT_GIT),
    ("\u202e.git".encode(), SkipReason.DOT_GIT),
    (b".lfsconfig", SkipReason.LFSCONFIG),
    (b"a/.LFSConfig", SkipReason.LFSCONFIG),
    (b".gitmodules/x", SkipReason.GITMODULES),
    (b"GITMOD~1/x", SkipReason.GITMODULES),
    (b"gi7eba~9/x", SkipReason.GITMODULES),
    (b".gitattributes/x", SkipReason.GITATTRIBUTES),
]
KEPT = [
    b".github/x",
    b".gitignore",
    b".gitkeep",
    b"git",
    b"a.git",
    b".gitx",
    b".git1",
    b"git~2x",
    b"a..b",
    b"...",
    b"a/...b",
    b"xx:y",
    b"~",
    b" a",
]


@pytest.mark.parametrize(("name", "reason"), REASONS, ids=repr)
def test_an_unsafe_name_is_skipped_in_either_format_and_the_rest_is_taken(name, reason):
    assert skips(entry(name, b"x") + entry(b"good") + END) == [(name, reason)]
    assert list(contents(entry(name, b"x") + entry(b"good") + END)) == [b"good"]
    if reason is not SkipReason.NOT_UTF8:
        assert skips(zipped(Part(name, b"x", flags=1 << 11), Part(b"good")), "a.zip") == [(name, reason)]


@pytest.mark.parametrize(("name", "reason"), [pair for pair in REASONS if b"/" not in pair[0]], ids=repr)
def test_folders_and_links_of_such_names_are_skipped_too(name, reason):
    assert skips(header(name, kind=b"5") + END) == [(name, reason)]
    assert skips(header(name, kind=b"2", target=b"t") + END) == [(name, reason)]
    assert skips(header(name, kind=b"1", target=b"t") + END) == [(name, reason)]


@pytest.mark.parametrize("name", KEPT, ids=repr)
def test_names_that_only_look_like_it_are_kept(name):
    assert list(contents(entry(name, b"x") + END)) == [name]


@pytest.mark.parametrize(
    "name",
    [
        b"con",
        b"a/AUX.py",
        b"nul.txt",
        b"com1",
        b"LPT9.x",
        b"conin$",
        "com¹".encode(),
        b"prn /x",
        b"a.",
        b"a./b",
        b"a ",
        b"a?b",
        b"xx:y",
        b"aux .c",
    ],
    ids=repr,
)
def test_names_that_windows_cannot_have_are_kept_and_flagged(name):
    found = reader(entry(name, b"x") + END)
    assert [one.path for one in found] == [name]
    assert [(flag.path, flag.reason) for flag in found.flags] == [(name, FlagReason.RESERVED_NAME)]


@pytest.mark.parametrize("name", [b"console", b"auxiliary.py", b"com", b"com10", b"nullable.c", b"a.b", b"contrib/prnt", b"x/connect.py"])
def test_other_names_are_not_flagged(name):
    found = reader(entry(name) + END)
    assert ([one.path for one in found], found.flags) == ([name], ())


@pytest.mark.parametrize("character", ["\u061c", "\u200e", "\u202e", "\u2066", "\u2069"])
def test_bidirectional_characters_are_kept_and_flagged(character):
    name = f"a{character}b".encode()
    found = reader(entry(name) + END)
    assert [one.path for one in found] == [name]
    assert [flag.reason for flag in found.flags] == [FlagReason.BIDIRECTIONAL]


def test_a_hard_link_whose_target_is_no_path_of_a_tree_is_skipped():
    for target in (b"/etc/passwd", b"../x", b"a\\b", b"\xff"):
        assert skips(header(b"a", kind=b"1", target=target) + END) == [(b"a", SkipReason.HARD_LINK_MISSING)]


def test_links_may_not_stand_for_gitmodules_and_symlinks_may_for_gitattributes():
    assert skips(header(b".gitmodules", kind=b"2", target=b"t") + END) == [(b".gitmodules", SkipReason.GITMODULES)]
    assert skips(header(b".gitmodules", kind=b"1", target=b"t") + END) == [(b".gitmodules", SkipReason.GITMODULES)]
    assert skips(header(b".gitattributes", kind=b"1", target=b"t") + END) == [(b".gitattributes", SkipReason.GITATTRIBUTES)]
    assert skips(header(b".gitattributes", kind=b"2", target=b"t") + END) == []


GOOD_MODULES = b'# modules\n[submodule "a/b-c.d"]\n\tpath = a/b\n\turl = https://example.com/a.git\n\tbranch = main\n\tupdate = none\n\n'


@pytest.mark.parametrize(
    "url",
    [
        b"https://example.com/a/b.git",
        b"http://user@example.com:8080/a",
        b"git://example.com/a",
        b"ssh://git@example.com/~a/b",
        b"git@example.com:a/b.git",
        b"../sibling.git",
        b"./a/b",
        b"a/b",
    ],
)
def test_ordinary_gitmodules_are_kept(url):
    content = GOOD_MODULES.replace(b"https://example.com/a.git", url)
    assert gitmodules_is_safe(content)
    assert contents(entry(b"x/.gitmodules", content) + END) == {b"x/.gitmodules": content}


BAD_MODULES = [
    GOOD_MODULES.replace(b"a/b-c.d", b"../x"),
    GOOD_MODULES.replace(b"a/b-c.d", b""),
    GOOD_MODULES.replace(b"https://example.com/a.git", b"-u./payload"),
    GOOD_MODULES.replace(b"https://example.com/a.git", b"https://example.com/%0ahost=evil"),
    GOOD_MODULES.replace(b"https://example.com/a.git", b"../../../:80/x"),
    GOOD_MODULES.replace(b"https://example.com/a.git", b"..//evil.example.com/x"),
    GOOD_MODULES.replace(b"https://example.com/a.git", b"https:///example.com"),
    GOOD_MODULES.replace(b"https://example.com/a.git", b"ext::sh -c x"),
    GOOD_MODULES.replace(b"https://example.com/a.git", b'"-u"'),
    GOOD_MODULES.replace(b"path = a/b", b"path = -x"),
    GOOD_MODULES.replace(b"update = none", b"update = !sh x"),
    GOOD_MODULES.replace(b"update = none", b"UPDATE=!sh x"),
    GOOD_MODULES.replace(b"[submodule", b"[submodule \\"),
    GOOD_MODULES.replace(b"\n\tpath", b"\\\n\tpath"),
    b"\xef\xbb\xbf" + GOOD_MODULES,
    b"\0",
]


@pytest.mark.parametrize("content", BAD_MODULES)
@pytest.mark.parametrize(
    "name",
    [
        b".gitmodules",
        b"a/.GITMODULES",
        b"GITMOD~2",
        b"gi7eba~1",
        b".gitmodules .",
        ".gitm\u200codules".encode(),
        "\ufeff.gitmodules".encode(),
    ],
)
def test_gitmodules_that_git_may_object_to_are_skipped_under_any_name(name, content):
    assert skips(entry(name, content) + END) == [(name, SkipReason.GITMODULES)]


PARTS = st.sampled_from(
    [b"a", b"a.b", b"b~", b".gitmodules", b"GITMOD~1", b".gitattributes", b"gi7d29~2", "\ufeff.gitmodules".encode(), b"~"]
)


@given(st.lists(st.lists(PARTS, min_size=1, max_size=3).map(b"/".join), min_size=1, max_size=6))
def test_what_is_taken_for_plain_needs_no_look_into_the_file(names):
    gate = Gate(Budget(Limits(), 1000))
    for name in names:
        path = gate.admit(name, Kind.FILE, 0)
        if path is not None and path is name:
            assert content_reason(path, None) is None


def test_gitmodules_too_large_to_look_into_are_skipped():
    assert skips(entry(b".gitmodules", b"#" * (1024 * 1024 + 1)) + END) == [(b".gitmodules", SkipReason.GITMODULES)]


def test_looking_into_a_gitmodules_of_blanks_takes_no_time():
    start = time.perf_counter()
    for content in (b"url =" + b" " * 200_000 + b"!", b"[submodule " * 20_000, b"\t" * 200_000 + b"!"):
        assert not gitmodules_is_safe(content)
    assert time.perf_counter() - start < 2


def test_gitattributes_with_a_line_of_2048_bytes_are_skipped():
    assert gitattributes_is_safe(b"\n" + b"x" * 2047 + b"\n")
    assert not gitattributes_is_safe(b"\n" + b"x" * 2048)
    assert skips(entry(b"a/.gitattributes", b"x" * 2048) + END) == [(b"a/.gitattributes", SkipReason.GITATTRIBUTES)]
    assert contents(entry(b".gitattributes", b"* text\n") + END) == {b".gitattributes": b"* text\n"}


def test_looking_at_a_long_odd_name_takes_no_time():
    start = time.perf_counter()
    for name in (b"a/" * 2000 + b"\xc3\xa9", b"-" * 4000 + b"?", b"g" * 4000 + b"~", b" " * 4000, b"." * 4000, b"con " * 1000):
        data = pax(record(b"path", name)) + entry(b"x") + END
        list(reader(data, component_bytes=10_000, path_depth=10_000))
    assert time.perf_counter() - start < 2
