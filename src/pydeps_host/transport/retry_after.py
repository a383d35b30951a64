"""The `Retry-After` field (RFC 9110, section 10.2.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

# A server that asks for more asks for never; and a date must not overflow.
_LONGEST: Final = 366 * 24 * 3600.0


def retry_after(value: str | None, date: str | None, received: datetime) -> float | None:
    """Return the seconds that a server asks for, at least 0 and at most a leap year.

    A date is compared with the response's own `Date`, so that a wrong clock on
    either side costs nothing; without one, with the time of its arrival.

    Returns:
        None where the field is absent or is neither digits nor a date.
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch("[0-9]+", text):
        return float(text) if len(text) < 10 and float(text) < _LONGEST else _LONGEST
    until = http_date(text)
    if until is None:
        return None
    since = http_date(date) or received
    return min(max((until - since).total_seconds(), 0.0), _LONGEST)


def http_date(text: str | None) -> datetime | None:
    """Return the moment that a field's date names (RFC 9110, section 5.6.7), None where it is absent or no date."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
