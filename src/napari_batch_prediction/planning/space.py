"""Room on the disks that a batch writes to."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_batch_prediction.planning.exports import NamedExport
from napari_batch_prediction.planning.folders import nearest
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.problems import Problem


class DiskSpace:
    """The disk space left for the outputs of a batch, image after image.

    Parameters
    ----------
    exports
        The exports of the batch.
    """

    def __init__(self, exports: Iterable[NamedExport]) -> None:
        self._is_plain = all(_is_plain(export) for export in exports if not export.is_table)
        self._free: dict[int, int] = {}
        # Folders and devices, of which thousands of images share few.
        self._devices: dict[Path, tuple[Path, int]] = {}

    def take(self, outputs: Sequence[OutputPlan]) -> Problem | None:
        """Reserve space for the outputs of one image; return a problem if there is too little.

        It is a warning if compression may help.
        """
        if not outputs or outputs[0].folder is None:
            return None
        parent = outputs[0].folder
        if parent not in self._devices:
            folder = nearest(parent)
            self._devices[parent] = folder, folder.stat().st_dev
        folder, device = self._devices[parent]
        if device not in self._free:
            self._free[device] = shutil.disk_usage(folder).free
        self._free[device] -= sum(output.n_bytes for output in outputs)
        missing = -self._free[device]
        if missing <= 0:
            return None
        text = f"The disk of {folder} may be too small for this and the outputs before it: {missing / 1e9:.1f} GB "
        if self._is_plain:
            text += "are missing. Choose another folder, or a compressed format."
            return Problem("space", text, "folder", folder)
        return Problem("space", f"{text}are missing before compression.", "folder", folder, "warning")


def _is_plain(export: NamedExport) -> bool:
    """Return True if the values of an output are not compressed."""
    if export.settings.compression is not None:
        return export.settings.compression == "none"
    return not export.format.compresses_by_default
