"""Requirements files, as pip's documentation describes them."""

import os
import time
from contextlib import suppress

import pytest

from pydeps_host.errors import LockfileError
from pydeps_host.lockfiles import Lockfile, LockLimits, read_lockfile

A, B = ("sha256:" + character * 64 for character in "ab")
INDEX = "https://packages.example.com/simple"
MORE = "https://more.example.com/simple"


@pytest.fixture
def read(tmp_path):
    def reading(text: str | bytes, limits: LockLimits | None = None, **files: str) -> Lockfile:
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_txt", ".txt")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        path = tmp_path / "requirements.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_lockfile(path, limits=limits or LockLimits())

    return reading


@pytest.fixture
def fault(read):
    def failing(text: str | bytes, limits: LockLimits | None = None, **files: str) -> LockfileError:
        with pytest.raises(LockfileError) as caught:
            read(text, limits, **files)
        return caught.value

    return failing


def taken(lockfile: Lockfile) -> list[str]:
    return [str(dependency) for dependency in lockfile.dependencies]


def left(lockfile: Lockfile) -> list[tuple[str, str]]:
    return [(one.place, one.reason) for one in lockfile.left_out]


# --- lines -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flask==3.0\n", ["flask==3.0"]),
        ("  Flask == 3.0  # why\n\n# a comment\n", ["flask==3.0"]),
        (f"flask==3.0 \\\n    --hash={A} \\\n    --hash={B}\n", [f"flask==3.0 --hash={A} --hash={B}"]),
        (f"flask==3.0 --hash {A} --config-settings k=v\n", [f"flask==3.0 --hash={A}"]),
        (f'flask==3.0 --hash="{A}"\n', [f"flask==3.0 --hash={A}"]),
        ("flask[async]==3.0 ; python_version > '3'\n", ["flask==3.0"]),
        ("flask\ndjango>=4.2,<5\n", ["flask", "django<5,>=4.2"]),
        ("flask==3.0\\\n", ["flask==3.0"]),
        ("flask=\\\n=3.0\n", ["flask==3.0"]),
        ("# a comment that ends in a \\\nflask==3.0\n", ["flask==3.0"]),
        ("flask==3.0 \\\n# a comment\nattrs\n", ["flask==3.0", "attrs"]),
        ("flask#not-a-comment==3\n", None),
        ("flask==3.0\rattrs\x0cidna\n", ["flask==3.0", "attrs", "idna"]),
        ("flask==1.0; python_version<'3'\nflask==2.0; python_version>='3'\nflask==2.0\n", ["flask==1.0", "flask==2.0"]),
        ("--pre --prefer-binary\n--require-hashes\n--only-binary :all:\n--trusted-host x\nflask\n", ["flask"]),
    ],
)
def test_lines(read, fault, text, expected):
    if expected is None:
        assert fault(text).place == "line 1"
    else:
        assert taken(read(text)) == expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(read, encoding):
    assert taken(read("flask==3.0  # é\n".encode(encoding))) == ["flask==3.0"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-e .", "path"),
        ("-e ./lib[extra]", "path"),
        ("--editable=git+https://git.example.com/x.git@main#egg=x", "vcs"),
        ("-egit+ssh://git@git.example.com/x.git", "vcs"),
        ("git+https://git.example.com/x.git#egg=x", "vcs"),
        ("x @ git+https://git.example.com/x.git", "vcs"),
        ("hg+https://hg.example.com/x", "vcs"),
        ("https://files.example.com/x-1.0.tar.gz", "url"),
        ("x @ https://files.example.com/x-1.0.tar.gz --hash=" + A, "url"),
        ("x[extra] @ https://files.example.com/x-1.0.tar.gz ; python_version > '3'", "url"),
        ("x@file:///srv/x-1.0.tar.gz", "path"),
        ("file:///srv/x-1.0.tar.gz", "path"),
        ("./x-1.0.tar.gz", "path"),
        ("../lib", "path"),
        ("/srv/lib", "path"),
        ("lib/x", "path"),
        ("x-1.0-py3-none-any.whl", "path"),
        ("x==${VERSION}", "variable"),
        ("-e ${LIB}", "variable"),
        ("-r ${MORE}", "variable"),
        ("-r https://files.example.com/more.txt", "include"),
        ("-r file:///srv/more.txt", "include"),
        ("-r ../more.txt", "include"),
        ("-c a/../../more.txt", "include"),
        ("-r /srv/more.txt", "include"),
        ("-r ~/more.txt", "include"),
        ("-r .", "include"),
        ("--news x", "option"),
        ("-Z", "option"),
    ],
)
def test_what_no_index_has_is_left_out_with_its_reason(read, line, reason):
    lockfile = read(f"flask==3.0\n{line}\nattrs\n")
    assert taken(lockfile) == ["flask==3.0", "attrs"]
    assert left(lockfile) == [("line 2", reason)]


def test_a_password_is_not_shown(read):
    lockfile = read("x @ https://user:s3cr3t@files.example.com/x.tar.gz\n--index-url https://user:s3cr3t@packages.example.com/simple\n")
    assert "s3cr3t" not in repr(lockfile)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flask=3.0", "two equals signs"),
        ("flask==", "the version is missing"),
        ("flask 3.0", "a comparison is missing"),
        ("?", "not understood"),
        ("flask==3.0 --hash=sha256:0", "no sha256 digest"),
        ("flask==3.0 --hash=0", "no digest such as"),
        ("flask==3.0 --hash=gost:0", "no digest of this package"),
        ("flask==3.0 --hash", "--hash has no value"),
        ("flask==3.0 -r x", "no option of a requirement"),
        ("-r 'x", "No closing quotation"),
        ("-r", "-r has no value"),
        ("a ; " + "(" * 4000, "too deeply"),
    ],
)
def test_a_line_that_pip_refuses_makes_the_file_malformed(fault, text, message):
    problem = fault(f"attrs\n{text}\n")
    assert (problem.place, problem.reason) == ("line 2", "malformed")
    assert message in problem.message


def test_a_requirement_of_more_characters_than_any_has_is_refused(fault):
    assert fault(f"flask{'0' * 8192}==3.0\n").reason == "limit"


def test_a_long_line_takes_no_long_time(read):
    """Nothing in the reading of a line is quadratic in its length."""
    started = time.process_time()
    for piece in ("a", "a ", " ", "--hash=a", "a@", "-", " -", "a[", "${A", "\\\n", "# ", "'", "a=="):
        with suppress(LockfileError):
            read("flask==3.0 " + piece * (200_000 // len(piece)) + "b\n")
    assert time.process_time() - started < 5


# --- files that it includes ---------------------------------------------------


def test_included_files_count_where_their_line_stands(read):
    lockfile = read(
        "-r base/more.txt\n--requirement=base/more.txt\nflask==3.0\n",
        base__more_txt="attrs\n-r deeper.txt\n-e .\n",
        base__deeper_txt="idna\n-r ../top.txt\n",
        top_txt="numpy\n",
    )
    assert taken(lockfile) == ["attrs", "idna", "numpy", "flask==3.0"]
    assert left(lockfile) == [("base/more.txt, line 3", "path")]
    assert [entry.place for entry in lockfile.entries] == ["base/more.txt, line 1", "base/deeper.txt, line 1", "top.txt, line 1", "line 3"]


def test_constraints_narrow_and_bring_nothing_themselves(read):
    lockfile = read(
        "flask\ndjango>=4\nattrs==24.1\nidna\nsix==1.0\n-c pins.txt\n",
        pins_txt=f"flask==3.0 --hash={A}\ndjango<5\nattrs>=24\nidna==3.1; python_version<'3'\nidna==3.2; python_version>='3'\n"
        "other==1\nsix==2.0\n",
    )
    assert taken(lockfile) == [f"flask==3.0 --hash={A}", "django<5,>=4", "attrs==24.1", "idna==3.1", "idna==3.2"]
    assert [(one.place, one.reason, one.text) for one in lockfile.left_out] == [
        ("line 5", "contradiction", "six==1.0, constrained to six==2.0 (pins.txt, line 7)")
    ]


def test_digests_of_a_requirement_and_its_constraint_both_hold(read):
    constraint = f"flask==3.0 --hash={A}\n"
    assert taken(read(f"flask --hash={A} --hash={B}\n-c c.txt\n", c_txt=constraint)) == [f"flask==3.0 --hash={A}"]
    assert left(read(f"flask --hash={B}\n-c c.txt\n", c_txt=constraint)) == [("line 1", "contradiction")]


def test_what_a_constraints_file_includes_constrains(read):
    assert taken(read("flask\n-c c.txt\n", c_txt="-r d.txt\n", d_txt="flask==3.0\nattrs\n")) == ["flask==3.0"]


@pytest.mark.parametrize(
    ("text", "files", "place", "message"),
    [
        ("-r gone.txt", {}, "line 1", "gone.txt is not read: No such file or directory"),
        ("-r base", {"base__x_txt": ""}, "line 1", "base is not read: Is a directory"),
        ("-r a.txt", {"a_txt": "x\n-r requirements.txt"}, "a.txt, line 2", "requirements.txt includes itself"),
        ("-r requirements.txt", {}, "line 1", "requirements.txt includes itself"),
        ("-r a.txt", {"a_txt": "x=1"}, "a.txt, line 1", "two equals signs"),
    ],
)
def test_an_included_file_that_cannot_be_read_makes_the_file_one_that_cannot(fault, text, files, place, message):
    problem = fault(text, **files)
    assert problem.place == place
    assert message in problem.message


def test_bytes_of_an_included_file_that_are_no_text_have_their_place(fault, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x\n\xff")
    assert fault("-r a.txt\n").place == "a.txt, line 2"


def test_ten_files_may_include_one_another_and_no_more(read, fault):
    files = {f"f{number}_txt": f"-r f{number + 1}.txt\n" for number in range(1, 11)}
    assert taken(read("-r f1.txt\n", **{**files, "f10_txt": "flask\n"})) == ["flask"]
    problem = fault("-r f1.txt\n", **{**files, "f11_txt": "flask\n"})
    assert (problem.place, problem.reason) == ("f10.txt, line 1", "limit")


def test_files_that_include_the_same_ones_over_and_over_are_read_once(read):
    files = {f"f{number}_txt": f"-r f{number + 1}.txt\n" * 10 for number in range(1, 10)}
    started = time.process_time()
    assert taken(read("-r f1.txt\n" * 10, **files, f10_txt="flask\n")) == ["flask"]
    assert time.process_time() - started < 5


def test_the_bytes_of_all_included_files_count(fault):
    assert fault("-r a.txt\n-r b.txt\n", LockLimits(file_bytes=1000), a_txt="#" * 600, b_txt="#" * 600).reason == "limit"


def test_lines_that_bring_nothing_count_too(fault):
    problem = fault("flask\n-c c.txt\n", LockLimits(entries=5), c_txt="attrs==1\n" * 5)
    assert (problem.place, problem.reason) == ("c.txt, line 4", "limit")


def test_a_link_may_lead_to_the_same_folder_and_not_out_of_it(read, fault, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "out" / "secret.txt").write_text("secret==1\n")
    (tmp_path / "in" / "real.txt").write_text("flask\n")
    for name, target in {"good.txt": "real.txt", "bad.txt": "../out/secret.txt", "folder": "../out", "circle.txt": "circle.txt"}.items():
        (tmp_path / "in" / name).symlink_to(target)
    for line, expected in {
        "-r good.txt": None,
        "-r bad.txt": "leads out",
        "-r folder/secret.txt": "leads out",
        "-r circle.txt": "not read",
    }.items():
        path = tmp_path / "in" / "requirements.txt"
        path.write_text(line)
        if expected is None:
            assert taken(read_lockfile(path)) == ["flask"]
        else:
            with pytest.raises(LockfileError, match=expected):
                read_lockfile(path)


@pytest.mark.parametrize("special", ["/dev/zero", "fifo"])
def test_an_included_device_or_fifo_is_not_opened_for_long(fault, tmp_path, special):
    if special == "fifo":
        os.mkfifo(tmp_path / "more.txt")
    else:
        (tmp_path / "more.txt").symlink_to(special)
    assert "not read" in fault("-r more.txt\n").message


# --- indexes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "bound", "named"),
    [
        ("", [], []),
        (f"-i {INDEX}", [INDEX], [INDEX]),
        (f"-i{INDEX}", [INDEX], [INDEX]),
        (f"--index-url={INDEX}", [INDEX], [INDEX]),
        (f"--pypi-url {INDEX}", [INDEX], [INDEX]),
        (f"-i https://first.example.com/simple\n-i {INDEX}", [INDEX], [INDEX]),
        (
            f"-i {INDEX} --extra-index-url https://more.example.com/simple",
            [INDEX, "https://more.example.com/simple"],
            [INDEX, "https://more.example.com/simple"],
        ),
        (f"--extra-index-url {MORE}", [], [MORE]),
        ("-f https://links.example.com/\n--find-links ./wheels", [], ["https://links.example.com/", "./wheels"]),
        ("--no-index -f ./wheels", ["./wheels"], ["./wheels"]),
        ("--index-url https://${USER}:${PASSWORD}@packages.example.com/simple", ["https://${USER}:****@packages.example.com/simple"], None),
        ("--index-url ${INDEX}", ["${INDEX}"], ["${INDEX}"]),
    ],
)
def test_indexes_bind_where_pip_asks_no_other(read, options, bound, named):
    lockfile = read(f"flask==3.0\n{options}\n")
    assert [index.text for index in lockfile.entries[0].indexes] == bound
    assert [index.text for index in lockfile.indexes] == (bound if named is None else named)


def test_an_index_that_an_included_file_names_counts_for_all(read):
    lockfile = read("flask==3.0\n-r a.txt\n", a_txt=f"--index-url {INDEX}\n")
    assert [index.text for index in lockfile.entries[0].indexes] == [INDEX]
