"""The addresses of the project in its metadata: its links, and the README as PyPI and napari's hub show it.

The README links to files beside it, as a clone has them. Elsewhere such links lead nowhere, so they become addresses of
the repository. While pyproject.toml names none (``repository`` of this hook), pictures are left out and links are text.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# A picture or a link whose target is no address and no heading of the same page.
_IMAGE = re.compile(r"!\[([^\]]*)\]\((?!https?:|#)([^)]+)\)")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)]+)\)")


class AddressHook(MetadataHookInterface):
    """Fills in ``readme`` and ``urls``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the fields to the metadata of the project."""
        repository = self.config.get("repository", "").rstrip("/")
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": readme(text, repository)}
        metadata["urls"] = urls(repository)


def readme(text: str, repository: str) -> str:
    """Return the README with addresses in place of paths; without pictures and links to files if there is none."""
    if not repository:
        text = re.sub(r"\n{3,}", "\n\n", _IMAGE.sub("", text))
        return _LINK.sub(r"\1", text)
    text = _IMAGE.sub(rf"![\1]({repository}/raw/main/\2)", text)
    return _LINK.sub(rf"[\1]({repository}/blob/main/\2)", text)


def urls(repository: str) -> dict[str, str]:
    """Return the links of the project; none if its repository is not known."""
    if not repository:
        return {}
    return {
        "Homepage": repository,
        "Documentation": f"{repository}/blob/main/docs/index.md",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
