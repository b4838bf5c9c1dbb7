"""The export settings in a project: those of the project that it was made from, else ilastik's defaults."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import h5py
import numpy as np

from napari_batch_prediction.ilp.export_settings import DEFAULTS, IMAGE_FOLDER, NO_END, region_axes
from napari_batch_prediction.ilp.writing.texts import put_storage_version, put_text

_RANGES = {"input_range": ("InputMin", "InputMax"), "output_range": ("ExportMin", "ExportMax")}
_ENDS = ("RegionStart", "RegionStop")


def write_export_settings(group: h5py.Group, export: Mapping[str, Any], axes: str) -> None:
    """Write the group ``Prediction Export``.

    Parameters
    ----------
    group
        The group.
    export
        The settings that differ from the defaults; see :func:`.read_export_settings`.
    axes
        Axes of the images.
    """
    settings: dict[str, Any] = {**DEFAULTS, **export}
    put_storage_version(group, "0.1")
    folder = settings.get("folder")
    name = f"{IMAGE_FOLDER}{settings['name']}" if folder is None else (PurePath(folder) / settings["name"]).as_posix()
    put_text(group, "OutputFilenameFormat", name)
    put_text(group, "OutputFormat", settings["format"])
    put_text(group, "OutputInternalPath", settings["internal_path"])
    for key, stored in (("dtype", "ExportDtype"), ("output_axes", "OutputAxisOrder")):
        if key in settings:
            put_text(group, stored, settings[key])
    for key, names in _RANGES.items():
        for stored, number in zip(names, settings.get(key, ()), strict=False):
            group[stored] = float(number)
    if region := settings.get("region"):
        for i, stored in enumerate(_ENDS):
            ends = [region.get(key, (None, None))[i] for key in region_axes(axes)]
            group[stored] = np.array([NO_END if end is None else end for end in ends], np.int64)
            group[stored].attrs["isEmpty"] = False
