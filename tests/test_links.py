"""No dead link within: neither between the pages in the repository, as GitHub shows them, nor in the site if it is built."""

from __future__ import annotations

import functools
import html
import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.pages import PAGES, ROOT, SITE, is_made


def prose(page: Path) -> str:
    """A page without its code, in which brackets mean other things."""
    text = re.sub(r"^( *)(`{3,}|~{3,}).*?^\1\2`*$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`(?!\])", "", text)


def links(text: str) -> list[str]:
    """The targets of [links](target) and ![images](target) that lead to no other site."""
    found = re.findall(r"\]\(\s*<?([^)\s>]+)", text)
    return [target for target in found if not re.match(r"[a-z]+:", target)]


@functools.cache
def anchors(page: Path) -> set[str]:
    """What # may lead to: the headings, in the way of GitHub and MyST."""
    text = re.sub(r"^( *)(`{3,}|~{3,}).*?^\1\2`*$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", text, flags=re.M):
        shown = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).strip().replace(" ", "-")
        again = sum(1 for other in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other))
        found.add(f"{slug}-{again}" if again else slug)
    return found


def dead_links(page: Path) -> list[str]:
    """The links of a page that lead nowhere; those to what the build makes are followed in the site."""
    dead = []
    for target in links(prose(page)):
        path, _, anchor = unquote(target).partition("#")
        place = page.parent / path if path else page
        if is_made(place):
            continue
        if not place.exists() or (anchor and place.suffix == ".md" and anchor not in anchors(place)):
            dead.append(target)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


@pytest.mark.parametrize(
    "link",
    ["[a](none.md)", "[a](#nowhere)", "![a](p.png)", "[a](other.md#nothing)", "[`a`](none.md)", "[a](<no ne.md>)"],
)
def test_a_dead_link_is_seen(tmp_path: Path, link: str) -> None:
    (tmp_path / "other.md").write_text("# Other\n```\n# Nothing\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# A `Page`, it is\n[b](#a-page-it-is) [c](other.md#other) `[d](none.md)` [e](https://x.org/none.md)\n"
    )
    assert dead_links(page) == []
    page.write_text(f"# A page\n{link}\n")
    anchors.cache_clear()
    assert len(dead_links(page)) == 1


def dead_links_of_site(site: Path) -> list[str]:
    """What the pages of a built site refer to and is not there, with the page: files, and places in pages."""
    places: dict[str, set[str]] = {}
    wanted: dict[tuple[str, str], str] = {}  # (file, place in it): a page that leads there
    for page in site.rglob("*.html"):
        found = set(re.findall(r' (href|src|id|name)="([^"]+)"', page.read_text(encoding="utf-8")))
        places[str(page)] = {html.unescape(value) for kind, value in found if kind in ("id", "name")}
        for kind, target in found:
            if kind in ("href", "src") and not re.match(r"[a-z]+:|//", target):
                path, _, anchor = unquote(html.unescape(target)).partition("#")
                file = os.path.normpath(page.parent / path.partition("?")[0]) if path else str(page)
                wanted.setdefault((file, anchor), str(page.relative_to(site)))
    there = {file for file, _ in wanted if os.path.exists(file)}
    return sorted(
        f"{page}: {os.path.relpath(file, site)}#{anchor}"
        for (file, anchor), page in wanted.items()
        if file not in there or (anchor and file in places and anchor not in places[file])
    )


@pytest.mark.skipif(not SITE.exists(), reason="the site is not built: make docs, or make docs-test")
def test_links_within_the_site_lead_somewhere() -> None:
    assert dead_links_of_site(SITE.resolve()) == []


def test_a_dead_link_of_a_site_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="#top">up</a><a href="b.html?q=1#x">b</a>')
    (tmp_path / "b.html").write_text('<p id="x"><a href="a.html#top">a</a><a href="https://x.org/c.html">c</a></p>')
    assert dead_links_of_site(tmp_path) == []
    (tmp_path / "b.html").write_text('<img src="p.png"><a href="a.html#under">a</a>')
    assert dead_links_of_site(tmp_path) == ["a.html: b.html#x", "b.html: a.html#under", "b.html: p.png#"]
