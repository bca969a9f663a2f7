"""Reporting rounds: the coordinator asks, agencies report, the coordinator accepts or sends back."""
