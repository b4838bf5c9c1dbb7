"""Results of this program among the files of a folder: they are no images to predict."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path

from napari_batch_prediction.disk import file_state
from napari_batch_prediction.locations.paths import SplitPath, absolute_path
from napari_batch_prediction.records.record import SUFFIX


class Results:
    """Finds results among the files that a folder or a pattern matches, and remembers what it has read.

    Results are files and stores that say so themselves, and those that a ledger names; the ledger lies in their
    folder, or in one above it up to the folder that all matches share. Ledgers and the tables beside them are results.
    """

    def __init__(self) -> None:
        # Each with the state that it had when it was read.
        self._stamped: dict[SplitPath, tuple[object, bool]] = {}
        self._records: dict[str, tuple[object, dict[str, int | None]]] = {}

    def __call__(self, matches: Sequence[SplitPath]) -> Collection[SplitPath]:
        """Return the results among some files."""
        folders = {folder: str(absolute_path(folder)) for folder in {match.path.parent for match in matches}}
        recorded = self._recorded(set(folders.values()))
        found = []
        for match in matches:
            file = f"{folders[match.path.parent]}{os.sep}{match.path.name}"
            if match.path.name.endswith(SUFFIX) or _is_as_recorded(match, file, recorded) or self._is_stamped(match):
                found.append(match)
        return found

    def _recorded(self, folders: Collection[str]) -> dict[str, int | None]:
        """Return the files, with sizes, that ledgers name in some folders and up to the folder that these share."""
        try:
            shared = os.path.commonpath(folders)
        except ValueError:  # different drives
            shared = ""
        all_folders: set[str] = set()
        for folder in folders:
            while folder not in all_folders:
                all_folders.add(folder)
                if folder != shared and os.path.dirname(folder) != folder:  # noqa: PTH120
                    folder = os.path.dirname(folder)  # noqa: PTH120
        recorded: dict[str, int | None] = {}
        for folder in all_folders:
            for files in self._recorded_in(folder):
                recorded |= files
        return recorded

    def _recorded_in(self, folder: str) -> Iterable[dict[str, int | None]]:
        """Yield the files that each ledger in a folder names, and the tables beside it."""
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except OSError:
            return
        records = [name for name in names if name.endswith(SUFFIX)]
        if not records:
            return
        from napari_batch_prediction.records.reading import files_of_record  # its models take 10 ms

        tables = [name for name in names if name.endswith(".csv")]
        for name in records:
            record = f"{folder}{os.sep}{name}"
            state = file_state(record)
            if self._records.get(record, (None,))[0] != state:
                self._records[record] = state, files_of_record(Path(record))
            yield self._records[record][1]
            stem = escape(name.removesuffix(SUFFIX))
            yield {
                f"{folder}{os.sep}{table}": None
                for table in tables
                if fnmatchcase(table, f"{stem}.csv") or fnmatchcase(table, f"{stem}_[0-9]*.csv")
            }

    def _is_stamped(self, match: SplitPath) -> bool:
        from napari_batch_prediction.formats.stamp import is_stamped  # its models take 3 ms

        if match.kind != "file":
            return is_stamped(match.path, match.dataset)
        state = file_state(match.path)
        known = self._stamped.get(match)
        if known is None or known[0] != state:
            known = self._stamped[match] = state, is_stamped(match.path, match.dataset)
        return known[1]


def _is_as_recorded(match: SplitPath, file: str, recorded: Mapping[str, int | None]) -> bool:
    """Return True if a ledger names a file, and it has the size that it had then."""
    if file not in recorded:
        return False
    size = recorded[file]
    return size is None or match.kind != "file" or _size(file) == size


def _size(file: str) -> int | None:
    try:
        return os.stat(file).st_size  # noqa: PTH116
    except OSError:
        return None
