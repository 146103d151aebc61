"""Pages of the simulated providers: plain HTML that works without script."""

from collections.abc import Mapping
from html import escape

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body {{ font: 1.1rem system-ui; max-width: 30rem; margin: 4rem auto; padding: 0 1rem }}
button {{ font: inherit; padding: .5rem 1.5rem; margin: 0 1rem 1rem 0 }}
input {{ font: inherit; width: 100% }}</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    """A page; `title` is escaped here, `body` is HTML."""
    return HTMLResponse(_PAGE.format(title=escape(title), body=body), status, _HEADERS)


def decision_form(summary: str, decisions: Mapping[str, str]) -> str:
    """A form with one button per decision, from its value to its label, posted as `decision` to the same address."""
    buttons = "".join(
        f'<button name="decision" value="{escape(value)}">{escape(label)}</button>'
        for value, label in decisions.items()
    )
    return f'<p>{escape(summary)}</p>\n<form method="post">{buttons}</form>'
