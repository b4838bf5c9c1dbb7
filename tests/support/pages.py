"""Pages of the documentation: their snippets, links and headings."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repository import DOCS, ROOT

from napari_batch_prediction import PROGRAM
from napari_batch_prediction.cli import main
from napari_batch_prediction.headless.arguments import NAME as HEADLESS
from napari_batch_prediction.headless.command import main as headless

_BESIDE = ("README", "CHANGELOG", "CONTRIBUTING", "examples/README")
PAGES = [*(ROOT / f"{name}.md" for name in _BESIDE), *sorted(DOCS.rglob("*.md"))]

NOT_RUN = re.compile(r"<!-- not run: .+ -->")
_FENCE = re.compile(r"^(?P<mark><!--[^\n]*-->\n)?```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)")


@dataclass(frozen=True)
class Snippet:
    """A block of code in a page; ``runs`` is False where the page says that it cannot be run."""

    page: Path
    line: int
    language: str
    text: str
    runs: bool

    def __str__(self) -> str:
        return f"{name(self.page)}:{self.line}"

    def run(self, names: dict[str, object]) -> None:
        """Run it in the current folder; Python with these names, which it may add to."""
        if self.language == "python":
            # Lines before it, so that a trace has the line of the page.
            exec(compile("\n" * self.line + self.text, str(self.page), "exec"), names)  # noqa: S102 - our own pages
            return
        for line in self.text.replace("\\\n", " ").splitlines():
            if line.startswith(f"{PROGRAM} "):
                # In this process: starting another takes seconds.
                assert main(shlex.split(line)[1:]) == 0, line
            elif line.startswith(f"{HEADLESS} "):
                assert headless(shlex.split(line)[1:]) == 0, line
            else:
                subprocess.run(["bash", "-ec", line], check=True)


def name(page: Path) -> str:
    """Return the name of a page in messages."""
    return page.relative_to(ROOT).as_posix()


def snippets(page: Path) -> Iterator[Snippet]:
    """Yield the blocks of code of a page."""
    content = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(content):
        yield Snippet(
            page=page,
            line=content.count("\n", 0, found.start("text")),
            language=found["language"],
            text=found["text"],
            runs=not NOT_RUN.fullmatch((found["mark"] or "").strip()),
        )


def links(page: Path) -> list[str]:
    """Return the targets of links and images of a page, those to other sites left out."""
    return [t for t in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))) if not t.startswith("https://")]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub and the site make of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", _CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    words = (re.sub(r"[^\w\s-]", "", heading.replace("`", "").lower()).strip() for heading in headings)
    return {re.sub(r"\s", "-", text) for text in words}
