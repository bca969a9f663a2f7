"""The kinds of problem that the engine itself finds."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

from .problems import Kind, Severity

REFUSED = Kind(
    "refused",
    Severity.ERROR,
    lambda: tk._("The record does not follow the rules of this catalogue: {reason}"),
    lambda: tk._("Ask the publisher to correct the field, or choose another dataset type for the source."),
)
BROKEN = Kind(
    "internal-error",
    Severity.ERROR,
    lambda: tk._("The record met a mistake in the program: {reason}"),
    lambda: tk._("Report it with the record's raw content; the log of the worker says more."),
)
TWICE = Kind(
    "duplicate-identifier",
    Severity.WARNING,
    lambda: tk._("The source has this identifier more than once; the first record was taken."),
    lambda: tk._("Ask the publisher to give each record an identifier of its own."),
)
LONG_GUID = Kind(
    "identifier-too-long",
    Severity.ERROR,
    lambda: tk._("The record's identifier is longer than {limit} characters."),
    lambda: tk._("Ask the publisher for a shorter identifier."),
)
ELSEWHERE = Kind(
    "in-another-source",
    Severity.WARNING,
    lambda: tk._("The same dataset is harvested from “{source}” already, as “{title}”; it was not added again."),
    lambda: tk._("To have it from this source instead, choose “this source wins” in its settings."),
)
OF_ANOTHER = Kind(
    "in-another-organisation",
    Severity.WARNING,
    lambda: tk._("The same dataset belongs to another organisation, which has it from “{source}”; it was neither added again nor changed."),
    lambda: tk._(
        "Only sources of that organisation may write it. If it should be this source's, ask a system administrator to give the dataset to "
        "the organisation of this source."
    ),
)
TAKEN_OVER = Kind(
    "taken-over",
    Severity.WARNING,
    lambda: tk._("The dataset was harvested from “{source}” until now, and comes from this source from now on."),
    lambda: tk._("Nothing is to be done. The settings of this source say that it wins."),
)
GONE = Kind(
    "gone-from-source",
    Severity.WARNING,
    lambda: tk._("The record is no longer at the source. Its dataset stays, marked, for {days} days or {passes} harvests more."),
    lambda: tk._("If it should be there, tell the publisher."),
)
GONE_NEXT = Kind(
    "gone-until-next-harvest",
    Severity.WARNING,
    lambda: tk._("The record is no longer at the source. Its dataset stays, marked, for {days} days or until the next complete harvest."),
    lambda: tk._("If it should be there, tell the publisher."),
)
GONE_AT_ONCE = Kind(
    "gone-at-once",
    Severity.WARNING,
    lambda: tk._("The record is no longer at the source. This source gives no time of grace: its dataset was deleted."),
    lambda: tk._("If it should be there, restore it on the job's page and tell the publisher."),
)
CEILING = Kind(
    "removal-ceiling",
    Severity.ERROR,
    lambda: tk._("{count} of {total} datasets are no longer at the source. That is more than may go without a person being asked."),
    lambda: tk._("Look at the source. If they are really gone, confirm the removal on the job's page; if not, nothing is to be done."),
)
UNRESOLVED_LINK = Kind(
    "unresolved-link",
    Severity.WARNING,
    lambda: tk._("No record of the catalogue was found that this one belongs to: {value}"),
    lambda: tk._(
        "If there is one, add it here under related records: what you enter is kept. If its source is harvested later, the link comes by "
        "itself."
    ),
)
EMPTY = Kind(
    "empty-source",
    Severity.ERROR,
    lambda: tk._("The source has no records. Nothing was removed."),
    lambda: tk._("Check the address and the filters. To delete what was harvested from a source that is closed, clear the source."),
)
FEWER = Kind(
    "fewer-than-announced",
    Severity.WARNING,
    lambda: tk._("The source announced {expected} records, but gave {seen}. Nothing was removed."),
    lambda: tk._("It may have changed while it was read: run the job again."),
)
TOO_MANY_ISSUES = Kind(
    "more-issues",
    Severity.WARNING,
    lambda: tk._("There were more issues than are stored ({limit}); the others were only counted."),
    lambda: tk._("Solve those that are listed, and run the job again."),
)
ABANDONED = Kind(
    "abandoned",
    Severity.ERROR,
    lambda: tk._("The job was begun {attempts} times, and its worker died each time."),
    lambda: tk._("Look into the worker's log: memory, disk, or a record that brings the program down."),
)
LOST_INDEX = Kind(
    "index-unreachable",
    Severity.ERROR,
    lambda: tk._("The search index did not take what was written: {reason}"),
    lambda: tk._("Repair the search engine. The next job indexes first what is missing."),
)
