"""Answers from which nothing may be taken, each of which is to be called what it is."""

from attrs import evolve

from pydeps_host.values import Outcome
from quirk import GOOD, V1_JSON, Quirk, page, refused

LOGIN = '<html><title>Sign in</title><form action="/login"><input name="u"><input type="password" name="p"></form></html>'
FRONT_END = (
    '<!doctype html><html><head><title>Packages</title><script src="/app.js"></script></head><body><div id="root"></div></body></html>'
)
TEXT = "text/plain"
JSON = "application/json"
AUTHENTICATION = r"(?i)401|authenti|credential|unauthori[sz]ed|log ?in"
NO_INDEX = r"(?i)not.an.index|not a valid|no index|unsupported|content.type|malformed|invalid|not html|unexpected|parse|decod|expected"


def status(name: str, what: str, number: int, outcome: Outcome, says: str) -> Quirk:
    return evolve(refused(name, what, outcome, says), status=number, text="no\n", content_type=TEXT)


STATUSES = [
    status("s-404", "404", 404, Outcome.ABSENT, r"(?i)404|not.found|absent|no match"),
    status("s-410", "410", 410, Outcome.ABSENT, r"(?i)410|gone|not.found|absent|no match"),
    evolve(
        status("s-401", "401", 401, Outcome.AUTHENTICATION_REQUIRED, AUTHENTICATION),
        headers=(("WWW-Authenticate", 'Basic realm="packages"'),),
    ),
    status("s-401-bare", "401 without a challenge", 401, Outcome.AUTHENTICATION_REQUIRED, AUTHENTICATION),
    status("s-402", "402", 402, Outcome.FORBIDDEN, r"(?i)402|payment|forbidden"),
    status("s-403", "403", 403, Outcome.FORBIDDEN, r"(?i)403|forbidden|permission"),
    status("s-451", "451", 451, Outcome.FORBIDDEN, r"(?i)451|legal|forbidden"),
    status("s-429", "429 without a header", 429, Outcome.RATE_LIMITED, r"(?i)429|too many|rate"),
    evolve(
        status("s-429-until", "429 and when to ask again", 429, Outcome.RATE_LIMITED, r"(?i)429|too many|rate"),
        headers=(("Retry-After", "1"),),
    ),
    status("s-500", "500", 500, Outcome.UNAVAILABLE, r"(?i)500|internal server|unavailable|server error"),
    status("s-502", "502", 502, Outcome.UNAVAILABLE, r"(?i)502|bad gateway|unavailable|server error"),
    status("s-503", "503", 503, Outcome.UNAVAILABLE, r"(?i)503|unavailable"),
    status("s-204", "204, without a body", 204, Outcome.NOT_AN_INDEX, rf"{NO_INDEX}|204"),
    status("s-418", "a status that means nothing here", 418, Outcome.NOT_AN_INDEX, rf"{NO_INDEX}|418"),
]

PAGES = [
    refused("login", "a login page", Outcome.NOT_AN_INDEX, r"(?i)login|log in|sign in", text=LOGIN),
    refused(
        "login-link",
        "a login page with a link to a file",
        Outcome.NOT_AN_INDEX,
        r"(?i)login|log in|sign in",
        text=LOGIN.replace("</form>", f"</form>{GOOD}"),
    ),
    refused("front-end", "a web front end", Outcome.NOT_AN_INDEX, rf"{NO_INDEX}|page for people", text=FRONT_END),
    refused(
        "json-error",
        "an error told in JSON, with status 200",
        Outcome.NOT_AN_INDEX,
        "quota",
        text='{"error": "quota exceeded"}',
        content_type=JSON,
    ),
    refused(
        "v1-error",
        "the same as the API's own type",
        Outcome.NOT_AN_INDEX,
        "quota",
        text='{"message": "quota exceeded"}',
        content_type=V1_JSON,
    ),
    refused(
        "other-api",
        "the JSON API of PyPI",
        Outcome.NOT_AN_INDEX,
        NO_INDEX,
        text='{"info": {"name": "x"}, "releases": {}, "urls": []}',
        content_type=JSON,
    ),
    refused("it-works", "a server's first page", Outcome.NOT_AN_INDEX, NO_INDEX, text="<html><body><h1>It works!</h1></body></html>"),
    refused(
        "error-page",
        "an error page with status 200",
        Outcome.NOT_AN_INDEX,
        NO_INDEX,
        text="<h1>Service unavailable</h1><p>Come back later.</p>",
    ),
    refused("just-text", "a text", Outcome.NOT_AN_INDEX, NO_INDEX, text="no such package\n", content_type=TEXT),
    refused("nothing", "an empty body", Outcome.NOT_AN_INDEX, NO_INDEX, text=""),
    refused(
        "web-site",
        "a web site",
        Outcome.NOT_AN_INDEX,
        NO_INDEX,
        text='<title>Acme</title><h1>Acme</h1><a href="/about">About</a><a href="/jobs">Jobs</a>',
    ),
    refused(
        "all-projects",
        "the list of all projects",
        Outcome.NOT_AN_INDEX,
        NO_INDEX,
        text='{"meta": {"api-version": "1.0"}, "projects": [{"name": "x"}]}',
        content_type=V1_JSON,
    ),
    refused(
        "html-2-0",
        "HTML of API version 2.0",
        Outcome.UNSUPPORTED_VERSION,
        r"2\.0|version",
        text=page(GOOD, '<meta name="pypi:repository-version" content="2.0">'),
    ),
    refused(
        "leading-on",
        "a page that leads to a login page",
        Outcome.NOT_AN_INDEX,
        NO_INDEX,
        text='<title>Wait</title><meta http-equiv="refresh" content="0;url=/login">',
    ),
    refused(
        "cut-json",
        "JSON that was cut short",
        Outcome.MALFORMED,
        NO_INDEX,
        text='{"meta": {"api-version": "1.0"}, "files": [{"filename"',
        content_type=V1_JSON,
    ),
    refused("json-list", "JSON that is a list", Outcome.NOT_AN_INDEX, NO_INDEX, text="[]", content_type=V1_JSON),
    refused(
        "all-bad",
        "a page all of whose entries are bad",
        Outcome.MALFORMED,
        NO_INDEX,
        text='{"meta": {"api-version": "1.0"}, "files": [17]}',
        content_type=V1_JSON,
    ),
    refused("empty", "a page without files", Outcome.EMPTY, r"(?i)empty|without files|no (files|match|version)", text=page("")),
    refused(
        "empty-json",
        "a JSON page without files",
        Outcome.EMPTY,
        r"(?i)empty|without files|no (files|match|version)",
        text='{"meta": {"api-version": "1.0"}, "name": "x", "files": []}',
        content_type=V1_JSON,
    ),
    refused(
        "elsewhere", "a redirect to another host", Outcome.REDIRECT_REFUSED, r"(?i)redirect", at="http://other.localhost/simple/$name/"
    ),
    refused("endless", "a redirect in a circle", Outcome.REDIRECT_REFUSED, r"(?i)redirect", at="/simple/$name/"),
]
