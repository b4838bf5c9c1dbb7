"""The text below the table of results."""

from napari_batch_prediction.widgets.parts.colors import Kind
from napari_batch_prediction.widgets.parts.message import Message
from napari_batch_prediction.widgets.parts.words import short_name

# The place for the text is kept, so that nothing moves.
LINES = 4


class Explanation(Message):
    """The reason why the selected image failed, or a note that an image is being loaded."""

    def __init__(self) -> None:
        super().__init__(LINES)
        self._loading = ""

    def explain(self, reason: str, trace: str = "", kind: Kind | None = "problem") -> None:
        """Show a reason; an empty one clears the text."""
        self.say(reason, trace, kind if reason else None)

    def say_loading(self, location: str) -> None:
        """Show that an image is being loaded, unless a reason is shown; an empty location clears the note."""
        before, self._loading = self._loading, f"Loading {short_name(location)} ..." if location else ""
        if self.text() in ("", before):
            self.say(self._loading)
