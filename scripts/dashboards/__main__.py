"""Writes dashboards/*.json: `python3 scripts/dashboards [FOLDER]`, by default where they belong."""

import json
import pathlib
import sys

# Byte code beside the sources would be one more thing to ignore.
sys.dont_write_bytecode = True

import exporter
import overview
import target


def main():
    default = pathlib.Path(__file__).resolve().parents[2] / "dashboards"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for made in (overview.made(), target.made(), exporter.made()):
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{made['uid']}.json").write_text(text, encoding="utf-8")


main()
