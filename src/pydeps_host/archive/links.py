"""Where symlinks lead, each followed through every other one."""

from collections.abc import Mapping

from attrs import define

from pydeps_host.archive.folding import ROOT, Tree
from pydeps_host.archive.names import spells_dot_git
from pydeps_host.archive.policy import link_text_reason
from pydeps_host.archive.reasons import SkipReason

# Linux follows so many links for one path (ELOOP).
_HOPS = 40


@define
class _Walk:
    """One link that is being followed; `beyond` is how many names below `node`, where nothing is, it has come."""

    link: int
    node: int
    parts: list[bytes]
    hops: int = 1
    beyond: int = 0


class LinkResolver:
    """Follows symlinks, each text once, whatever the number of links that lead through it.

    Args:
        tree: Every path. Names that links lead to, and that nobody has, are counted and
            not added: the texts of links may hold millions of them.
        targets: The text of every symlink, by its node.
    """

    def __init__(self, tree: Tree, targets: Mapping[int, bytes]) -> None:
        self._tree = tree
        self._targets = targets
        # Where each link leads (a node, and how many names below it) and over how many links, or why it may not be.
        self._known: dict[int, tuple[int, int, int] | SkipReason] = {}

    def reason(self, link: int) -> SkipReason | None:
        """Return why a symlink is unsafe, or None."""
        known = self._known.get(link)
        if known is None:
            known = self._follow(link)
        return known if isinstance(known, SkipReason) else None

    def _follow(self, link: int) -> tuple[int, int, int] | SkipReason:
        stack: list[_Walk] = []
        following: set[int] = set()
        self._begin(link, stack, following)
        while stack:
            walk = stack[-1]
            waits_for = self._step(walk)
            if waits_for is None:
                stack.pop()
                following.discard(walk.link)
            elif waits_for in following:
                self._known[waits_for] = SkipReason.LINK_LOOP
            else:
                self._begin(waits_for, stack, following)
        return self._known[link]

    def _begin(self, link: int, stack: list[_Walk], following: set[int]) -> None:
        text = self._targets[link]
        reason = link_text_reason(text)
        if reason is not None:
            self._known[link] = reason
            return
        # Taken from the end: the first component is the last of the list.
        parts = [part for part in reversed(text.split(b"/")) if part not in {b"", b"."}]
        stack.append(_Walk(link, self._tree.parent(link), parts))
        following.add(link)

    def _step(self, walk: _Walk) -> int | None:
        """Go on until the end, or until another link's end has to be known: return that link."""
        while walk.parts and walk.link not in self._known:
            part = walk.parts[-1]
            if part == b"..":
                self._climb(walk)
            elif spells_dot_git(part.decode()):
                self._known[walk.link] = SkipReason.LINK_DOT_GIT
            else:
                node = None if walk.beyond else self._tree.find(walk.node, part)
                if node is None:
                    walk.beyond += 1
                elif node not in self._targets:
                    walk.node = node
                elif node in self._known:
                    self._pass(walk, self._known[node])
                else:
                    return node
            walk.parts.pop()
        self._known.setdefault(walk.link, (walk.node, walk.beyond, walk.hops))
        return None

    def _climb(self, walk: _Walk) -> None:
        if walk.beyond:
            walk.beyond -= 1
            return
        if walk.node == ROOT:
            self._known[walk.link] = SkipReason.LINK_LEAVES
        walk.node = self._tree.parent(walk.node)

    def _pass(self, walk: _Walk, known: tuple[int, int, int] | SkipReason) -> None:
        """Go through another link, whose end is known."""
        if isinstance(known, SkipReason):
            self._known[walk.link] = known
            return
        walk.node, walk.beyond, hops = known
        walk.hops += hops
        if walk.hops > _HOPS:
            self._known[walk.link] = SkipReason.LINK_LOOP
        elif b".." in walk.parts:
            # A reader that shortens `link/..` by its text ends elsewhere than the system does.
            self._known[walk.link] = SkipReason.LINK_CLIMBS
