"""Executed notebooks as HTML: the client's one file, and the analyst's pages with code folded.

The pages load nothing and run nothing: a content security policy forbids it.
"""

from __future__ import annotations

import base64
import copy
import functools
import html
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from journeylib import _faststart  # noqa: F401  # before nbformat, see there
from journeylib.exhibits import TABLE_CSS
from journeylib.journey_map import MAP_CSS
from journeylib.theme import css_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATES = Path(__file__).with_name("templates")
NOTICE = '<p class="notice'
ONLY_ANALYSTS = frozenset({"teach", "block", "parameters", "injected-parameters"})
LOGO_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
LARGEST_LOGO = 300_000


def report_css(accent: str) -> str:
    """Give the style of every page, with the client's accent colour."""
    own = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    return f":root{{{css_variables(accent)}}}{TABLE_CSS}{own}{MAP_CSS}"


def export_report(chapters: Mapping[str, Any], *, page: Mapping[str, Any]) -> str:
    """Write the client's report: the front page and the chapters as one page, without code.

    Args:
        chapters: Executed notebooks by name, in the order in which they are to be read.
        page: ``title, heading, kicker, meta, foot, language, accent, logo, version``.

    Returns:
        One HTML page.
    """
    import nbformat

    cells, listed = [], []
    for number, (name, node) in enumerate(chapters.items()):
        own = [_folded(cell) for cell in copy.deepcopy(node.cells) if _for_clients(cell)]
        own = _say_once(own)
        title = _title(own)
        own = [cell for cell in own if "title" not in cell.metadata.get("tags", [])]
        if number == 0:
            _raise_headings(own)
        heading = nbformat.v4.new_markdown_cell("" if number == 0 else f"## {title}")
        heading.metadata["chapter"] = name
        heading.metadata["first"] = number == 0
        cells += [heading, *own]
        listed.append({"id": name, "title": "In short" if number == 0 else title})
    whole = nbformat.v4.new_notebook(cells=cells)
    return _render(whole, {**page, "edition": "client", "code": False, "chapters": listed})


def export_notebook(notebook: Any, *, page: Mapping[str, Any]) -> str:
    """Write one executed notebook as a page for the analyst, code folded.

    Args:
        notebook: An executed notebook.
        page: As for ``export_report``.

    Returns:
        One HTML page.
    """
    node = copy.deepcopy(notebook)
    node.cells = [cell for cell in node.cells if "title" not in cell.metadata.get("tags", [])]
    return _render(node, {**page, "edition": "analyst", "code": True, "chapters": []})


def _for_clients(cell: Any) -> bool:
    tags = set(cell.metadata.get("tags", []))
    if tags & ONLY_ANALYSTS or "code" in tags:
        return False
    return cell.cell_type == "code" or bool(cell.source.strip())


def _raise_headings(cells: list[Any]) -> None:
    """Let the front page's headings follow the page's own without a gap."""
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"^###(?= )", "##", cell.source, flags=re.MULTILINE)


def _folded(cell: Any) -> Any:
    """Give a detail the line under which it is folded away: its caption, or its finding."""
    if "detail" in cell.metadata.get("tags", []):
        markup = "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
        found = re.search(r"<caption>(.*?)</caption>", markup) or re.search(r'alt="(.*?)"', markup)
        if found:
            cell.metadata["summary"] = html.unescape(found[1])
    return cell


def _say_once(cells: list[Any]) -> list[Any]:
    """Leave out what says again, below the same heading, why something is absent."""
    kept: list[Any] = []
    said: set[str] = set()
    for cell in cells:
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            said = set()
        outputs = cell.get("outputs", [])
        markup = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
        if markup.startswith(NOTICE) and markup in said:
            continue
        said.add(markup)
        kept.append(cell)
    return kept


def _title(cells: list[Any]) -> str:
    titles = [cell.source for cell in cells if "title" in cell.metadata.get("tags", [])]
    return re.sub(r"^#+\s*", "", titles[0]) if titles else ""


@functools.cache
def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter, TemplateExporter
    from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter

    class LeanExporter(HTMLExporter):  # type: ignore[misc]
        """The HTML exporter without its second reading of each page.

        That one adds alternative texts and focus, both of which our template and figures have, and
        takes most of the time.
        """

        def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> Any:
            filled = self._init_resources(resources)
            widgets = WidgetsDataTypeFilter(
                notebook_metadata=self._nb_metadata, parent=self, resources=filled
            )
            self.register_filter("filter_data_type", widgets)
            return TemplateExporter.from_notebook_node(self, nb, filled, **kw)

    return LeanExporter(
        template_name="journey", extra_template_basedirs=[str(TEMPLATES)],
        exclude_anchor_links=True, optimistic_validation=True,
    )  # fmt: skip


def _render(notebook: Any, page: Mapping[str, Any]) -> str:
    filled = {**page, "css": report_css(str(page["accent"]))}
    written, _ = _exporter().from_notebook_node(notebook, resources={"journey": filled})
    return str(re.sub(r"\n{3,}", "\n\n", written))


def embed_logo(path: Path) -> str:
    """Read a logo as a data address; anything that is no small picture gives an empty text."""
    kind = LOGO_TYPES.get(path.suffix.lower())
    if kind is None or not path.is_file() or path.stat().st_size > LARGEST_LOGO:
        return ""
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def strip_notebook(notebook: Any, *, client: str) -> Any:
    """Take machine paths and run times out of an executed notebook, so that it can be passed on.

    Args:
        notebook: An executed notebook.
        client: The client file as it is written in the notebook from then on.

    Returns:
        A copy.
    """
    node = copy.deepcopy(notebook)
    node.metadata.pop("papermill", None)
    for cell in node.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.source = f'client = "{client}"'
            cell["id"] = "injected-parameters"  # papermill deals a random one
    return node
