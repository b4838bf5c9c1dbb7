"""Naming outputs by templates with placeholders for facts about the input and the export."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter

from napari_batch_prediction.disk import shown
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.formats.common.planes import NUMBER_FORMAT
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

_OF_REGION = {"roi", *(f"{key}_{end}" for key in "tczyx" for end, _ in _ENDS)}
_NUMBERS = {"slice_index", *_OF_REGION} - {"roi"}


class _SliceIndex:
    """Stays a placeholder, with its format: the files of a sequence are numbered later."""

    def __format__(self, spec: str) -> str:
        return f"{{slice_index{':' if spec else ''}{spec}}}"


@dataclass(frozen=True, slots=True)
class Naming:
    """The facts about one input that a template can name.

    Attributes
    ----------
    file
        The file of the input.
    stem
        Name of the file without its extension.
    index, count
        Its position in the batch, from 1, and the length of the batch.
    root
        The folder that all inputs of the batch share.
    location
        The location with its dataset, for messages.
    store
        The OME-Zarr image at the location, or of which it is a level, for labels to write into it; else None.
    in_memory
        True for an image in memory, whose outputs stay there unless their export has a folder.
    """

    file: Path
    stem: str
    index: int
    count: int
    root: Path
    location: str = ""
    store: Path | None = None
    in_memory: bool = False


def shared_folder(files: Iterable[Path]) -> Path:
    """Return the deepest folder that holds all files; the folder of the first if there is none."""
    # Symbolic links stay, unlike in Path.resolve, so that outputs are where the user sees the image.
    folders = [os.path.abspath(folder) for folder in dict.fromkeys(map(os.path.dirname, files))]  # noqa: PTH100
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # different drives
        return Path(folders[0])


def relative_folder(folder: str, root: Path) -> str:
    """Return a folder as seen from another one."""
    try:
        return os.path.relpath(folder, root)
    except ValueError:  # different drives
        return str(Path(folder).relative_to(Path(folder).anchor))


def safe_name(text: str) -> str:
    """Return a text as a part of the name of a file, without what some system allows in none."""
    return "".join("_" if letter in '/\\:*?"<>|' or not letter.isprintable() else letter for letter in text)


def check_template(template: str) -> None:
    """Raise :class:`SettingsError` if a name template cannot be used."""
    template_fields(template)


@lru_cache(maxsize=256)
def template_fields(
    template: str, known: tuple[str, ...] = tuple(PLACEHOLDERS), setting: str = "name"
) -> frozenset[str]:
    """Return the placeholders of a template.

    Parameters
    ----------
    template
        The template.
    known
        The placeholders that it may have.
    setting
        The field that holds it, for messages.

    Raises
    ------
    SettingsError
        If it cannot be used.
    """
    subject = f"The {setting.replace('_', ' ')} '{shown(template)}'"
    try:
        fields = [field for field in Formatter().parse(template) if field[1] is not None]
    except ValueError as error:
        raise SettingsError(
            f"{subject} is not a template: {error}. Write placeholders as {{stem}}, and braces as {{{{ and }}}}.",
            setting=setting,
        ) from None
    for _, field, spec, convert in fields:
        is_usable = not spec or (field in _NUMBERS and re.fullmatch(NUMBER_FORMAT, spec))
        if field not in known or not is_usable or convert:
            listing = ", ".join(f"{{{name}}}" for name in known)
            text = f"{field}{'!' if convert else ''}{convert or ''}{':' if spec else ''}{spec}"
            raise SettingsError(
                f"{subject} holds {{{text}}}, which is unknown. Known are: {listing}.",
                setting=setting,
            )
    return frozenset(str(field) for _, field, _, _ in fields)


def name_output(
    export: Export, source: str, extension: str, naming: Naming, region: Mapping[str, tuple[int, int]]
) -> tuple[Path, str]:
    """Return the folder and the name of the output of an export for an input.

    Dots are part of the name; the extension of the format is added unless the name ends with it. Names that are not
    absolute are relative to the folder of the export, or of the image.

    Parameters
    ----------
    export
        The settings, with the folder and the template of the name.
    source
        Name of the source.
    extension
        Extension of the format, with its dot.
    naming
        The input.
    region
        Start and stop along each axis of the output, in its order.

    Raises
    ------
    SettingsError
        If the template cannot be used or gives an empty name.
    """
    fields = template_fields(export.name)
    # Texts are faster than paths for thousands of images.
    image_folder = os.path.abspath(os.path.dirname(naming.file))  # noqa: PTH100, PTH120
    folder = image_folder if export.folder is None else os.path.abspath(os.path.expanduser(export.folder))  # noqa: PTH100, PTH111
    name = export.name.format(
        folder=folder,
        stem=naming.stem,
        source=source,
        index=str(naming.index).zfill(len(str(naming.count))),
        parent=os.path.basename(image_folder),  # noqa: PTH119
        relative=relative_folder(image_folder, naming.root) if "relative" in fields else "",
        dataset_dir=image_folder,
        nickname=naming.stem,
        result_type=source,
        slice_index=_SliceIndex(),
        **(_region_values(region) if not fields.isdisjoint(_OF_REGION) else {}),
    )
    last = name.replace("\\", "/").rpartition("/")[2] if os.name == "nt" else name.rpartition("/")[2]
    if last.strip() in {"", ".", ".."}:
        raise SettingsError(
            f"The name '{shown(export.name)}' gives no file name for {naming.file}: got '{shown(name)}'. "
            "Use for example '{stem}_{source}'.",
            setting="name",
        )
    if export.rules == "ilastik":
        name = os.path.splitext(name)[0] + extension  # noqa: PTH122 - of a text
    elif not name.lower().endswith(extension.lower()):
        name += extension
    head, tail = os.path.split(os.path.abspath(os.path.join(folder, name)))  # noqa: PTH100, PTH118
    return _folder(head), tail


def _region_values(region: Mapping[str, tuple[int, int]]) -> dict[str, object]:
    """Return the placeholders of a region, and their values."""
    roi = [tuple(start for start, _ in region.values()), tuple(stop for _, stop in region.values())]
    ends = {f"{key}_{end}": region.get(key, (0, 1))[i] for key in "tczyx" for i, (end, _) in enumerate(_ENDS)}
    return {"roi": str(roi), **ends}


@lru_cache(maxsize=1024)
def _folder(path: str) -> Path:
    """Return a folder, as one object for all outputs in it."""
    return Path(path)
