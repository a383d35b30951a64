"""A few thousand broken pages; `nox -s fuzz_pages` reads a million."""

from fuzz_pages import case, run, warmed


def test_no_broken_page_raises_anything_untyped_or_shows_a_secret():
    tally = warmed(1)
    for number in range(3000):
        run(case(1, number), tally)
    assert not tally.failures, "\n".join(tally.failures)
    assert tally.outcomes["taken"] > 500
    assert {"taken", "malformed", "not-an-index", "unsupported-version", "too large"} == set(tally.outcomes)
    assert tally.growth < 64 * 1024 * 1024
