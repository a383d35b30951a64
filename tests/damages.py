"""Random damage to a repository, the same for the same seed."""

import random
from pathlib import Path

from attrs import frozen


@frozen
class Harm:
    """What was done to one file."""

    file: str
    what: str


def harmed_files(repository: Path) -> list[Path]:
    """The files whose every byte counts: packs, their indexes, references, journal."""
    packs = sorted((repository / "objects" / "pack").iterdir())
    return [*packs, repository / "packed-refs", repository / "pydeps-host" / "journal.jsonl"]


def harm(repository: Path, rng: random.Random) -> Harm:
    """Flip a bit of one file, cut it short, or remove it."""
    path = rng.choice(harmed_files(repository))
    data = bytearray(path.read_bytes())
    kind = rng.choice(["flip", "flip", "cut", "remove"])
    name = path.relative_to(repository).as_posix()
    path.chmod(0o644)
    if kind == "remove":
        path.unlink()
        return Harm(name, "removed")
    if kind == "cut":
        size = rng.randrange(len(data))
        path.write_bytes(data[:size])
        return Harm(name, f"cut from {len(data)} to {size} bytes")
    bit = rng.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    return Harm(name, f"bit {bit % 8} of byte {bit // 8} flipped")
