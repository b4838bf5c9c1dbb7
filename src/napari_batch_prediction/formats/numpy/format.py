"""Facts about NPY and NPZ."""

from napari_batch_prediction.formats.format import ExportFormat, FileFormat

NPY = FileFormat(name="NumPy", extensions=(".npy",), reader="numpy.reader:NumpyImage")
NPZ = FileFormat(name="NPZ", extensions=(".npz",), reader="numpy.npz:NpzImage", lister="numpy.npz:list_arrays")

FILES = (NPY, NPZ)
EXPORTS = (
    ExportFormat(
        name="numpy",
        extension=".npy",
        file=NPY,
        writer_class="numpy.writer:NumpyWriter",
        compresses_by_default=False,
        also=("npy",),
        about="A NumPy array, without axes and pixel size. Python opens it with numpy.load; napari and ilastik do too.",
        rank=2,
    ),
)
