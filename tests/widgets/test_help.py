"""The documentation, read in the window."""

import pytest
from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QPushButton, QWidget
from repository import ROOT

from napari_batch_prediction.widgets.batch import BatchPredictionWidget
from napari_batch_prediction.widgets.help import HelpButton, HelpWindow, docs_folder
from napari_batch_prediction.widgets.training.train import TrainClassifierWidget

PAGES = sorted(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md"))


@pytest.fixture
def owner(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.mark.parametrize("page", PAGES)
def test_page_is_shown(owner, page):
    """Every page is shown; one that is made of the code says so."""
    text = HelpWindow(owner, page).pages.toPlainText()
    assert len(text) > 100 or page in ("changelog.md", "contributing.md")
    assert ":::" not in text


def test_links_lead_to_pages_and_back(owner):
    """A link leads to its page, and the button leads back."""
    window = HelpWindow(owner)
    (back,) = window.findChildren(QPushButton)
    assert window.pages.toPlainText().startswith("The window")
    assert not back.isEnabled()
    window.pages.setSource(QUrl("reference/inputs.md"))
    assert not window.pages.toPlainText().startswith("The window")
    back.click()
    assert window.pages.toPlainText().startswith("The window")


def test_pictures_are_no_wider_than_the_page(owner):
    """A picture is made as small as the page is wide."""
    window = HelpWindow(owner)
    picture = next((docs_folder() / "images").glob("*.png"))
    image = window.pages.loadResource(2, QUrl(f"images/{picture.name}"))
    assert isinstance(image, QImage)
    assert 100 <= image.width() <= window.pages.width()


DOCKS = {BatchPredictionWidget: "The window", TrainClassifierWidget: "Train a classifier in napari"}


@pytest.mark.parametrize("dock", DOCKS)
def test_question_mark_of_a_dock_opens_the_help_once(viewer, qtbot, dock):
    """The button of a dock opens one window, with the page on that dock."""
    widget = dock(viewer)
    qtbot.addWidget(widget)
    widget.show()
    button = widget.findChild(HelpButton)
    for _ in range(2):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    (window,) = widget.window().findChildren(HelpWindow)
    assert window.isVisible()
    assert window.pages.toPlainText().startswith(DOCKS[dock])
