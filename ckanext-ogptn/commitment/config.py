"""The settings of the commitments, each through one typed function. Declared in ``config_declaration.yaml``."""

from __future__ import annotations

import ckan.plugins.toolkit as tk


def coordinator_organization() -> str:
    """Name of the organisation whose editors and administrators coordinate the action plans: rounds, reviews, recommendations."""
    return tk.config.get("ogptn.coordinator_organization") or "presidence-du-gouvernement"


def open_data_dataset() -> str:
    """Name of the dataset in which the commitments are published as open data; empty when none is wanted."""
    return str(tk.config.get("ogptn.commitment_data.dataset") or "")
