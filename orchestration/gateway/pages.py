"""The pages of the gateway itself: the login, and the list of reports."""

from collections.abc import Sequence
from html import escape
from typing import Final
from urllib.parse import quote

from orchestration.gateway.report_index import Report

STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 44rem; margin: 12vh auto; padding: 0 1.5rem }
h1 { font-size: 1.4rem; font-weight: 600 }
form { display: flex; gap: .5rem; margin: 1.5rem 0 }
input { flex: 1; font: inherit; padding: .5rem .75rem; border: 1px solid #8888; border-radius: .4rem }
button { font: inherit; padding: .5rem 1rem; border: 0; border-radius: .4rem; background: #4f43dd; color: #fff }
code { background: #8882; padding: .1rem .3rem; border-radius: .25rem }
.wrong { color: #d33 }
h2 { font-size: 1.1rem; font-weight: 600; margin: 0 }
article { padding: 1rem 0; border-top: 1px solid #8884 }
article p { margin: .25rem 0 }
.made { opacity: .7; font-size: .9rem }
"""

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content security policy of these pages: nothing but their own style, and their own form."""


def login_page(*, target: str, token: str = "", wrong: bool = False) -> str:
    """Return the page that asks for a token.

    Args:
        target: the address, on this server, to go on to.
        token: what is filled in already.
        wrong: whether a token was given that opens nothing.
    """
    fault = '<p class="wrong">This token opens nothing here.</p>' if wrong else ""
    return _page(
        "Log in",
        f"""<p>The terminal in which <code>make up</code> runs shows a link that logs you in.
Who has no access to it gets a token from there: <code>shopsight people add NAME</code>.</p>{fault}
<form method="post" action="/login">
<input type="hidden" name="target" value="{escape(target)}">
<input type="password" name="token" value="{escape(token)}" placeholder="Token" aria-label="Token" autofocus required>
<button>Log in</button></form>""",
    )


def account_page(name: str, *, role: str) -> str:
    """Return the page that says who is logged in, and logs out."""
    may = (
        "You may look, and change nothing."
        if role == "viewer"
        else "Decisions about models are recorded under this name."
    )
    return _page(
        f"You are {escape(name)}",
        f"""<p>{may}</p>
<form method="post" action="/logout"><button>Log out</button></form>""",
    )


def reports_page(reports: Sequence[Report]) -> str:
    """Return the index of reports: what each is, what came of it, and when it was made."""
    none = "<p>There are none yet: <code>shopsight run</code> makes them.</p>"
    return _page("Reports", "".join(map(_entry, reports)) or none)


def _entry(report: Report) -> str:
    made = report.made.strftime("%d %B %Y, %H:%M UTC").lstrip("0")
    about = f"<p>{escape(report.about)}</p>" if report.about else ""
    kind = f"{report.address} · {report.size / 1000:,.0f} kB"
    return (
        f'<article><h2><a href="/{quote(report.address)}">{escape(report.title)}</a></h2>{about}'
        f'<p class="made">made on {made} · {escape(kind)}</p></article>'
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} · shopsight</title><style>{STYLE}</style><h1>shopsight · {title}</h1>{body}</html>"
    )
