"""On their way into the search index: the documents of several batches together, while a harvest writes one batch after the other.

An index takes hundreds of documents at once for much less than fifty at a time. What waits here is committed to the catalogue already, and
its records are marked as not indexed (`model.HarvestRecord.indexed`) until it has arrived: whoever dies meanwhile leaves it to the next
job, as with any batch.

What waits may become old: a steward saves one of these datasets, or the worker that reads tables says of a resource that it has one, and
both send what they know to the index at once. So a mark of each dataset is taken as its document comes in, and compared before it goes
out; documents of datasets that were written to since are made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model

from . import showing

#: Documents that go together.
TOGETHER = 200
#: Characters of JSON that go together, where datasets are long: all of it is in memory.
CHARACTERS = 5_000_000

#: PostgreSQL's number of the transaction that wrote each row: not all that the index shows of a dataset moves its ``metadata_modified``.
_MARKS = sa.text(
    """
    SELECT p.id, concat_ws(' ', p.xmin::text,
        (SELECT string_agg(r.xmin::text, ',' ORDER BY r.id) FROM resource AS r WHERE r.package_id = p.id),
        (SELECT string_agg(m.xmin::text, ',' ORDER BY m.id) FROM member AS m WHERE m.table_id = p.id)) AS mark
    FROM package AS p WHERE p.id = ANY(:ids)
    """
)


def marks(ids: Sequence[str]) -> dict[str, str]:
    """By dataset something that is another once anybody has written to it, its resources or its memberships; none where it was purged."""
    rows = model.Session.execute(_MARKS, {"ids": list(ids)})
    return {row.id: row.mark for row in rows}


class Outgoing:
    """The way of documents from the writer to the index.

    :ivar waits: documents are kept until `send` is called; else they go on at once
    """

    def __init__(self) -> None:
        self.waits = False
        #: By dataset its document, None to take it out of the index.
        self._documents: dict[str, dict[str, Any] | None] = {}
        self._marks: dict[str, str] = {}
        self._characters = 0

    @property
    def full(self) -> bool:
        return len(self._documents) >= TOGETHER or self._characters >= CHARACTERS

    def take(self, made: Sequence[dict[str, Any]], gone: Sequence[str] = ()) -> None:
        """As `showing.send`: of datasets that are committed.

        :raises ckan.lib.search.SearchIndexError: the search engine refuses them or does not answer
        """
        if not self.waits:
            showing.send(made, gone)
            return
        fresh = {document["id"]: document for document in made}
        self._documents.update({**fresh, **dict.fromkeys(gone)})
        self._marks.update(marks([*fresh, *gone]))
        self._characters += sum(_length(document) for document in made)

    def send(self) -> None:
        """Send what waits.

        :raises ckan.lib.search.SearchIndexError: the search engine refuses it or does not answer; it does not wait any more
        """
        documents, before = self._documents, self._marks
        self._documents, self._marks, self._characters = {}, {}, 0
        if not documents:
            return
        now = marks(list(documents))
        old = [package_id for package_id in documents if now.get(package_id) != before.get(package_id)]
        if old:
            packages = list(
                model.Session.scalars(sa.select(model.Package).where(model.Package.id.in_(old)).execution_options(populate_existing=True))
            )
            documents |= dict.fromkeys(old)
            documents |= {document["id"]: document for document in showing.documents(showing.show_many(packages))}
        showing.send(
            [document for document in documents.values() if document is not None],
            [package_id for package_id, document in documents.items() if document is None],
        )

    def forget(self) -> None:
        """Send nothing of what waits: its records stay marked."""
        self._documents, self._marks, self._characters = {}, {}, 0


def _length(document: dict[str, Any]) -> int:
    return sum(len(document.get(name) or "") for name in ("data_dict", "validated_data_dict"))
