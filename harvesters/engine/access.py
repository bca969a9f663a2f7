"""What a source's own files are fetched with: its certificates and its credentials, which open the catalogue and often the files too.

Whoever may edit a harvested dataset may give its files any address. With the source's credentials only addresses are asked for that the
source itself named in the record, on its own host: nobody has the portal fetch, and publish, what they may not see there themselves.
"""

from __future__ import annotations

import html
import logging
import re

import ckan.plugins as p
import sqlalchemy as sa
from ckan import model

from ckanext.ogptn.fetch import Credentials
from ckanext.ogptn.fetch.client import same_site
from ckanext.ogptn.tables.access import Access

from . import credentials
from .model import HarvestRecord, Source
from .problems import SourceError

log = logging.getLogger(__name__)
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def of(resource: model.Resource) -> Access | None:
    """How a harvested file may be asked for; ``None``: as anybody."""
    if resource.url_type == "upload" or not resource.url or not p.plugin_loaded("ogptn_harvest"):
        return None
    wanted = (
        sa.select(Source, HarvestRecord)
        .join(HarvestRecord, HarvestRecord.source_id == Source.id)
        .where(HarvestRecord.package_id == resource.package_id, HarvestRecord.state == "active", sa.not_(Source.deleted))
        .where(sa.or_(Source.ca_bundle != "", Source.auth_header != ""))
    )
    for source, record in model.Session.execute(wanted):
        if same_site(resource.url, source.url) and resource.id in (record.resources or {}).values() and names(record.raw(), resource.url):
            try:
                headers = credentials.headers(source)
            except SourceError as error:
                # The site will refuse the file, which its page says; the source's own page says why.
                log.warning("The credentials of source %s cannot be had for its files: %s", source.id, error)
                headers = {}
            return Access(source.url, source.ca_bundle, Credentials(source.url, headers) if headers else None)
    return None


def names(content: bytes, url: str) -> bool:
    """Whether a record names an address: the whole of it, as JSON or XML write it, or plainly."""
    text = content.decode("utf-8", "replace").replace("\\/", "/")
    text = html.unescape(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))
    return re.search(rf"(?<![^\s\"'<>,;]){re.escape(url.strip())}(?![^\s\"'<>,;\\])", text) is not None
