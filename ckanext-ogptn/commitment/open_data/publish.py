"""The dataset of the catalogue that holds the files: made once, and changed only when a file's content is another."""

from __future__ import annotations

import hashlib
import io
import logging
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.redis import connect_to_redis
from werkzeug.datastructures import FileStorage

from ...catalogue.config import catalog_licence
from ..config import coordinator_organization, open_data_dataset
from . import files

log = logging.getLogger(__name__)
#: Seconds that one rebuild keeps others waiting, at most.
_LOCKED = 600

#: As the pages of the catalogue show the dataset until somebody changes its words.
_TITLE = {
    "ar": "تعهدات خطط عمل الحكومة المفتوحة ومتابعتها",
    "fr": "Engagements des plans d’action pour un gouvernement ouvert et leur suivi",
    "en": "Commitments of the open-government action plans and their progress",
}
_NOTES = {
    "ar": "التعهدات وتقارير التقدم والمراحل والتوصيات كما وردت في هذا الفهرس، دون أيّ معطيات شخصية. تُجدّد الملفات آليا كلما تغيّر شيء. "
    "يشرح قاموس البيانات كل عمود وما يقابله في بيانات شراكة الحكومة المفتوحة.",
    "fr": "Engagements, rapports d’avancement, étapes et recommandations de ce catalogue, sans aucune donnée personnelle. "
    "Les fichiers sont refaits automatiquement dès que quelque chose change. Le dictionnaire explique chaque colonne et ce qui lui "
    "correspond dans les données du PGO.",
    "en": "Commitments, progress reports, milestones and recommendations of this catalogue, without any personal data. The files are made "
    "anew whenever something changes. The data dictionary explains each column and what corresponds to it in the OGP's own data.",
}
_FILES: dict[str, dict[str, str]] = {
    "commitments.csv": {"ar": "التعهدات", "fr": "Engagements", "en": "Commitments"},
    "progress-reports.csv": {"ar": "تقارير التقدم", "fr": "Rapports d’avancement", "en": "Progress reports"},
    "milestones.csv": {"ar": "المراحل", "fr": "Étapes", "en": "Milestones"},
    "recommendations.csv": {"ar": "التوصيات", "fr": "Recommandations", "en": "Recommendations"},
    "commitments.json": {"ar": "كل البيانات (JSON)", "fr": "Toutes les données (JSON)", "en": "All the data (JSON)"},
    "data-dictionary.csv": {"ar": "قاموس البيانات", "fr": "Dictionnaire de données", "en": "Data dictionary"},
}


def publish() -> str:
    """Make the dataset, or bring its files up to date; files that people added to it stay.

    :returns: ``off`` (no name is configured), ``nothing`` (no public commitment), ``no-storage``, ``no-organization``, ``deleted``
        (somebody deleted it: it stays so), ``same``, ``created`` or ``updated``
    :raises ValidationError: CKAN refuses the dataset
    """
    name = open_data_dataset()
    if not name:
        return "off"
    if not tk.config.get("ckan.storage_path"):
        log.warning("The commitments' open data are not published: ckan.storage_path is not set")
        return "no-storage"
    with connect_to_redis().lock(f"ckan:{tk.config['ckan.site_id']}:ogptn:open-data", timeout=_LOCKED):
        outcome = _publish(name)
    log.info("Open data of the commitments: %s", outcome)
    return outcome


def _publish(name: str) -> str:
    made = files.build()
    if not made:
        return "nothing"
    package = model.Package.get(name)
    if package is not None and package.state == "deleted":
        return "deleted"
    drafted = package is not None and package.state == "draft"
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    context: Any = {"user": user, "auth_user_obj": model.User.by_name(user), "ignore_auth": True}
    if package is None:
        owner = model.Group.get(coordinator_organization())
        if owner is None:
            log.warning("The commitments' open data are not published: there is no organisation %s", coordinator_organization())
            return "no-organization"
        data = {
            "name": name,
            "type": "dataset",
            "owner_org": owner.id,
            "title_translated": _TITLE,
            "notes_translated": _NOTES,
            "license_id": catalog_licence(),
            "tags_translated": {"ar": ["الحكومة المفتوحة"], "fr": ["gouvernement ouvert"], "en": ["open government"]},
            "state": "draft",
        }
        created = tk.get_action("package_create")(cast("Any", dict(context)), data)
        # CKAN takes uploads with an update only; until then the dataset is nobody's to see.
        resources = [_resource(file, content) for file, content in made.items()]
        tk.get_action("package_patch")(context, {"id": created["id"], "state": "active", "resources": resources})
        return "created"
    stored = tk.get_action("package_show")(cast("Any", {**context, "use_cache": False}), {"id": package.id})
    resources, changed = _merged(stored["resources"], made)
    if not changed:
        return "same"
    # A draft is a dataset whose making broke off.
    state = {"state": "active"} if drafted and not stored["resources"] else {}
    tk.get_action("package_patch")(context, {"id": package.id, "resources": resources, **state})
    return "updated"


def _resource(file: str, content: bytes) -> dict[str, Any]:
    is_json = file.endswith(".json")
    return {
        "url": file,
        "upload": FileStorage(io.BytesIO(content), file),
        "name_translated": _FILES[file],
        "format": "JSON" if is_json else "CSV",
        "mimetype": "application/json" if is_json else "text/csv",
        **_sums(content),
    }


def _sums(content: bytes) -> dict[str, Any]:
    return {"hash": hashlib.sha256(content).hexdigest(), "hash_algorithm": "SHA256", "size": len(content)}


def _merged(stored: list[dict[str, Any]], made: dict[str, bytes]) -> tuple[list[dict[str, Any]], bool]:
    """The dataset's resources with today's files in their places, and whether any is another."""
    merged, changed = [], False
    left = dict(made)
    for resource in stored:
        file = str(resource.get("url") or "").rsplit("/", 1)[-1] if resource.get("url_type") == "upload" else ""
        content = left.pop(file, None)
        if content is not None and resource.get("hash") != hashlib.sha256(content).hexdigest():
            resource = {**resource, "url": file, "upload": FileStorage(io.BytesIO(content), file), **_sums(content)}
            changed = True
        merged.append(resource)
    merged += [_resource(file, content) for file, content in left.items()]
    return merged, changed or bool(left)
