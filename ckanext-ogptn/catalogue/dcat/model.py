"""Tables of the linked data: what is kept of each dataset."""

from __future__ import annotations

import datetime as dt
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, deferred, mapped_column


class KeptStatements(tk.BaseModel):
    """The statements of one public dataset in four written forms, each a gzip member; or, with ``gone``, that there was one."""

    __tablename__ = "ogptn_rdf"

    package_id: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    #: The dataset's name when it was last public: an old link by name is answered with 410.
    name: Mapped[str] = mapped_column(sa.Text, nullable=False, index=True)
    #: Of everything that the statements were made from (:func:`.freshness.fingerprint`).
    fingerprint: Mapped[str] = mapped_column(sa.Text, nullable=False)
    #: Ids of organisations and datasets that the statements refer to, and terms as ``vocabulary:code``.
    organizations: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), nullable=False)
    datasets: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), nullable=False)
    terms: Mapped[list[str]] = mapped_column(ARRAY(sa.Text), nullable=False)
    #: The quality of the metadata but for the working of links (:meth:`ckanext.ogptn.catalogue.quality.rules.Assessment.as_dict`).
    quality: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    nt: Mapped[bytes | None] = deferred(mapped_column(sa.LargeBinary))
    ttl: Mapped[bytes | None] = deferred(mapped_column(sa.LargeBinary))
    jsonld: Mapped[bytes | None] = deferred(mapped_column(sa.LargeBinary))
    rdf: Mapped[bytes | None] = deferred(mapped_column(sa.LargeBinary))
    built: Mapped[dt.datetime] = mapped_column(sa.DateTime(timezone=True), nullable=False)
    #: When the dataset stopped being public.
    gone: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True), index=True)


_seen = False


def table_exists() -> bool:
    """Whether ``ckan db upgrade -p ogptn`` has made the table; until then everything is serialised as it is asked for."""
    global _seen
    if not _seen:
        connection = model.Session.connection()
        _seen = connection.dialect.has_table(connection, KeptStatements.__tablename__)
    return _seen
