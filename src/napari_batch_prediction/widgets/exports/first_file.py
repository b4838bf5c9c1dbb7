"""The row with the first file that will be written."""

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.planning.plan import Plan
from napari_batch_prediction.planning.transform import ImageAxes
from napari_batch_prediction.widgets.exports.names import FirstImage, first_image, names
from napari_batch_prediction.widgets.parts.form_rows import Row, make_form
from napari_batch_prediction.widgets.parts.line import Line

NO_PATH, NO_PATH_TIP = "\u2013", "The names of the files are known once images are listed and checked."


class FirstFile(QWidget):
    """A label and a path; the tooltip lists all files of the first image. A dash while there are none."""

    def __init__(self) -> None:
        super().__init__()
        self._first: FirstImage | None = None
        self._path = Line()
        self._path.setElideMode(Qt.TextElideMode.ElideLeft)
        Row(make_form(self), "First file", [self._path], "The first file that will be written.")

    def set_plan(self, plan: Plan | None) -> None:
        """Set the plan whose first image gives the names; call :meth:`show_names` next."""
        self._first = first_image(plan) if plan is not None else None

    def show_names(self, exports: Sequence[Export], image: ImageAxes | None, index: int) -> None:
        """Show the file of the export with this index, or else the first file.

        Parameters
        ----------
        exports
            The exports as set now.
        image
            The first image, if it is known.
        index
            Index of the export.
        """
        paths: list[str] = []
        if self._first is not None and exports:
            try:
                paths = [str(path) for path in names(self._first, exports, image)]
            except SettingsError:
                # The section shows the problem.
                paths = []
        tooltip = "\n".join(["Files written for the first image:", *paths]) if paths else ""
        self._path.say(paths[index if index < len(paths) else 0] if paths else NO_PATH, tooltip or NO_PATH_TIP)
