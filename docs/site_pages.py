"""The site's pages that are not in docs/: a hook of mkdocs.yml.

A page's links are written for a code host, where the files lie as in the repository. The site has docs/ at its root, pages from
elsewhere (README.md, model cards) at their own path, and one API page for each package. So a link leads, on the site, to

- the page, if its target is one,
- the API page, if its target is a package or a module,
- a page that shows the file, or lists the folder, if its target is anything else of the repository.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

PROJECT = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "lightning_modules/flagship/README.md",
    "lightning_modules/flagship/draws/README.md",
    "lightning_modules/bundled/README.md",
    "datamodules/sources/data/PROVENANCE.md",
)
"""Pages outside docs/, by their path in the repository, which is their path on the site, too."""
ROOMS = ("cli", "callbacks", "datamodules", "lightning_modules", "configs", "bench")
"""Packages with API pages, in the order of the navigation; single modules beside them come first."""
CODE_OR_LINK = re.compile(r"^```.*?^```|`[^`\n]+`|(?<=\]\()(?!\w+:|#)([^)#\s]+)", re.DOTALL | re.MULTILINE)
"""A link's target is its only group; code is matched as a whole, so that nothing in it is taken for a link."""
LANGUAGES = {".yaml": "yaml", ".json": "json", ".py": "python", ".sh": "bash", ".toml": "toml"}


def packages() -> list[str]:
    """Return the packages of all rooms, each after the one that holds it, as paths."""
    found = [path.parent for room in ROOMS for path in sorted((PROJECT / room).rglob("__init__.py"))]
    return [path.relative_to(PROJECT).as_posix() for path in found]


def modules(package: str) -> list[str]:
    """Return the modules that lie in a package itself, by their dotted names."""
    names = sorted(path.stem for path in (PROJECT / package).glob("*.py") if path.stem != "__init__")
    return [f"{package}.{name}".replace("/", ".") for name in names]


def api_pages() -> dict[str, str]:
    """Return the Markdown of each API page, by its path on the site: what to show, not what it says."""
    scripts = [path.stem for path in sorted(PROJECT.glob("*.py"))]
    pages = {f"api/{name}.md": f"# `{name}`\n\n::: {name}\n" for name in scripts}
    for package in packages():
        name = package.replace("/", ".")
        parts = [
            f"# `{name}`\n",
            f"::: {name}\n    options:\n      show_root_heading: false\n      members: false\n",
        ]
        pages[f"api/{package}/index.md"] = "\n".join(
            [*parts, *(f"::: {module}\n" for module in modules(package))]
        )
    return pages


def navigation() -> list[Any]:
    """Return the navigation of the API pages: scripts, then the rooms with the packages in them."""
    return [
        *({path.stem: f"api/{path.stem}.md"} for path in sorted(PROJECT.glob("*.py"))),
        *({room: _below(room)} for room in ROOMS),
    ]


def _below(package: str) -> list[Any]:
    inner = [one for one in packages() if PurePosixPath(one).parent.as_posix() == package]
    return [f"api/{package}/index.md", *({PurePosixPath(one).name: _below(one)} for one in inner)]


def place_on_site(path: str) -> str:
    """Return where a path of the repository is on the site: a page's source, with the anchor of a module.

    Examples:
        >>> place_on_site("docs/flags.md"), place_on_site("README.md")
        ('flags.md', 'README.md')
        >>> place_on_site("callbacks/metrics/validity.py")
        'api/callbacks/metrics/index.md#callbacks.metrics.validity'
        >>> place_on_site("configs/default.yaml")
        'configs/default.yaml.md'
    """
    if path.startswith("docs/"):
        place = path.removeprefix("docs/")
        return f"{place}/README.md" if (PROJECT / path).is_dir() else place
    if path in PAGES:
        return path
    folder, name = os.path.split(path)
    if name.endswith(".py") and (PROJECT / folder / "__init__.py").is_file():
        return f"api/{folder}/index.md#{path.removesuffix('.py').replace('/', '.')}"
    if (PROJECT / path / "__init__.py").is_file():
        return f"api/{path}/index.md"
    return f"{path}/index.md" if (PROJECT / path).is_dir() else f"{path}.md"


def place_in_repository(page: str) -> str:
    """Return the path in the repository of a page of the site."""
    return page if page in PAGES else f"docs/{page}"


def linked_paths(text: str, path: str) -> list[str]:
    """Return the paths in the repository that a page there links to."""
    targets = [match[1] for match in CODE_OR_LINK.finditer(text) if match[1]]
    return [os.path.normpath(os.path.join(os.path.dirname(path), target)) for target in targets]


def rewrite_links(text: str, path: str) -> str:
    """Return a page's text with its links as they have to be on the site.

    Args:
        text: Markdown, with links as in the repository.
        path: Of the page in the repository.
    """
    here = os.path.dirname(place_on_site(path)) or "."

    def rewrite(match: re.Match[str]) -> str:
        if not match[1]:
            return match[0]
        target = os.path.normpath(os.path.join(os.path.dirname(path), match[1]))
        return os.path.relpath(place_on_site(target), here)

    return CODE_OR_LINK.sub(rewrite, text)


def show_path(path: str) -> str:
    """Return the Markdown of a page that shows a text file, or links to the files of a folder."""
    whole = PROJECT / path
    if whole.is_dir():
        names = sorted(file.name for file in whole.iterdir() if file.is_file())
        return "\n".join([f"# {path}\n", *(f"- [{name}]({name}.md)" for name in names), ""])
    return (
        f"# {path}\n\n````{LANGUAGES.get(whole.suffix, 'text')}\n{whole.read_text(encoding='utf-8')}\n````\n"
    )


def shown_paths(pages: dict[str, str]) -> list[str]:
    """Return the files and folders that pages link to and that are no pages, with the files in those folders.

    Args:
        pages: The text of each page, by its path in the repository.
    """
    linked = {target for path, text in pages.items() for target in linked_paths(text, path)}
    shown = {
        path for path in linked
        if not path.startswith(("docs/", "..")) and path not in PAGES and not place_on_site(path).startswith("api/")
    }  # fmt: skip
    folders = [path for path in shown if (PROJECT / path).is_dir()]
    inner = {
        f"{folder}/{file.name}"
        for folder in folders
        for file in (PROJECT / folder).iterdir()
        if file.is_file()
    }
    return sorted(path for path in shown | inner if (PROJECT / path).exists())


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/, the files that pages link to, and the API pages with their navigation."""
    from mkdocs.structure.files import File, InclusionLevel

    paths = [*PAGES, *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    texts = {path: (PROJECT / path).read_text(encoding="utf-8") for path in paths}
    for path in PAGES:
        files.append(File.generated(config, path, abs_src_path=str(PROJECT / path)))
    for path in shown_paths(texts):
        place = place_on_site(path)
        page = File.generated(config, place, content=show_path(path), inclusion=InclusionLevel.NOT_IN_NAV)
        files.append(page)
    for place, text in api_pages().items():
        files.append(File.generated(config, place, content=text))
    assert config.nav is not None
    config.nav = [*(one for one in config.nav if "API" not in one), {"API": navigation()}]
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Rewrite the links of a page that lies in the repository; pages made here have them right."""
    path = place_in_repository(page.file.src_uri)
    return rewrite_links(markdown, path) if (PROJECT / path).is_file() else markdown
