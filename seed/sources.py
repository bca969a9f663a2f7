"""The sample sources of a demonstration portal: made once, harvested in the background, and kept at the address where the samples are.

What this module knows stands in CKAN's ``system_info`` under `NOTE`: the address of the sample server and the id of each source. A source
that somebody changes stays as they left it, except for its address; one that somebody removes is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from ckan.model.system_info import get_system_info, set_system_info

from . import records
from .records import SeedError

#: ``{"address": "http://127.0.0.1:5820", "sources": {"industrie": id}}``; ``stack`` reads the address.
NOTE = "ogptn.samples"


@dataclass
class Sources:
    """What a run did, by the sources' keys."""

    created: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    harvests: list[str] = field(default_factory=list)

    def summary(self) -> str:
        counts = {
            "created": self.created, "moved": self.moved, "unchanged": self.unchanged, "left removed": self.gone,
            "harvests started": self.harvests,
        }  # fmt: skip
        return ", ".join(f"{len(keys)} {outcome}" for outcome, keys in counts.items() if keys) or "no sample sources"


def make(address: str, progress: Callable[[str], None] | None = None) -> Sources:
    """Make or move the sample sources and start a harvest of each that is new or was moved.

    :param address: of the sample server, such as ``http://127.0.0.1:5820``
    :raises SeedError: the address is none, the plugin ``ogptn_harvest`` is not loaded, or an organisation is missing
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SeedError(f"samples: “{address}” is not an address")
    if not p.plugin_loaded("ogptn_harvest"):
        raise SeedError("samples: the plugin ogptn_harvest is not loaded")
    base = f"{parts.scheme}://{parts.netloc}"
    known = json.loads(get_system_info(NOTE) or "{}")
    ids: dict[str, str] = dict(known.get("sources") or {})
    done = Sources()
    for entry in records.sources():
        key = entry["key"]
        try:
            _one(entry, base, ids, done)
        except tk.ValidationError as error:
            raise SeedError(f"samples, {key}: {error.error_dict}") from error
        # After each: an error in the next one, or a kill, must not have this one made twice.
        _note({"address": known.get("address"), "sources": ids})
        if progress:
            progress(f"sample source {key}")
    _note({"address": base, "sources": ids})
    return done


def _note(noted: dict[str, Any]) -> None:
    if json.loads(get_system_info(NOTE) or "{}") != noted:
        set_system_info(NOTE, json.dumps(noted))
        model.Session.commit()


def _one(entry: dict[str, Any], base: str, ids: dict[str, str], done: Sources) -> None:
    key, url = entry["key"], base + entry["path"]
    if key not in ids and (there := _there(entry, url)) is not None:
        # Made by a run that was killed before it could note it.
        ids[key] = there
        done.unchanged.append(key)
        return
    if key not in ids:
        if model.Group.get(entry["owner"]) is None:
            raise SeedError(f"samples, {key}: there is no organisation “{entry['owner']}”; run the seed first")
        data = {name: entry[name] for name in ("title", "backend", "language", "dataset_type", "options") if name in entry}
        made = _action("ogptn_harvest_source_create", {**data, "url": url, "owner_org": entry["owner"], "schedule": "manual"})
        ids[key] = made["id"]
        done.created.append(key)
    else:
        try:
            found = _action("ogptn_harvest_source_show", {"id": ids[key]})
        except tk.ObjectNotFound:
            done.gone.append(key)
            return
        if found["url"] == url:
            done.unchanged.append(key)
            return
        _action("ogptn_harvest_source_update", {"id": ids[key], "url": url})
        done.moved.append(key)
    _action("ogptn_harvest_job_create", {"source_id": ids[key]})
    done.harvests.append(key)


def _there(entry: dict[str, Any], url: str) -> str | None:
    listed = _action("ogptn_harvest_source_list", {})
    found = listed["results"] if isinstance(listed, dict) else listed
    return next((source["id"] for source in found if source["url"] == url and source["backend"] == entry["backend"]), None)


def _action(name: str, data: dict[str, Any]) -> Any:
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    context: Any = {"user": user, "auth_user_obj": model.User.by_name(user)}
    return tk.get_action(name)(context, data)
