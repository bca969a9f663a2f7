"""What a batch knows already, answered to CKAN's own functions in place of a query per dataset.

CKAN's validators, search documents and observers ask the database the same few things for each dataset: is this name free, who is this
user, which organisation is this. While a batch is written these are known:

* whether a name is free, which `names` looked up for all: `name_validator` stands in for CKAN's where there is nothing to say;
* whether the organisation may own a new dataset, which CKAN's validator said of it before: `owner_validator`;
* users and organisations that were asked for before in the batch, and a package by its id that the session holds: `Answers` listens to the
  ORM of one session (SQLAlchemy's ``do_orm_execute``, made for caches).

A statement is known by its shape; should CKAN ask differently one day, the database answers again, and only speed is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from ckan import model
from ckan.logic.validators import owner_org_validator, package_name_validator
from ckan.model.package import PACKAGE_NAME_MAX_LENGTH, PACKAGE_NAME_MIN_LENGTH
from ckan.types import Context
from sqlalchemy import event
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.orm.util import identity_key

from .navl import remembering

if TYPE_CHECKING:
    from typing_extensions import Self

_BY_ID = " FROM package WHERE package.id = :id_1"
#: What kind of question a statement is, by the key under which SQLAlchemy caches it. There are as many as CKAN has queries.
_kinds: dict[Any, str] = {}


class Answers:
    """Answers for one session and one batch; use in ``with``."""

    def __init__(self) -> None:
        self._session = model.Session()
        #: ``{name: id of its package, None for nobody's}``
        self._names: dict[str, str | None] = {}
        self._owners: dict[str, Any] = {}
        self._remembered: dict[Any, list[Any]] = {}

    def __enter__(self) -> Self:
        event.listen(self._session, "do_orm_execute", self._answer)
        self._memory = remembering({package_name_validator: _four(self.name_validator), owner_org_validator: _four(self.owner_validator)})
        self._memory.__enter__()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._memory.__exit__(None, None, None)
        event.remove(self._session, "do_orm_execute", self._answer)

    def names(self, wanted: Iterable[str]) -> None:
        """Look up who has these names, as the validator does: deleted packages count for nothing."""
        package = model.package_table
        self._names |= dict.fromkeys(wanted)
        query = sa.select(package.c["name"], package.c["id"]).where(package.c["name"].in_(self._names), package.c["state"] != "deleted")
        self._names |= dict(self._session.execute(query).tuples().all())

    def stored(self, packages: Iterable[model.Package]) -> None:
        """These have their names from now on: no two packages can have one (a unique index)."""
        self._names |= {package.name: package.id for package in packages}

    def _answer(self, state: ORMExecuteState) -> Any:
        if not state.is_select:
            return None
        key = cast(Any, state.statement)._generate_cache_key()
        if key is None:
            return None
        kind = _kinds.get(key.key)
        if kind is None:
            kind = _kinds[key.key] = _kind(state)
        if not kind:
            return None
        values = tuple(bound.effective_value for bound in key.bindparams)
        if not all(isinstance(value, (str, int, type(None))) for value in values):
            # Whatever a source sent in the place of an id.
            return None
        if kind == "package":
            found = self._session.identity_map.get(identity_key(model.Package, values[0]))
            return None if found is None else _result([(found,)])
        known = self._remembered.get((key.key, values))
        if known is None:
            known = self._remembered[key.key, values] = list(state.invoke_statement().all())
        return _result(known)

    def name_validator(self, key: tuple[Any, ...], data: dict[Any, Any], errors: dict[Any, Any], context: Context) -> None:
        """CKAN's ``package_name_validator``, which is asked itself unless all is well."""
        name: Any = data.get(key)
        package = context.get("package")
        identity = package.id if package is not None else data.get((*key[:-1], "id"))
        free = isinstance(name, str) and name in self._names and self._names[name] in (None, identity)
        if not (free and PACKAGE_NAME_MIN_LENGTH <= len(name) <= PACKAGE_NAME_MAX_LENGTH):
            package_name_validator(key, data, errors, context)

    def owner_validator(self, key: tuple[Any, ...], data: dict[Any, Any], errors: dict[Any, Any], context: Context) -> None:
        """CKAN's ``owner_org_validator``, asked once for new datasets of one organisation that are written without asking for rights."""
        value: Any = data.get(key)
        same = isinstance(value, str) and context.get("package") is None and bool(context.get("ignore_auth"))
        if same and value in self._owners:
            data[key] = self._owners[value]
            return
        owner_org_validator(key, data, errors, context)
        if same:
            self._owners[value] = data[key]


def _four(method: Any) -> Any:
    """A function of the four parameters that CKAN's validators have; CKAN counts them, and would count ``self``."""
    return lambda key, data, errors, context: method(key, data, errors, context)


def _kind(state: ORMExecuteState) -> str:
    mappers = state.all_mappers
    if len(mappers) == 1 and mappers[0].class_ in (model.User, model.Group) and state.is_orm_statement:
        return "entity" if _is_whole_entity(state) else ""
    if len(mappers) > 1:
        return ""
    text = " ".join(str(cast(Any, state.statement).compile()).split())
    return "package" if text.endswith(_BY_ID) and _is_whole_entity(state) and mappers[0].class_ is model.Package else ""


def _is_whole_entity(state: ORMExecuteState) -> bool:
    """Whether the statement asks for objects, and not for columns of theirs."""
    described: Any = getattr(state.statement, "column_descriptions", ())
    return len(described) == 1 and described[0]["entity"] is described[0]["expr"] and not state.is_relationship_load


def _result(rows: list[Any]) -> IteratorResult[Any]:
    result: IteratorResult[Any] = IteratorResult(SimpleResultMetaData(["answer"]), iter(rows))
    # As SQLAlchemy marks the result of a query for one kind of object: it is taken out of its row.
    result._attributes = result._attributes.union({"is_single_entity": True})
    return result
