"""The documentation in a window of its own; it comes with the package."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QDialog, QPushButton, QTextBrowser, QToolButton, QVBoxLayout, QWidget

import napari_batch_prediction

# In an installed package; in a clone the pages are at the top.
_PACKAGE = Path(napari_batch_prediction.__file__).parent
FOLDERS = (_PACKAGE / "docs", _PACKAGE.parents[1] / "docs")

START = "window.md"

# Pages with such lines are filled in when the site is built.
_FROM_CODE = "\n::: "

_NOT_HERE = """# {name}

This page of the site is made of the code. In Python, `help(napari_batch_prediction.BatchJob)` and
the like show the same.
"""


def docs_folder() -> Path:
    """Return the folder with the pages of the documentation."""
    return next((folder for folder in FOLDERS if (folder / START).is_file()), FOLDERS[0])


class HelpButton(QToolButton):
    """A question mark that opens the documentation; a second click brings its window to the front.

    Parameters
    ----------
    parent
        The widget whose help it is.
    page
        The first page, as a path in the documentation.
    """

    def __init__(self, parent: QWidget, page: str = START) -> None:
        super().__init__(parent)
        self._page = page
        self._window: HelpWindow | None = None
        self.setText("?")
        self.setAccessibleName("Help")
        self.setToolTip("Read the documentation.")
        self.clicked.connect(self.open_help)

    def open_help(self) -> None:
        """Open the documentation, or bring it to the front."""
        if self._window is None:
            self._window = HelpWindow(self.window() or self, self._page)
        self._window.show()
        self._window.raise_()


class HelpWindow(QDialog):
    """A window to read the documentation in: links lead from page to page, those to the web to the browser.

    Parameters
    ----------
    parent
        The widget whose help it is; the window closes with it.
    page
        The first page, as a path in the documentation.
    """

    def __init__(self, parent: QWidget, page: str = START) -> None:
        super().__init__(parent)
        self.setWindowTitle("ilastik Batch Prediction: help")
        self.resize(760, 700)
        self.pages = _Pages()
        back = QPushButton("Back")
        back.setToolTip("Go back to the page before.")
        back.setEnabled(False)
        back.clicked.connect(self.pages.backward)
        self.pages.backwardAvailable.connect(back.setEnabled)
        layout = QVBoxLayout(self)
        layout.addWidget(back)
        layout.addWidget(self.pages)
        layout.setContentsMargins(6, 6, 6, 6)
        back.setMaximumWidth(100)
        self.pages.setSource(QUrl.fromLocalFile(str(docs_folder() / page)))


class _Pages(QTextBrowser):
    """Pages in Markdown, with pictures no wider than the page."""

    def __init__(self) -> None:
        super().__init__()
        self.setOpenExternalLinks(True)

    def loadResource(self, kind: int, name: QUrl) -> Any:
        path = Path(self.source().resolved(name).toLocalFile())
        if path.suffix == ".png" and path.is_file():
            image, width = QImage(str(path)), self._width_of(path.name)
            if image.width() <= width:
                return image
            return image.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation)
        if path.suffix == ".md" and (not path.is_file() or _FROM_CODE in path.read_text()):
            return _NOT_HERE.format(name=path.stem.capitalize())
        return super().loadResource(kind, name)

    def _width_of(self, picture: str) -> int:
        """Return the width in pixels that a picture of the page may have: a share, if others stand beside it."""
        page = Path(self.source().toLocalFile())
        lines = page.read_text().splitlines() if page.is_file() else []
        beside = next((line.count("![") for line in lines if picture in line), 1)
        return max((self.width() - 40) // max(beside, 1), 100)
