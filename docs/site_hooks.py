"""What the documentation site takes from beyond ``docs/``, as hooks of MkDocs: see ``mkdocs.yml``."""

from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Link, Navigation

ROOT: Final = Path(__file__).parent.parent
ABOVE: Final = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
"""Pages of the site that lie in the root of the repository, where readers of a repository look for them."""
WAREHOUSE_PAGE: Final = "warehouse.html"
"""The page that dbt writes; ``make docs`` puts it beside the others."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root; their links start at ``docs/``."""
    for page, source in ABOVE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text().replace("](docs/", "](")))
    return files


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> Navigation:  # noqa: ARG001 - mkdocs names them
    """Link the warehouse's page, which is no Markdown."""
    (data,) = (section for section in nav.items if section.title == "Your data")
    assert data.children is not None
    data.children.append(Link("The warehouse, column by column", WAREHOUSE_PAGE))
    return nav
