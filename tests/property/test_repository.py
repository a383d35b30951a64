import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from packaging.version import Version

from pydeps_host.git import Commit, Identity, Tag, encode_commit, encode_tag
from pydeps_host.git import object_id as git_id
from pydeps_host.repository import (
    HISTORY,
    LATEST,
    Disk,
    JournalLine,
    Ref,
    Repository,
    RowError,
    Status,
    VersionRow,
    VersionTag,
    latest_version,
    newest_first,
)
from pydeps_host.repository.journal import advance, decode_lines, encode_line
from pydeps_host.repository.references import decode_refs, encode_refs, find_ref
from pydeps_host.repository.row_codec import decode_row, encode_row
from pydeps_host.repository.state import EMPTY
from pydeps_host.values import Digest, NotedMember

# PEP 440 does not know it.
ODD = "odd..text"
TEXTS = st.sampled_from(["1.0", "1.1", "2.0rc1", "2.0", "3.0.dev1", "1!0.5", ODD])
IDS = st.binary(min_size=20, max_size=20)
HEXADECIMAL = IDS.map(bytes.hex)
ANY_TEXT = st.text(st.characters())  # Lone surrogates too.
TIMES = st.datetimes(timezones=st.just(UTC))
# Of this machine's clock.
NEAR_TIMES = st.datetimes(datetime(1970, 1, 1), datetime(8999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
PAIRS = st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=3).map(tuple)
TREE = git_id("tree", b"")

ROWS = st.builds(
    VersionRow,
    ANY_TEXT,
    st.sampled_from(Status),
    index=ANY_TEXT,
    filename=ANY_TEXT,
    size=st.none() | st.integers(0),
    sha256=st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
    digests=st.lists(st.binary(min_size=16, max_size=16).map(lambda value: Digest.of("md5", value.hex())), max_size=2).map(tuple),
    upload_time=st.none() | TIMES,
    date=st.none() | st.integers(0, 2**63 - 1),
    policy=st.text("0123456789-abcdef"),
    yanked=st.booleans(),
    commit=st.none() | HEXADECIMAL,
    tree=st.none() | HEXADECIMAL,
    tags=st.lists(st.builds(VersionTag, st.text("v1.%", min_size=1), HEXADECIMAL), max_size=2).map(tuple),
    skipped=st.dictionaries(st.text("ab-"), st.integers(0), max_size=3).map(lambda counts: tuple(counts.items())),
    skips=st.lists(st.builds(NotedMember, st.text("ab-"), st.text("ab/\\"), st.none() | st.integers(0)), max_size=3).map(tuple),
    set_aside=PAIRS,
    error=st.none() | st.builds(RowError, st.text("abc"), st.text("abc"), ANY_TEXT, st.booleans()),
    attempts=st.integers(0, 50),
    retry_after=st.none() | NEAR_TIMES,
).filter(lambda row: not row.is_published or bool(row.commit and row.tags))

REFS = st.dictionaries(
    st.text("abv01.-+!%", min_size=1).map(lambda name: f"refs/tags/{name}"), st.builds(Ref, IDS, st.none() | IDS), max_size=20
)


@given(ROWS)
def test_a_row_survives_the_journal_whatever_it_may_hold(row: VersionRow) -> None:
    text = json.dumps(encode_row(row))
    assert text.isascii()
    assert decode_row(json.loads(text)) == row


@given(REFS)
def test_references_survive_their_file(refs: dict[str, Ref]) -> None:
    data = encode_refs(refs)
    assert decode_refs(data, Path("packed-refs")) == refs
    assert {name: find_ref(data, name, Path("packed-refs")) for name in refs} == refs


@given(st.lists(st.sampled_from(["1", "2"]), max_size=5), st.data())
def test_a_journal_cut_anywhere_is_the_journal_of_its_whole_lines(digests: list[str], data: st.DataObject) -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC).isoformat()
    lines = [
        encode_line(JournalLine(number, f"sha256:{digest}", at, (VersionRow(str(number), Status.FAILED),)))
        for number, digest in enumerate(digests, 1)
    ]
    whole = data.draw(st.integers(0, len(lines)))
    torn = lines[whole][: data.draw(st.integers(0, len(lines[whole]) - 1))] if whole < len(lines) else b""
    path = Path("journal.jsonl")
    for refs in ("sha256:1", "sha256:2", EMPTY.refs):
        expected = advance(EMPTY, decode_lines(b"".join(lines[:whole]), path), refs)
        assert advance(EMPTY, decode_lines(b"".join(lines[:whole]) + torn, path), refs) == expected


@given(st.lists(st.text("019.abrcdev+!-", max_size=8), unique=True), st.randoms())
def test_the_order_of_versions_does_not_depend_on_the_order_in_which_they_come(texts: list[str], random: object) -> None:
    shuffled = list(texts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert newest_first(texts) == newest_first(shuffled)
    rows = {text: VersionRow(text, Status.PUBLISHED, yanked=len(text) % 2 == 0) for text in texts}
    assert latest_version(rows.values()) == latest_version(rows[text] for text in shuffled)


class Publishing(RuleBasedStateMachine):
    """Batches in any order against a plain model: sets of texts."""

    @initialize()
    def create(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "pkg.git"
        self.repository = Repository.create(self.path, name="pkg", disk=Disk(durable=False))
        self.other = Repository.open(self.path, disk=Disk(durable=False))
        self.published: set[str] = set()
        self.known: dict[str, Status] = {}
        self.claims: dict[str, dict[str, set[str]]] = {}
        self.generation = 0
        self.crashed = False

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            found = self.repository.verify()
            self.folder.cleanup()
            assert found == ()

    def claimed(self) -> set[str]:
        return {text for entries in self.claims.values() for texts in entries.values() for text in texts}

    @rule(
        texts=st.frozensets(TEXTS, max_size=3),
        claimant=st.sampled_from(["default", "command"]),
        entry=st.sampled_from(["pkg", "pkg>=1"]),
        failed=st.frozensets(TEXTS, max_size=2),
        keep=st.none() | st.frozensets(st.sampled_from(["pkg", "pkg>=1"])),
        other=st.booleans(),
    )
    def publish(
        self, texts: frozenset[str], claimant: str, entry: str, failed: frozenset[str], keep: frozenset[str] | None, *, other: bool
    ) -> None:
        before = self.claimed()
        with (self.other if other else self.repository).batch() as batch:
            for text in sorted(failed - texts):
                batch.add(VersionRow(text, Status.FAILED))
            for text in texts:
                who = Identity("pydeps-host", "pydeps-host@example.com", 0)
                batch.pack.add("tree", b"")
                commit = batch.pack.add("commit", encode_commit(Commit(tree=TREE, author=who, committer=who, message=text.encode())))
                name = f"v{text.replace('..', '.%2E')}"
                tag = batch.pack.add("tag", encode_tag(Tag(object=commit, name=name, tagger=who, message=text.encode())))
                batch.add(
                    VersionRow(
                        text,
                        Status.PUBLISHED,
                        commit=commit.hex(),
                        # Not every row tells its tree: those of older journals do not.
                        tree=None if len(texts) == 2 else TREE.hex(),
                        tags=(VersionTag(name, tag.hex()),),
                    )
                )
            batch.claim(claimant, entry, texts)
            if keep is not None:
                batch.end_claims(claimant, keep_entries=keep)
            change = batch.publish()

        self.crashed = False
        entries = self.claims.setdefault(claimant, {})
        entries.setdefault(entry, set()).update(texts)
        if keep is not None:
            self.claims[claimant] = {name: chosen for name, chosen in entries.items() if name in keep}
        for text in failed - texts:
            self.known[text] = Status.PUBLISHED if text in self.published else Status.FAILED
        self.published |= texts
        now = self.claimed()
        self.published -= before - now
        self.known.update(dict.fromkeys(texts, Status.PUBLISHED))
        self.known.update((text, Status.REMOVED) for text in before - now if self.known.get(text) is Status.PUBLISHED)
        revived = {text for text in now if self.known.get(text) is Status.REMOVED}
        self.published |= revived
        self.known.update(dict.fromkeys(revived, Status.PUBLISHED))
        if change is not None:
            self.generation += 1
            assert change.generation == self.generation

    # Whoever writes next cuts it off first, so there is one at most.
    @precondition(lambda self: not self.crashed)
    @rule(torn=st.integers(1, 40))
    def crash_after_the_line(self, torn: int) -> None:
        line = encode_line(JournalLine(self.generation + 1, f"sha256:{'0' * 64}", "2024-01-01T00:00:00+00:00"))
        with (self.path / "pydeps-host" / "journal.jsonl").open("ab") as journal:
            journal.write(line[:torn] if torn % 2 else line)
        self.crashed = True

    @rule()
    def open_anew(self) -> None:
        self.other = Repository.open(self.path, disk=Disk(durable=False))

    @invariant()
    def every_reader_sees_the_model(self) -> None:
        if not hasattr(self, "repository"):
            return
        claims = {claimant: entries for claimant, entries in self.claims.items() if entries}
        for repository in (self.repository, self.other, Repository.open(self.path)):
            assert {text: row.status for text, row in repository.rows().items()} == self.known
            assert set(repository.versions()) == self.published
            assert {claimant: dict(entries) for claimant, entries in repository.claims().items()} == claims
            assert repository.generation == self.generation
            names = {f"refs/tags/v{text.replace('..', '.%2E')}" for text in self.published}
            ordered = sorted((Version(text), text) for text in self.published if text != ODD)
            assert set(repository.refs()) == names | ({LATEST} if names else set()) | ({HISTORY} if ordered else set())
            assert list(repository.history()) == [text for _, text in ordered]
            for text, row in repository.rows().items():
                assert repository.commit_of(text) == (row.commit if row.is_published else None)


TestPublishing = Publishing.TestCase
TestPublishing.settings = settings(max_examples=25, stateful_step_count=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
