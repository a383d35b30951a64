"""Which modules a release provides, by its files."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import Bench
from pydeps_host.errors import NotStoredError
from pydeps_host.modules import MOST_NAMES, is_told_by, modules_of
from pydeps_host.testing import Distribution, build_sdist, build_wheel


def told(filename: str, *paths: str, name: str = "alpha", **texts: str) -> tuple[str, ...]:
    """The modules of files of these paths; `pyproject` and `top_level` are what stands in such files."""
    named = {
        path: texts[key]
        for path in paths
        for key, end in (("pyproject", "pyproject.toml"), ("top_level", "top_level.txt"))
        if path.endswith(end) and key in texts
    }
    return modules_of(
        name, filename, sorted(path.encode() for path in paths), {path.encode(): text.encode() for path, text in named.items()}
    )


def wheel(*paths: str) -> tuple[str, ...]:
    return told("alpha-1.0-py3-none-any.whl", *paths, "alpha-1.0.dist-info/METADATA", "alpha-1.0.dist-info/RECORD")


def sdist(*paths: str, **texts: str) -> tuple[str, ...]:
    return told("alpha-1.0.tar.gz", *paths, "PKG-INFO", "setup.py", **texts)


@pytest.mark.parametrize(
    ("paths", "modules"),
    [
        (["six.py"], ["six"]),
        (["yaml/__init__.py", "yaml/reader.py", "_yaml/__init__.py"], ["_yaml", "yaml"]),
        (["_cffi_backend.cpython-311-x86_64-linux-gnu.so", "cffi/__init__.py"], ["_cffi_backend", "cffi"]),
        (["_rust.abi3.so", "win.pyd", "win32.cp311-win_amd64.pyd"], ["_rust", "win", "win32"]),
        (["fast/__init__.cpython-311-darwin.so"], ["fast"]),
        (
            ["google/cloud/storage/__init__.py", "google/cloud/_helpers.py", "google/cloud/storage/blob.py"],
            ["google.cloud._helpers", "google.cloud.storage"],
        ),
        (["zope/interface/__init__.py", "zope/interface/_zope.cpython-311-x86_64-linux-gnu.so"], ["zope.interface"]),
        (["alpha-1.0.data/purelib/pure.py", "alpha-1.0.data/platlib/plat/__init__.py", "alpha-1.0.data/scripts/run.py"], ["plat", "pure"]),
        (["alpha/__init__.py", "alpha.libs/libz.so", "alpha-nspkg.pth", "share/man/alpha.1", "alpha/data.json"], ["alpha"]),
        (["tests/__init__.py", "docs/conf.py"], ["docs.conf", "tests"]),
        (["alpha-stubs/__init__.pyi", "types/alpha.pyi"], []),
        (["a.b.py", "c.d/__init__.py", "ns/e.f.py", "ns/g.h/__init__.py", "ns/ok.py"], ["ns.ok"]),
        (["alpha/__init__.pyi", "alpha/code.py"], ["alpha.code"]),
    ],
)
def test_a_wheel_provides_what_is_installed_of_it(paths: list[str], modules: list[str]) -> None:
    assert wheel(*paths) == tuple(modules)


@pytest.mark.parametrize(
    ("paths", "top_level", "modules"),
    [
        (["lib/PyYAML.egg-info/top_level.txt", "lib/yaml/__init__.py", "yaml/_yaml.pyx"], "_yaml\nyaml\n", ["_yaml", "yaml"]),
        (["alpha.egg-info/top_level.txt", "alpha/__init__.py", "tests/__init__.py"], "alpha\ntests\n", ["alpha", "tests"]),
        (["alpha.egg-info/top_level.txt", "google/cloud/alpha/__init__.py", "google/cloud/alpha/a.py"], "google\n", ["google.cloud.alpha"]),
        (["src/alpha.egg-info/top_level.txt", "src/zope/__init__.py", "src/zope/alpha/__init__.py"], "zope\n", ["zope"]),
        # The one nearest the root is the distribution's own.
        (["alpha.egg-info/top_level.txt", "tests/data/other.egg-info/top_level.txt", "alpha/__init__.py"], "alpha\n", ["alpha"]),
        (["alpha.egg-info/top_level.txt", "alpha/__init__.py"], "", ["alpha"]),
        (["alpha.egg-info/top_level.txt", "alpha.py"], "not a name\n../evil\nclass\n", ["a", "name"]),
    ],
)
def test_what_setuptools_wrote_of_a_source_distribution_counts(paths: list[str], top_level: str, modules: list[str]) -> None:
    assert sdist(*paths, top_level=top_level) == tuple(modules)


@pytest.mark.parametrize(
    ("paths", "modules"),
    [
        (["src/alpha/__init__.py", "tests/test_alpha.py", "docs/conf.py"], ["alpha"]),
        (["src/beta/__init__.py", "src/gamma.py", "alpha/__init__.py"], ["beta", "gamma"]),
        (["src/ns/alpha/__init__.py"], ["ns.alpha"]),
        (["alpha/__init__.py", "tests/__init__.py", "docs/__init__.py", "examples/__init__.py", "setup.py", "noxfile.py"], ["alpha"]),
        (["alpha.py", "setup.py", "conftest.py", "tests/test_alpha.py"], ["alpha"]),
        (["ns/alpha/__init__.py", "tests/test_alpha.py", ".github/tool.py"], ["ns.alpha"]),
        (["lib/alpha/__init__.py"], ["alpha"]),
        (["python/alpha/__init__.py", "src/lib.rs"], ["alpha"]),
        (["README.md", "src/main.c"], []),
    ],
)
def test_a_source_distribution_that_says_nothing_is_discovered(paths: list[str], modules: list[str]) -> None:
    assert sdist(*paths) == tuple(modules)


def test_a_namespace_that_setuptools_declared_is_none_of_the_modules() -> None:
    paths = ["src/zope/__init__.py", "src/zope/interface/__init__.py", "src/zope/one.py", "src/zope.interface.egg-info/top_level.txt"]
    told = {b"src/zope.interface.egg-info/top_level.txt": b"zope\n", b"src/zope.interface.egg-info/namespace_packages.txt": b"zope\n"}
    found = modules_of("zope-interface", "zope.interface-6.0.tar.gz", sorted(path.encode() for path in paths), told)
    assert found == ("zope.interface", "zope.one")


@pytest.mark.parametrize(
    ("pyproject", "paths", "modules"),
    [
        (
            '[tool.setuptools]\npackages = ["beta", "beta.sub"]\npy-modules = ["one"]',
            ["beta/__init__.py", "beta/sub/__init__.py", "one.py", "two/__init__.py"],
            ["beta", "one"],
        ),
        (
            '[tool.poetry]\npackages = [{include = "beta"}, {include = "gamma", from = "src"}]',
            ["beta/__init__.py", "src/gamma/__init__.py", "more/__init__.py"],
            ["beta", "gamma"],
        ),
        (
            '[tool.hatch.build.targets.wheel]\npackages = ["src/attr", "src/attrs"]',
            ["src/attr/__init__.py", "src/attrs/__init__.py", "src/other/__init__.py"],
            ["attr", "attrs"],
        ),
        ('[tool.flit.module]\nname = "beta"', ["beta.py", "gamma.py"], ["beta"]),
        ('[tool.flit.metadata]\nmodule = "ns.beta"', ["ns/beta/__init__.py", "gamma/__init__.py"], ["ns.beta"]),
        (
            '[tool.uv.build-backend]\nmodule-name = ["beta", "gamma"]',
            ["src/beta/__init__.py", "src/gamma/__init__.py", "src/more/__init__.py"],
            ["beta", "gamma"],
        ),
        ('[tool.maturin]\nmodule-name = "beta._native"', ["python/beta/__init__.py", "beta_core/__init__.py", "src/lib.rs"], ["beta"]),
        ('[build-system]\nbuild-backend = "flit_core.buildapi"', ["alpha/__init__.py", "more/__init__.py"], ["alpha"]),
        ('[build-system]\nbuild-backend = "mesonpy"', ["alpha/__init__.py", "more/__init__.py"], ["alpha", "more"]),
        # What is named and not there says nothing.
        ('[tool.flit.module]\nname = "nowhere"', ["beta/__init__.py", "gamma/__init__.py"], ["beta", "gamma"]),
        ("[tool\n", ["beta/__init__.py"], ["beta"]),
        ("tool = 1\n[[tool2]]", ["beta/__init__.py"], ["beta"]),
        ('[tool]\nsetuptools = []\npoetry = {packages = "x"}\nflit = {module = 1}\nuv = "u"', ["beta/__init__.py"], ["beta"]),
        ("a = " + "[" * 60_000, ["beta/__init__.py"], ["beta"]),
    ],
)
def test_what_the_project_says_to_its_build_backend_counts(pyproject: str, paths: list[str], modules: list[str]) -> None:
    assert sdist("pyproject.toml", *paths, pyproject=pyproject) == tuple(modules)


def test_settings_that_would_take_long_to_read_are_not_read() -> None:
    began = time.process_time()
    assert sdist("pyproject.toml", "beta/__init__.py", pyproject="a." * 32_000 + "a = 1") == ("beta",)
    assert time.process_time() - began < 1


def test_only_identifiers_are_names() -> None:
    found = wheel("0a.py", "a-b.py", "class.py", "ünï.py", "a b/__init__.py", "x" * 300 + ".py", "ok.py", "\u202eevil.py", "none.txt")
    assert found == ("ok", "ünï")
    assert modules_of("alpha", "a.whl", [b"\xff.py", b"ok.py"], {}) == ("ok",)


def test_a_hostile_archive_costs_little_and_tells_little() -> None:
    many = [f"m{number}.py" for number in range(50_000)]
    deep = ["/".join(f"d{number}" for number in range(100)) + "/a.py"]
    wide = [f"ns/a{number}/b/c/d.py" for number in range(100_000)]
    began = time.process_time()
    assert len(wheel(*many)) == MOST_NAMES
    assert wheel(*deep) == ()
    assert len(wheel(*wide)) == MOST_NAMES
    # Each of a thousand lines names the same large namespace.
    assert len(sdist("alpha.egg-info/top_level.txt", *(f"ns/{path}" for path in many), top_level="ns\n" * 1000)) == MOST_NAMES
    assert time.process_time() - began < 5


def test_texts_are_asked_for_by_path() -> None:
    for path in ("pyproject.toml", "alpha-1.0/pyproject.toml", "alpha-1.0/lib/PyYAML.egg-info/top_level.txt"):
        assert is_told_by(path.encode())
    for path in ("a/b/pyproject.toml", "top_level.txt", "a/top_level.txt", "1/2/3/4/5/a.egg-info/top_level.txt", "alpha/code.py"):
        assert not is_told_by(path.encode())


# --- from the archive to the journal -----------------------------------------


def distributions() -> Mapping[str, Distribution]:
    return {
        "1.0": build_sdist("py-yaml", "1.0", {"lib/PyYAML.egg-info/top_level.txt": "_yaml\nyaml\n", "lib/yaml/__init__.py": ""}),
        "2.0": build_wheel("py-yaml", "2.0", {"yaml/__init__.py": "", "_yaml.cpython-311-x86_64-linux-gnu.so": b"\x7fELF"}),
        "3.0": build_sdist("py-yaml", "3.0", {"src/yaml3/__init__.py": ""}),
    }


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    for built in distributions().values():
        made.index.add(built)
    made.index.add(build_wheel("google-cloud-storage", "1.0", {"google/cloud/storage/__init__.py": ""}))
    made.index.add(build_sdist("empty", "1.0", {"README.md": "nothing\n"}))
    return made


def test_the_modules_of_a_project_are_kept_with_the_versions_that_provide_them(bench: Bench) -> None:
    bench.sync("py-yaml>=1")
    with bench.host() as host:
        assert dict(host.modules("Py_YAML")) == {"_yaml": ("2.0", "1.0"), "yaml": ("2.0", "1.0"), "yaml3": ("3.0",)}
        with pytest.raises(NotStoredError):
            host.modules("gamma")
    assert bench.rows("py-yaml")["3.0"].modules == ("yaml3",)


def test_a_module_leads_to_the_projects_that_provide_it(bench: Bench) -> None:
    bench.sync("py-yaml", "google-cloud-storage", "empty")
    with bench.host() as host:
        assert host.projects_of("yaml3") == ("py-yaml",)
        assert host.projects_of("google.cloud.storage.blob") == ("google-cloud-storage",)
        assert host.projects_of("google") == host.projects_of("google.cloud.storage2") == host.projects_of("yaml") == ()
    bench.sync("py-yaml==1.0")
    assert bench.store.projects_of("yaml") == ("py-yaml",)
    assert bench.store.projects_of("yaml3") == ()


def test_a_release_without_modules_is_told_from_one_of_which_nothing_is_known(bench: Bench) -> None:
    bench.sync("empty")
    assert bench.rows("empty")["1.0"].modules == ()
    assert dict(bench.store.modules("empty")) == {}


def test_a_repository_that_cannot_be_read_hides_no_other(bench: Bench) -> None:
    bench.sync("py-yaml==1.0", "empty")
    (bench.store.path_of("empty") / "packed-refs").write_text("nonsense")
    assert bench.store.projects_of("yaml") == ("py-yaml",)


def test_few_and_small_texts_are_kept_while_an_archive_is_read(bench: Bench) -> None:
    """A large one, and one that comes after very many, is as if it were not there."""
    large = {"alpha.egg-info/top_level.txt": "beta\n" * 20_000, "alpha/__init__.py": ""}
    bench.index.add(build_sdist("alpha", "1.0", large))
    many = {f"{number:03}/other.egg-info/top_level.txt": "other\n" for number in range(100)}
    bench.index.add(build_sdist("alpha", "2.0", {**many, "alpha/__init__.py": "", "zzz.egg-info/top_level.txt": "alpha\n"}))
    bench.sync("alpha>=1")
    assert {text: row.modules for text, row in bench.rows().items()} == {"1.0": ("alpha",), "2.0": ("other",)}
