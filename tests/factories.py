"""Records to test with. All of it is made up, and says so; titles are in Arabic and French as a steward would write them.

The fixtures ``steward``, ``agency``, ``open_dataset``, ``commitment``, ``budget``, ``extractive`` and ``…_factory`` for each are made of
them in ``conftest.py``.
"""

from __future__ import annotations

from typing import Any

import factory
from ckan import model
from ckan.tests import factories as core
from ckan.tests.helpers import call_action


class StewardFactory(core.User):
    """A signed-in person without rights until an organisation gives them some. ``user_create`` answers without the password."""

    name = factory.Sequence(lambda n: f"steward-{n}")
    password = "a-long-test-password"


class AgencyFactory(core.CKANFactory):
    """A public body. ``editors``, ``admins``: names of users to make editors or administrators of it."""

    class Meta:
        model = model.Group
        action = "organization_create"

    name = factory.Sequence(lambda n: f"agency-{n}")
    title_translated = factory.Sequence(lambda n: {"ar": f"هيكل تجريبي {n}", "fr": f"Organisme d’essai {n}", "en": f"Test agency {n}"})

    @classmethod
    def api_create(cls, data_dict: dict[str, Any]) -> dict[str, Any]:
        editors, admins = data_dict.pop("editors", ()), data_dict.pop("admins", ())
        created = super().api_create(data_dict)
        for role, names in (("editor", editors), ("admin", admins)):
            for name in names:
                call_action("organization_member_create", id=created["id"], username=name, role=role)
        return created


class RecordFactory(core.CKANFactory):
    """What every type needs. Without ``owner_org`` an agency is made for it."""

    class Meta:
        model = model.Package
        action = "package_create"
        abstract = True

    owner_org = factory.LazyFunction(lambda: AgencyFactory()["id"])
    notes_translated = factory.LazyFunction(
        lambda: {"ar": "بيانات اصطناعية للاختبار", "fr": "Données synthétiques d’essai", "en": "Synthetic test data"}
    )
    tags_translated = factory.LazyFunction(lambda: {"ar": ["اختبار"], "fr": ["essai"]})


class OpenDatasetFactory(RecordFactory):
    """A record of the plain type."""

    type = "dataset"
    title_translated = factory.Sequence(lambda n: {"ar": f"مجموعة بيانات {n}", "fr": f"Jeu de données {n}"})


class CommitmentFactory(RecordFactory):
    """A commitment of the first plan, each with a number of its own."""

    type = "commitment"
    title_translated = factory.Sequence(lambda n: {"ar": f"تعهد تجريبي {n}", "fr": f"Engagement d’essai {n}"})
    plan = "nap1"
    commitment_number = factory.Sequence(lambda n: str(n % 900 + 1))


class BudgetFactory(RecordFactory):
    """An enacted State budget in thousand dinars."""

    type = "budget"
    title_translated = factory.Sequence(lambda n: {"ar": f"ميزانية تجريبية {n}", "fr": f"Budget d’essai {n}"})
    fiscal_years = factory.LazyFunction(lambda: ["2024"])
    document_type = "enacted"
    phases = factory.LazyFunction(lambda: ["approved"])
    direction = factory.LazyFunction(lambda: ["expenditure"])
    currency = "TND"
    unit_multiplier = "thousand"
    classification = "seven_parts"
    administrative_level = "state"


class ExtractiveFactory(RecordFactory):
    """A petroleum contract between two made-up companies."""

    type = "extractive"
    title_translated = factory.Sequence(lambda n: {"ar": f"عقد تجريبي {n}", "fr": f"Contrat d’essai {n}"})
    record_kind = "contract"
    sectors = factory.LazyFunction(lambda: ["oil"])
