import pickle
import traceback
from datetime import UTC, datetime

import pytest

from pydeps_host.values import Credentials, Digest, Limits, Outcome, Policy, Secret, Tried, Url, UrlSyntaxError, escape, shown, unescape

PASSWORD = "p@:/%"
SPELLED = "https://us%40er:p%40%3A%2F%25@Index.Example.com/simple?token=canary"


def test_user_information_is_percent_decoded():
    url = Url.parse(SPELLED)
    assert url.credentials is not None
    assert url.credentials.username.reveal() == "us@er"
    assert url.credentials.password is not None
    assert url.credentials.password.reveal() == PASSWORD


def test_reveal_gives_the_url_back_with_the_host_in_lower_case():
    assert Url.parse(SPELLED).reveal() == SPELLED.replace("Index.Example", "index.example")


def test_no_secret_of_a_url_is_shown():
    url = Url.parse(SPELLED)
    seen = f"{url} {url!r} {url.credentials!r} {url.credentials} {url.child('a')} {pickle.dumps(url)!r}"
    for secret in (PASSWORD, "p%40", "canary"):
        assert secret not in seen


def test_a_user_name_without_a_password_is_a_token():
    url = Url.parse("https://token@example.com/")
    assert str(url) == "https://****@example.com/"


def test_a_secret_in_the_path_is_shown_by_its_label_in_every_spelling():
    url = Url.parse("https://example.com/s%2Fcret/simple/").join("../files/x.whl")
    secret = Secret("s/cret", label="${TOKEN}")
    hidden = Url(url.origin, url.path, hidden=(secret,))
    assert str(hidden) == "https://example.com/${TOKEN}/files/x.whl"
    assert "cret" not in str(hidden.join("s/cret/y")).replace("${TOKEN}", "")
    assert str(hidden.child("flask")).startswith("https://example.com/${TOKEN}/")


def test_a_text_is_masked_of_every_secret_of_a_url_in_every_spelling():
    url = Url.parse("https://user:p%40ss@example.com/s%2Fcret/?sig=q%2Bry+1&plain-token&v=2")
    url = Url(url.origin, url.path, url.query, url.credentials, (Secret("s/cret", label="${TOKEN}"),))
    said = "2 p@ss p%40ss s/cret s%2Fcret q+ry 1 q%2Bry%201 plain-token"
    assert url.mask(said) == "2 **** **** ${TOKEN} ${TOKEN} … … …"
    assert Url.parse("https://example.com/simple").mask(said) == said
    assert pickle.loads(pickle.dumps(url)).mask(said) == said


def test_a_pickled_url_shows_the_same_and_cannot_be_asked():
    url = Url.parse(SPELLED)
    again = pickle.loads(pickle.dumps(url))
    assert str(again) == str(url)
    assert not again.is_whole
    assert "canary" not in repr(again)


def test_a_pickled_url_without_secrets_is_whole():
    url = Url.parse("https://example.com/simple/")
    again = pickle.loads(pickle.dumps(url))
    assert again == url
    assert again.is_whole


@pytest.mark.parametrize("ask", [Url.reveal, Url.without_credentials, lambda url: url.child("flask"), lambda url: url.join("x")])
def test_what_a_pickle_left_out_cannot_be_asked_for(ask):
    """Without its secrets it would be another URL, whose "not found" would let the next index answer."""
    again = pickle.loads(pickle.dumps(Url.parse(SPELLED)))
    with pytest.raises(UrlSyntaxError, match="pickled"):
        ask(again)


def test_a_traceback_with_locals_shows_no_secret():
    url = Url.parse(SPELLED)
    with pytest.raises(UrlSyntaxError) as caught:
        url.join("ftp://example.com/")
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "canary" not in text.replace("SPELLED", "")


@pytest.mark.parametrize(
    ("reference", "joined"),
    [
        ("x-1.0.tar.gz#sha256=0", "https://u:****@example.com/simple/x/x-1.0.tar.gz"),
        ("/files/x", "https://u:****@example.com/files/x"),
        ("../../y", "https://u:****@example.com/y"),
        ("//files.example.com/x", "https://files.example.com/x"),
        ("https://example.com:443/x", "https://u:****@example.com/x"),
        ("http://example.com/x", "http://example.com/x"),
        ("https://example.com:8443/x", "https://example.com:8443/x"),
        ("a%20b", "https://u:****@example.com/simple/x/a%20b"),
    ],
)
def test_credentials_go_along_to_the_same_origin_and_nowhere_else(reference, joined):
    assert str(Url.parse("https://u:p@example.com/simple/x/").join(reference)) == joined


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://example.com", "starts with https"),
        ("example.com/simple", "starts with https"),
        ("https:///simple", "names a host"),
        ("https://exa_mple!.com/", "names a host"),
        ("https://u:canary@h:99999/", "port"),
        ("https://u:can/ary@h/", "port"),
        ("https://[canary]/", "between //"),
        ("https://[v1.a:b]/", "IPv6"),
        ("https://" + "\u00e9" * 70 + ".example.com/", "looked up"),
        ("file://host/x", "three slashes"),
        ("https://h/a b", "spaces"),
        ("https://h/\x00", "control"),
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(text, said):
    with pytest.raises(UrlSyntaxError, match=said) as caught:
        Url.parse(text)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_ipv6_hosts_and_default_ports_are_normalised():
    assert str(Url.parse("http://[::0001]:80/x").origin) == "http://[::1]"
    assert Url.parse("https://example.com:443/").origin == Url.parse("https://EXAMPLE.com/").origin


def test_the_file_name_is_the_last_component_decoded():
    assert Url.parse("https://example.com/a/b%20c.zip").filename == "b c.zip"
    assert Url.parse("https://example.com/a/").filename == ""


@pytest.mark.parametrize("text", ["", "a\\b", "a\x1b[0m\r\n", "\u202e\ud800é", "\\x41"])
def test_an_escape_is_reversible_and_safe(text):
    escaped = escape(text)
    assert unescape(escaped) == text
    assert escaped.isprintable()


def test_what_is_shown_is_one_line_of_at_most_200_characters():
    assert len(shown("\x00" * 10_000_000)) == 200
    assert shown("a\nb") == "a\\x0ab"
    assert shown(b"caf\xc3\xa9\xff") == "café\\udcff"


@pytest.mark.parametrize(
    "text",
    [
        "sha256",
        "sha256:xyz",
        "shake_128:00",
        "md4:" + "0" * 32,
        "sha512_256:" + "0" * 64,
        "ripemd160:" + "0" * 40,
        "sha256:" + "0" * 63,
        "",
    ],
)
def test_what_is_no_digest_is_refused(text):
    with pytest.raises(ValueError):
        Digest.parse(text)


def test_a_digest_is_read_in_both_spellings_and_in_any_case():
    assert Digest.parse("SHA256=" + "A" * 64) == Digest.parse("sha256:" + "a" * 64)
    assert str(Digest.of("MD5", "0" * 32)) == "md5:" + "0" * 32


def test_unpacked_bytes_are_bounded_by_size_and_by_ratio():
    limits = Limits(unpacked_bytes=1000, ratio=10, ratio_free_bytes=50)
    assert [limits.unpacked_allowance(size) for size in (1, 20, 1000)] == [50, 200, 1000]
    with pytest.raises(ValueError):
        Limits(ratio=0)


def test_a_policy_is_named_by_what_can_change_a_tree():
    assert Policy().text == Policy(Limits(entries=1)).text
    assert Policy().text != Policy(Limits(file_bytes=1)).text


def test_every_outcome_but_found_and_not_asked_has_a_remedy():
    assert {outcome for outcome in Outcome if not outcome.remedy} == {Outcome.FOUND, Outcome.NOT_ASKED}


def test_what_was_tried_is_one_line():
    tried = Tried(Url.parse("https://u:canary@example.com/x/"), Outcome.UNAVAILABLE, "503\nagain", 503)
    assert str(tried) == "https://u:****@example.com/x/: unavailable (503\\x0aagain)"


def test_what_was_tried_tells_the_status_and_when_to_ask_again():
    url = Url.parse("https://example.com/x/")
    limited = Tried(url, Outcome.RATE_LIMITED, "slow down", 429, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert str(limited) == "https://example.com/x/: rate-limited (slow down, status 429, until 2026-01-02 03:04:05 UTC)"
    assert str(Tried(url, Outcome.FOUND, "", 200)) == "https://example.com/x/: found (status 200)"
    assert str(Tried(url, Outcome.FOUND)) == "https://example.com/x/: found"


def test_credentials_show_the_user_and_hide_the_password():
    assert str(Credentials(Secret("user", "user"), Secret("pw"))) == "user:****"
