"""What the pages for developers have in common: a style, two languages, no file from elsewhere."""

from html import escape
from typing import Any

from litestar import Request

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--good:#137a43;--bad:#b3261e;--main:#0b6b3a}
@media(prefers-color-scheme:dark){:root{--good:#5fd394;--bad:#ff8a80}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.1rem;margin:0 0 .5rem}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}nav a,nav strong{padding:.4rem 0}
section{border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:1rem 0}
.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
code,pre{font:13px/1.5 ui-monospace,monospace}pre{white-space:pre-wrap}
code,pre,.line{overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid var(--line);padding:.35rem .5rem .35rem 0;text-align:left}
td,th{vertical-align:top}details,.line{border-bottom:1px solid var(--line);padding:.3rem 0}
summary{cursor:pointer;padding:.25rem 0;overflow-wrap:anywhere}
.fields{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.75rem}
.fields{align-items:end}label{display:block;font-size:.9rem}
input,select,button{font:inherit;width:100%;padding:.6rem;border-radius:.4rem;border:1px solid #888}
button{width:auto;cursor:pointer;padding:.6rem 1rem}
.main{background:var(--main);border-color:var(--main);color:#fff}
ul.choices{list-style:none;padding:0;margin:0}
.choices li{display:flex;align-items:start;gap:.75rem;padding:.4rem 0}
"""

_OTHER = {"en": ("fr", "Français"), "fr": ("en", "English")}


def page(language: str, title: str, body: str, *, refresh_seconds: int | None = None) -> str:
    """A whole page. `body` is HTML; `title` is not."""
    other, name = _OTHER[language]
    refresh = f'<meta http-equiv="refresh" content="{refresh_seconds}">' if refresh_seconds else ""
    return f"""<!doctype html><html lang="{language}"><head><meta charset="utf-8">{refresh}
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body>
<nav><a href="?lang={other}" lang="{other}" hreflang="{other}">{name}</a></nav>
{body}</body></html>"""


def language_of(request: Request[Any, Any, Any]) -> str:
    """The language of `?lang=`, else the one that the browser likes best: "en" or "fr"."""
    asked = request.query_params.get("lang") or request.headers.get("accept-language") or "en"
    return "fr" if str(asked)[:2].lower() == "fr" else "en"
