"""Keys that select a row of the results, in the window and over the canvas."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from napari.viewer import Viewer


class RowKeys:
    """Binds keys in a widget for good, and in a viewer as long as the widget is docked.

    Parameters
    ----------
    viewer
        The viewer, or its model.
    widget
        The widget.
    acts
        A function for each key.
    """

    def __init__(self, viewer: "Viewer", widget: QWidget, acts: dict[str, Callable[[], object]]) -> None:
        self._viewer = viewer
        self._acts = {key: _for_viewer(act) for key, act in acts.items()}
        for key, act in acts.items():
            shortcut = QShortcut(QKeySequence(key), widget)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def bind(self, bound: bool) -> None:
        """Bind or unbind the keys in the viewer; bindings by the user or another dock stay."""
        for key, act in self._acts.items():
            present = self._viewer.keymap.get(_as_bound(key))
            if bound and present is None:
                self._viewer.bind_key(key, act)
            elif not bound and present == act:
                self._viewer.bind_key(key, None)


def _for_viewer(act: Callable[[], object]) -> Callable[[Any], None]:
    """Return an act as a function of a viewer with a name, as napari needs it."""

    def do(_viewer: Any) -> None:
        act()

    return do


def _as_bound(key: str) -> Any:
    """Return a key in napari's form."""
    from napari.utils.key_bindings import coerce_keybinding

    return coerce_keybinding(key)
