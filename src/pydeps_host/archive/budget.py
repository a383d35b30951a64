"""What one artifact may cost, charged before memory is taken for it."""

import time
from collections.abc import Callable
from typing import NoReturn

from pydeps_host.archive.reasons import Refusal, Refused
from pydeps_host.values import Limits

PIECE_BYTES = 512 * 1024
# A decoder is never asked for more than so much beyond what is allowed.
_BEYOND = 64 * 1024


class Budget:
    """Counts what one artifact has cost so far, and refuses it when a limit is passed.

    Args:
        limits: What is allowed.
        artifact_bytes: The artifact's size, for the ratio.
        clock: Seconds; another one in tests.
    """

    def __init__(self, limits: Limits, artifact_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._deadline = clock() + limits.artifact_seconds
        self._unpacked_left = self._allowance = limits.unpacked_allowance(artifact_bytes)
        self._entries_left = limits.entries
        self._paths_left = limits.paths_bytes
        # A folder is the hash of its parent's hash and its name: to keep the spelling of every
        # ancestor of every path would be quadratic in a path's depth. Two that share 64 bits, which
        # are keyed anew in each process, count as one.
        self._folders: set[int] = set()
        self._known: set[int] = {hash(b"")}

    @property
    def piece_bytes(self) -> int:
        """How many bytes a decoder may be asked for at once: few, where little is left to be unpacked."""
        return min(PIECE_BYTES, self._unpacked_left + _BEYOND)

    def unpack(self, size: int) -> None:
        """Charge bytes that were just produced, at most `piece_bytes` of them."""
        self._unpacked_left -= size
        if self._unpacked_left < 0:
            self._refuse_unpacked()

    def foresee(self, size: int) -> None:
        """Refuse what promises more bytes than are left to be unpacked, before they are produced."""
        if size > self._unpacked_left:
            self._refuse_unpacked()

    def foresee_entries(self, count: int) -> None:
        """Refuse what promises more entries than are allowed, before they are read."""
        if count > self._entries_left:
            self._refuse_entries()

    def enter(self) -> None:
        """Charge one entry, and look at the clock."""
        self._entries_left -= 1
        if self._entries_left < 0:
            self._refuse_entries()
        if self._clock() > self._deadline:
            self.check_time()

    def check_time(self) -> None:
        """Refuse an artifact that takes longer than `artifact_seconds`."""
        if self._clock() > self._deadline:
            raise Refused(Refusal.LIMIT_SECONDS, f"takes longer than {self.limits.artifact_seconds} s to read")

    def name(self, raw: bytes) -> None:
        """Charge a name as the archive has it."""
        size = len(raw)
        if size > self.limits.path_bytes:
            self._refuse_path()
        self._paths_left -= size
        if self._paths_left < 0:
            self._refuse_paths()

    def foresee_name(self, raw: bytes, together: int) -> None:
        """Refuse a name that a directory gives, and will be charged for, before it is kept: `together` bytes of names, it among them."""
        if len(raw) > self.limits.path_bytes:
            self._refuse_path()
        if together > self._paths_left:
            self._refuse_paths()

    def text(self, raw: bytes) -> None:
        """Charge a link's target, which is kept in memory as names are."""
        self._paths_left -= len(raw)
        if self._paths_left < 0:
            self._refuse_paths()

    def component(self, size: int) -> None:
        """Refuse the name of a file beside another one, in `size` bytes, where it is too long for a component."""
        if size > self.limits.component_bytes:
            self._refuse_component()

    def place(self, path: bytes, *, folder: bool) -> None:
        """Charge the place of an entry in the tree: its folders, each once, and itself if it is one."""
        limits = self.limits
        if path.count(b"/") >= limits.path_depth:
            raise Refused(Refusal.LIMIT_DEPTH, f"a path has more than {limits.path_depth} components")
        if len(path) > limits.component_bytes and max(map(len, path.split(b"/"))) > limits.component_bytes:
            self._refuse_component()
        above = path if folder else path.rpartition(b"/")[0]
        known = hash(above)
        if known not in self._known:
            self._add_folder(above)
            self._known.add(known)

    def _refuse_path(self) -> NoReturn:
        raise Refused(Refusal.LIMIT_PATH, f"a path has more than {self.limits.path_bytes} bytes")

    def _refuse_paths(self) -> NoReturn:
        raise Refused(Refusal.LIMIT_PATHS, f"the paths have more than {self.limits.paths_bytes} bytes together")

    def _refuse_component(self) -> NoReturn:
        raise Refused(Refusal.LIMIT_COMPONENT, f"a component of a path has more than {self.limits.component_bytes} bytes")

    def _refuse_unpacked(self) -> NoReturn:
        raise Refused(Refusal.LIMIT_UNPACKED, f"unpacks to more than {self._allowance} bytes")

    def _refuse_entries(self) -> NoReturn:
        raise Refused(Refusal.LIMIT_ENTRIES, f"has more than {self.limits.entries} entries")

    def _add_folder(self, path: bytes) -> None:
        folder = 0
        for part in path.split(b"/"):
            folder = hash((folder, part))
            self._folders.add(folder)
        # A path adds no more folders than it may be deep.
        if len(self._folders) > self.limits.folders:
            raise Refused(Refusal.LIMIT_FOLDERS, f"has more than {self.limits.folders} folders")
