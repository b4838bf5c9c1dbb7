"""Reading files of microscopes by the plugins of bioio (the extra ``bioio``)."""

import importlib
import importlib.util
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_batch_prediction.errors import AxesError, BatchPredictionError, ImageReadError
from napari_batch_prediction.formats.microscope.format import MICROSCOPE_READERS
from napari_batch_prediction.images.base import COLOURS, NOTHING_DECODED, Decoding, Image, choose_axes, only_dataset

# bioio's dimensions; S are the samples of a pixel.
_KEYS = {"T": "t", "C": "c", "Z": "z", "Y": "y", "X": "x", "S": "c"}


# The planes of images up to this many bytes are compared as they are opened.
_MOST_COMPARED = 2**26

# Readers of which an image with these dimensions has the same pixels whether read lazily or at once.
_TRUSTED: set[tuple[object, str]] = set()


def open_microscope(location: str, file: Path, dataset: str | None = None, axes: str | None = None) -> Image:
    """Open an image by bioio, or by another installed reader where bioio cannot read its metadata or is wrong.

    Parameters
    ----------
    location, file, dataset, axes
        See :class:`BioioImage`.

    Raises
    ------
    ImageReadError
        If no installed reader opens it.
    AxesError
        If its axes are not clear.
    """
    try:
        image = BioioImage(location, file, dataset, axes)
    except BatchPredictionError:
        raise
    except Exception as error:  # readers raise nearly anything for metadata that they do not understand
        other = _other_reader(file)
        if other is None:
            raise ImageReadError(
                f"bioio's reader for '{file.suffix}' cannot read '{location}': {_reason(error)}. The pixels may "
                "still be whole: open it in the program of the microscope and save it as OME-TIFF."
            ) from error
        return other.CziImage(location, file, dataset, axes)  # type: ignore[no-any-return]
    if image.has_samples and (other := _other_reader(file)) is not None:
        scenes = image.scenes
        image.close()
        return other.CziImage(location, file, dataset, axes, scenes)  # type: ignore[no-any-return]
    return image


def _other_reader(file: Path) -> Any:
    """Return the module with a reader besides bioio's; None if there is none or its library is not installed."""
    if file.suffix.lower() != ".czi":
        return None
    try:
        return importlib.import_module("napari_batch_prediction.formats.microscope.czi")
    except ImportError:
        return None


def _reason(error: Exception) -> str:
    return str(error).rstrip(". ") or type(error).__name__


class BioioImage(Image):
    """A scene of a file that an installed plugin of bioio opens.

    bioio gives every image time, channels and depth; those of extent 1 are left out. Sizes of pixels are in
    micrometers. An image whose lazy pixels differ from those that are read at once is read at once.

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
        shape = [pixels.shape[i] for i in kept]
        self._pixels: Any = pixels.reshape(shape)
        letters = "".join(letters[i] for i in kept)
        self.has_samples = "S" in letters
        self.scenes: tuple[str, ...] = tuple(image.scenes)
        warnings = []
        if (type(image.reader), letters) not in _TRUSTED:
            if self._pixels.nbytes <= _MOST_COMPARED:
                self._pixels = _checked(self._pixels, _open(file), dataset, shape)
                if not isinstance(self._pixels, np.ndarray) and not self.has_samples:
                    _TRUSTED.add((type(image.reader), letters))
            elif self.has_samples and _repeats_samples(self._pixels, letters):
                warnings.append(
                    "All its colours are equal in its first plane, as some readers of bioio repeat the first. Compare "
                    "with another program."
                )
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
            warnings=warnings,
        )
        # Plugins open the file for each block, which not all can do from several threads.
        self._lock = threading.Lock()

    @property
    def decoding(self) -> Decoding:
        """The memory of pixels that were read at once."""
        return Decoding(kept=self._pixels.nbytes) if isinstance(self._pixels, np.ndarray) else NOTHING_DECODED

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        with self._lock:
            return _computed(self._pixels[region])

    def _release(self) -> None:
        self._pixels = None


def _computed(pixels: Any) -> NDArray:
    """Return lazy pixels as an array."""
    array: NDArray = pixels if isinstance(pixels, np.ndarray) else pixels.compute(scheduler="synchronous")
    return array


def _checked(lazy: Any, image: Any, scene: str, shape: Sequence[int]) -> Any:
    """Return lazy pixels, or all pixels read at once if any plane looked at differs: the first and the last."""
    try:
        image.set_scene(scene)
        eager: NDArray = np.asarray(image.data).reshape(shape)
    except Exception:  # not all readers can read at once
        return lazy
    n = max(len(shape) - 3, 0)
    same = all(np.array_equal(_computed(lazy[(at,) * n]), eager[(at,) * n]) for at in (0, -1))
    return lazy if same else eager


def _repeats_samples(pixels: Any, letters: str) -> bool:
    axis = letters.index("S")
    plane = [slice(None) if letter in "YXS" else 0 for letter in letters]
    first = np.moveaxis(_computed(pixels[tuple(plane)]), axis - len(letters), -1)
    return bool((first == first[..., :1]).all())


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
    image = _open(file)
    try:
        return list(image.scenes)
    except Exception:  # see open_microscope
        other = _other_reader(file)
        if other is None:
            raise
        scenes: list[str] = other.list_scenes(file)
        return scenes


def _is_news(record: logging.LogRecord) -> bool:
    """Return False for what bioio logs of a reader that does not open a file: that is raised, too."""
    return not str(record.msg).startswith("Attempted file")


def _open(file: Path) -> Any:
    plugin = MICROSCOPE_READERS.get(file.suffix.lower(), "the plugin of bioio for this format")
    try:
        bioio = importlib.import_module("bioio")
        exceptions = importlib.import_module("bioio_base.exceptions")
    except ImportError:
        raise ImageReadError(
            f"'{file}' needs bioio and {plugin}. Install them: pip install 'napari-batch-prediction[bioio]' {plugin}"
        ) from None
    logging.getLogger("bioio.bio_image").addFilter(_is_news)
    try:
        return bioio.BioImage(file)
    except exceptions.UnsupportedFileFormatError:
        is_installed = importlib.util.find_spec(plugin.replace("-", "_")) is not None
        remedy = (
            "Check that the file is whole" if is_installed else f"Install {plugin}, or check that the file is whole"
        )
        raise ImageReadError(f"None of bioio's installed readers opens '{file}'. {remedy}.") from None


def _sizes(image: Any) -> dict[str, float]:
    try:
        stored = image.physical_pixel_sizes
    except Exception:  # plugins raise nearly anything if no sizes are stored
        return {}
    sizes = {"z": stored.Z, "y": stored.Y, "x": stored.X}
    return {key: float(size) for key, size in sizes.items() if size is not None and size > 0}
