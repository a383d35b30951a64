"""Derive `filenames.tsv`: what pypi-simple reads in the names of files, knowing the project.

    python tests/derive_filenames.py > tests/filenames.tsv

The names are ours: every form that build tools have written, and odd ones that
lie on indexes. A row is project, name, pypi-simple's type and version (both
`-` where it reads nothing), and in a word why ours differs, where it does:

- `case`: an ending counts in upper case, too;
- `hyphen`: the project is known, so hyphens in a wheel's name are its own;
- `copy`: a browser's number, or a space, is not part of the version;
- `format`: an archive that nothing here reads is no candidate;
- `other`: it is a file of another project.
"""

import importlib
from collections.abc import Iterator

_PROJECTS = ("acme", "acme-tool", "acme.tool", "Acme_Tool", "acme2", "acme-2", "a", "zope.acme")
_VERSIONS = ("1.0", "1.0.0a1", "2004.1", "0", "1.0.post1", "1.0.dev20", "1!2.0", "1.0+local.1", "1.0rc1")
_ENDINGS = (".tgz", ".tar.bz2", ".tar.xz", ".tar", ".tar.Z", ".TAR.GZ", ".ZIP")
_BINARIES = (
    *("-py2.7.egg", "-py3.8-linux-x86_64.egg", ".win32.exe", ".win-amd64-py2.7.exe", ".win32.msi", ".win-amd64-py3.4.msi"),
    *("-1.noarch.rpm", "-1.src.rpm", ".linux-x86_64.tar.gz", ".macosx-10.9-x86_64.tar.gz", ".win32.zip", ".linux-i686.tar.bz2"),
    *(".win-amd64.zip", ".macosx-10.11-intel.exe"),
)
_WHEELS = (
    *("1.0-1-py3-none-any", "1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "1.0-cp27-cp27mu-manylinux1_x86_64"),
    *("1.0-py2.py3-none-any", "1.0-20240101abc-cp312-abi3-win_amd64", "1.0-cp38-none-macosx_10_9_x86_64.macosx_11_0_arm64"),
    *("1.0_1-py3-none-any", "1.0_rc1-py3-none-any", "1.0.dev1_gabc-py3-none-any", "1.0-none-any", "1.0"),
)
_ODD = """
cffi-1.0.2-2.tar.gz cffi-1.0.2.tar.gz pyfurby-0.1.tar.gz foo-1.0-beta.tar.gz foo-1.0-alpha.zip foo-1.0-rc1.tar.gz foo-1.0-dev.tar.gz
foo-1.0.dev-r345.tar.gz foo-1.0b2.dev-r41.tar.gz foo-1.0-1.tar.gz foo-1.0-r5.tar.gz foo-1.0-final.zip foo-v1.0.tar.gz
foo-1.0.linux-x86_64.tar.gz foo-1.0.linux-x86_64.zip foo-latest.tar.gz foo-dev.zip foo.tar.gz foo-.tar.gz foo1.0.tar.gz foo_1.0.tar.gz
foo-1.0.tar.gz.asc foo-1.0.tar.gz.metadata foo-1.0-py3-none-any.whl.metadata foo-1.0.deb foo-1.0.dmg foo-1.0.txt foo-1.0 foo-README.md
foo-index.html foo-1..0.tar.gz foo-1.0_beta.tar.gz foo-2006-10-24.tar.gz foo-20061024.zip foo-0.1.tar.gz.1 foo-1.0(1).tar.gz
foo-bar-1.0.tar.gz foo-2-1.0.tar.gz foo-2.0-1.0.tar.gz foo--1.0.tar.gz foo-1.0--2.tar.gz foo-1.0-py3.tar.gz foo-1.0-py2.7.tar.gz
foo-1.0.tar.lz foo-1.0.7z foo-1.0.jar
"""
_SPACED = (("foo", "foo-1.0 (2).zip"), ("foo", "foo-1.0 .tar.gz"), ("pyfurby", "pyfurby-0.1 (1).tar.gz"))
_OTHERS = (("python-acme", "acme-1.0.tar.gz"), ("python-acme", "python.acme-1.0.tar.gz"), ("python-acme", "python_acme-1.0.tar.gz"))


def names() -> Iterator[tuple[str, str]]:
    """Yield every project and name, some of them twice."""
    for project in _PROJECTS:
        underscored = project.replace("-", "_")
        for version in _VERSIONS:
            yield from ((project, f"{project}-{version}{ending}") for ending in (".tar.gz", ".zip"))
            yield project, f"{underscored}-{version}-py3-none-any.whl"
        yield from ((project, f"{name}-1.0{ending}") for ending in _ENDINGS for name in (project, underscored))
        yield from ((project, f"{project}-1.0{ending}") for ending in _BINARIES)
    yield from ((name, f"{name.replace('-', mark)}-{wheel}.whl") for wheel in _WHEELS for name in ("acme", "acme-tool") for mark in "_-")
    yield from ((name.partition("-")[0] if "-" in name else "foo", name) for name in _ODD.split())
    yield from (*_SPACED, *_OTHERS)


def why(project: str, name: str) -> str:
    """Say why ours differs, where it does."""
    if name.endswith((".tar.Z", ".tar.lz")):
        return "format"
    if name.endswith((".TAR.GZ", ".ZIP")):
        return "case"
    if (project, name) == ("python-acme", "acme-1.0.tar.gz") or name == "acme-tool-1.0-none-any.whl":
        return "other"
    if project == "acme-tool" and name.startswith("acme-tool-1.0") and name.endswith(".whl") and name.count("-") > 3:
        return "hyphen"
    return "copy" if " " in name or "(" in name else ""


def main() -> None:
    """Print the table."""
    library = importlib.import_module("pypi_simple")
    for project, name in dict.fromkeys(names()):
        try:
            _, version, kind = library.parse_filename(name, project)
        except library.UnparsableFilenameError:
            version = kind = "-"
        print(project, name, kind, version, why(project, name), sep="\t")


if __name__ == "__main__":
    main()
