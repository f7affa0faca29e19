"""The documentation site builds without a warning, and its pages ask nobody else for anything."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from shopsight.settings import REPO_ROOT

LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\bsrc=[\"']?(?:https?:)?//|<link[^>]*\bhref=[\"']?(?:https?:)?//"
)
"""What a browser fetches by itself, as opposed to a link that a reader follows."""
OUTSIDE_STYLE = re.compile(r"(?:url\(|@import )[\"']?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=REPO_ROOT, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder


def test_every_document_is_a_page_of_the_site(site: Path) -> None:
    documents = {path.relative_to(REPO_ROOT / "docs") for path in (REPO_ROOT / "docs").rglob("*.md")}
    pages = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")}
    assert {path for path in documents if path.name != "README.md"} - pages == set()


def test_every_document_is_in_the_navigation_or_in_the_list_of_decisions() -> None:
    named = (REPO_ROOT / "mkdocs.yml").read_text() + (REPO_ROOT / "docs" / "adr" / "README.md").read_text()
    documents = (REPO_ROOT / "docs").rglob("*.md")
    assert [path.name for path in documents if path.name not in named] == []


def test_the_page_of_the_warehouse_is_linked_from_every_page(site: Path) -> None:
    assert 'href="warehouse.html"' in (site / "index.html").read_text()
    assert 'href="../warehouse.html"' in (site / "adr" / "index.html").read_text()


def test_no_page_and_no_style_fetches_anything_from_outside(site: Path) -> None:
    pages = {path.name: path.read_text() for path in site.rglob("*.html")}
    assert [name for name, text in pages.items() if LOADED.search(text)] == []
    styles = {path.name: path.read_text() for path in site.rglob("*.css")}
    assert [name for name, text in styles.items() if OUTSIDE_STYLE.search(text)] == []


def test_no_page_has_a_diagram_whose_script_the_theme_would_fetch_from_outside(site: Path) -> None:
    # The theme's own script loads mermaid from a public network as soon as a page has an element of that class.
    assert [path.name for path in site.rglob("*.html") if 'class="mermaid"' in path.read_text()] == []
