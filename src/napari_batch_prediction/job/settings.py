"""The base of all settings: frozen models whose errors are words, and which say their fields in their help."""

import os
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter, Signature
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.faults import faults, first_field

_Model = TypeVar("_Model", bound="type[Settings]")

_WIDTH = 96


class Settings(BaseModel):
    """Frozen settings. Whatever is wrong with them is a :class:`SettingsError` that names field, expected and got."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    also: ClassVar[Mapping[str, str]] = {}
    """What can be given besides the fields, with a description of each."""

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise refused(error, type(self)) from None

    # A model in another one is read by pydantic itself, not by this: then the outer one says where the fault is.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def read(cls, fields: object, subject: str = "", names: Mapping[str, str] | None = None) -> Self:
        """Return settings made of their fields.

        Parameters
        ----------
        fields
            The fields by name, or settings.
        subject
            The beginning of a message, such as ``"The job is no job"``.
        names
            How fields are called in messages, by their names.

        Raises
        ------
        SettingsError
            If a field is unknown, missing or not valid.
        """
        try:
            return super().model_validate(fields)
        except ValidationError as error:
            raise refused(error, cls, subject, names) from None

    @classmethod
    def model_validate(cls, obj: Any, **settings: Any) -> Self:
        """Return settings made of their fields; see :meth:`read`."""
        return _in_words(cls, lambda: super(Settings, cls).model_validate(obj, **settings))

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **settings: Any) -> Self:
        """Return settings from JSON; see :meth:`read`."""
        return _in_words(cls, lambda: super(Settings, cls).model_validate_json(json_data, **settings))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return the same settings with some fields changed; these are checked as those of new settings are.

        Raises
        ------
        SettingsError
            If a field is unknown or not valid.
        """
        if not update:
            return super().model_copy(deep=deep)
        said = {name: getattr(self, name) for name in self.model_fields_set}
        new = type(self).model_validate({**said, **update})
        return new.model_copy(deep=True) if deep else new

    def __repr_args__(self) -> Iterator[tuple[str, object]]:
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if value != field.get_default(call_default_factory=True, validated_data={}):
                yield name, os.fspath(value) if isinstance(value, os.PathLike) else value

    def __str__(self) -> str:
        return repr(self)

    def __setattr__(self, name: str, value: object) -> None:
        try:
            super().__setattr__(name, value)
        except (ValidationError, ValueError):
            kind = type(self).__name__
            raise SettingsError(
                f"{kind} cannot be changed: '{name}' stays as it is. Make another with "
                f"model_copy(update={{'{name}': ...}}).",
                setting=name,
            ) from None


def refused(
    error: ValidationError, model: type[Settings], subject: str = "", names: Mapping[str, str] | None = None
) -> SettingsError:
    """Return the error of a model in words, with the first field that is at fault."""
    subject = subject or f"{model.__name__} cannot be made"
    return SettingsError(f"{subject}: {faults(error, model, names)}.", setting=first_field(error, model))


_Made = TypeVar("_Made")


def _in_words(model: type[Settings], make: Callable[[], _Made]) -> _Made:
    try:
        return make()
    except ValidationError as error:
        raise refused(error, model) from None


def documented(n_positional: int) -> Callable[[_Model], _Model]:
    """Return a decorator that puts the fields of a model into its signature and the docstring.

    Parameters
    ----------
    n_positional
        The number of fields that can be given without their names.
    """

    def put(model: _Model) -> _Model:
        fields: Mapping[str, FieldInfo] = model.__pydantic_fields__
        summary, mark, examples = (model.__doc__ or "").partition("\n    Examples\n")
        lines = [summary.rstrip(), "", "    Parameters", "    ----------"]
        parameters = []
        for i, (name, field) in enumerate(fields.items()):
            default = field.get_default(call_default_factory=True, validated_data={})
            has_default = default is not PydanticUndefined
            ending = f" Default: {default!r}." if isinstance(default, str) else ""
            lines += [f"    {name}", *_wrapped(f"{field.description}{ending}")]
            kind = Parameter.POSITIONAL_OR_KEYWORD if i < n_positional else Parameter.KEYWORD_ONLY
            parameters.append(Parameter(name, kind, default=default if has_default else Parameter.empty))
        for name, description in model.also.items():
            lines += [f"    {name}", *_wrapped(description)]
            parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=None))
        lines += ["", "    Raises", "    ------", "    SettingsError", "        If a setting is unknown or not valid."]
        model.__doc__ = "\n".join([*lines, f"{mark}{examples}" if mark else "    "])
        model.__signature__ = Signature(parameters)
        return model

    return put


def _wrapped(text: str) -> list[str]:
    """Return the lines of a text, each with the indent of a description."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [f"        {line}" for line in (*lines, line)]
