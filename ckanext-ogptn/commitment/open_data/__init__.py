"""The commitments, their reports, milestones and recommendations as open data: a dataset of the catalogue that the worker keeps up."""
