"""``ckan ogptn-commitments``: reports in and out from the command line."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import click
from ckan import model

from ..catalogue.rules import sentences
from . import actions
from .open_data.publish import publish
from .report import word


def get_commands() -> list[click.Command]:
    return [commitments]


@click.group("ogptn-commitments", short_help="The self-assessment report and reporting rounds of the commitments.")
def commitments() -> None:
    """The self-assessment report and reporting rounds of the commitments."""


@contextmanager
def _site(context: click.Context) -> Iterator[Any]:
    """Run as the site's own user; a refused request is told in sentences and ends with 1."""
    flask_app = context.find_root().meta["flask_app"]
    with flask_app.test_request_context():
        name = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
        try:
            yield {"user": name, "auth_user_obj": model.User.by_name(name)}
        except tk.ValidationError as refused:
            for sentence in sentences(refused.error_dict):
                click.secho(sentence, fg="red", err=True)
            sys.exit(1)
        except tk.ObjectNotFound as missing:
            click.secho(str(missing) or "There is no such record.", fg="red", err=True)
            sys.exit(1)


@commitments.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--plan", help="Code of the action plan, such as nap1. Default: the one that the document names.")
@click.option("--period-start", help="First year, month or day that the report covers. Default: the document's, else the plan's.")
@click.option("--period-end", help="Last year, month or day that the report covers.")
@click.option("--agency", help="Organisation for new commitments whose agency is unknown. Default: the coordinator's.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.pass_context
def import_report(
    context: click.Context,
    file: Path,
    plan: str | None,
    period_start: str | None,
    period_end: str | None,
    agency: str | None,
    dry_run: bool,
) -> None:
    """Read a self-assessment report (.docx or plain text) into the commitments: all of it, or nothing.

    Ends with 1 when the report has errors; each names the form and the field.
    """
    given = {"plan": plan, "period_start": period_start, "period_end": period_end, "agency": agency}
    with _site(context) as site:
        # Not more than may be read, whatever the file's size.
        with file.open("rb") as opened:
            content = opened.read(word.LIMIT_FILE + 1)
        shown = tk.get_action("ogptn_commitment_report_preview")(site, {**given, "upload": io.BytesIO(content)})
        _show(shown)
        if shown["errors"]:
            click.secho("Nothing was imported.", fg="red", err=True)
            sys.exit(1)
        if dry_run:
            click.echo("Dry run: nothing was changed.")
            return
        done = tk.get_action("ogptn_commitment_report_import")(
            site, {**given, "upload": io.BytesIO(content), "fingerprint": shown["fingerprint"]}
        )
        click.secho(
            f"{len(done['created'])} created, {len(done['updated'])} updated, {len(done['unchanged'])} unchanged",
            fg="green",
        )


@commitments.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, writable=True))
@click.option("--plan", required=True, help="Code of the action plan, such as nap1.")
@click.option("--lang", type=click.Choice(["ar", "fr", "en"]), default="ar", show_default=True)
@click.option("--period-end", help="Last year, month or day of the period to report on. Default: each commitment's newest report.")
@click.option("--people", is_flag=True, help="With names, telephones and addresses of the officials in charge: not for publication.")
@click.pass_context
def export_report(context: click.Context, file: Path, plan: str, lang: str, period_end: str | None, people: bool) -> None:
    """Write the self-assessment report of a plan as a Word document."""
    with _site(context) as site:
        given = {"plan": plan, "lang": lang, "period_end": period_end, "people": people}
        # Only what the public sees, unless the officials are asked for.
        _name, content = actions.word_report(site if people else {"user": ""}, given)  # pyright: ignore[reportArgumentType]
        file.write_bytes(content)
        click.secho(f"{file}: {len(content):,} bytes", fg="green")


@commitments.command("publish")
@click.pass_context
def publish_open_data(context: click.Context) -> None:
    """Make the dataset of the commitments' open data, or bring its files up to date.

    Ends with 1 when nothing can be published, and says why.
    """
    with _site(context):
        outcome = publish()
    said = {
        "off": "Name the dataset in ogptn.commitment_data.dataset first.",
        "nothing": "There is no public commitment to publish.",
        "no-storage": "Set ckan.storage_path first: the files are uploads.",
        "no-organization": "There is no coordinating organisation; see ogptn.coordinator_organization.",
        "deleted": "Somebody deleted the dataset. Restore it, or name another in ogptn.commitment_data.dataset.",
        "same": "The files are up to date.",
        "created": "The dataset is made.",
        "updated": "The files are brought up to date.",
    }[outcome]
    if outcome not in ("same", "created", "updated"):
        click.secho(said, fg="red", err=True)
        sys.exit(1)
    click.secho(said, fg="green")


_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


def _round_act(context: click.Context, name: str, data: dict[str, Any]) -> Any:
    with _site(context) as site:
        return tk.get_action(f"ogptn_commitment_round_{name}")(site, data)


@commitments.group("round")
def rounds() -> None:
    """Reporting rounds: open, list, show, remind, close. Ends with 1 when a request is refused or the round does not exist."""


def _tell(called: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(called, ensure_ascii=False, indent=2))
        return
    state = "open" if called["open"] else "closed"
    counted = ", ".join(f"{number} {name}" for name, number in called["states"].items() if number)
    title = next(iter(called["title"].values()), "")
    period = "–".join(filter(None, (called["period_start"], called["period_end"])))
    click.echo(
        f"{called['id']}  {called['plan']}  {period}  {state}, last day {called['due_on']}  {counted}, {called['late']} late  {title}"
    )


@rounds.command("list")
@_JSON
@click.pass_context
def list_rounds(context: click.Context, as_json: bool) -> None:
    """The rounds, newest first."""
    found = _round_act(context, "list", {})
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for called in found:
        _tell(called, as_json=False)
    if not found:
        click.echo("No reporting round has been opened yet.")


@rounds.command("show")
@click.argument("round_id")
@_JSON
@click.pass_context
def show_round(context: click.Context, round_id: str, as_json: bool) -> None:
    """One round, with the state of each report."""
    called = _round_act(context, "show", {"id": round_id})
    _tell(called, as_json)
    for item in () if as_json else called["items"]:
        late = ", late" if item["late"] else ""
        click.echo(f"{item['number']:>4}  {item['state']}{late}  {item['agency']}  {item['title']}")


@rounds.command("open")
@click.option("--plan", required=True, help="Code of the action plan, such as nap1.")
@click.option("--title-ar", help="Title in Arabic; one language is enough.")
@click.option("--title-fr", help="Title in French.")
@click.option("--title-en", help="Title in English.")
@click.option("--period-start", help="First year, month or day reported on.")
@click.option("--period-end", required=True, help="Last year, month or day reported on.")
@click.option("--due", required=True, help="Last day for sending, YYYY-MM-DD.")
@click.option("--commitment", "commitments_", multiple=True, help="Name of a commitment; may be repeated. Default: all of the plan.")
@_JSON
@click.pass_context
def open_round(
    context: click.Context,
    plan: str,
    title_ar: str | None,
    title_fr: str | None,
    title_en: str | None,
    period_start: str | None,
    period_end: str,
    due: str,
    commitments_: tuple[str, ...],
    as_json: bool,
) -> None:
    """Open a round; the stewards of the agencies get a mail."""
    title = {code: text for code, text in (("ar", title_ar), ("fr", title_fr), ("en", title_en)) if text}
    given = {"plan": plan, "title": title, "period_start": period_start, "period_end": period_end, "due_on": due}
    called = _round_act(context, "open", {**given, "commitments": list(commitments_)})
    _tell(called, as_json)
    if not as_json:
        click.secho(f"Mails to stewards: {called['mails']}", fg="green")


@rounds.command("remind")
@click.argument("round_id")
@_JSON
@click.pass_context
def remind_round(context: click.Context, round_id: str, as_json: bool) -> None:
    """Write to the stewards whose reports are not sent yet."""
    done = _round_act(context, "remind", {"id": round_id})
    click.echo(json.dumps(done) if as_json else f"Reports not sent yet: {done['reports']}. Reminders written: {done['mails']}.")


@rounds.command("close")
@click.argument("round_id")
@_JSON
@click.pass_context
def close_round(context: click.Context, round_id: str, as_json: bool) -> None:
    """Close a round: nothing more can be sent or reviewed in it."""
    _tell(_round_act(context, "close", {"id": round_id}), as_json)


def _show(shown: dict[str, Any]) -> None:
    if shown["period_end"]:
        click.echo(f"Plan {shown['plan']}, {shown['period_start']}–{shown['period_end']}, language {shown['language']}")
    for form in shown["forms"]:
        fields = ", ".join(dict.fromkeys(item["field"] for item in form["fields"]))
        changed = f" ({fields})" if form["change"] == "changed" else ""
        click.echo(
            f"{form['form']:>4}  {form['change']:<7} {form['level'] or '–':<11} {form['deadline'] or '–':<13} {form['title']}{changed}"
        )
    for item in shown["unplaced"]:
        where = f"form {item['form']}" if item["form"] else "outside the forms"
        first = item["text"].replace("\n", " ")
        click.echo(f"not placed ({where}, {len(item['text'])} characters): {first[:70]}{'…' if len(first) > 70 else ''}")
    for item in shown["warnings"]:
        click.secho(f"warning: {item['message']}", fg="yellow")
    for item in shown["errors"]:
        click.secho(f"error: {item['message']}", fg="red", err=True)
