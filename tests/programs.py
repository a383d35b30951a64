"""GNU tar and Info-ZIP's unzip as readers: they extract into a fresh folder, and what is in it is what they saw."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seen import Disagreement, Node, Ours, Seen, plain, raw_name, sha256

_SECONDS = 120
# unzip's status where the archive is sound and every entry of it was excluded.
_NOTHING_MATCHED = 11
_NEVER: Mapping[int, bytes] = {}
# DOS, OS/2 and Windows.
_RECODED = frozenset({0, 6, 11})
_NOT_ASCII = re.compile(rb"[^\0-\x7f]")
_WILD = re.compile(rb"[*?\[\\]")


def gnu_tar(path: Path, ours: Ours, scratch: Path) -> Seen:
    """Extract an archive with GNU tar.

    Raises:
        Disagreement: It ends with a status, or writes outside its folder.
    """
    # Whose the files are, when they were changed and which modes the mask takes away is no part of a tree of git's.
    command = ["tar", "--extract", "--force-local", f"--file={path.resolve()}", "--no-same-owner", "--no-same-permissions", "--touch"]
    # Without recursion an excluded name does not take along what has it for a folder.
    exclude: list[str | bytes] = [b"--exclude=" + name for raw in sorted(ours.skipped) for name in {raw, raw.rstrip(b"/")} if name]
    return _extracted("tar", [*command, "--no-recursion", "--anchored", "--no-wildcards", *exclude], scratch)


def unzip(path: Path, ours: Ours, scratch: Path) -> Seen:
    """Extract an archive with Info-ZIP's unzip.

    A stated exception: it recodes names beyond ASCII of records that DOS or OS/2
    made as if they were in a code page of DOS, also those that the UTF-8 flag says
    are not (APPNOTE 4.4.4). What it would call them cannot be told, so that they,
    and what has their shape, are hidden from it.

    Raises:
        Disagreement: It ends with a status, or writes outside its folder.
    """
    recoded = [_shape(raw) for raw in _recoded(path)]
    exclude: list[str | bytes] = [*(_literally(raw) for raw in sorted(ours.skipped)), *recoded]
    command = ["unzip", "-q", "-o", "-DD", "-d", ".", str(path.resolve()), *(["-x"] if exclude else []), *exclude]
    # It has a status for an archive without entries, and one where nothing is left of them; neither says that it read something else.
    forgiven = {1: b"zipfile is empty", _NOTHING_MATCHED: b""}
    shapes = [_pattern(shape) for shape in recoded]
    hidden = {path: node for path, node in ours.seen.items() if any(shape.fullmatch(path) for shape in shapes)}
    return _extracted("unzip", command, scratch, forgiven if hidden == ours.seen else _NEVER) | hidden


def _recoded(path: Path) -> list[bytes]:
    """Return the names that unzip recodes; none where CPython does not read the archive, which it says elsewhere."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [raw_name(info) for info in archive.infolist() if info.create_system in _RECODED]
    except Exception:  # noqa: BLE001 - `cpython` says so, as a verdict.
        return []
    return [name for name in names if not name.isascii()]


def _literally(raw: bytes) -> bytes:
    return _WILD.sub(lambda sign: b"\\\\" if sign[0] == b"\\" else b"[" + sign[0] + b"]", raw)


def _shape(raw: bytes) -> bytes:
    # It recodes byte by byte.
    return _NOT_ASCII.sub(b"?", _literally(raw))


def _pattern(shape: bytes) -> re.Pattern[bytes]:
    # A question mark stands for a slash as well.
    return re.compile(b".".join(re.escape(part) for part in plain(shape).split(b"?")), re.DOTALL)


def _extracted(reader: str, command: Sequence[str | bytes], scratch: Path, forgiven: Mapping[int, bytes] = _NEVER) -> Seen:
    """Run a program in an empty folder, and return what it left there.

    Args:
        reader: Which program.
        command: Its arguments.
        scratch: A folder to make the empty one in.
        forgiven: A status other than 0 that may be, and what the program says with it.
    """
    above = Path(tempfile.mkdtemp(dir=scratch))
    tree = above / "tree"
    tree.mkdir()
    # Nothing of TAR_OPTIONS, UNZIP, UNZIPOPT, ZIPINFO, GZIP, XZ_OPT and the like.
    environment = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_SECONDS, umask=0o022
        )
        seen = dict(_walk(os.fsencode(tree), b""))
        said = done.stderr + done.stdout
        if done.returncode and not (done.returncode in forgiven and forgiven[done.returncode] in said):
            raise Disagreement(reader, f"status {done.returncode}: {said[:500].decode(errors='backslashreplace')}")
        if os.listdir(above) != ["tree"]:  # noqa: PTH208 - names are all that is asked for.
            raise Disagreement(reader, "wrote outside its folder")
    except subprocess.TimeoutExpired as error:
        raise Disagreement(reader, f"not done after {_SECONDS} s") from error
    finally:
        shutil.rmtree(above, ignore_errors=True)
    return seen


def _walk(folder: bytes, prefix: bytes) -> Iterator[tuple[bytes, Node]]:
    # An archive may have taken its own reader the right to look into a folder.
    os.chmod(folder, 0o700)  # noqa: PTH101 - a name may be no text.
    with os.scandir(folder) as found:
        for one in found:
            path = prefix + one.name
            if one.is_symlink():
                yield path, Node("symlink", executable=False, sha256=sha256(os.readlink(one.path)))  # noqa: PTH115 - as above.
            elif one.is_dir():
                yield from _walk(one.path, path + b"/")
            elif one.is_file():
                executable = one.stat().st_mode & 0o100 != 0
                if not os.access(one.path, os.R_OK):
                    os.chmod(one.path, 0o600)  # noqa: PTH101 - as above.
                yield path, Node("file", executable, _digest(one.path))
            else:
                yield path, Node("other", executable=False, sha256="")


def _digest(path: bytes) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - as above.
        return hashlib.file_digest(file, "sha256").hexdigest()
