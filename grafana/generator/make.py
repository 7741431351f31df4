#!/usr/bin/env python3
"""Writes the dashboards: grafana/generator/make.py [--check]

With --check it writes nothing, and ends with 1 where a file is not what would be written.
"""

import json
import pathlib
import sys

# Nothing is to be left beside the sources.
sys.dont_write_bytecode = True

import agents
import fleet
import process
import stores
import tenant

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "dashboards"
DASHBOARDS = {
    "sluss-fleet": fleet.DASHBOARD,
    "sluss-tenant": tenant.DASHBOARD,
    "sluss-stores": stores.DASHBOARD,
    "sluss-agents": agents.DASHBOARD,
    "sluss-process": process.DASHBOARD,
}


def main():
    wanted = {f"{name}.json": json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n" for name, dashboard in DASHBOARDS.items()}
    found = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}
    if wanted == found:
        return 0
    different = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if "--check" in sys.argv[1:]:
        print(f"not what grafana/generator/make.py writes: {', '.join(different)}", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    for name in different:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
