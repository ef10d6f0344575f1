"""The documentation points at what is there: modules that exist, links that lead somewhere, commands that CI runs."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from vuemantics_tui.cli import cli
from vuemantics_tui.domain.upload import STAGE_PERCENT, STAGE_STATUS, status_word

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "vuemantics_tui"
ARCHITECTURE = ROOT / "docs" / "ARCHITECTURE.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])
MOST_README_LINES = 200

_CODE = re.compile(r"`([^`\n]+)`")
_MODULE = re.compile(r"[\w./-]+(?:\.(?:py|tcss|sql|toml|md)|/)")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text("utf-8")))
    kept = ("".join(each for each in heading.lower() if each.isalnum() or each in " -_") for heading in headings)
    return {text.replace(" ", "-") for text in kept}


def test_every_module_that_the_architecture_names_exists() -> None:
    text = ARCHITECTURE.read_text("utf-8")
    named = [code for code in _CODE.findall(text) if _MODULE.fullmatch(code) and not code.startswith("-")]
    assert len(named) > 40
    # Most paths are relative to the package; those of the tests and of the documentation to the repository.
    missing = [path for path in named if not (PACKAGE / path).exists() and not (ROOT / path).exists()]
    assert missing == []


def test_generated_pages_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    wanted = {**{name: generate.page(name) for name in generate.PARTS}, generate.MANUAL: generate.manual()}
    outdated = [name for name, text in wanted.items() if (ROOT / "docs" / name).read_text("utf-8") != text]
    assert outdated == [], "run: .venv/bin/poe docs"


def test_the_manual_page_has_no_mistakes_that_its_formatter_knows() -> None:
    """Every line is text, or one of the macros that man(7) has."""
    text = (ROOT / "docs" / "vuemantics-tui.1").read_text("utf-8")
    macros = {line.split()[0] for line in text.splitlines() if line.startswith((".", "'"))}
    assert macros <= {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I", ".br"}
    assert ".SS search" in text


def test_every_room_is_on_the_map() -> None:
    rooms = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    drawn = set(re.findall(r"^    (\w+)/ ", ARCHITECTURE.read_text("utf-8"), re.MULTILINE))
    assert drawn == rooms - {"demo_pictures"}


def test_the_import_rules_are_those_that_are_enforced() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    enforced = [", ".join(re.findall(r"vuemantics_tui\.(\w+)", layer)) for layer in layers]
    drawn = re.search(r"^    (cli -> .*domain)$", ARCHITECTURE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert drawn is not None
    assert " ".join(drawn[1].split()).split(" -> ") == [layer for layer in enforced if layer != "__main__"]


def test_the_table_of_stages_is_what_the_program_does() -> None:
    section = ARCHITECTURE.read_text("utf-8").partition("## Statuses and stages")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("| `")]
    assert [(stage.strip("`"), status) for stage, status, _, _ in rows] == list(STAGE_STATUS.items())
    for (_, _, percent, words), stage in zip(rows, STAGE_STATUS, strict=True):
        assert percent == str(STAGE_PERCENT.get(stage, "as reached"))
        assert words.split(", ")[0] == status_word(stage)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for target in _LINK.findall(page.read_text("utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_the_commands_that_the_pages_show_exist() -> None:
    pages = "\n".join(page.read_text("utf-8") for page in PAGES)
    shown = set(re.findall(r"(?:`|^    |bin/|\| )vuemantics-tui (?:--\w+ \S+ )?([a-z]+)\b", pages, re.MULTILINE))
    assert len(shown) > 15
    assert shown <= set(cli.commands)


def test_the_ten_keys_of_the_readme_work_on_the_main_screen() -> None:
    section = (ROOT / "README.md").read_text("utf-8").partition("## Ten keys")[2].partition("\n## ")[0]
    keys = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    table = (ROOT / "docs" / "KEYS.md").read_text("utf-8").partition("**The list of uploads**")[2].partition("**")[0]
    anywhere = (ROOT / "docs" / "KEYS.md").read_text("utf-8").partition("**Everywhere**")[2].partition("**")[0]
    assert len(keys) == 10
    assert [key for key in keys if f"| `{key}` " not in table + anywhere] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        names = (target.partition("#")[0] for target in _LINK.findall(page.read_text("utf-8")) if "://" not in target)
        waiting.extend((page.parent / name).resolve() for name in names if name)
    assert [page.name for page in ROOT.glob("docs/*.md") if page.resolve() not in seen] == []


def test_the_readme_is_a_product_page_that_opens_with_a_picture_and_two_commands() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) < MOST_README_LINES
    assert lines[2].startswith("![")
    # CI runs the first line that holds each of these.
    commands = [next(line for line in lines if each in line) for each in ("vuemantics-tui demo", ".venv/bin/pytest")]
    assert commands == [
        "    python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/vuemantics-tui demo",
        "    python3 -m venv .venv && .venv/bin/pip install '.[dev]' && .venv/bin/pytest",
    ]
