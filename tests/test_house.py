"""The house stands: rooms import what they may, and what people read is not in Python."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pitstop.base.settings import ROOT

PACKAGES = ("bot", "knowledge_base", "pitstop", "tools")
CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")

# Chinese that is read, not said: the language room is made of it, a plate begins with a
# province, and the components look for words of owners. What is said to
# people lives in YAML and templates.
READERS = (
    "pitstop/language/",
    "pitstop/base/masking.py",
    "bot/components/",
)
# The product's name.
NAMES = frozenset({"小驿"})


def python_files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def chinese_strings(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string literal with Chinese in it that is no docstring."""
    tree = ast.parse(source)
    documentation = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation
        ):
            text = node.value
            for name in NAMES:
                text = text.replace(name, "")
            if CHINESE.search(text):
                yield node.lineno, text


def test_rooms_import_only_what_they_may() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# A line that may not stand in a room, and how the contract that forbids it begins.
FORBIDDEN = [
    ("pitstop/base", "import pitstop.storage.types", "base imports"),
    ("pitstop/storage", "import pitstop.conversation.log", "storage imports"),
    ("pitstop/language", "import pitstop.storage.types", "language imports"),
    ("pitstop/conversation", "import pitstop.care.places", "conversation imports"),
    ("knowledge_base", "import pitstop.care.places", "knowledge_base imports"),
    ("pitstop/care", "import pitstop.gateway.keys", "care imports"),
    ("pitstop/care", "import aiohttp", "care knows no Rasa and no HTTP"),
    ("bot", "import pitstop.conversation.log", "bot imports"),
    ("bot/actions", "import bot.strict", "actions load no Rasa"),
    ("pitstop/gateway", "import pitstop.desk.routes", "gateway imports"),
    ("pitstop/desk", "import pitstop.gateway.keys", "desk imports"),
    ("knowledge_base", "import rasa", "nothing below the bot knows Rasa"),
]


def test_a_forbidden_import_is_noticed(tmp_path: Path) -> None:
    for package in ("bot", "knowledge_base", "pitstop"):
        for path in (ROOT / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (tmp_path / ".importlinter").write_text((ROOT / ".importlinter").read_text())
    for number, (room, line, _) in enumerate(FORBIDDEN):
        (tmp_path / room / f"probe_{number}.py").write_text(line + "\n")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    broken = [row for row in done.stdout.splitlines() if "BROKEN" in row]
    unnoticed = [begin for _, _, begin in FORBIDDEN if not any(r.startswith(begin) for r in broken)]
    assert done.returncode == 1
    assert not unnoticed, done.stdout


def test_what_people_read_is_not_in_python() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text[:30]}"
        for path in python_files()
        if not path.relative_to(ROOT).as_posix().startswith(READERS)
        for line, text in chinese_strings(path.read_text(encoding="utf-8"))
    ]
    assert not found, "move these into YAML or a template:\n" + "\n".join(found)


def test_docstrings_may_be_chinese_and_strings_are_found() -> None:
    source = '"""模块。"""\n\ndef f():\n    """说明。"""\n    return f"您好{1}"\n'
    assert [line for line, _ in chinese_strings(source)] == [5]


def test_every_setting_is_documented() -> None:
    source = (ROOT / "pitstop/base/settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'"([A-Z][A-Z0-9_]{3,})"', source))
    documented = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    missing = {name for name in names if f"`{name}`" not in documented}
    assert not missing, f"docs/configuration.md says nothing of {sorted(missing)}"


def test_every_dependency_is_documented() -> None:
    documented = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8").lower()
    for name in ("run.in", "dev.in"):
        lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
        wanted = {re.split(r"[\[<=>~!;# ]", line)[0].lower() for line in lines} - {""}
        missing = {one for one in wanted if f"| {one} |" not in documented}
        assert not missing, f"docs/dependencies.md says nothing of {sorted(missing)}"
