"""Charts as pictures in files."""

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QBuffer, QIODevice, QRectF, QSize
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPalette

from napari_batch_prediction.errors import ExportError
from napari_batch_prediction.formats.common.files import write_whole
from napari_batch_prediction.widgets.results.drawing import Chart, draw

SUFFIXES = (".png", ".svg")

# Of each chart, and around them, in pixels of the screen; of a file of pixels, each is so many.
SIZE, MARGIN, SCALE = QSize(640, 260), 12, 2


def save_picture(path: Path, charts: Sequence[Chart], font: QFont) -> None:
    """Write charts, one below the other, dark on white whatever the theme is.

    Parameters
    ----------
    path
        The file, which is replaced if it is there: ``.svg`` is drawn in lines and texts, else it is PNG.
    charts
        The charts.
    font
        The font of their texts.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    size = QSize(SIZE.width() + 2 * MARGIN, len(charts) * (SIZE.height() + MARGIN) + MARGIN)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if path.suffix.lower() == ".svg":
        from qtpy.QtSvg import QSvgGenerator

        file = QSvgGenerator()
        file.setOutputDevice(buffer)
        file.setSize(size)
        file.setViewBox(QRectF(0, 0, size.width(), size.height()))
        file.setTitle(" / ".join(chart.title for chart in charts))
        _draw(QPainter(file), charts, size, font)
    else:
        image = QImage(size * SCALE, QImage.Format.Format_RGB32)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        painter.scale(SCALE, SCALE)
        _draw(painter, charts, size, font)
        if not image.save(buffer, "PNG"):
            raise ExportError(f"{path} cannot be written: this Qt makes no PNG.")
    write_whole(path, bytes(buffer.data().data()), replace=True)


def _draw(painter: QPainter, charts: Sequence[Chart], size: QSize, font: QFont) -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.WindowText, QColor("black"))
    palette.setColor(QPalette.ColorRole.Window, QColor("white"))
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), QColor("white"))
    painter.translate(MARGIN, MARGIN)
    for chart in charts:
        draw(chart, painter, SIZE, font, palette)
        painter.translate(0, SIZE.height() + MARGIN)
    painter.end()
