"""The memory that the download of a large table takes, by format and by size.

python -m tests.benchmarks.downloads                        100,000 and 1,000,000 rows of 12 columns
python -m tests.benchmarks.downloads --rows 20000 100000    quick

Each download is written in a process of its own, as the web server writes it; the memory is the peak of the process, and what it had taken
before, CKAN included, stands beside it. Constant means: ten times the rows take no more than 30 MB more. Every number in the table is
invented, by PostgreSQL.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.harvest import DurableServices, load
from tests.benchmarks.tables import worker

#: Megabytes that the larger table may take above the smaller one.
SPREAD = 30
FORMATS = ("csv", "json", "xlsx", "parquet")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, Any] = {"load before": load()}
    with tempfile.TemporaryDirectory(prefix="ogptn-bench-") as folder:
        services = DurableServices(Path(folder) / "services")
        environment = services.start()
        try:
            worker("prepare", environment=environment)
            for rows in options.rows:
                resource = worker("fill", str(rows), environment=environment)["resource"]
                for form in options.formats:
                    results[f"{form} {rows}"] = worker("download", resource, form, environment=environment)
        finally:
            services.stop(everything=True)
    results["load after"] = load()
    least, most = min(options.rows), max(options.rows)
    spread = {form: results[f"{form} {most}"]["megabytes"] - results[f"{form} {least}"]["megabytes"] for form in options.formats}
    results["megabytes more"] = spread
    if options.json:
        sys.stdout.write(json.dumps(results) + "\n")
    else:
        sys.stdout.write(f"{'format':10}{'rows':>12}{'MB before':>12}{'MB at most':>12}{'file, MB':>12}{'seconds':>10}{'CPU s':>8}\n")
        for form in options.formats:
            for rows in options.rows:
                one = results[f"{form} {rows}"]
                sys.stdout.write(
                    f"{form:10}{rows:12,}{one['before']:12}{one['megabytes']:12}{one['file']:12}{one['seconds']:10.1f}{one['cpu']:8.1f}\n"
                )
        sys.stdout.write(f"more for {most:,} rows than for {least:,}: {spread} MB (at most {SPREAD})\n")
    return 0 if max(spread.values()) <= SPREAD else 1


if __name__ == "__main__":
    sys.exit(main())
