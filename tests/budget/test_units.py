"""Units are found where somebody states them, and nowhere else."""

from __future__ import annotations

import pytest

from ckanext.ogptn.budget.units import code, stated


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Budget 2018 (en mille dinars)", {"thousand"}),
        ("Unité:D.T", {"unit"}),
        ("L'unité est en Millime Tunisien / الوحدة هي المليم التونسي", {"millime"}),
        ("(بحساب الدينار)", {"unit"}),
        ("الوحدة: ألف دينار", {"thousand"}),
        ("بالمليون دينار", {"million"}),
        ("نفقات الدولة بآلاف الدنانير", {"thousand"}),
        ("Dépenses en millions de dinars", {"million"}),
        ("Montants en dinars tunisiens", {"unit"}),
        ("Unit: thousand dinars", {"thousand"}),
        ("PAYE (en DT)", {"unit"}),
        ("(MD)", {"million"}),
        ("(mD)", {"thousand"}),
        ("(Md)", {"unclear"}),
        ("(en millimes), soit (en mille dinars)", {"millime", "thousand"}),
        ("un don de 3 millions de dinars", set()),
        ("قرض بقيمة 3 مليون دينار لفائدة البلديات", set()),
        ("GEO1 (الولاية)", set()),
        ("dette en devises", set()),
        ("", set()),
        (None, set()),
        (12.5, set()),
    ],
)
def test_what_a_text_states(text: object, found: set[str]) -> None:
    assert stated(text) == found


def test_what_a_field_names() -> None:
    named = {"mille dinars": "thousand", "mD": "thousand", "MD": "million", "DT": "unit", "millime": "millime", "ألف دينار": "thousand",
             "Md": None, "md": None, "sacs": None, "": None, None: None}  # fmt: skip
    assert {value: code(value) for value in named} == named


def test_a_long_text_takes_no_time() -> None:
    assert stated("en " * 100_000) == set()
