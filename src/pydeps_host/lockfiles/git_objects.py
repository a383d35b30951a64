"""Objects of somebody else's git repository: loose ones, and those in packs.

Nothing is believed: every object is hashed again, and what its making may cost
is bounded. Configuration and alternates are never read.
"""

import os
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from attrs import define, field

from pydeps_host.errors import DamagedError, LockfileError
from pydeps_host.git import Kind, ObjectId, PackIndex, object_id
from pydeps_host.git.deflate import inflate
from pydeps_host.git.delta import apply_delta
from pydeps_host.git.pack_format import (
    HEADER,
    KINDS,
    SIGNATURE,
    TRAILER_BYTES,
    VERSION,
)
from pydeps_host.git.pack_reader import MAX_DELTAS, PackEntry, read_entry
from pydeps_host.lockfiles.folder import read_regular
from pydeps_host.lockfiles.values import LockLimits
from pydeps_host.values import shown

_MIB: Final = 1024 * 1024
# One object, or one that it is a delta of.
_MOST_BYTES: Final = 64 * _MIB
_MOST_INDEX_BYTES: Final = 512 * _MIB
_MOST_PACKS: Final = 10_000
_KEPT_BYTES: Final = 32 * _MIB
# What a byte of a delta may cost, in bytes copied: an instruction of two bytes takes about as long as copying these.
_DELTA_COST: Final = 256


class Objects:
    """The objects of one repository; a context manager that closes its packs. For one thread."""

    def __init__(self, folder: Path, name: str, limits: LockLimits) -> None:
        """Take the `objects` folder of the repository that errors call `name`."""
        self._folder = folder
        self._name = name
        self._packs: list[_Pack] | None = None
        self._budget = _Budget(limits.object_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for pack in self._packs or ():
            pack.close()

    def read(self, id_: ObjectId) -> tuple[Kind, bytes]:
        """Return an object as (kind, data).

        Raises:
            LockfileError: It is not there, is damaged, or costs more than the limits allow.
        """
        with self._faults(f"object {id_.hex()}"):
            found = self._loose(id_) or self._packed(id_)
            if found is None:
                raise ValueError(
                    "it is not there; a repository that borrows objects of another one, or has only a part of them, is not read"
                )
            if object_id(*found) != id_:
                raise ValueError("its bytes have another id")
            return found

    def _loose(self, id_: ObjectId) -> tuple[Kind, bytes] | None:
        name = id_.hex()
        path = self._folder / name[:2] / name[2:]
        if not path.is_file():
            return None
        packed = read_regular(path, self._fault(f"object {name}", ""), max_bytes=_MOST_BYTES)
        stream = zlib.decompressobj()
        # The header is a word and a number.
        data = stream.decompress(packed, _MOST_BYTES + 64)
        # A stream may be long and hold nothing.
        self._budget.spend(max(len(data), len(packed)))
        head, _, content = data.partition(b"\0")
        kind = next((kind for kind in KINDS.values() if head == f"{kind} {len(content)}".encode()), None)
        if kind is None or not stream.eof:
            raise ValueError("it is no loose object, or has more bytes than are read")
        return kind, content

    def _packed(self, id_: ObjectId) -> tuple[Kind, bytes] | None:
        if self._packs is None:
            self._packs = list(self._open())
        for pack in self._packs:
            offset = pack.index.find(id_)
            if offset is not None:
                return pack.read(offset)
        return None

    def _open(self) -> Iterator["_Pack"]:
        folder = self._folder / "pack"
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        indexes = [name for name in names if name.startswith("pack-") and name.endswith(".idx")]
        if len(indexes) > _MOST_PACKS:
            raise ValueError(f"there are more than {_MOST_PACKS} packs; `git gc` makes one of them")
        left = _MOST_INDEX_BYTES
        for name in indexes:
            path = folder / name
            content = read_regular(path, self._fault(name, "the indexes of its packs"), max_bytes=left)
            left -= len(content)
            yield _Pack(path.with_suffix(".pack"), PackIndex(content, path=path), self._budget)

    @contextmanager
    def _faults(self, place: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, zlib.error) as problem:
            raise self._fault(place, shown(str(problem))) from None
        except DamagedError as problem:
            raise self._fault(place, shown(problem.detail)) from None
        except OSError as problem:
            raise self._fault(place, problem.strerror or str(problem)) from None

    def _fault(self, place: str, message: str) -> LockfileError:
        return LockfileError(self._name, place, "repository", message, "look at it with `git fsck`")


@define
class _Budget:
    left: int

    def spend(self, count: int) -> None:
        """Count bytes that were made; raises ValueError once there are too many."""
        self.left -= count
        if self.left < 0:
            raise ValueError("reading the repository costs more than is allowed")


@define
class _Pack:
    """One pack; what it holds is made by the deltas that lead to it, cheapest bound first."""

    path: Path
    index: PackIndex
    budget: _Budget
    _descriptor: int = -1
    _end: int = 0
    _kept: OrderedDict[int, tuple[int, bytes]] = field(factory=OrderedDict)
    _kept_bytes: int = 0

    def read(self, offset: int) -> tuple[Kind, bytes]:
        """Return the object that begins at `offset`; raises ValueError and OSError."""
        self._open()
        deltas: list[tuple[int, PackEntry]] = []
        at = offset
        while at not in self._kept:
            entry = read_entry(self._bytes, self.index, at)
            if entry.base is None:
                self._keep(at, entry.type, self._inflate(entry))
                break
            deltas.append((at, entry))
            if len(deltas) > MAX_DELTAS:
                raise ValueError(f"it is more than {MAX_DELTAS} deltas from its base")
            at = entry.base
        type_, data = self._kept[at]
        for place, entry in reversed(deltas):
            delta = self._inflate(entry)
            self.budget.spend(len(delta) * _DELTA_COST)
            data = apply_delta(data, delta, max_bytes=_MOST_BYTES)
            self.budget.spend(len(data))
            self._keep(place, type_, data)
        return KINDS[type_], data

    def close(self) -> None:
        """Close the pack, if it was opened."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        if self._descriptor >= 0:
            return
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        self._end = os.fstat(self._descriptor).st_size - TRAILER_BYTES
        header = os.pread(self._descriptor, HEADER.size, 0)
        trailer = os.pread(self._descriptor, TRAILER_BYTES, max(self._end, 0))
        if header != HEADER.pack(SIGNATURE, VERSION, len(self.index)) or trailer != self.index.pack_checksum:
            raise ValueError("a pack is not the one that its index is of")

    def _bytes(self, offset: int, size: int) -> bytes:
        if not HEADER.size <= offset < self._end:
            return b""
        return os.pread(self._descriptor, min(size, self._end - offset), offset)

    def _inflate(self, entry: PackEntry) -> bytes:
        if entry.size > _MOST_BYTES:
            raise ValueError(f"it, or what it is made of, has {entry.size} bytes, {_MOST_BYTES} are allowed")
        self.budget.spend(entry.size)
        readings = count()

        def read(offset: int, size: int) -> bytes:
            data = self._bytes(offset, size)
            # The first reading is about as large as what comes of it; a stream that goes on may hold nothing.
            if next(readings):
                self.budget.spend(len(data))
            return data

        return inflate(read, entry.data_at, entry.size)

    def _keep(self, offset: int, type_: int, data: bytes) -> None:
        """Keep what others are likely to be deltas of; the one that was made last always."""
        self._kept[offset] = (type_, data)
        self._kept_bytes += len(data)
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1][1])
