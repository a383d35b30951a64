"""Bounds on everything that comes from outside."""

import hashlib
import json

from attrs import asdict, field, frozen
from attrs.validators import gt

_KIB = 1024
_MIB = 1024 * _KIB
_GIB = 1024 * _MIB

# Raised whenever the same artifact would give another tree than before.
_POLICY_NUMBER = 1


def _bound(default: int) -> int:
    limit: int = field(default=default, validator=gt(0))
    return limit


@frozen(kw_only=True)
class Limits:
    """How much is taken from an index or an archive before it is refused.

    Every limit is enforced on what was really read or produced, never on what
    a header promises. Sizes are in bytes.

    Attributes:
        page_bytes: An index page, after its one layer of gzip.
        page_files: Files on one page.
        page_tokens: `{`, `[` and `,` in a JSON page, `<` in an HTML page, counted before it is parsed.
        artifact_bytes: A distribution as downloaded.
        artifact_seconds: Reading one artifact, in seconds.
        unpacked_bytes: Everything that one artifact unpacks to: of a tar file all of it, of a zip file its content.
        ratio: Unpacked bytes for each byte of the artifact, once `ratio_free_bytes` are passed.
        ratio_free_bytes: What may be unpacked whatever the ratio.
        file_bytes: A member that is larger is skipped and recorded.
        entries: Members of one artifact.
        folders: Folders of one artifact, those that are only implied by a path among them.
        path_bytes: One member's path.
        component_bytes: One component of a path.
        path_depth: Components of a path.
        paths_bytes: All paths of one artifact together.
        compressed_members: Compressed members of one file: gzip members, bzip2 or xz streams.
        xz_memory_bytes: What the xz decoder may take.
    """

    page_bytes: int = _bound(64 * _MIB)
    page_files: int = _bound(200_000)
    page_tokens: int = _bound(5_000_000)
    artifact_bytes: int = _bound(512 * _MIB)
    artifact_seconds: int = _bound(300)
    unpacked_bytes: int = _bound(2 * _GIB)
    ratio: int = _bound(100)
    ratio_free_bytes: int = _bound(64 * _MIB)
    file_bytes: int = _bound(15 * _MIB)
    entries: int = _bound(200_000)
    folders: int = _bound(200_000)
    path_bytes: int = _bound(4096)
    component_bytes: int = _bound(255)
    path_depth: int = _bound(128)
    paths_bytes: int = _bound(64 * _MIB)
    compressed_members: int = _bound(1000)
    xz_memory_bytes: int = _bound(80 * _MIB)

    def unpacked_allowance(self, artifact_bytes: int) -> int:
        """Return how many bytes an artifact of this size may unpack to."""
        return min(self.unpacked_bytes, max(self.ratio_free_bytes, self.ratio * artifact_bytes))


@frozen
class Policy:
    """The rules that decide which tree an artifact gives.

    A commit names its policy, because the same artifact read under another
    policy is another commit.

    Attributes:
        limits: What is enforced while reading.
    """

    limits: Limits = field(factory=Limits)

    @property
    def text(self) -> str:
        """The policy's number and a digest of each limit that can change a tree.

        Only `file_bytes` can: every other limit refuses the artifact whole.
        """
        return _named({"file_bytes": self.limits.file_bytes})

    @property
    def refusal_text(self) -> str:
        """The policy's number and a digest of every limit.

        What was refused under some limits may pass under others.
        """
        return _named(asdict(self.limits))


def _named(deciding: dict[str, int]) -> str:
    text = json.dumps(deciding, sort_keys=True)
    return f"{_POLICY_NUMBER}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
