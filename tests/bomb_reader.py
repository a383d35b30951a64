"""A program: reads archives to their ends in a process of its own, and prints as JSON what they cost.

Its one argument is JSON. Of the archive `file`, called `filename`, a commit is
made within the limits; `limits` changes them. Then each of `timed` is read and
laid out `times` times, within the limits that `raised` changes.
"""

import bz2
import gc
import json
import lzma
import re
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName

from pydeps_host import Artifact, Policy, Release, materialize
from pydeps_host.archive import Entry, Member, layout, read_archive
from pydeps_host.errors import ArchiveError
from pydeps_host.git import PackWriter
from pydeps_host.git.objects import ObjectHasher, object_id
from pydeps_host.values import Limits

PRODUCED = Counter[str]()


class Counted:
    """A decoder of which every byte that comes out is counted."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def decompress(self, *args: Any, **named: Any) -> bytes:
        data: bytes = self._decoder.decompress(*args, **named)
        PRODUCED["bytes"] += len(data)
        return data


def count_decoders() -> None:
    """Have the decoders of this process counted."""
    for module, name in ((zlib, "decompressobj"), (bz2, "BZ2Decompressor"), (lzma, "LZMADecompressor")):
        real = getattr(module, name)
        setattr(module, name, lambda *args, real=real: Counted(real(*args)))


def make(path: Path, filename: str, limits: Limits) -> dict[str, object]:
    """Make a commit of an archive, as a sync does."""
    artifact = Artifact(path, filename, path.stat().st_size, "0" * 64)
    release = Release(NormalizedName("bomb"), "1.0", None, ())
    with tempfile.TemporaryDirectory() as folder, PackWriter(Path(folder) / "bomb.pack") as pack:
        made = materialize(release, artifact, policy=Policy(limits=limits), into=pack)
        finished = pack.finish(sync=False)
        return {"skips": sum(count for _, count in made.skipped), "objects": finished.objects if finished else 0}


def read(path: Path, filename: str, limits: Limits) -> dict[str, object]:
    """Read an archive and lay it out, with ids in place of contents."""
    with path.open("rb") as file:
        found = layout(map(entry, read_archive(file, filename, limits=limits)), strip=True, filename=filename)
    return {"entries": len(found.entries)}


def entry(member: Member) -> Entry:
    """Do with a member what materialising does, but for writing it."""
    id_ = b""
    if isinstance(member.content, bytes):
        id_ = object_id("blob", member.content)
    else:
        hasher = ObjectHasher("blob", member.size)
        for piece in member.content:
            hasher.update(piece)
        id_ = hasher.finish()
    return Entry(member.path, member.kind, member.executable, id_, member.target or None, member.offset)


def cost(act: Callable[[Path, str, Limits], dict[str, object]], path: str, filename: str, limits: Limits) -> dict[str, Any]:
    """Do something with one archive; return how it ended, CPU seconds, MiB of memory and bytes that came out of decoders."""
    PRODUCED.clear()
    gc.collect()
    # From here on the kernel tells the highest size anew (proc(5), clear_refs).
    Path("/proc/self/clear_refs").write_text("5")
    idle, begin = kib("VmRSS"), time.process_time()
    try:
        told = {"code": None, **act(Path(path), filename, limits)}
    except ArchiveError as error:
        told = {"code": error.reason}
    seconds = time.process_time() - begin
    return {**told, "seconds": seconds, "grown": (kib("VmHWM") - idle) / 1024, "produced": PRODUCED["bytes"]}


def kib(name: str) -> int:
    """Return a size that the kernel tells of this process."""
    found = re.search(name + r":\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def main() -> None:
    asked = json.loads(sys.argv[1])
    count_decoders()
    filename, timed = asked["filename"], asked["timed"]
    found = cost(make, asked["file"], filename, Limits(**asked["limits"]))
    raised = Limits(**asked["raised"])
    costs = [cost(read, path, filename, raised)["seconds"] for path in timed * asked["times"]]
    found["timed"] = [min(costs[place :: len(timed)]) for place in range(len(timed))]
    print(json.dumps(found))  # noqa: T201 - what it prints is its result.


if __name__ == "__main__":
    main()
