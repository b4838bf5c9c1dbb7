"""Reading CZI by pylibCZIrw, which bioio's reader of CZI installs, where that reader cannot or is wrong."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pylibCZIrw.czi import CziReader

from napari_batch_prediction.errors import AxesError
from napari_batch_prediction.images.base import COLOURS, Image, choose_axes, only_dataset

# Sizes of pixels are stored in meters.
_MICROMETERS = 1e6

# Pixels with colours are stored as blue, green, red.
_COLOUR_ORDER = {3: [2, 1, 0], 4: [2, 1, 0, 3]}


class CziImage(Image):
    """A scene of a CZI file: its pixels, and what its metadata say as far as they can be understood.

    Axes of extent 1 are left out. Sizes of pixels are in micrometers.

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
    scenes
        Names of all scenes; numbered if None.

    Raises
    ------
    AxesError
        If it has other axes than time, channels, depth, y and x, or colours of several channels.
    """

    def __init__(
        self,
        location: str,
        file: Path,
        dataset: str | None = None,
        axes: str | None = None,
        scenes: tuple[str, ...] | None = None,
    ) -> None:
        self._file: Any = CziReader(str(file))
        try:
            names = scenes or _scenes(self._file)
            if dataset is None or dataset not in names:
                dataset = only_dataset(file, dict.fromkeys(names, ""), dataset)
            boxes = self._file.scenes_bounding_rectangle
            numbers = sorted(boxes)
            # What the metadata call scenes may not be marked as such in the pixels.
            self._scene = numbers[names.index(dataset)] if len(numbers) == len(names) else None
            self._box = self._file.total_bounding_rectangle if self._scene is None else boxes[self._scene]
            bounds = self._file.total_bounding_box
            others = {key: stop - start for key, (start, stop) in bounds.items() if key not in "TCZYX"}
            if long := [f"{key} of {n}" for key, n in others.items() if n > 1]:
                raise AxesError(f"It has the dimensions {', '.join(long)}, which are none of t, c, z, y and x.")
            self._starts = {key: bounds[key][0] for key in "TZC" if key in bounds}
            extents = {key: bounds[key][1] - bounds[key][0] if key in bounds else 1 for key in "TZC"}
            first = self._plane({**self._starts}, 0, 0, 1, 1)
            n_samples = first.shape[-1]
            if n_samples > 1 and extents["C"] > 1:
                raise AxesError(f"Each of its {extents['C']} channels has {n_samples} colours. Save them apart.")
            self._is_colour = n_samples > 1
            self._kept = [key for key in "TZC" if extents[key] > 1]
            shape = [*(extents[key] for key in self._kept), self._box.h, self._box.w, *[n_samples] * self._is_colour]
            own = "".join(self._kept).lower() + "yx" + "c" * self._is_colour
            axes, axes_known = choose_axes(shape, axes, own if axes is None else None)
            metadata = _metadata(self._file)
            sizes = _sizes(metadata)
            super().__init__(
                location,
                axes,
                shape,
                first.dtype,
                axes_known=axes_known,
                pixel_size=sizes,
                units=dict.fromkeys(sizes, "micrometer"),
                channel_names=COLOURS.get(n_samples, ()) if self._is_colour else _channel_names(metadata),
                dataset=dataset if len(names) > 1 else "",
            )
        except BaseException:
            self._file.close()
            raise
        self._lock = threading.Lock()

    def _plane(self, plane: Mapping[str, int], y: int, x: int, height: int, width: int) -> NDArray:
        """Return pixels (y, x, samples) of a plane, the samples in the order red, green, blue."""
        roi = (self._box.x + x, self._box.y + y, width, height)
        pixels: NDArray = self._file.read(roi=roi, plane=dict(plane), scene=self._scene)
        order = _COLOUR_ORDER.get(pixels.shape[-1])
        return pixels if order is None else pixels[..., order]

    def _read(self, region: tuple[slice, ...]) -> NDArray:
        n = len(self._kept)
        rows, columns = region[n : n + 2]
        height, width = rows.stop - rows.start, columns.stop - columns.start
        leading = [s.stop - s.start for s in region[:n]]
        samples = region[n + 2] if self._is_colour else slice(0, 1)
        pixels = np.empty([*leading, height, width, samples.stop - samples.start], self.dtype)
        for index in np.ndindex(*leading):
            at = {key: self._starts[key] + s.start + i for key, s, i in zip(self._kept, region, index, strict=False)}
            with self._lock:
                plane = self._plane({**self._starts, **at}, rows.start, columns.start, height, width)
            pixels[index] = plane[..., samples]
        return pixels if self._is_colour else pixels[..., 0]

    def _release(self) -> None:
        with self._lock:
            self._file.close()


def list_scenes(file: Path) -> list[str]:
    """Return the names of the scenes in a file, which are numbered."""
    reader = CziReader(str(file))
    try:
        return list(_scenes(reader))
    finally:
        reader.close()


def _scenes(reader: Any) -> tuple[str, ...]:
    return tuple(f"Image:{i}" for i in range(len(reader.scenes_bounding_rectangle) or 1))


def _metadata(reader: Any) -> Mapping[str, Any]:
    try:
        metadata: Mapping[str, Any] = reader.metadata["ImageDocument"]["Metadata"]
    except Exception:  # pixels need none
        return {}
    return metadata


def _sizes(metadata: Mapping[str, Any]) -> dict[str, float]:
    sizes: dict[str, float] = {}
    with suppress(LookupError, TypeError, ValueError, AttributeError):
        for distance in _listed(metadata["Scaling"]["Items"]["Distance"]):
            size = float(distance["Value"]) * _MICROMETERS
            if 0 < size < float("inf"):
                sizes[distance["@Id"].lower()] = size
    return {key: size for key, size in sizes.items() if key in "zyx"}


def _channel_names(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        channels = _listed(metadata["Information"]["Image"]["Dimensions"]["Channels"]["Channel"])
        return tuple(str(channel.get("@Name") or channel["@Id"]) for channel in channels)
    except (LookupError, TypeError, AttributeError):
        return ()


def _listed(entry: Any) -> list[Any]:
    return entry if isinstance(entry, list) else [entry]
