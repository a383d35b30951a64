from types import MappingProxyType
from typing import Any

import pytest
from attrs import evolve

from pydeps_host.errors import OwnerChangedError
from pydeps_host.repository import RowError, Status, VersionRow, VersionTag
from pydeps_host.repository.merge import Claim, Conflict, EndClaims, Merged, Offer, Proposal, Unclaim, claimed, merge, without_claim
from pydeps_host.repository.state import State
from pydeps_host.values import Digest

ERROR = RowError("ArchiveError", "archive", "truncated")
OLD, NEW = Digest("md5", "0" * 32), Digest("md5", "1" * 32)
A, B = "aa" * 20, "bb" * 20


def published(text: str, commit: str = A, *, tags: tuple[str, ...] = (), **more: Any) -> VersionRow:
    names = tags or (f"v{text}",)
    return VersionRow(text, Status.PUBLISHED, commit=commit, tags=tuple(VersionTag(name, commit) for name in names), **more)


def state(*rows: VersionRow, **more: Any) -> State:
    return State(rows=MappingProxyType({row.text: row for row in rows}), **more)


def put(before: State, *offers: VersionRow | Offer, has: bool = True, **more: Any) -> Merged:
    wanted = tuple(offer if isinstance(offer, Offer) else Offer(offer) for offer in offers)
    return merge(before, Proposal(wanted, **more), name="pkg", has=lambda _: has)


def claims(*texts: str, claimant: str = "default", entry: str = "pkg") -> dict[str, Any]:
    return {claimant: {entry: frozenset(texts)}}


def test_a_new_row_is_a_change() -> None:
    merged = put(state(), published("1"))
    assert merged.changed_rows == (published("1"),)
    assert not merged.changes_nothing


def test_the_same_again_is_none() -> None:
    before = state(published("1"), owner="i", claims=claims("1"))
    merged = put(before, published("1"), claims=(Claim("default", "pkg", frozenset("1")),), owner="i")
    assert merged.changes_nothing
    assert merged.conflicts == ()


def test_another_commit_of_a_published_version_is_not_taken() -> None:
    merged = put(state(published("1")), published("1", B))
    assert merged.changes_nothing
    assert merged.conflicts == (Conflict("1", "other-commit", A, B),)


def test_another_commit_is_taken_where_that_is_asked_for() -> None:
    new = published("1", B)
    assert put(state(published("1", tags=("v1", "v1.0"))), Offer(new, replace=True)).changed_rows == (new,)


def test_other_bytes_under_the_same_name_are_not_trusted_even_after_the_tag_is_gone() -> None:
    gone = evolve(published("1", filename="f", sha256="00"), status=Status.REMOVED)
    merged = put(state(gone), published("1", B, filename="f", sha256="11"))
    assert merged.conflicts == (Conflict("1", "other-bytes", "00", "11"),)
    assert merged.changes_nothing


@pytest.mark.parametrize(("filename", "sha256"), [("f", "00"), ("g", "11")])
def test_a_removed_version_may_come_back_from_the_same_bytes_or_another_file(filename: str, sha256: str) -> None:
    gone = evolve(published("1", filename="f", sha256="00"), status=Status.REMOVED)
    new = published("1", B, filename=filename, sha256=sha256)
    assert put(state(gone), new).changed_rows == (new,)


def test_a_refused_artifact_that_was_mended_is_taken() -> None:
    refused = VersionRow("1", Status.REFUSED, filename="f", sha256="00", error=ERROR)
    assert put(state(refused), published("1", filename="f", sha256="11")).conflicts == ()


@pytest.mark.parametrize("status", [Status.FAILED, Status.REFUSED])
def test_a_failure_leaves_a_published_version_as_it_is(status: Status) -> None:
    merged = put(state(published("1", sha256="00")), VersionRow("1", status, error=ERROR, attempts=3))
    assert merged.changes_nothing


def test_a_failure_after_a_removal_forgets_neither_bytes_nor_date_nor_commit() -> None:
    gone = evolve(published("1", sha256="00", date=7, policy="1-x"), status=Status.REMOVED)
    (row,) = put(state(gone), VersionRow("1", Status.FAILED, error=ERROR, attempts=1)).changed_rows
    assert row == evolve(gone, status=Status.FAILED, error=ERROR, attempts=1)


def test_a_refusal_after_a_removal_tells_which_files_were_refused_under_which_policy() -> None:
    gone = evolve(published("1", sha256="00", digests=(OLD,), policy="1-x"), status=Status.REMOVED)
    (row,) = put(state(gone), VersionRow("1", Status.REFUSED, error=ERROR, digests=(NEW,), policy="1-y")).changed_rows
    assert row == evolve(gone, status=Status.REFUSED, error=ERROR, digests=(NEW,), policy="1-y")


def test_a_failure_takes_the_place_of_an_earlier_one() -> None:
    new = VersionRow("1", Status.REFUSED, error=ERROR, attempts=2)
    assert put(state(VersionRow("1", Status.FAILED, attempts=1)), new).changed_rows == (new,)


def test_a_yank_changes_the_row_and_keeps_its_tags() -> None:
    before = published("1", tags=("v1", "v1.0"))
    (row,) = put(state(before), published("1", yanked=True)).changed_rows
    assert row == evolve(before, yanked=True)


def test_another_spelling_adds_a_tag_and_takes_none() -> None:
    before = state(published("1", tags=("v1", "v1.0")))
    (row,) = put(before, published("1", tags=("v1", "v1.0.0"))).changed_rows
    assert [tag.name for tag in row.tags] == ["v1", "v1.0", "v1.0.0"]


def test_a_tag_belongs_to_the_version_that_had_it_first() -> None:
    merged = put(state(published("1.0", tags=("v1.0", "v1"))), published("1", B))
    assert merged.conflicts == (Conflict("1", "tag-taken", "1.0", "v1"),)
    merged = put(state(), published("1.0", tags=("v1.0", "v1")), published("1", B))
    assert (merged.conflicts, set(merged.rows)) == ((Conflict("1", "tag-taken", "1.0", "v1"),), {"1.0"})


def test_the_tag_of_a_removed_version_is_free() -> None:
    gone = evolve(published("1.0", tags=("v1.0", "v1")), status=Status.REMOVED)
    assert put(state(gone), published("1", B)).conflicts == ()


def test_what_an_entry_once_chose_stays_claimed_while_the_entry_stands() -> None:
    merged = put(state(claims=claims("1", "2")), claims=(Claim("default", "pkg", frozenset("3")),))
    assert merged.changed_claims == claims("1", "2", "3")


def test_a_version_that_loses_its_last_claim_loses_its_tags_and_keeps_its_row() -> None:
    before = state(published("1"), published("2"), claims=claims("1", "2"))
    merged = put(before, claims=(Claim("default", "pkg==2", frozenset("2")), EndClaims("default", frozenset({"pkg==2"}))))
    assert merged.changed_rows == (evolve(published("1"), status=Status.REMOVED),)
    assert merged.changed_claims == {"default": {"pkg": None, "pkg==2": frozenset("2")}}


def test_a_version_that_somebody_else_claims_keeps_its_tags() -> None:
    before = state(published("1"), claims=claims("1") | claims("1", claimant="command"))
    merged = put(before, claims=(EndClaims("default", frozenset()),))
    assert merged.changed_rows == ()
    assert without_claim(before, Proposal(claims=(EndClaims("default", frozenset()),))) == ()


def test_ending_the_claims_of_one_configuration_touches_no_version_that_nobody_claimed() -> None:
    before = state(published("1"), published("2"), claims=claims("1"))
    assert [row.text for row in put(before, claims=(EndClaims("default", frozenset()),)).changed_rows] == ["1"]


def test_what_would_be_unclaimed_is_told_before() -> None:
    before = state(published("1"), published("2"), VersionRow("3", Status.FAILED), claims=claims("3", "2", "1", "unknown"))
    assert without_claim(before, Proposal(claims=(EndClaims("default", frozenset()),))) == ("1", "2")


def test_a_removed_version_that_is_claimed_again_gets_its_tags_back() -> None:
    gone = evolve(published("1"), status=Status.REMOVED)
    wanted = (Claim("default", "pkg", frozenset("1")),)
    assert put(state(gone), claims=wanted).changed_rows == (published("1"),)
    assert put(state(gone), claims=wanted, has=False).changed_rows == ()


def test_a_removed_version_whose_tag_went_to_another_stays_removed() -> None:
    gone = evolve(published("1", tags=("v1", "x")), status=Status.REMOVED)
    merged = put(state(gone, published("2", tags=("v2", "x"))), claims=(Claim("default", "pkg", frozenset("1")),))
    assert merged.changed_rows == ()
    assert merged.conflicts == (Conflict("1", "tag-taken", "2", "x"),)


def test_an_owner_is_recorded_once() -> None:
    assert put(state(), owner="a").owner == "a"
    with pytest.raises(OwnerChangedError) as caught:
        put(state(owner="a"), published("1"), owner="b")
    assert (caught.value.name, caught.value.recorded, caught.value.offered) == ("pkg", "a", "b")


def test_all_claims_count() -> None:
    assert claimed({"a": {"x": frozenset("12"), "y": frozenset("3")}, "b": {"x": frozenset("4")}}) == set("1234")
    assert claimed({}) == set()


# --- versions that are wanted no more ---


def test_a_claimant_s_claims_on_a_version_end_whatever_entry_chose_it() -> None:
    both = {**claims("1", "2"), **claims("1", claimant="on-demand", entry="pkg==1")}
    before = state(published("1"), published("2", B), claims=both)
    merged = put(before, claims=(Unclaim(frozenset({"1"}), "on-demand"),))
    assert merged.changed_claims == {"on-demand": {"pkg==1": None}}
    assert merged.changed_rows == ()
    merged = put(before, claims=(Unclaim(frozenset({"2"}), "default"), Unclaim(frozenset({"1"}), "nobody")))
    assert merged.changed_claims == {"default": {"pkg": frozenset({"1"})}}
    assert [row.text for row in merged.changed_rows if row.status is Status.REMOVED] == ["2"]


def test_what_nobody_is_to_claim_loses_its_tags_whoever_claimed_it_or_nobody() -> None:
    both = {**claims("1"), **claims("1", claimant="command")}
    before = state(published("1"), published("2", B), published("3", "cc" * 20), claims=both)
    merged = put(before, claims=(Unclaim(frozenset({"1", "2", "9"})),))
    assert [row.text for row in merged.changed_rows if row.status is Status.REMOVED] == ["1", "2"]
    assert merged.changed_claims == {"default": {"pkg": None}, "command": {"pkg": None}}


def test_what_is_claimed_after_all_claims_ended_stays() -> None:
    before = state(published("1"), claims=claims("1"))
    again = Claim("default", "pkg", frozenset({"1"}))
    assert put(before, claims=(Unclaim(frozenset({"1"})), again)).changes_nothing


def test_versions_that_would_lose_their_last_claim_are_told_of_those_that_are_wanted_no_more() -> None:
    before = state(published("1"), published("2", B), claims=claims("1", "2"))
    assert without_claim(before, Proposal(claims=(Unclaim(frozenset({"2"}), "default"),))) == ("2",)
