"""The dialog that chooses images takes stores like files."""

import pytest
from empty_store import empty_store
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QListView

from napari_batch_prediction.widgets.parts.images_dialog import ImagesDialog


@pytest.fixture
def dialog(qtbot, tmp_path):
    """The dialog on a folder with a picture, a folder and two stores."""
    Image.new("L", (5, 5)).save(tmp_path / "a.png")
    (tmp_path / "sub").mkdir()
    for name in ("one.zarr", "two.zarr"):
        empty_store(tmp_path / name, "yx", (4, 4))
    dialog = ImagesDialog(None, str(tmp_path))
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: len(names(dialog)) == 4)
    return dialog


def names(dialog) -> dict:
    view = dialog.findChild(QListView, "listView")
    model, root = view.model(), view.rootIndex()
    rows = (model.index(row, 0, root) for row in range(model.rowCount(root)))
    return {index.data(): index for index in rows}


def click(dialog, qtbot, name: str, modifier=Qt.KeyboardModifier.NoModifier, *, double: bool = False) -> None:
    view = dialog.findChild(QListView, "listView")
    place = view.visualRect(names(dialog)[name]).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, place)
    if double:
        qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, modifier, place)


def press_open(dialog, qtbot) -> None:
    (button,) = (
        button
        for box in dialog.findChildren(QDialogButtonBox)
        for button in box.buttons()
        if box.buttonRole(button) == QDialogButtonBox.ButtonRole.AcceptRole
    )
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("chosen", [["one.zarr"], ["one.zarr", "two.zarr"], ["a.png", "two.zarr"], ["a.png"]])
def test_selected_stores_and_files_are_taken(dialog, qtbot, tmp_path, chosen):
    """With a click, and with Ctrl and a click for more of them."""
    modifier = Qt.KeyboardModifier.NoModifier
    for name in chosen:
        click(dialog, qtbot, name, modifier)
        modifier = Qt.KeyboardModifier.ControlModifier
    press_open(dialog, qtbot)
    assert dialog.result() == QDialog.DialogCode.Accepted
    assert sorted(dialog.chosen()) == [str(tmp_path / name) for name in chosen]


def test_double_click_takes_a_store_and_enters_a_folder(dialog, qtbot, tmp_path):
    """As a file is taken, and a folder entered."""
    click(dialog, qtbot, "sub", double=True)
    assert dialog.directory().absolutePath() == str(tmp_path / "sub")
    assert dialog.isVisible()
    dialog.setDirectory(str(tmp_path))
    qtbot.waitUntil(lambda: len(names(dialog)) == 4)
    click(dialog, qtbot, "one.zarr", double=True)
    assert dialog.result() == QDialog.DialogCode.Accepted
    assert dialog.chosen() == [str(tmp_path / "one.zarr")]
