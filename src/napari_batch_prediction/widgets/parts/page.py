"""Pages of the window, behind tabs."""

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QFrame, QScrollArea, QTabBar, QTabWidget, QWidget

from napari_batch_prediction.widgets.parts.line import Line
from napari_batch_prediction.widgets.parts.section import Section
from napari_batch_prediction.widgets.parts.words import tip

# The least width of a tab.
_TAB_PX = 60


class Page(Section):
    """A section with a title, and its state in words.

    Parameters
    ----------
    title
        The title.
    takes_files
        Accept files that are dropped on the page.

    Attributes
    ----------
    state
        The state in words.
    summarized
        The state has changed.
    """

    summarized = Signal()

    def __init__(self, title: str, *, takes_files: bool = False) -> None:
        super().__init__(takes_files=takes_files)
        self.body.setContentsMargins(0, 4, 0, 0)
        self.state = ""
        self._title, self._short = title, ""

    def set_summary(self, state: str, short: str) -> None:
        """Set the state, and what of it is shown behind the title, in a few letters."""
        if (state, short) != (self.state, self._short):
            self.state, self._short = state, short
            self.summarized.emit()

    def summary_line(self) -> Line:
        """Return a line that shows the state."""
        line = Line()
        self.summarized.connect(lambda: line.say(self.state))
        return line

    def title(self) -> str:
        """Return the title, with the state in a few letters."""
        return f"{self._title} {self._short}".strip()


class Pages(QTabWidget):
    """Pages behind tabs that stay in their places. A page scrolls where the window is too low for it."""

    def __init__(self) -> None:
        super().__init__()
        self._tabs = tabs = _Tabs()
        self.setTabBar(tabs)
        self.setDocumentMode(True)
        tabs.setDrawBase(False)
        self.setElideMode(Qt.TextElideMode.ElideRight)

    def add(self, page: Page, share: int = 1) -> None:
        """Add a page behind the others; its tab has so many shares of the width."""
        self._tabs.shares.append(share)
        index = self.addTab(ScrollArea(page), page.title())
        page.summarized.connect(lambda: self._show_title(index, page))
        self._show_title(index, page)

    def show_page(self, page: QWidget) -> None:
        """Bring a page to the front."""
        for index in range(self.count()):
            area = self.widget(index)
            if area is not None and area.isAncestorOf(page):
                self.setCurrentIndex(index)

    def _show_title(self, index: int, page: Page) -> None:
        self.setTabText(index, page.title().replace("&", "&&"))
        self.setTabToolTip(index, tip(page.state))


class ScrollArea(QScrollArea):
    """A frame that a widget fills in its width, and scrolls in from top to bottom if it is too high.

    Parameters
    ----------
    content
        The widget.
    """

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        # Its controls take the keyboard from the key Tab.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:
        """Return a width at which no control is cut."""
        content, bar = self.widget(), self.verticalScrollBar()
        width = (content.minimumSizeHint().width() if content is not None else 0) + (
            bar.sizeHint().width() if bar is not None else 0
        )
        return QSize(width, super().minimumSizeHint().height())


def go_to(control: QWidget) -> None:
    """Bring a control into sight, on whatever page it is, and give it the keyboard."""
    outer = control.parentWidget()
    while outer is not None:
        if isinstance(outer, Pages):
            outer.show_page(control)
        outer = outer.parentWidget()
    outer = control.parentWidget()
    while outer is not None:
        if isinstance(outer, QScrollArea):
            outer.ensureWidgetVisible(control)
        outer = outer.parentWidget()
    control.setFocus(Qt.FocusReason.ShortcutFocusReason)


class _Tabs(QTabBar):
    """Tabs that share the width of the window, so that a title that changes moves none of them."""

    def __init__(self) -> None:
        super().__init__()
        # The shares of the width that each tab has.
        self.shares: list[int] = []

    def tabSizeHint(self, index: int) -> QSize:
        """Return a width that does not depend on the title."""
        window = self.parentWidget()
        corner = window.cornerWidget() if isinstance(window, QTabWidget) else None
        room = (window.width() if window is not None else 0) - (corner.sizeHint().width() if corner is not None else 0)
        share = room * self.shares[index] // sum(self.shares)
        return QSize(max(share, _TAB_PX), super().tabSizeHint(index).height())

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Return a width with room for a word."""
        return QSize(_TAB_PX, super().tabSizeHint(index).height())
