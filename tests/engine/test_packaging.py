"""What the package says of its licences holds for the files that it ships."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("engine", "training")  # where packages lie in the sources
SPOKEN = {"MIT licence": "MIT", "Apache License 2.0": "Apache-2.0", "BSD 2-Clause licence": "BSD-2-Clause"}

NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def shipped(pattern):
    return {path for folder in FOLDERS for path in (ROOT / folder).glob(pattern)}


def test_the_notice_names_files_where_they_are_installed():
    named = re.findall(r"\banimecam(?:_training)?/[\w./-]+\.(?:txt|onnx|pt|jpg)\b", " ".join(NOTICE.split()))
    assert len(named) > 8
    assert [name for name in named if not shipped(name)] == []


def test_the_licence_of_the_package_is_all_that_the_notice_names():
    text = " ".join(NOTICE.split())
    assert set(PROJECT["license"].split(" AND ")) == {name for spoken, name in SPOKEN.items() if spoken in text}


def test_the_text_of_every_licence_is_among_those_of_the_package():
    listed = {path for pattern in PROJECT["license-files"] for path in ROOT.glob(pattern)}
    texts = shipped("*/assets/**/*LICENSE*")
    assert len(texts) > 4
    assert listed == {ROOT / "LICENSE", ROOT / "NOTICE", *texts}
