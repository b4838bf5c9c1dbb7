"""The text below the table of results."""

from qtpy.QtCore import Signal

from napari_batch_prediction.widgets.parts.colors import Kind
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.words import short_name


class Explanation(Message):
    """Says why the selected image failed, or that an image is being loaded.

    Attributes
    ----------
    explained
        There is something to read.
    """

    explained = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._loading = ""

    def explain(self, reason: str, trace: str = "", kind: Kind | None = "problem") -> None:
        """Say a reason; nothing if it is empty."""
        self.say(reason, trace, kind if reason else None)
        if reason:
            self.explained.emit()

    def say_loading(self, location: str) -> None:
        """Say which image is being loaded, unless there is more to say; nothing once it is."""
        before, self._loading = self._loading, f"Loading {short_name(location)} ..." if location else ""
        if self.text() in ("", before):
            self.say(self._loading)
