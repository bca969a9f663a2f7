"""The dataset types as ckanext-scheming is told of them, unless the site names its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import yaml
from ckan.common import CKANConfig

log = logging.getLogger(__name__)

_PACKAGE = "ckanext.ogptn.scheming_schemas"
TYPES = ("dataset", "commitment", "budget", "extractive")
DEFAULTS = {
    "scheming.presets": f"{_PACKAGE}:presets.yaml ckanext.scheming:presets.json",
    "scheming.dataset_schemas": " ".join(f"{_PACKAGE}:{name}.yaml" for name in TYPES),
    "scheming.organization_schemas": f"{_PACKAGE}:organization.yaml",
}
_NEEDED = ("scheming_datasets", "scheming_organizations")


def declare(declaration: Any, key: Any) -> None:
    """Declare our settings, and our schemas as the defaults of scheming's.

    As declared defaults they stand whatever the order of the plugins: CKAN fills defaults in before any plugin reads its settings.
    """
    path = Path(__file__).parents[1] / "config_declaration.yaml"
    declaration.load_dict(yaml.safe_load(path.read_text(encoding="utf-8")))
    for name, default in DEFAULTS.items():
        option = key.from_string(name)
        # A later ckanext-scheming may declare its settings itself.
        if option not in declaration:
            declaration.declare(option, default)


def warn_of_missing_plugins(config: CKANConfig) -> None:
    """Say what the site goes without when scheming's plugins are not enabled; it starts all the same."""
    enabled = config.get("ckan.plugins") or []
    missing = [name for name in _NEEDED if name not in (enabled.split() if isinstance(enabled, str) else enabled)]
    if missing:
        log.warning("ogptn: the dataset types are not available, because ckan.plugins does not name: %s", " ".join(missing))
