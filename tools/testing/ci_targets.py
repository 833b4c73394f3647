# SPDX-License-Identifier: GPL-2.0
"""Checks that every job of a GitLab CI file runs only `make TARGET` with targets that exist."""

import re
import sys

from ruamel.yaml import YAML

ci_file, makefile = sys.argv[1:]
with open(makefile, encoding="utf-8") as f:
    targets = set(re.findall(r"^([a-z][a-z-]*):", f.read(), re.M))
with open(ci_file, encoding="utf-8") as f:
    jobs = {k: v for k, v in YAML(typ="safe").load(f).items() if "script" in (v if isinstance(v, dict) else {})}

if not jobs:
    sys.exit(f"{ci_file}: no jobs")
bad = [
    f"{ci_file}: job {name}: '{line}' is not a target of the {makefile}"
    for name, job in jobs.items()
    for line in job["script"]
    if not (m := re.fullmatch(r"make ([a-z-]+)( [A-Z]+=\S+)*", line)) or m[1] not in targets
]
sys.exit("\n".join(bad) or None)
