"""What became of a link, in a sentence for those who can repair it."""

from __future__ import annotations

from collections.abc import Callable

import ckan.plugins.toolkit as tk

from ...fetch.errors import host_of

#: Sentences by the slugs of `ckanext.ogptn.fetch.errors` that a check of a link can end with; ``{host}`` is the site's name.
_SENTENCES: dict[str, Callable[[], str]] = {
    "url-shape": lambda: tk._("This is no address of the web: it has to begin with http:// or https:// and name a site."),
    "url-credentials": lambda: tk._("The address holds a user name or a password, and was not asked: remove them."),
    "host-unknown": lambda: tk._("There is no site {host}: check the spelling of its name."),
    "inside-address": lambda: tk._(
        "{host} is inside this portal’s own network, where readers elsewhere cannot follow the link, and was not asked. If they can, an "
        "administrator names it in ogptn.tables.allowed_hosts."
    ),
    "connection-refused": lambda: tk._("{host} refuses connections: its server is probably stopped."),
    "unreachable": lambda: tk._("There is no way from this portal to {host}."),
    "connection-broken": lambda: tk._("The connection to {host} broke off."),
    "redirect-loop": lambda: tk._("{host} sends from one address to the next without end."),
    "redirect-nowhere": lambda: tk._("{host} sends to another address and does not say which."),
    "certificate-expired": lambda: tk._("The certificate of {host} has expired or is not yet valid: browsers warn of the site."),
    "certificate-name": lambda: tk._("The certificate of {host} is another site’s: browsers warn of it."),
    "certificate-chain": lambda: tk._("The certificate of {host} comes from an authority that nobody knows, or is sent incompletely."),
    "tls-failure": lambda: tk._("No safe connection to {host} was possible."),
}
_SENTENCES |= dict.fromkeys(
    ("connect-timeout", "read-timeout", "total-timeout"), lambda: tk._("{host} did not answer within the time that a check may take.")
)
_SENTENCES["too-many-redirects"] = _SENTENCES["redirect-loop"]


def _answered(status: int) -> str:
    if status in (404, 410):
        return tk._("{host} does not have this file any more, or never had it (answer {status}).")
    if status in (401, 403):
        return tk._("{host} does not let everybody read this file (answer {status}).")
    if status == 429:
        return tk._("{host} asked to come back later (answer {status}).")
    if status >= 500:
        return tk._("{host} failed to answer (answer {status}): it is out of order, or was when it was asked.")
    return tk._("{host} answered {status}, which is no file.")


def sentence(address: str, status: int | None, problem: str | None) -> str:
    """What was wrong with a link, in the reader's language.

    :param address: the link
    :param status: the HTTP status that it was answered with, None when there was no answer
    :param problem: slug of what went wrong; one that this version does not know gets a sentence that says less
    :returns: plain text; empty for a link that works
    """
    if problem in _SENTENCES:
        found = _SENTENCES[problem]()
    elif status is not None:
        found = "" if 200 <= status < 300 else _answered(status)
    else:
        found = tk._("{host} could not be asked.")
    return found.format(host=host_of(address) or address, status=status)
