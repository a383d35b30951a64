"""HTML pages, each with one quirk."""

from quirk import GOOD, ONE, TWO, V1_HTML, Listed, Quirk, links, page

LINKS = links(
    ("plain", "a link without a quirk", "$good"),
    ("absolute", "an absolute link", '<a href="$base$file#sha256=$sha">$wheel</a>'),
    ("relative", "`../../`", '<a href="../..$file#sha256=$sha">$wheel</a>'),
    ("dotted", "`./` and `../` in the middle", '<a href="./../../files/./x/../$name/$wheel#sha256=$sha">$wheel</a>'),
    ("climbing", "more `../` than there are folders", '<a href="../../../../..$file#sha256=$sha">$wheel</a>'),
    ("scheme-relative", "`//host`", '<a href="//$host$file#sha256=$sha">$wheel</a>'),
    ("upper-scheme", "a scheme in upper case", '<a href="HTTP://$host$file#sha256=$sha">$wheel</a>'),
    ("spaced-href", "spaces around the link", '<a href="  $file#sha256=$sha  ">$wheel</a>'),
    ("broken-href", "a line end in the link", '<a href="/files/$name/\n$wheel#sha256=$sha">$wheel</a>'),
    ("entities", "character references", '<a href="/files&#x2F;$name&#47;$wheel&num;sha256&equals;$sha">$wheel</a>'),
    ("bare-attribute", "no quotation marks", "<a href=$file#sha256=$sha>$wheel</a>"),
    ("single-quotes", "single quotation marks", "<a href='$file#sha256=$sha'>$wheel</a>"),
    ("spaced-attribute", "spaces around the equals sign", '<a  href = "$file#sha256=$sha" >$wheel</a >'),
    ("upper-case", "tags and attributes in upper case", '<A HREF="$file#sha256=$sha">$wheel</A>'),
    ("href-twice", "two `href`, of which the first counts", '<a href="$file#sha256=$sha" href="/nowhere-9.9-py3-none-any.whl">$wheel</a>'),
    ("slash-closed", "XHTML's `/>`", '<a href="$file#sha256=$sha"/>$wheel<br/>'),
    ("unclosed", "no `</a>`", '<a href="$file#sha256=$sha">$wheel<br>'),
    ("text-empty", "an empty text", '<a href="$file#sha256=$sha"></a>'),
    ("text-cut", "a text that was cut short", '<a href="$file#sha256=$sha">text_cut-1...&gt;</a>'),
    ("text-padded", "a text with spaces and line ends around it", '<a href="$file#sha256=$sha">\n   $wheel\t\n</a>'),
    ("text-nested", "tags in the text", '<a href="$file#sha256=$sha"><code><b>text</b>_nested</code>-1.0-py3-none-any.whl</a>'),
    ("text-other", "a text that names another file", '<a href="$file#sha256=$sha">other-7.0-py3-none-any.whl</a>'),
    ("text-image", "a picture for a text", '<a href="$file#sha256=$sha"><img src="wheel.png" alt="wheel"></a>'),
    ("comment", "another link in a comment", '<!-- <a href="$newer#sha256=$newer_sha">$newer_wheel</a> -->$good'),
    ("short-comment", "`<!-->`, which is a whole comment", "<!-->$good<!-- -->"),
    ("script", "another link in a script", "<script>var a = '<a href=\"$newer\">$newer_wheel</a>';</script>$good"),
    ("textarea", "another link in a text field", '<textarea><a href="$newer">$newer_wheel</a></textarea>$good'),
    ("attribute-link", "a link in another tag's attribute", "<p title='<a href=\"$newer\">$newer_wheel</a>'>$good</p>"),
    ("anchor-name", "anchors that are no links", '<a name="top">$newer_wheel</a><a id="x"></a>$good<a href="#top">top</a>'),
    ("crlf", "CRLF line ends", '<a\r\n  href="$file#sha256=$sha"\r\n>$wheel</a>\r\n'),
    ("table", "links in a table", "<table><tr><td>$good</td><td>1 kB</td></tr></table>"),
    ("several-values", "a fragment of several values", '<a href="$file#egg=several-values&sha256=$sha">$wheel</a>'),
    ("upper-digest", "a digest in upper case", '<a href="$file#sha256=$SHA">$wheel</a>'),
    ("upper-algorithm", "an algorithm in upper case", '<a href="$file#SHA256=$sha">$wheel</a>'),
    ("other-sites", "links to other sites", '<a href="https://example.com/about">About</a>$good<a href="mailto:me@example.com">Mail</a>'),
    ("bad-link", "a link that is none beside a good one", '<a href="http://[bad/bad_link-2.0-py3-none-any.whl">$wheel</a>$good'),
)

BASES = [
    Quirk("base-absolute", "an absolute `<base>`", page('<a href="$wheel#sha256=$sha">$wheel</a>', '<base href="$base/files/$name/">')),
    Quirk("base-root", "a root-relative `<base>`", page('<a href="$wheel#sha256=$sha">$wheel</a>', '<base href="/files/$name/">')),
    Quirk("base-relative", "a relative `<base>`", page('<a href="$wheel#sha256=$sha">$wheel</a>', '<base href="../../files/$name/">')),
    Quirk("base-file", "a `<base>` of a file", page('<a href="$wheel#sha256=$sha">$wheel</a>', '<base href="/files/$name/index.html">')),
    Quirk("base-empty", "an empty `<base>`", page('<a href="../..$file#sha256=$sha">$wheel</a>', '<base href="">')),
    Quirk("base-target", "a `<base>` without a reference", page(GOOD, '<base target="_top">')),
    Quirk(
        "base-twice",
        "two `<base>`, of which the first counts",
        page('<a href="$wheel#sha256=$sha">$wheel</a>', '<base href="/files/$name/"><base href="/nowhere/">'),
    ),
    Quirk("base-late", "a `<base>` after the link", page('<a href="$wheel#sha256=$sha">$wheel</a><base href="/files/$name/">')),
    Quirk("base-upper", "a `<BASE>` in upper case", page('<a href="$wheel#sha256=$sha">$wheel</a>', '<BASE HREF="/files/$name/">')),
    Quirk("base-comment", "a `<base>` in a comment", page(GOOD, '<!-- <base href="https://nowhere.example.com/"> -->')),
]

DIGESTS = [
    Quirk(
        f"digest-{algorithm.replace('_', '-')}",
        f"a digest of {algorithm}",
        page(f'<a href="$file#{algorithm}=${algorithm}">$wheel</a>'),
        (Listed(digests=(f"{algorithm}:${algorithm}",)),),
    )
    for algorithm in ("md5", "sha1", "sha224", "sha384", "sha512", "blake2b", "sha3_256")
] + [
    Quirk("digest-none", "no digest", page('<a href="$file">$wheel</a>'), (Listed(digests=()),)),
    Quirk("digest-empty", "an algorithm without a digest", page('<a href="$file#sha256=">$wheel</a>'), (Listed(digests=()),)),
    Quirk("digest-unknown", "an unknown algorithm", page('<a href="$file#crc64=0123456789abcdef">$wheel</a>'), (Listed(digests=()),)),
    Quirk("digest-cut", "a digest that was cut short, beside a good one", page('$good<a href="$newer#sha256=0123">$newer_wheel</a>')),
    Quirk(
        "digest-two",
        "digests of two algorithms",
        page('<a href="$file#sha256=$sha&md5=$md5">$wheel</a>'),
        (Listed(digests=("sha256:$sha", "md5:$md5")),),
    ),
]

OF_NEWER = '<a href="$newer#sha256=$newer_sha"'
YANKED_TWO = Listed(TWO.path, TWO.digests, yanked=True, filename=TWO.filename)
ATTRIBUTES = [
    Quirk("yanked-bare", "a bare `data-yanked`: yanked", page(f"{OF_NEWER} data-yanked>$newer_wheel</a>{GOOD}"), (YANKED_TWO, ONE)),
    Quirk("yanked-empty", 'HTML\'s `data-yanked=""`: yanked', page(f'{OF_NEWER} data-yanked="">$newer_wheel</a>{GOOD}'), (YANKED_TWO, ONE)),
    Quirk(
        "yanked-false",
        '`data-yanked="false"`: yanked too',
        page(f'{OF_NEWER} data-yanked="false">$newer_wheel</a>{GOOD}'),
        (Listed(TWO.path, TWO.digests, yanked="false", filename=TWO.filename), ONE),
    ),
    Quirk(
        "yanked-reason",
        "a reason with character references",
        page(f'{OF_NEWER} data-yanked="breaks &quot;x&quot; &amp; y">$newer_wheel</a>{GOOD}'),
        (Listed(TWO.path, TWO.digests, yanked='breaks "x" & y', filename=TWO.filename), ONE),
    ),
    Quirk(
        "python-escaped",
        "`data-requires-python` with character references",
        page('<a href="$file#sha256=$sha" data-requires-python="&gt;=3.6">$wheel</a>'),
        (Listed(requires_python=">=3.6"),),
    ),
    Quirk(
        "python-raw",
        "`data-requires-python` with a raw `>`",
        page('<a href="$file#sha256=$sha" data-requires-python=">=3.6,<9">$wheel</a>'),
        (Listed(requires_python=">=3.6,<9"),),
    ),
    Quirk(
        "python-odd",
        "`data-requires-python` that is no specifier",
        page('<a href="$file#sha256=$sha" data-requires-python="all of them">$wheel</a>'),
        (Listed(requires_python="all of them"),),
    ),
    Quirk("python-empty", "an empty `data-requires-python`", page('<a href="$file#sha256=$sha" data-requires-python="">$wheel</a>')),
    Quirk("signed", "`data-gpg-sig`", page('<a href="$file#sha256=$sha" data-gpg-sig="true">$wheel</a>')),
    Quirk(
        "encoded-href",
        "percent-encoded letters",
        page('<a href="/files/$name/%65ncoded_href-1.0-py3-none-any.whl#sha256=$sha">$wheel</a>'),
        (Listed("/files/$name/%65ncoded_href-1.0-py3-none-any.whl"),),
    ),
    Quirk("query", "a link with a query", page('<a href="$file?a=1&amp;copy=2#sha256=$sha">$wheel</a>'), (Listed("$file?a=1&copy=2"),)),
    Quirk("html-api-1-9", "HTML of API version 1.9", page(GOOD, '<meta name="pypi:repository-version" content="1.9">')),
    Quirk("html-status", "HTML of an archived project", page(GOOD, '<meta name="pypi:project-status" content="archived">')),
]

PAGES = [
    Quirk("bare-page", "a page of nothing but a link", GOOD),
    Quirk("no-doctype", "no doctype and no head", f"<html><body>{GOOD}</body></html>"),
    Quirk("cut-page", "a page that ends in the middle", page(GOOD).partition("</a>")[0]),
    Quirk(
        "latin-1",
        "Latin-1, as its header says",
        page(f"{GOOD}<p>\u00e9t\u00e9</p>"),
        content_type="text/html; charset=ISO-8859-1",
        encoding="latin-1",
    ),
    Quirk("broken-utf-8", "broken UTF-8", page(f"{GOOD}<p>\udce9t\udce9</p>")),
    Quirk("utf-8-mark", "a byte order mark", page(GOOD), encoding="utf-8-sig"),
    Quirk("utf-16", "UTF-16 with a byte order mark", page(GOOD), content_type="text/html", encoding="utf-16"),
    Quirk("charset-unknown", "a charset that nobody has", page(GOOD), content_type="text/html; charset=klingon"),
    Quirk("type-none", "no content type", page(GOOD), content_type=None),
    Quirk("type-plain", "`text/plain`", page(GOOD), content_type="text/plain"),
    Quirk("type-binary", "`application/octet-stream`", page(GOOD), content_type="application/octet-stream"),
    Quirk("type-xhtml", "`application/xhtml+xml`", page(GOOD), content_type="application/xhtml+xml"),
    Quirk("type-upper", 'content type `TEXT/HTML; Charset="UTF-8"`', page(GOOD), content_type='TEXT/HTML; Charset="UTF-8"'),
    Quirk("type-odd", "content type `text/html;;charset`", page(GOOD), content_type="text/html;;charset"),
    Quirk("type-v1", "the API's own type with a parameter", page(GOOD), content_type=f"{V1_HTML}; charset=utf-8"),
    Quirk("compressed", "one layer of gzip", page(GOOD), gzip=True),
    Quirk(
        "redirected",
        "a redirect on the same host, and a link relative to its end",
        page('<a href="../../files/$name/$wheel#sha256=$sha">$wheel</a>'),
        at="/other/$name/",
    ),
    Quirk("redirected-file", "a redirect to a file", page('<a href="../..$file#sha256=$sha">$wheel</a>'), at="/simple/$name/index.html"),
    Quirk("beside", "a file beside the page", page('<a href="$wheel#sha256=$sha">$wheel</a>'), (Listed("/simple/$name/$wheel"),)),
]

UNTOLD = Listed("/simple/$name/$wheel", ())
LISTINGS = [
    Quirk(
        "nginx",
        "nginx's listing of a folder",
        "<html>\r\n<head><title>Index of /simple/$name/</title></head>\r\n<body>\r\n<h1>Index of /simple/$name/</h1><hr><pre>"
        '<a href="../">../</a>\r\n<a href="$wheel">$wheel</a>      22-May-2023 18:30    1024\r\n</pre><hr></body>\r\n</html>\r\n',
        (UNTOLD,),
        content_type="text/html",
    ),
    Quirk(
        "apache",
        "Apache's listing of a folder",
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<html><head><title>Index of /simple/$name</title></head><body>'
        '<h1>Index of /simple/$name</h1><table><tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=S;O=A">Size</a></th></tr>'
        '<tr><td><a href="/simple/">Parent Directory</a></td></tr>'
        '<tr><td><a href="$wheel">apache-1.0-py3-none-any.w..&gt;</a></td><td align="right">1.0K</td></tr></table></body></html>',
        (UNTOLD,),
        content_type="text/html;charset=UTF-8",
    ),
    Quirk(
        "python-server",
        "the listing of Python's own server",
        '<!DOCTYPE HTML>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Directory listing for /simple/$name/</title>\n</head>'
        '<body>\n<h1>Directory listing for /simple/$name/</h1>\n<hr>\n<ul>\n<li><a href="$wheel">$wheel</a></li>\n</ul>\n</body></html>',
        (UNTOLD,),
    ),
]
