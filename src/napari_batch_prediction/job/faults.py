"""The faults that a model finds in its fields, in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from napari_batch_prediction.wording import did_you_mean, either, shortened

_EXPECTED = {
    "string": "a text",
    "path": "a path as text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "an object with names and values",
    "model": "an object with fields",
    "finite": "a finite number",
}
_LONGEST = 60
_MOST = 5


def faults(error: ValidationError, model: type[BaseModel], names: Mapping[str, str] | None = None) -> str:
    """Return every fault that a model has found, each with its field, as one sentence without its end.

    Parameters
    ----------
    error
        The error of the model.
    model
        The model.
    names
        How fields are called, by their names; as in the model if not given.
    """
    found: dict[str, list[ErrorDetails]] = {}
    details = error.errors(include_url=False)
    for detail in details:
        if detail["type"] == "too_short" and any(_is_inside(other["loc"], detail["loc"]) for other in details):
            continue  # entries with faults are not counted
        found.setdefault(_place(detail["loc"], names or {}), []).append(detail)
    texts = [f"{place}: {_fault(details, model)}".removeprefix(": ") for place, details in found.items()]
    more = f"; and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return "; ".join(texts[:_MOST]) + more


def first_field(error: ValidationError, model: type[BaseModel]) -> str | None:
    """Return the innermost field at the first fault, of a model or of one inside it; None if the whole is at fault."""
    name = None
    for part in error.errors(include_url=False)[0]["loc"]:
        if isinstance(part, str) and part in model.model_fields:
            name = part
            model = _model_at(model, [part])
    return name


def _is_inside(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _place(parts: tuple[int | str, ...], names: Mapping[str, str]) -> str:
    """Return the place of a fault: fields by name, entries of lists by number from 1; empty for the whole."""
    words = []
    for before, part in zip((None, *parts), parts, strict=False):
        if isinstance(part, int):
            words.append(f"entry {part + 1}")
        elif not (isinstance(before, int) and _is_type(part)) and part not in {"str", "[key]"}:
            words.append(names.get(part, shortened(part, _LONGEST)))
    return ", ".join(words)


def _is_type(part: str) -> bool:
    """Return True for what stands in a place for one of several types, with or without a function before it."""
    return part in _EXPECTED or part.startswith("function-before[")


def _fault(details: list[ErrorDetails], model: type[BaseModel]) -> str:
    """Return the fault at one place; of a field that may be one of several types there are several."""
    detail = details[0]
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return f"is not the name of a field{_meant(str(detail['loc'][-1]), _model_at(model, detail['loc'][:-1]))}"
    if kind == "json_invalid":
        return f"is not JSON: {context['error']}"
    if kind.startswith("union_tag"):
        return f"its {context['discriminator']} is missing or unknown"
    if kind == "value_error":
        return str(context["error"]).removesuffix(".")
    if kind == "too_short":
        return "at least one entry is expected"
    if kind == "too_long":
        return f"at most {context['max_length']} entries are expected"
    if kind == "greater_than_equal":
        return f"at least {context['ge']} is expected, got {_shown(value)}"
    if kind == "less_than_equal":
        return f"at most {context['le']} is expected, got {_shown(value)}"
    if kind == "literal_error":
        choices = [text.strip("'") for text in context["expected"].replace(" or ", ", ").split(", ")]
        return f"{either(choices)} is expected, got {_shown(value)}{did_you_mean(str(value), choices)}"
    expected = dict.fromkeys(_EXPECTED.get(detail["type"].partition("_")[0], "something else") for detail in details)
    return f"{either(expected)} is expected, got {_shown(value)}"


def _shown(value: object) -> str:
    return shortened(repr(value), _LONGEST)


def _meant(name: str, model: type[BaseModel]) -> str:
    """Return the question whether a field is meant: one of a model, or one of a model inside it."""
    if meant := did_you_mean(name, [*model.model_fields, *getattr(model, "also", ())]):
        return meant
    if longer := next((field for field in model.model_fields if field.endswith(f"_{name}")), None):
        return f" (did you mean '{longer}'?)"
    for outer, field in model.model_fields.items():
        for inner in _models(field.annotation):
            if meant := did_you_mean(name, inner.model_fields):
                return meant.replace("?", f" inside '{outer}'?")
    return ""


def _model_at(model: type[BaseModel], parts: Iterable[int | str]) -> type[BaseModel]:
    """Return the model at a place in a model."""
    for part in parts:
        if isinstance(part, str) and part in model.model_fields:
            model = next(_models(model.model_fields[part].annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a type such as a list of models."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
