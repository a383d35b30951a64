"""JSON pages, each with one quirk."""

from attrs import evolve

from pydeps_host.values import Outcome
from quirk import HTML, ONE, TWO, V1_JSON, Listed, content, entry, jsoned, newer

FORMS = [
    jsoned("json", "a page without a quirk"),
    jsoned("json-plain", "JSON as `application/json`", content_type="application/json"),
    jsoned("json-html", "JSON as `text/html`", content_type=HTML),
    jsoned("json-typeless", "JSON without a content type", content_type=None),
    jsoned("json-charset", "the API's own type with a parameter", content_type=f"{V1_JSON}; charset=utf-8"),
    jsoned("json-upper", "the API's own type in upper case", content_type="Application/Vnd.PyPI.Simple.V1+JSON"),
    jsoned("json-mark", "JSON with a byte order mark", encoding="utf-8-sig"),
    jsoned("json-1-9", "API version 1.9", meta={"api-version": "1.9"}, something_new={"a": [1]}),
    jsoned("json-number", "the API version as a number", meta={"api-version": 1.0}),
    jsoned("json-no-meta", "no `meta`", meta={}),
    jsoned("json-name", "the name as its owner spells it", name="JSON_Name"),
    jsoned("json-versions", "a list of versions", versions=["1.0", "2.0"]),
    jsoned("json-archived", "an archived project", project_status={"status": "archived", "reason": "it is done"}, says="archived"),
    jsoned(
        "json-in-meta", "a status inside `meta`", meta={"api-version": "1.4", "project-status": {"status": "deprecated"}}, says="deprecated"
    ),
    jsoned("json-frozen", "a status that nobody knows", project_status={"status": "frozen"}),
    jsoned("json-status-text", "a status that is a text", project_status="active"),
    jsoned("json-serial", "a serial that is a text", meta={"api-version": "1.0", "_last-serial": "17"}),
    jsoned(
        "json-2-0", "API version 2.0: refused", meta={"api-version": "2.0"}, expect=(), outcome=Outcome.UNSUPPORTED_VERSION, says=r"2\.0"
    ),
    jsoned(
        "json-v2-type",
        "the type of API version 2: refused",
        content_type="application/vnd.pypi.simple.v2+json",
        expect=(),
        outcome=Outcome.UNSUPPORTED_VERSION,
        says="version 2",
    ),
    jsoned(
        "json-quarantined",
        "a quarantined project",
        entry(),
        meta={"api-version": "1.4"},
        project_status={"status": "quarantined", "reason": "malware"},
        outcome=Outcome.QUARANTINED,
        says="quarantined",
    ),
    jsoned(
        "json-quarantined-in-meta",
        "a quarantined project, told in `meta`",
        entry(),
        meta={"api-version": "1.4", "project-status": {"status": "quarantined"}},
        outcome=Outcome.QUARANTINED,
        says="quarantined",
    ),
]

LINKS = [
    jsoned("json-relative", "a relative link", entry(url="../..$file")),
    jsoned("json-root", "a root-relative link", entry(url="$file")),
    jsoned("json-scheme-relative", "`//host`", entry(url="//$host$file")),
    jsoned("json-fragment", "a link with a fragment", entry(url="$file#sha256=$sha")),
    jsoned(
        "json-download",
        "a URL whose last part is not the file's name",
        entry(url="/files/$name/download/17"),
        expect=[Listed("/files/$name/download/17")],
    ),
    jsoned("json-query", "a link with a query", entry(url="$file?signature=a%2Fb"), expect=[Listed("$file?signature=a%2Fb")]),
    evolve(jsoned("json-escapes", "keys written in escapes"), text=jsoned("x", "x").text.replace("filename", "\\u0066ilename")),
]

SIZE = len(content("json_sized-1.0-py3-none-any.whl"))
ENTRIES = [
    jsoned("bad-null", "an entry that is null", None, entry()),
    jsoned("bad-number", "an entry that is a number", 5, entry()),
    jsoned("bad-text", "an entry that is a text", "bad_text-2.0-py3-none-any.whl", entry()),
    jsoned("bad-no-url", "an entry without a URL", newer(url=...), entry()),
    jsoned("bad-no-name", "an entry without a name", entry(filename=...), entry()),
    jsoned("bad-name-type", "a name that is a number", entry(filename=17), entry()),
    jsoned("bad-url", "a URL that is none", entry(url="http://[x/y-2.0-py3-none-any.whl"), entry()),
    jsoned("bad-scheme", "a URL that leads into a file system", entry(url="file:///etc/x-2.0-py3-none-any.whl"), entry()),
    jsoned("bad-slash", "a name with a slash", entry(filename="../x-2.0-py3-none-any.whl"), entry()),
    jsoned("bad-digest", "a digest that was cut short", newer(hashes={"sha256": "0123"}), entry()),
    jsoned("bad-time", "an upload time that is none", entry(upload_time="yesterday")),
    jsoned("odd-time", "an upload time without seconds and zone", entry(upload_time="2023-05-22T18:30")),
    jsoned("null-time", "an upload time of null", entry(upload_time=None)),
    jsoned("null-size", "a size of null", entry(size=None)),
    jsoned("bad-size", "a size that is a text", entry(size="1 kB")),
    jsoned("minus-size", "a negative size", entry(size=-1)),
    jsoned("float-size", "a size that is no whole number", entry(size=1024.0)),
    jsoned("no-hashes", "no hashes", entry(hashes=...), expect=[Listed(digests=())]),
    jsoned("null-hashes", "hashes of null", entry(hashes=None), expect=[Listed(digests=())]),
    jsoned("empty-hashes", "empty hashes", entry(hashes={}), expect=[Listed(digests=())]),
    jsoned("unknown-hash", "a hash that nobody has", entry(hashes={"crc64": "0123", "sha256": "$sha"})),
    jsoned("upper-hash", "a hash in upper case", entry(hashes={"sha256": "$SHA"})),
    jsoned("null-hash", "a hash of null beside another", entry(hashes={"md5": None, "sha256": "$sha"})),
    jsoned("md5-hash", "a hash of MD5 alone", entry(hashes={"md5": "$md5"}), expect=[Listed(digests=("md5:$md5",))]),
    jsoned(
        "json-blake2b", "a hash of BLAKE2b alone", entry(hashes={"blake2b": "$blake2b"}), expect=[Listed(digests=("blake2b:$blake2b",))]
    ),
    jsoned("null-python", "`requires-python` of null", entry(requires_python=None)),
    jsoned("odd-python", "`requires-python` that is a number", entry(requires_python=3)),
    jsoned("json-python", "`requires-python`", entry(requires_python=">=3.6"), expect=[Listed(requires_python=">=3.6")]),
    jsoned("null-metadata", "`core-metadata` of null, and its older names", entry(core_metadata=None, dist_info_metadata=False)),
    jsoned("odd-metadata", "`core-metadata` that is a text", entry(core_metadata="no", dist_info_metadata=False)),
    jsoned("null-provenance", "`provenance` of null", entry(provenance=None)),
    jsoned("odd-provenance", "`provenance` that is a list", entry(provenance=[])),
    jsoned("json-yanked-empty", 'JSON\'s `yanked: ""`: not yanked', newer(yanked=""), entry(), expect=[TWO, ONE]),
    jsoned("json-yanked-null", "`yanked: null`: not yanked", newer(yanked=None), entry(), expect=[TWO, ONE]),
    jsoned("json-yanked-false", "`yanked: false`", newer(yanked=False), entry(), expect=[TWO, ONE]),
    jsoned("json-yanked-true", "`yanked: true`", newer(yanked=True), entry(), expect=[evolve(TWO, yanked=True), ONE]),
    jsoned("json-yanked-reason", "a reason", newer(yanked="it breaks x"), entry(), expect=[evolve(TWO, yanked="it breaks x"), ONE]),
    jsoned(
        "json-sized", "a size and an upload time", entry(size=SIZE, upload_time="2023-05-22T18:30:00.123456Z"), expect=[Listed(size=SIZE)]
    ),
]
