"""Writers, whose outputs have a temporary name until they are whole."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar, final

from numpy.typing import NDArray

from napari_batch_prediction.axes import reorder
from napari_batch_prediction.errors import OutputExistsError
from napari_batch_prediction.formats.common.chunks import Index, Region
from napari_batch_prediction.formats.common.files import (
    keep_own,
    make_folder,
    not_whole,
    publish,
    publish_folder,
    remove,
    restore_folder,
    sync,
    temporary_path,
    writing,
)
from napari_batch_prediction.formats.common.rows import Columns
from napari_batch_prediction.formats.common.stores import StoreNames
from napari_batch_prediction.formats.common.target import Target


class Writer(ABC):
    """Writes one array, region by region.

    Attributes
    ----------
    paths
        The files or folders that exist after :meth:`finish`: one, or one for each slice of a sequence; none for an
        array in memory.
    properties
        What is known of the values of labels, if anything: columns by name, of which ``label`` has the values. Set
        before :meth:`finish`; formats that cannot hold them leave them out.
    """

    paths: tuple[Path, ...]
    properties: Columns | None = None

    @abstractmethod
    def write(self, region: Region, values: NDArray) -> None:
        """Write a region; safe to call from several threads for regions that do not overlap.

        Parameters
        ----------
        region
            A slice with start and stop for each axis of the array.
        values
            The values, which must not be changed afterwards.

        Raises
        ------
        ExportError
            If the output cannot be written.
        """

    @abstractmethod
    def finish(self) -> None:
        """Complete the output and give it its name, once every region is written.

        Raises
        ------
        OutputExistsError
            If the name was taken in the meantime.
        ExportError
            If the output is not whole or cannot be written.
        """

    @abstractmethod
    def abort(self) -> None:
        """Remove temporary files; no effect if nothing was written, or after :meth:`finish`."""

    @abstractmethod
    def held_bytes(self, n_rows: int = 1) -> int:
        """Return the approximate number of bytes that wait in memory if regions come row by row.

        Parameters
        ----------
        n_rows
            The number of rows of chunks that are begun and not complete, in formats that are stored in chunks.
        """


class AtomicWriter(Writer):
    """Writes a file or a folder under a temporary name until it is whole; nothing is on disk before the first region.

    A format creates the file in :meth:`_create`, takes regions in :meth:`_take`, and may complete the file in
    :meth:`_seal`.

    Parameters
    ----------
    target
        The output.

    Attributes
    ----------
    is_folder
        True if the output is a folder. Its format then counts the files in ``n_files``.
    names
        Names of the files in a folder.
    counted
        Noun, for messages, of the things that are counted to tell if the output is whole.
    """

    is_folder: ClassVar[bool] = False
    names: ClassVar[StoreNames | None] = None
    counted: ClassVar[str] = "values"

    def __init__(self, target: Target) -> None:
        self.target = target
        self.paths = (target.path,)
        self._temporary = temporary_path(target.path, target.token)
        self._temporaries = [self._temporary]
        self._made: list[Path] = []
        self._lock = threading.Lock()
        self._releases: list[Callable[[], object]] = []
        self._begun = False
        self._expected = prod(target.shape)
        self._came = 0
        self.n_files = 0

    @final
    def write(self, region: Region, values: NDArray) -> None:
        """Write a region, see :meth:`Writer.write`."""
        if not self._begun:
            with self._lock, writing(self.target.path):
                if not self._begun:
                    self._begin()
                    self._begun = True
        came = self._take(region, values)
        with self._lock:
            self._came += came

    @final
    def finish(self) -> None:
        """Complete the output and give it its name, see :meth:`Writer.finish`."""
        if self._came != self._expected:
            raise not_whole(self.target.path, self._came, self._expected, self.counted)
        with writing(self.target.path):
            self._seal()
        self._publish()

    @final
    def abort(self) -> None:
        """Remove temporary files, and folders made in an image that stay empty, see :meth:`Writer.abort`."""
        with suppress(OSError, RuntimeError):  # the content is to be removed anyway
            self._release()
        for path in self._temporaries:
            remove(path)
        for folder in self._made:
            with suppress(OSError):  # not empty: it is needed
                folder.rmdir()

    def _begin(self) -> None:
        """Create the output under its temporary name, with its folder."""
        path, image = self.target.path, self.target.image
        if image is not None:
            self._made = [folder for folder in path.parents if folder.is_relative_to(image) and not folder.exists()]
        make_folder(path.parent)
        if self.is_folder:
            restore_folder(self.target.path)
        self._create()
        if self.is_folder:
            self.n_files = sum(item.is_file() for item in self._temporary.rglob("*"))

    @abstractmethod
    def _create(self) -> None:
        """Create the temporary file or folder; called once, before the first region is taken."""

    @abstractmethod
    def _take(self, region: Region, values: NDArray) -> int:
        """Take a region, from several threads; return the number of values, or of completed chunks."""

    def _seal(self) -> None:
        """Complete and close the temporary file, after every region is written."""
        self._release()

    def _publish(self) -> None:
        """Sync the output to the disk, and give it its name."""
        path, replace = self.target.path, self.target.replace
        with writing(path):
            n_files = sync(self._temporary)
        if self.is_folder and n_files != self.n_files:
            raise not_whole(path, n_files, self.n_files, "files")
        try:
            if self.is_folder:
                publish_folder(self._temporary, path, replace=replace, names=self.names)
            else:
                publish(self._temporary, path, replace=replace)
        except OutputExistsError:
            if not self.target.may_be_own:
                raise
            keep_own(self._temporary, path)

    def _release(self) -> None:
        """Close files and drop waiting values; may be called several times."""
        for release in self._releases:
            release()


class Assembler(Protocol):
    """The needed members of an assembler of chunks, see :class:`~.chunks.ChunkAssembler`."""

    axes: str
    count: int
    row_bytes: int

    def add(self, region: Region, values: NDArray) -> Iterator[tuple[Index, NDArray]]:
        """Take a region; yield each chunk that it completes."""

    def clear(self) -> None:
        """Drop incomplete chunks."""


A = TypeVar("A", bound=Assembler)


class ChunkWriter(AtomicWriter, Generic[A]):
    """Writes chunk by chunk; incomplete chunks wait in memory.

    A format stores a chunk in :meth:`_store`.

    Parameters
    ----------
    target
        The output.
    chunks
        The assembler of chunks, in the axes of the file.
    """

    counted = "chunks"

    def __init__(self, target: Target, chunks: A) -> None:
        super().__init__(target)
        self._chunks = chunks
        self._expected = chunks.count
        self._releases.append(chunks.clear)

    @abstractmethod
    def _store(self, index: Index, chunk: NDArray) -> None:
        """Store a chunk; called from the thread that completed it."""

    @final
    def _take(self, region: Region, values: NDArray) -> int:
        by_key, axes = dict(zip(self.target.axes, region, strict=True)), self._chunks.axes
        stored = tuple(by_key.get(key, slice(0, 1)) for key in axes)
        came = 0
        for index, chunk in self._chunks.add(stored, reorder(values, self.target.axes, axes)):
            with writing(self.target.path):
                self._store(index, chunk)
            came += 1
        return came

    @final
    def held_bytes(self, n_rows: int = 1) -> int:
        """Return the size in bytes of rows of chunks, summed over levels."""
        return n_rows * self._chunks.row_bytes
