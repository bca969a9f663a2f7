"""Fetching what other sites offer: safely, patiently, and never more than was agreed. Knows nothing of harvesting.

>>> with Client(limits=Limits(max_bytes=10_000_000)) as client:
...     answer = client.get("https://data.example.tn/api/3/action/package_list")
...     names = answer.json()["result"]
"""

from __future__ import annotations

from .addresses import AddressPolicy
from .answer import Answer
from .client import Client, Credentials, Limits
from .errors import FetchError, Stopped, shown

__all__ = ["AddressPolicy", "Answer", "Client", "Credentials", "FetchError", "Limits", "Stopped", "shown"]
