"""Writes native/tests/data: reference results of PEFT itself (see README.md for the formats).

usage: make_parity_data.py [--legacy VERSION=FOLDER]... [DATA]

The rest of the suite needs PEFT 0.21. Files of older releases are written by those releases: each
--legacy names a folder that holds that version's `peft` package, as made by
`pip install --no-deps --target FOLDER peft==VERSION`. A release that is not named keeps the files
that are there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent


def write_legacy(version: str, packages: str, data: Path) -> list[dict]:
    """Runs make_legacy_adapters.py under an older PEFT; returns its records."""
    command = [sys.executable, str(HERE / "make_legacy_adapters.py"), version, str(data)]
    environment = {**os.environ, "PYTHONPATH": packages}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--legacy", action="append", default=[], metavar="VERSION=FOLDER")
    parser.add_argument("data", nargs="?", type=Path, default=HERE.parent / "data")
    options = parser.parse_args()

    import make_adapter_folders
    import make_layer_cases
    from files import versions, write_lines

    warnings.filterwarnings("ignore", message="Invalid `")  # some block sizes are to be adjusted
    index = options.data / "adapters.json"
    kept = json.loads(index.read_text())["adapters"] if index.exists() else []
    make_layer_cases.write(options.data)
    records = {record["name"]: record for record in kept if "peft" in record}
    for record in make_adapter_folders.write(options.data):
        records[record["name"]] = record
    for legacy in options.legacy:
        version, _, packages = legacy.partition("=")
        for record in write_legacy(version, packages, options.data):
            records[record["name"]] = record
    adapters = [records[name] for name in sorted(records)]
    write_lines(index, {"made_with": versions()}, "adapters", adapters)


if __name__ == "__main__":
    main()
