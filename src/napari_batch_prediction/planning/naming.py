"""Name templates: from an input and what is exported to the path of a file."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export

_ENDS = (("start", "starts"), ("stop", "ends"))

PLACEHOLDERS = {
    "folder": "the folder of the export, or of the image if none is given",
    "stem": "the name of the image without its extension",
    "source": "what is exported, for example 'Simple Segmentation'",
    "index": "the position of the image in the batch, from 1, with leading zeros",
    "parent": "the name of the image's folder",
    "relative": "the image's folder, seen from the folder that all images share",
    "dataset_dir": "the image's folder",
    "nickname": "the same as stem",
    "result_type": "the same as source",
    "roi": "start and stop of the region, as in '[(0, 0), (61, 45)]'",
    **{f"{key}_{end}": f"where the region {verb} along {key}" for key in "tczyx" for end, verb in _ENDS},
    "slice_index": "the number of a slice, in formats that write a file for each",
}


@dataclass(frozen=True)
class Named:
    """What a template can say of one input.

    Attributes
    ----------
    file
        The file the input is in.
    stem
        Its name without the extension.
    index, count
        Its position in the batch, from 1, and the length of the batch.
    root
        The folder that all inputs of the batch share.
    """

    file: Path
    stem: str
    index: int
    count: int
    root: Path


def shared_folder(files: Sequence[Path]) -> Path:
    """Return the deepest folder that holds all files; the folder of the first if there is none."""
    folders = [_absolute(file.parent) for file in files]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # different drives
        return folders[0]


def _absolute(path: Path) -> Path:
    # Unlike Path.resolve this keeps symbolic links: outputs stand where the user sees the image.
    return Path(os.path.abspath(path))  # noqa: PTH100


def _relative(folder: Path, root: Path) -> str:
    try:
        return os.path.relpath(folder, root)
    except ValueError:  # different drives
        return str(folder.relative_to(folder.anchor))


def check_template(template: str) -> None:
    """Raise :class:`SettingsError` if a name template cannot be used."""
    try:
        fields = [field for field in Formatter().parse(template) if field[1] is not None]
    except ValueError as error:
        raise SettingsError(
            f"The name '{template}' is not a template: {error}. "
            "Write placeholders as {stem}, and braces as {{ and }}."
        ) from None
    for _, field, spec, convert in fields:
        if field not in PLACEHOLDERS or spec or convert:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            text = f"{field}{'!' if convert else ''}{convert or ''}{':' if spec else ''}{spec}"
            raise SettingsError(f"The name '{template}' holds {{{text}}}, which is unknown. Known are: {known}.")


def output_path(
    export: Export, source: str, extension: str, named: Named, region: Mapping[str, tuple[int, int]]
) -> Path:
    """Return the file that an export of an input is written to.

    Dots are part of the name: the extension of the format is put at the end unless it stands there already.
    Names that are not absolute are relative to the folder of the export, or of the image.

    Parameters
    ----------
    export
        The folder and the template of the name.
    source
        Name of what is exported.
    extension
        Extension of the format, with its dot.
    named
        The input.
    region
        Start and stop along each axis of the output, in its order.

    Raises
    ------
    SettingsError
        If the template cannot be used or gives an empty name.
    """
    check_template(export.name)
    image_folder = _absolute(named.file.parent)
    folder = _absolute(export.folder.expanduser()) if export.folder else image_folder
    name = export.name.format(
        folder=folder,
        stem=named.stem,
        source=source,
        index=str(named.index).zfill(len(str(named.count))),
        parent=image_folder.name,
        relative=_relative(image_folder, named.root),
        dataset_dir=image_folder,
        nickname=named.stem,
        result_type=source,
        roi=str([tuple(start for start, _ in region.values()), tuple(stop for _, stop in region.values())]),
        slice_index="{slice_index}",
        **{f"{key}_{end}": region.get(key, (0, 1))[i] for key in "tczyx" for i, (end, _) in enumerate(_ENDS)},
    )
    last = name.replace("\\", "/").rpartition("/")[2] if os.name == "nt" else name.rpartition("/")[2]
    if last.strip() in {"", ".", ".."}:
        raise SettingsError(
            f"The name '{export.name}' gives no file name for {named.file}: got '{name}'. "
            "Use for example '{stem}_{source}'."
        )
    if not name.lower().endswith(extension.lower()):
        name += extension
    return _absolute(folder / name)
