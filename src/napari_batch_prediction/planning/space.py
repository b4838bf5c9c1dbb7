"""Room on the disks that a batch writes to."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from napari_batch_prediction.formats.format import ExportFormat
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.planning.folders import nearest
from napari_batch_prediction.planning.objects import ObjectMaking, scratch_folder
from napari_batch_prediction.planning.output import OutputPlan
from napari_batch_prediction.problems import Problem
from napari_batch_prediction.wording import size

MOST_COMPRESSED = 1000
"""Values are not compressed further than to this part: gzip cannot, and no real prediction comes near."""


@dataclass(slots=True)
class _Disk:
    """A disk, and the outputs of the batch on it so far.

    Attributes
    ----------
    folder
        A folder on it.
    free
        Bytes that are free now.
    least, most
        Bytes that the outputs take at least, and before compression.
    replaced
        Files and folders that will be gone, of which the sizes have not been asked for.
    """

    folder: Path
    free: int
    least: int = 0
    most: int = 0
    replaced: list[Path] = field(default_factory=list)

    def clear(self) -> None:
        """Count what will be gone as free."""
        self.free += sum(map(_size, self.replaced))
        self.replaced.clear()


@dataclass(slots=True)
class _Need:
    """Bytes that the outputs of one image take on a disk: while they are written, afterwards, before compression.

    ``scratch`` are those of temporary files.
    """

    at_once: int = 0
    scratch: int = 0
    least: int = 0
    most: int = 0


class DiskSpace:
    """The disk space left for the outputs of a batch, image after image.

    Only images that can be written are counted, so that one that is too large is in nobody's way.

    Parameters
    ----------
    making
        How objects are made, which takes temporary files; None if there are none.
    """

    def __init__(self, making: ObjectMaking | None = None) -> None:
        self._making = making
        self._disks: dict[int, _Disk] = {}
        # Folders, of which thousands of images share few; None where the disk cannot be asked.
        self._folders: dict[Path, _Disk | None] = {}

    def take(
        self,
        outputs: Sequence[OutputPlan],
        replaced: Iterable[Path] = (),
        extents: Mapping[str, int] | None = None,
        every: Sequence[OutputPlan] = (),
    ) -> Problem | None:
        """Reserve space for the outputs of one image; return a problem if there is too little.

        It is a warning if compression may help. Nothing is reserved for an image that cannot be written.

        Parameters
        ----------
        outputs
            The outputs to write; those in memory take no space.
        replaced
            Files and folders that are replaced by them.
        extents
            The extents of the image along ``t z y x``, if it is predicted.
        every
            All outputs of the image, beside which are its temporary files.
        """
        needs: dict[int, tuple[_Disk, _Need]] = {}
        for output in outputs:
            disk = self._disk(output.folder) if output.folder is not None else None
            if disk is not None:
                _add(needs.setdefault(id(disk), (disk, _Need()))[1], output)
        if self._making is not None and extents is not None and (scratch := self._making.scratch_bytes(extents)):
            disk = self._disk(scratch_folder(every))
            if disk is not None:
                needs.setdefault(id(disk), (disk, _Need()))[1].scratch += scratch
        short = [problem for disk, need in needs.values() if (problem := _shortage(disk, need)) is not None]
        problem = min(short, key=lambda problem: problem.severity, default=None)
        if problem is not None and problem.severity == "error":
            return problem
        for disk, need in needs.values():
            disk.least += need.least
            if need.most <= disk.free:
                disk.most += need.most
        for path in replaced:
            if (disk := self._disk(path.parent)) is not None:
                disk.replaced.append(path)
        return problem

    def _disk(self, folder: Path) -> _Disk | None:
        if folder not in self._folders:
            self._folders[folder] = None
            with suppress(OSError, ValueError):
                existing = nearest(folder)
                device = existing.stat().st_dev
                if device not in self._disks:
                    self._disks[device] = _Disk(existing, shutil.disk_usage(existing).free)
                self._folders[folder] = self._disks[device]
        return self._folders[folder]


def _add(need: _Need, output: OutputPlan) -> None:
    settings, export_format, n_bytes = output.export.settings, output.export.format, output.n_bytes
    least = n_bytes if _is_plain(settings, export_format) else n_bytes // MOST_COMPRESSED
    # The values of a sequence wait in a file until each of its files is whole.
    need.at_once += least if export_format.slices is None else n_bytes
    need.least += least
    need.most += n_bytes


def _shortage(disk: _Disk, need: _Need) -> Problem | None:
    """Return the problem that outputs do not fit on a disk; a warning if they may, once compressed."""
    at_once, most = need.at_once + need.scratch, need.most + need.scratch
    if disk.least + at_once > disk.free or disk.most + most > disk.free:
        disk.clear()
    missing, is_plain = disk.least + at_once - disk.free, need.at_once == need.most
    if missing > 0:
        text = f"{_start(disk, at_once)}{size(missing)} are missing"
        text += " for it and its temporary files" if need.scratch else ""
        text += ". Choose another folder, " if is_plain else " even if they are compressed. Choose another folder, "
        text += "a smaller region, or a compressed format." if is_plain else "or a smaller region."
        return Problem("space", text, "folder", disk.folder)
    missing = disk.most + most - disk.free
    if missing > 0:
        text = f"{_start(disk, most)}{size(missing)} are missing before compression."
        return Problem("space", text, "folder", disk.folder, "warning")
    return None


def _start(disk: _Disk, n_bytes: int) -> str:
    if n_bytes > disk.free:
        return f"The disk of {disk.folder} is too small for the outputs of this image: "
    return f"The disk of {disk.folder} may be too small for this and the outputs before it: "


def _is_plain(settings: Export, export_format: ExportFormat) -> bool:
    """Return True if the values of an output are not compressed."""
    if settings.compression is not None:
        return settings.compression == "none"
    return not export_format.compresses_by_default


def _size(path: Path) -> int:
    """Return the number of bytes of a file or a folder; 0 if it cannot be looked at."""
    try:
        items = [item for item in path.rglob("*") if item.is_file()] if path.is_dir() else [path]
        return sum(item.lstat().st_size for item in items)
    except OSError:
        return 0
