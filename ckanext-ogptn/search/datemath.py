"""Solr's date arithmetic: ``NOW-7DAYS``, ``NOW/DAY+1MONTH``, ``2026-01-01T00:00:00Z/YEAR``."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta, timezone

from .documents import parse_date
from .errors import BadRequestError

_UNITS = {
    "MILLI": "milli",
    "MILLIS": "milli",
    "MILLISECOND": "milli",
    "MILLISECONDS": "milli",
    "SECOND": "second",
    "SECONDS": "second",
    "MINUTE": "minute",
    "MINUTES": "minute",
    "HOUR": "hour",
    "HOURS": "hour",
    "DAY": "day",
    "DAYS": "day",
    "DATE": "day",
    "MONTH": "month",
    "MONTHS": "month",
    "YEAR": "year",
    "YEARS": "year",
}
_ORDER = ("milli", "second", "minute", "hour", "day", "month", "year")
_STEP = re.compile(r"([+-])(\d+)([A-Z]+)|/([A-Z]+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def evaluate(text: str, now: datetime) -> int:
    """Milliseconds since 1970.

    :param now: what NOW stands for, in UTC.
    :raises BadRequestError: neither a date nor date arithmetic.
    """
    if text.startswith("NOW"):
        moment, rest = now, text[3:]
    else:
        end = text.find("Z") + 1
        try:
            milliseconds = parse_date(text[:end])
            if not text[end:]:
                return milliseconds
            moment, rest = _EPOCH + timedelta(milliseconds=milliseconds), text[end:]
        except (ValueError, OverflowError) as error:
            raise BadRequestError(f"Invalid Date String:'{text}'") from error
    position = 0
    while position < len(rest):
        step = _STEP.match(rest, position)
        unit = _UNITS.get(step.group(3) or step.group(4)) if step else None
        if step is None or unit is None:
            raise BadRequestError(f"Invalid Date Math String:'{text}'")
        try:
            moment = _floor(moment, unit) if step.group(4) else _add(moment, unit, int(step.group(1) + step.group(2)))
        except (OverflowError, ValueError) as error:
            raise BadRequestError(f"Invalid Date Math String:'{text}'") from error
        position = step.end()
    delta = moment - _EPOCH
    return (delta.days * 86400 + delta.seconds) * 1000 + delta.microseconds // 1000


def _add(moment: datetime, unit: str, amount: int) -> datetime:
    if unit in ("month", "year"):
        months = moment.year * 12 + moment.month - 1 + amount * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))
    return (
        moment
        + amount
        * {
            "milli": timedelta(milliseconds=1),
            "second": timedelta(seconds=1),
            "minute": timedelta(minutes=1),
            "hour": timedelta(hours=1),
            "day": timedelta(days=1),
        }[unit]
    )


def _floor(moment: datetime, unit: str) -> datetime:
    at = _ORDER.index(unit)
    if at == 0:
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    month, day = (1 if at > _ORDER.index(smaller) else value for smaller, value in (("month", moment.month), ("day", moment.day)))
    hour, minute, second = (
        0 if at > _ORDER.index(smaller) else value
        for smaller, value in (("hour", moment.hour), ("minute", moment.minute), ("second", moment.second))
    )
    return moment.replace(month=month, day=day, hour=hour, minute=minute, second=second, microsecond=0)
