"""A CSV into the DataStore beside ckanext-xloader, and a workbook beside openpyxl and pandas: same files, same PostgreSQL, same run.

python -m tests.benchmarks.tables                                 1,000,000 rows of 12 columns; xloader's typed loader on 100,000 of them
python -m tests.benchmarks.tables --rows 20000 --typed-rows 20000 --workbook-rows 5000      quick

ckanext-xloader 2.6.0 comes from the package index, into a folder of its own, with pandas. Each loading runs in a process of its own,
started for it alone, on one PostgreSQL as a portal runs it; the seconds are those of the loading function, the memory is the peak of
the process, CKAN included. All three sides fill ``_full_text``. Ours and the typed loader build its index; the COPY loader leaves that to
a second function, which its job calls: the line "with its index" counts both. Our table serves when its index is there, not before: one
line of ours stands beside both of the COPY loader's. Every number in the file is invented. On a machine that does
other things, the CPU time of the process and that of PostgreSQL say more than the clock.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import openpyxl
import psutil

from tests.benchmarks.harvest import DurableServices, load

ROOT = Path(__file__).resolve().parents[2]
PEER_PACKAGES = (
    *("ckanext-xloader==2.6.0", "tabulator==1.53.5", "Unidecode", "chardet", "six", "linear-tsv", "jsonlines", "unicodecsv", "xlrd"),
    *("boto3", "botocore", "jmespath", "s3transfer", "pandas", "pytz", "tzdata"),
)
LABELS = ["Code", "Gouvernorat", "Titre", "Article", "Libellé", "Jour", "Exercice", "Ouvert", "Ordonnancé", "Payé", "Nombre", "Taux"]
#: Goals of the project: at least so many times the typed loader's rows a second; no slower than the COPY loader; megabytes at most.
TIMES, MEGABYTES = 10, 300
COPY = "xloader, COPY, all text"


def write_csv(path: Path, rows: int) -> None:
    """The file: codes, names, dates, years, amounts."""
    chance = random.Random(9)  # noqa: S311 - the same file each time
    places = ["Tunis", "Sfax", "Béja", "Gabès", "Médenine", "Kasserine", "Kairouan", "Tozeur"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(LABELS)
        for number in range(rows):
            opened = chance.randrange(100_000_000)
            writer.writerow(
                [
                    f"A{number % 997:04}",
                    places[number % 8],
                    number % 5 + 1,
                    number % 61 + 100,
                    f"Dépense synthétique {number % 5000}",
                    f"{2010 + number % 12}-{number % 12 + 1:02}-{number % 28 + 1:02}",
                    2010 + number % 12,
                    f"{opened / 1000:.3f}",
                    f"{opened / 1100:.3f}",
                    f"{opened / 1300:.3f}",
                    chance.randrange(10_000),
                    f"{chance.random() * 100:.2f}",
                ]
            )


def write_workbook(path: Path, rows: int) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Données")
    sheet.append(LABELS)
    for number in range(rows):
        row: list[Any] = [
            f"A{number % 997}",
            f"Lieu {number % 24}",
            number % 5,
            number % 61,
            f"Libellé {number % 5000}",
            f"J{number % 365}",
        ]
        sheet.append([*row, 2010 + number % 12, number * 1.25, number / 7, number / 9, number % 10_000, number % 100 / 3])
    book.save(path)


def peer_folder() -> Path:
    """The folder with the peers; filled from the package index once."""
    folder = ROOT / ".cache" / "bench-tables-peer"
    if not (folder / "ckanext" / "xloader").is_dir() or not (folder / "pandas").is_dir():
        command = [sys.executable, "-m", "uv", "pip", "install", "-q", "--no-deps", "--target", str(folder), *PEER_PACKAGES]
        subprocess.run(command, check=True)
    return folder


def worker(task: str, *arguments: str, environment: dict[str, str]) -> dict[str, Any]:
    """Run one task in a process of its own.

    :raises RuntimeError: it failed
    """
    command = [sys.executable, "-m", "tests.benchmarks.table_worker", task, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment}, check=False)
    answers = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not answers:
        raise RuntimeError(f"{task}: {done.stderr[-2000:]}")
    return json.loads(answers[-1])


def database_seconds(services: DurableServices) -> float:
    """CPU seconds of the connections to PostgreSQL that ended."""
    times = psutil.Process(int((services.layout.pgdata / "postmaster.pid").read_text().split()[0])).cpu_times()
    return times.children_user + times.children_system


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--typed-rows", type=int, default=100_000, help="rows for xloader's typed loader, which is slow")
    parser.add_argument("--workbook-rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    peer = {"PYTHONPATH": os.pathsep.join([str(peer_folder()), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
    results: dict[str, Any] = {"load before": load()}
    with tempfile.TemporaryDirectory(prefix="ogptn-bench-") as folder:
        here = Path(folder)
        write_csv(here / "all.csv", options.rows)
        write_csv(here / "part.csv", options.typed_rows)
        write_workbook(here / "book.xlsx", options.workbook_rows)
        services = DurableServices(here / "services")
        environment = services.start()
        try:
            worker("prepare", environment=environment)
            for name, task, file, rows in (
                ("ours, typed", "ours", "all.csv", options.rows),
                (COPY, "xloader-copy", "all.csv", options.rows),
                ("xloader, typed", "xloader-typed", "part.csv", options.typed_rows),
            ):
                spent = database_seconds(services)
                answer = worker(task, str(here / file), environment={**environment, **(peer if task != "ours" else {})})
                time.sleep(1)
                answer["database cpu"] = database_seconds(services) - spent
                results[name] = {**answer, "rows": rows, "rows a second": round(rows / answer["seconds"])}
                if "index" in answer:
                    whole = answer["seconds"] + answer["index"]
                    results[f"{name}, with its index"] = {**answer, "seconds": whole, "rows": rows, "rows a second": round(rows / whole)}
            for task in ("read-ours", "read-openpyxl", "read-pandas"):
                for first in ("whole", "first100"):
                    results[f"{task} {first}"] = worker(
                        task, str(here / "book.xlsx"), first, environment={**environment, **(peer if task == "read-pandas" else {})}
                    )
        finally:
            services.stop(everything=True)
    results["load after"] = load()
    ours, typed = results["ours, typed"]["rows a second"], results["xloader, typed"]["rows a second"]
    results["ratio to typed"] = round(ours / typed, 2)
    for name in (COPY, f"{COPY}, with its index"):
        results[f"ratio to {name}"] = round(ours / results[name]["rows a second"], 2)
    if options.json:
        print(json.dumps(results, indent=1))
        return 0
    print(f"load before {results['load before']}, after {results['load after']}")
    for name, row in results.items():
        if isinstance(row, dict):
            speed = f"{row['rows a second']:>9,} rows/s" if "rows a second" in row else " " * 16
            database = f"PostgreSQL's {row['database cpu']:>6.2f} s" if "rows" in row else ""
            print(
                f"{name:<40} {row['seconds']:>8.2f} s  CPU {row['cpu']:>7.2f} s {database:<22} {speed}  "
                f"{row['megabytes']} MB ({row['before']} before)"
            )
    print(f"typed: {results['ratio to typed']} times xloader's (goal {TIMES})")
    for name in (COPY, f"{COPY}, with its index"):
        print(f"beside {name}: {results[f'ratio to {name}']} (goal 1)")
    print(f"memory: {results['ours, typed']['megabytes']} MB (goal {MEGABYTES})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
