"""What `pip install animecam[bench]` brings is what the report and its scripts import."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / folder for folder in ("benchmarks", "engine", "export", "training")]


def third_party(files):
    """Packages of others that files need to be imported, directly or by way of modules of ours."""
    found, seen, ahead = set(), set(), set(files)
    while ahead:
        file = ahead.pop()
        seen.add(file)
        for module in imported(file):
            own = [path for folder in FOLDERS for path in sources(folder / module.replace(".", "/"))]
            ahead |= set(own) - seen
            top = module.partition(".")[0]
            if not own and top not in sys.stdlib_module_names and not top.startswith("animecam"):
                found.add(top)
    return found


def imported(file):
    """Names that a file imports when it is imported itself: modules, and what may be one."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            if node.module.startswith("animecam"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(module):
    return [path for path in (module.with_suffix(".py"), module / "__init__.py") if path.is_file()]


def brought(extra):
    """Packages that come with an extra, those that are always there among them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found, ahead = set(), [*project["dependencies"], *project["optional-dependencies"][extra]]
    while ahead:
        requirement = ahead.pop()
        included = re.match(r"animecam\[(.+)\]", requirement)
        if included:
            ahead += [each for name in included[1].split(",") for each in project["optional-dependencies"][name]]
        else:
            found.add(re.match(r"[\w-]+", requirement)[0])
    return found


def test_the_extra_bench_brings_what_the_report_runs(report, monkeypatch):
    monkeypatch.setattr(report, "_has_browser", lambda: False)
    scripts = {step.script for step in report.plan(report.QUICK, "negative", (), "clip.mp4", 1.0)}
    modules = third_party({report.HERE / script for script in (*scripts, "report_plots.py")})
    assert {"matplotlib", "onnx", "scipy", "torch"} <= modules
    distributions = metadata.packages_distributions()
    assert {module for module in modules if not brought("bench") & set(distributions[module])} == set()
