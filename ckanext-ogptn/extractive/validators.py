"""What an extractive record's fields owe to one another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ckan.types import Context, FlattenDataDict, FlattenErrorDict, FlattenKey

from ..catalogue import rules
from ..catalogue.rules import RuleError
from ..catalogue.validation import Field, Validator, field_validator
from ..catalogue.validators import add_error, check_period, rows, value_of


@field_validator
def ogptn_extractive(field: Field, schema: Mapping[str, Any]) -> Validator:  # noqa: ARG001
    """After the fields: shares together at most 100 percent, one operator, expiry after the beginning."""

    def validator(key: FlattenKey, data: FlattenDataDict, errors: FlattenErrorDict, context: Context) -> None:  # noqa: ARG001
        _check_parties(data, errors)
        check_period((), "signed_on", "expires_on", data, errors, "expires-before-start")
        check_period((), "effective_on", "expires_on", data, errors, "expires-before-start")

    return validator


def _check_parties(data: FlattenDataDict, errors: FlattenErrorDict) -> None:
    parties = rows("parties", data)
    shares = {row: value_of(row, "share", data) for row in parties if not errors.get((*row, "share"))}
    with_share = {row: Decimal(share) for row, share in shares.items() if share is not None}
    try:
        rules.shares(with_share.values())
    except RuleError as broken:
        for row in with_share:
            add_error(row, "share", broken, errors)
    operators = [row for row in parties if value_of(row, "operator", data) == "yes"]
    for row in operators[1:]:
        add_error(row, "operator", RuleError("operators-several"), errors)


def get_validators() -> dict[str, Callable[..., Any]]:
    """The validators by the names that the schemas use."""
    return {"ogptn_extractive": ogptn_extractive}
