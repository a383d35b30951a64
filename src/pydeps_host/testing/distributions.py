"""Source distributions and wheels as build tools write them, in memory.

The same call gives the same bytes, whatever the time and the time zone; only
another release of a compression library can change them.
"""

import base64
import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from attrs import field, frozen

from pydeps_host.errors import UsageError

# 2020-09-13 12:26:40 UTC.
_MTIME: Final = 1_600_000_000
_COMPRESSIONS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    ".tar.gz": lambda data: gzip.compress(data, mtime=0),
    ".tgz": lambda data: gzip.compress(data, mtime=0),
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".tar": bytes,
}


@frozen
class Item:
    """One file of a distribution that is more than its bytes.

    Attributes:
        data: The bytes; of no account for a link.
        executable: Whether it may be executed.
        link: Where a symbolic link points, or None.
        hard_link: Which earlier member of the tar archive this is another name of
            (`alpha-1.0/alpha.py`), or None.
    """

    data: bytes = b""
    executable: bool = False
    link: str | None = None
    hard_link: str | None = None


@frozen
class Distribution:
    """A file as an index offers it.

    Attributes:
        name: The project, in any spelling.
        filename: Its name at the index.
        data: Its bytes; `attrs.evolve(distribution, data=...)` gives one that is damaged.
    """

    name: str
    filename: str
    data: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.data)

    def into(self, folder: Path) -> Path:
        """Write it into a folder, which is made if need be: enough of an index for a `file://` URL."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.data)
        return path


def build_sdist(
    name: str, version: str, files: Mapping[str, Item | bytes | str], *, suffix: str = ".tar.gz", mtime: int = _MTIME
) -> Distribution:
    """Build a source distribution: one top folder, a `PKG-INFO`, and these files.

    Args:
        name: The project, spelled as the file's name shall have it.
        version: Likewise.
        files: Contents by path below the top folder; text is written as UTF-8. A
            `PKG-INFO` among them takes the place of ours.
        suffix: `.tar.gz`, `.tgz`, `.tar.bz2`, `.tar.xz`, `.tar` or `.zip`.
        mtime: Every member's date, in seconds since 1970.

    Raises:
        UsageError: The suffix is another, or a zip archive was to have a hard link.
    """
    top = f"{name}-{version}"
    whole = {"PKG-INFO": _item(_metadata(name, version)), **{path: _item(value) for path, value in files.items()}}
    members = {f"{top}/{path}": item for path, item in whole.items()}
    if suffix == ".zip":
        return Distribution(name, f"{top}.zip", _zip(members, mtime))
    compress = _COMPRESSIONS.get(suffix)
    if compress is None:
        raise UsageError(f"{suffix!r} ends no source distribution's name", f"use one of {', '.join(_COMPRESSIONS)}, .zip")
    return Distribution(name, f"{top}{suffix}", compress(_tar(top, members, mtime)))


def build_wheel(
    name: str, version: str, files: Mapping[str, Item | bytes | str], *, tag: str = "py3-none-any", mtime: int = _MTIME
) -> Distribution:
    """Build a wheel: these files, its metadata and a `RECORD`.

    Args:
        name: The project; hyphens become underscores, as a wheel's name wants them.
        version: Likewise.
        files: Contents by path; text is written as UTF-8.
        tag: Python, ABI and platform (PEP 425).
        mtime: Every member's date, in seconds since 1970; zip archives begin in 1980.

    Raises:
        UsageError: It was to have a hard link.
    """
    stem = f"{name.replace('-', '_')}-{version.replace('-', '_')}"
    info = f"{stem}.dist-info"
    whole = {path: _item(value) for path, value in files.items()}
    whole[f"{info}/METADATA"] = _item(_metadata(name, version))
    whole[f"{info}/WHEEL"] = _item(f"Wheel-Version: 1.0\nGenerator: pydeps-host\nRoot-Is-Purelib: true\nTag: {tag}\n")
    record = "".join(f"{path},sha256={_urlsafe(item.data)},{len(item.data)}\n" for path, item in whole.items())
    whole[f"{info}/RECORD"] = _item(f"{record}{info}/RECORD,,\n")
    return Distribution(name, f"{stem}-{tag}.whl", _zip(whole, mtime))


def _item(value: Item | bytes | str) -> Item:
    if isinstance(value, Item):
        return value
    return Item(value.encode() if isinstance(value, str) else value)


def _metadata(name: str, version: str) -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def _urlsafe(data: bytes) -> str:
    """Digest a file as `RECORD` wants it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _tar(top: str, members: Mapping[str, Item], mtime: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(_tar_info(top, mtime, tarfile.DIRTYPE, 0o755))
        for path, item in members.items():
            info = _tar_info(path, mtime, tarfile.REGTYPE, 0o755 if item.executable else 0o644)
            if item.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, item.link
            elif item.hard_link is not None:
                info.type, info.linkname = tarfile.LNKTYPE, item.hard_link
            else:
                info.size = len(item.data)
            archive.addfile(info, io.BytesIO(item.data))
    return buffer.getvalue()


def _tar_info(path: str, mtime: int, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mtime, info.type, info.mode = mtime, kind, mode
    return info


def _zip(members: Mapping[str, Item], mtime: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, item in members.items():
            if item.hard_link is not None:
                raise UsageError(f"{path} cannot be a hard link: a zip archive has none", "build a tar archive")
            info = zipfile.ZipInfo(path, time.gmtime(mtime)[:6])
            info.create_system = 3
            mode = 0o120777 if item.link is not None else 0o100755 if item.executable else 0o100644
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, item.data if item.link is None else item.link)
    return buffer.getvalue()
