"""Distributions as real tools write them, built in memory."""

import base64
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

from attrs import field, frozen


@frozen
class Item:
    """One file of a distribution: its bytes, whether it may be executed, or where it points."""

    data: bytes = b""
    executable: bool = False
    link: str | None = None
    hard_link: str | None = None


def item(value: "Item | bytes | str") -> Item:
    if isinstance(value, Item):
        return value
    return Item(value.encode() if isinstance(value, str) else value)


@frozen
class Built:
    """A distribution."""

    filename: str
    data: bytes = field(repr=False)

    def into(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.data)
        return path

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def sdist(name: str, version: str, files: "dict[str, Item | bytes | str]", *, suffix: str = ".tar.gz", mtime: int = 1_600_000_000) -> Built:
    """Build a source distribution with one top folder; `.zip` or anything that tarfile compresses."""
    top = f"{name}-{version}"
    metadata: Item | bytes | str = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    whole = {"PKG-INFO": metadata, **files}
    if suffix == ".zip":
        return Built(f"{top}.zip", _zip({f"{top}/{path}": item(value) for path, value in whole.items()}, mtime))
    mode = {".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz", ".tar": "w"}[suffix]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        archive.addfile(_info(top, mtime, tarfile.DIRTYPE, 0o755))
        for path, value in whole.items():
            _add(archive, f"{top}/{path}", item(value), mtime)
    return Built(f"{top}{suffix}", buffer.getvalue())


def wheel(
    name: str, version: str, files: "dict[str, Item | bytes | str]", *, tag: str = "py3-none-any", mtime: int = 1_600_000_000
) -> Built:
    """Build a wheel with its metadata and RECORD."""
    info = f"{name}-{version}.dist-info"
    whole = {path: item(value) for path, value in files.items()}
    whole[f"{info}/METADATA"] = item(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    whole[f"{info}/WHEEL"] = item(f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n")
    record = "".join(f"{path},sha256={_urlsafe(one.data)},{len(one.data)}\n" for path, one in whole.items())
    whole[f"{info}/RECORD"] = item(f"{record}{info}/RECORD,,\n")
    return Built(f"{name}-{version}-{tag}.whl", _zip(whole, mtime))


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _info(path: str, mtime: int, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mtime, info.type, info.mode = mtime, kind, mode
    return info


def _add(archive: tarfile.TarFile, path: str, one: Item, mtime: int) -> None:
    info = _info(path, mtime, tarfile.REGTYPE, 0o755 if one.executable else 0o644)
    if one.link is not None:
        info.type, info.linkname = tarfile.SYMTYPE, one.link
    elif one.hard_link is not None:
        info.type, info.linkname = tarfile.LNKTYPE, one.hard_link
    else:
        info.size = len(one.data)
    archive.addfile(info, io.BytesIO(one.data) if info.type == tarfile.REGTYPE else None)


def _zip(files: dict[str, Item], mtime: int) -> bytes:
    import time

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, one in files.items():
            info = zipfile.ZipInfo(path, time.gmtime(mtime)[:6])
            info.create_system = 3
            mode = 0o120777 if one.link is not None else 0o100755 if one.executable else 0o100644
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, one.link if one.link is not None else one.data)
    return buffer.getvalue()
