"""A job as people type it (one or many, paths, arrays, layers, loaded classifiers) as fields and what is in memory."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from napari_batch_prediction.errors import BatchPredictionError, SettingsError
from napari_batch_prediction.images.arrays import array_image, is_array, is_layer
from napari_batch_prediction.images.base import Image
from napari_batch_prediction.images.channels import ChannelsImage
from napari_batch_prediction.images.memory import MemoryImage
from napari_batch_prediction.images.second import ROLES
from napari_batch_prediction.images.stack import StackImage
from napari_batch_prediction.job.in_memory import UNSAVED, InMemory
from napari_batch_prediction.locations.layers import ArrayNamed, LayerNamed
from napari_batch_prediction.locations.location import is_special
from napari_batch_prediction.wording import shortened

FOR_ALL = ("folder", "format")
"""Settings of an export that can be given for all exports of a job."""

_LONGEST = 60


def as_fields(typed: Mapping[str, Any]) -> tuple[dict[str, Any], InMemory]:
    """Return the fields of a job as they were typed as data, and what of them is in memory.

    What is wrong stays as it is, to be refused with the name of its field.

    Raises
    ------
    SettingsError
        If an input is neither a path nor an image.
    """
    fields = dict(typed)
    classifier = fields.get("classifier")
    loaded = classifier if hasattr(classifier, "predict_tile") else None
    if loaded is not None:
        fields["classifier"] = loaded.path or UNSAVED
        if loaded.structure_tensor is not None:
            fields.setdefault("structure_tensor", loaded.structure_tensor)
    given = _Given()
    if "inputs" in fields:
        fields["inputs"] = given.inputs(fields["inputs"])
    for name in ROLES:
        if fields.get(name) is not None:
            fields[name] = given.second(fields[name], name)
    if given.settings:
        fields["input_settings"] = {**given.settings, **_keyed(fields.get("input_settings") or {})}
    elif "input_settings" in fields:
        fields["input_settings"] = _keyed(fields["input_settings"])
    for_all = {name: value for name in FOR_ALL if (value := fields.pop(name, None)) is not None}
    if for_all or "exports" in fields:
        fields["exports"] = _exports(fields.get("exports", {}), for_all)
    return fields, InMemory(loaded, given.images)


def _keyed(settings: Any) -> Any:
    """Return settings of single images with texts as their keys."""
    return {_text(key): value for key, value in settings.items()} if isinstance(settings, Mapping) else settings


def _text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _exports(typed: Any, for_all: Mapping[str, Any]) -> Any:
    """Return exports, one or many, as a tuple; a text stands for its source."""
    one = isinstance(typed, str | Mapping | BaseModel)
    if not one and not isinstance(typed, Iterable):
        return typed
    return tuple(_export(item, for_all) for item in ((typed,) if one else typed))


def _export(item: Any, for_all: Mapping[str, Any]) -> Any:
    if isinstance(item, str):
        return {**for_all, "source": item}
    if isinstance(item, Mapping):
        return {**for_all, **item}
    if isinstance(item, BaseModel) and (new := {k: v for k, v in for_all.items() if k not in item.model_fields_set}):
        return item.model_copy(update=new)
    return item


class _Given:
    """The inputs of a job as texts, and the images among them.

    Attributes
    ----------
    images
        The images, or the reasons why they are none, by the texts of their locations.
    settings
        The settings of images that were opened with some.
    """

    def __init__(self) -> None:
        self.images: dict[str, MemoryImage | BatchPredictionError] = {}
        self.settings: dict[str, dict[str, Any]] = {}

    def inputs(self, typed: Any) -> Any:
        """Return inputs, one or many, as a tuple of texts."""
        if isinstance(typed, Mapping):
            return tuple(self._array(value, str(name)) for name, value in typed.items())
        if _is_one(typed):
            return (self._input(typed),)
        if isinstance(typed, Iterable):
            return tuple([self._input(item) for item in typed])
        return typed

    def _input(self, item: Any) -> Any:
        if isinstance(item, str | bytes | os.PathLike):
            return os.fsdecode(item)
        if isinstance(item, Image) and not isinstance(item, MemoryImage):
            return self._opened(item)
        if is_layer(item):
            return self._keep(item, str(LayerNamed(self._unused(item.name, LayerNamed))))
        if isinstance(item, MemoryImage) or is_array(item):
            name = getattr(item, "location" if isinstance(item, MemoryImage) else "name", None)
            return self._array(item, str(name) if name else str(len(self.images) + 1))
        return item

    def _array(self, value: Any, name: str) -> str:
        if not (isinstance(value, MemoryImage) or is_array(value) or is_layer(value)):
            raise SettingsError(
                f"inputs: '{name}' is {shortened(repr(value), _LONGEST)}, expected an array. Give files as a list "
                "of paths.",
                setting="inputs",
            )
        return self._keep(value, str(ArrayNamed(self._unused(name, ArrayNamed))))

    def second(self, item: Any, field: str) -> Any:
        """Return a second image as text; an array has the name of its field."""
        if isinstance(item, str | bytes | os.PathLike):
            return os.fsdecode(item)
        if isinstance(item, Image) and not isinstance(item, MemoryImage):
            return str(item.location)
        if is_layer(item):
            return self._keep(item, str(LayerNamed(self._unused(item.name, LayerNamed))))
        return self._array(item, field) if isinstance(item, MemoryImage) or is_array(item) else item

    def _unused(self, name: str, kind: type[LayerNamed] | type[ArrayNamed]) -> str:
        """Return a name, with a number after it if another image has it."""
        names = (name, *(f"{name} ({i})" for i in range(2, len(self.images) + 3)))
        return next(new for new in names if str(kind(new)) not in self.images)

    def _keep(self, value: Any, location: str) -> str:
        try:
            self.images[location] = value if isinstance(value, MemoryImage) else array_image(value, name=location)
        except BatchPredictionError as error:  # it fails alone
            self.images[location] = error
        return location

    def _opened(self, image: Image) -> str:
        """Return the location of an image that was opened of a file; it is opened again when it is predicted."""
        location = str(image.location)
        if isinstance(image, StackImage) and not is_special(location):
            raise SettingsError(
                f"inputs: '{location}' is an opened stack, expected its pattern or folder. Give that, and the axis as "
                "stack=.",
                setting="inputs",
            )
        own: dict[str, Any] = {}
        if image.axes_known == "user":
            own["axes"] = image.axes
        if isinstance(image, ChannelsImage):
            own["channels"] = image.indices
        if own:
            self.settings[location] = own
        return location


def _is_one(typed: Any) -> bool:
    return isinstance(typed, str | bytes | os.PathLike | Image) or is_layer(typed) or is_array(typed)
