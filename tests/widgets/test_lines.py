"""Names in the window are shown as they are, even if they look like HTML."""

import pytest
from qtpy.QtCore import Qt

from napari_batch_prediction.widgets.inputs.model import InputsModel
from napari_batch_prediction.widgets.parts.line import Line
from napari_batch_prediction.widgets.parts.words import tip

NAME = "<b>a</b><img src=x>\n&.tif"


def test_tooltip_shows_what_looks_like_html():
    """Other texts stay as they are."""
    assert tip(NAME) == "<qt>&lt;b&gt;a&lt;/b&gt;&lt;img src=x&gt;<br>&amp;.tif</qt>"
    assert tip("a & b\nc") == "a & b\nc"


def test_line_shows_what_looks_like_html(qapp):
    """Neither the line nor its tooltip are HTML of the name."""
    line = Line()
    line.say(NAME)
    assert line.textFormat() == Qt.TextFormat.PlainText
    assert line.text() == NAME
    assert line.toolTip() == tip(NAME)
    line.say("a", "")
    assert line.toolTip() == ""


@pytest.mark.parametrize("column", [0, 4])
def test_tooltip_of_an_input_shows_its_name(qapp, column):
    """In the column of names, and in that of what was found."""
    model = InputsModel()
    model.set_inputs([NAME])
    assert "<b>" not in model.data(model.index(0, column), Qt.ItemDataRole.ToolTipRole)
