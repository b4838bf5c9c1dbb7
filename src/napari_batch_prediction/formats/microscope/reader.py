"""Reading files of microscopes by the plugins of bioio (the extra ``bioio``)."""

import importlib
import importlib.util
import threading
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_batch_prediction.errors import AxesError, ImageReadError
from napari_batch_prediction.formats.microscope.format import MICROSCOPE_READERS
from napari_batch_prediction.images.base import COLOURS, Image, choose_axes, only_dataset

# bioio's dimensions; S are the samples of a pixel.
_KEYS = {"T": "t", "C": "c", "Z": "z", "Y": "y", "X": "x", "S": "c"}


class BioioImage(Image):
    """A scene of a file that an installed plugin of bioio opens.

    bioio gives every image time, channels and depth; those of extent 1 are left out. Sizes of pixels are in
    micrometers.

    Parameters
    ----------
    location
        The text of its location, for messages.
    file
        The file.
    dataset
        Name of the scene; None if there is one.
    axes
        Axes that win over the file's own, without those that are left out.
    """

    def __init__(self, location: str, file: Path, dataset: str | None = None, axes: str | None = None) -> None:
        image = _open(file)
        if dataset is None or dataset not in image.scenes:
            dataset = only_dataset(file, dict.fromkeys(image.scenes, ""), dataset)
        image.set_scene(dataset)
        pixels = image.dask_data
        letters: str = image.dims.order
        kept = [i for i, n in enumerate(pixels.shape) if n > 1 or letters[i] in "YX"]
        self._pixels: Any = pixels.reshape([pixels.shape[i] for i in kept])
        letters = "".join(letters[i] for i in kept)
        keys = "".join(_KEYS.get(letter, "?") for letter in letters)
        if axes is None and ("?" in keys or len(set(keys)) < len(keys)):
            raise AxesError(
                f"Its dimensions '{letters}' of shape {self._pixels.shape} come to the axis keys '{keys}'; each may "
                "occur only once: samples S count as channels C. Give its axes."
            )
        axes, axes_known = choose_axes(self._pixels.shape, axes, keys if axes is None else None)
        sizes = _sizes(image)
        names = (
            COLOURS.get(self._pixels.shape[-1], ())
            if letters.endswith("S")
            else tuple(map(str, image.channel_names or ()))
        )
        super().__init__(
            location,
            axes,
            self._pixels.shape,
            self._pixels.dtype,
            axes_known=axes_known,
            pixel_size=sizes,
            units=dict.fromkeys(sizes, "micrometer"),
            channel_names=names,
            dataset=dataset if len(image.scenes) > 1 else "",
        )
        # Plugins open the file for each block, which not all can do from several threads.
        self._lock = threading.Lock()

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        with self._lock:
            pixels: NDArray = self._pixels[region].compute(scheduler="synchronous")
        return pixels

    def _release(self) -> None:
        self._pixels = None


def reads(file: Path) -> bool:
    """Return True if bioio is installed and one of its plugins opens the file."""
    if importlib.util.find_spec("bioio") is None:
        return False
    try:
        _open(file)
    except ImageReadError:
        return False
    return True


def list_scenes(file: Path) -> list[str]:
    """Return the names of the scenes in a file."""
    return list(_open(file).scenes)


def _open(file: Path) -> Any:
    plugin = MICROSCOPE_READERS.get(file.suffix.lower(), "the plugin of bioio for this format")
    try:
        bioio = importlib.import_module("bioio")
        exceptions = importlib.import_module("bioio_base.exceptions")
    except ImportError:
        raise ImageReadError(
            f"'{file}' needs bioio and {plugin}. Install them: pip install 'napari-batch-prediction[bioio]' {plugin}"
        ) from None
    try:
        return bioio.BioImage(file)
    except exceptions.UnsupportedFileFormatError:
        raise ImageReadError(
            f"None of bioio's installed readers opens '{file}'. Install {plugin}, or check that the file is whole."
        ) from None


def _sizes(image: Any) -> dict[str, float]:
    try:
        stored = image.physical_pixel_sizes
    except Exception:  # plugins raise nearly anything if no sizes are stored
        return {}
    sizes = {"z": stored.Z, "y": stored.Y, "x": stored.X}
    return {key: float(size) for key, size in sizes.items() if size is not None and size > 0}
