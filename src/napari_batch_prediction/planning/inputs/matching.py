"""Finding the second image of each input: one for all, by a template with the image's name, or by their names."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from glob import escape, has_magic
from pathlib import Path
from typing import Self

from napari_batch_prediction.errors import ImageReadError, SettingsError
from napari_batch_prediction.images.second import ROLES, Role
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.locations.inputs import Expansion
from napari_batch_prediction.locations.location import FileAt, Location, at_home, is_special, parse
from napari_batch_prediction.locations.paths import real_path
from napari_batch_prediction.planning.inputs.second import is_project
from napari_batch_prediction.planning.naming import relative_folder, shared_folder, template_fields
from napari_batch_prediction.records.record import RecordedInput
from napari_batch_prediction.wording import listed

Matched = Location | ImageReadError | SettingsError
"""Where a second image is, or the error that there is none."""

PLACEHOLDERS = ("folder", "stem", "parent", "relative", "dataset_dir", "nickname")
"""What a template of second images may name, with the meaning that it has in names of outputs."""

# What is left of `.ome.tif` and `.ome.zarr` in names without an extension.
_OME = ".ome"


class Matching:
    """The second images of the inputs of a job.

    Parameters
    ----------
    found
        Where the second images of each image are, by what they are for.
    left_out
        Images that are second images themselves, and so no inputs.
    """

    def __init__(
        self, found: Mapping[Role, Mapping[Location, Matched]], left_out: Collection[Location] = frozenset()
    ) -> None:
        self._found, self.left_out = found, left_out

    @classmethod
    def of_job(cls, job: BatchJob, images: Sequence[Location], matched: Collection[Location]) -> Self:
        """Find the second images of all images.

        Parameters
        ----------
        job
            The job.
        images
            The images of its inputs.
        matched
            Those that no input names, but a folder or a pattern matches.

        Raises
        ------
        SettingsError
            If a template cannot be used, or a pattern matches nothing.
        """
        everything: dict[Role, Mapping[Location, Matched]] = {}
        left_out: set[Location] = set()
        for role in ROLES.values():
            own = dict(_own_texts(job, role))
            text = getattr(job, role.field)
            if text is not None and is_project(text):
                continue
            if text is None and not own:
                continue
            pairs = _Pairs(job, role, images, matched)
            found = {} if text is None else pairs.of_all(text)
            found |= {image: pairs.of_one(own[str(image)], image) for image in images if str(image) in own}
            everything[role] = found
            left_out |= pairs.left_out
        return cls(everything, left_out)

    @classmethod
    def again(cls, job: BatchJob, images: Sequence[Location], earlier: Sequence[RecordedInput]) -> Self:
        """Return the second images that the inputs of a run had in an earlier part of it; find those that had none.

        Parameters
        ----------
        job
            The job.
        images, earlier
            The images, and what the ledger says of each.
        """
        if all(recorded.beside for recorded in earlier):
            everything: dict[Role, dict[Location, Matched]] = {role: {} for role in ROLES.values()}
        else:
            anew = cls.of_job(job, images, ())
            everything = {role: dict(anew._found.get(role, {})) for role in ROLES.values()}
        for location, recorded in zip(images, earlier, strict=True):
            for field, text in recorded.beside.items():
                if (role := ROLES.get(field)) is not None:
                    everything[role][location] = _again(job, text)
        return cls(everything)

    def of(self, image: Location) -> Mapping[Role, Matched]:
        """Return where the second images of an image are, or why there is none."""
        return {role: found[image] for role, found in self._found.items() if image in found}


def _again(job: BatchJob, text: str) -> Matched:
    try:
        return parse(text, job.stack)
    except SettingsError as error:
        return error


def _own_texts(job: BatchJob, role: Role) -> Iterator[tuple[str, str]]:
    """Yield the inputs that have a second image of their own, with its text."""
    for name, settings in job.input_settings.items():
        if (text := getattr(settings, role.field)) is not None:
            yield name, text


class _Pairs:
    """The second images for one thing."""

    def __init__(self, job: BatchJob, role: Role, images: Sequence[Location], matched: Collection[Location]) -> None:
        self.left_out: set[Location] = set()
        self._job, self._role, self._images, self._matched = job, role, images, matched
        files = [image.file for image in images if image.file is not None]
        self._root = shared_folder(files) if files else Path()

    def of_all(self, text: str) -> dict[Location, Matched]:
        """Return the second image of each image, by a text for all."""
        found: dict[Location, Matched] = {}
        if is_special(text):
            found = dict.fromkeys(self._images, parse(text))
        elif _is_template(text):
            template_fields(text, PLACEHOLDERS, self._role.field)
            found = {image: self._by_template(text, image) for image in self._images}
        else:
            candidates, is_named = self._expand(text)
            if not is_named:
                return self._by_name(text, candidates)
            found = dict.fromkeys(self._images, candidates[0])
        self._leave_out_used(found)
        return {image: self._checked(image, location) for image, location in found.items()}

    def of_one(self, text: str, image: Location) -> Matched:
        """Return the second image of one image, by a text for it alone."""
        if is_project(text):
            return SettingsError(
                f"'{text}' is a project, which predicts the {self._role.noun} of all images, and cannot be that of "
                f"'{image}' alone. Name it for all.",
                setting=self._role.field,
            )
        try:
            if is_special(text):
                return parse(text)
            if _is_template(text):
                template_fields(text, PLACEHOLDERS, self._role.field)
                found = self._by_template(text, image)
            else:
                found = self._only(text, image, self._expand(text)[0])
        except SettingsError as error:
            return error
        self._leave_out_used({image: found})
        return self._checked(image, found)

    def _expand(self, text: str) -> tuple[list[Location], bool]:
        """Return the images that a text names or matches, and True if it names a single one."""
        # Results of earlier runs may be second images: they are not left out.
        expansion = Expansion(self._job.stack)
        try:
            found = expansion.expand(text)
        except SettingsError as error:
            raise SettingsError(f"The {self._role.noun}: {error}", setting=self._role.field) from None
        return found, len(found) == 1 and found[0] not in expansion.matched

    def _by_template(self, template: str, image: Location) -> Matched:
        if image.file is None:
            return self._missing(image, f"'{template}' has places for the name of a file, and this image is in none")
        folder = os.path.abspath(image.file.parent)  # noqa: PTH100 - links stay
        values = {"folder": folder, "dataset_dir": folder, "parent": Path(folder).name}
        values["relative"] = relative_folder(folder, self._root)
        stems = names_of(image)
        places = [_place(template, folder, {**values, "stem": stem, "nickname": stem}) for stem in stems]
        for place in places:
            location = FileAt.of(place)
            if location.path.exists():
                return location
        if has_magic(template):
            for stem in stems:
                names = {key: escape(value) for key, value in {**values, "stem": stem, "nickname": stem}.items()}
                try:
                    pattern = _place(template, escape(folder), names)
                    return self._only(pattern, image, self._expand(pattern)[0])
                except SettingsError:  # it matches nothing
                    continue
        return self._missing(image, f"there is no '{places[0]}'")

    def _only(self, text: str, image: Location, found: Sequence[Location]) -> Matched:
        """Return the only image that a text stands for."""
        others = [location for location in found if _key(location) != _key(image)]
        return others[0] if len(others) == 1 else self._unclear(image, others) if others else found[0]

    def _by_name(self, text: str, candidates: Sequence[Location]) -> dict[Location, Matched]:
        """Return the second image of each image among some, by their names."""
        keys = {_key(candidate) for candidate in candidates}
        images = [image for image in self._images if image not in self._matched or _key(image) not in keys]
        # A folder with both holds images, too; else whatever it holds is a second image, also one without its image.
        all_in_one = not images
        images = images or [*self._images]
        self.left_out |= set(self._images) - set(images)
        if len(images) == len(candidates) == 1:
            return {images[0]: self._checked(images[0], candidates[0])}
        found = _by_stem(images, candidates)
        if all_in_one:
            self._leave_out_used({image: some[0] for image, some in found.items() if len(some) == 1})
        return {image: self._one_of(text, image, found[image]) for image in images}

    def _one_of(self, text: str, image: Location, found: Sequence[Location]) -> Matched:
        if len(found) == 1:
            return found[0]
        if found:
            return self._unclear(image, found)
        return self._missing(image, f"no name in '{text}' is or has in it '{image.stem}'")

    def _leave_out_used(self, found: Mapping[Location, Matched]) -> None:
        """Note the inputs that are second images of others."""
        pairs = [(_key(image), _key(other)) for image, other in found.items() if isinstance(other, Location)]
        used = {second for first, second in pairs if first != second}
        self.left_out |= {image for image in self._images if image in self._matched and _key(image) in used}

    def _checked(self, image: Location, found: Matched) -> Matched:
        if isinstance(found, Location) and _key(found) == _key(image):
            noun = self._role.noun
            text = (
                f"The {noun} of '{image}' would be the image itself. Name the {noun}, or a folder or pattern of such."
            )
            return SettingsError(text, setting=self._role.field)
        return found

    def _missing(self, image: Location, why: str) -> ImageReadError:
        noun = self._role.noun
        return ImageReadError(
            f"'{image}' has no {noun}: {why}. Add it, or name it for this image.", setting=self._role.field
        )

    def _unclear(self, image: Location, found: Sequence[Location]) -> SettingsError:
        noun, names = self._role.noun, listed([f"'{one}'" for one in found])
        return SettingsError(
            f"It is not clear which is the {noun} of '{image}': {names} may be. Say it "
            f"by a template such as '{{folder}}/{self._role.example}'.",
            setting=self._role.field,
        )


def _is_template(text: str) -> bool:
    return "{" in text and not FileAt.of(at_home(text)).path.exists()


def _place(template: str, folder: str, values: Mapping[str, str]) -> str:
    """Return the path that a template gives; it begins at the folder of the image unless it is absolute."""
    return os.path.join(folder, at_home(template.format(**values)))  # noqa: PTH118


def _by_stem(images: Sequence[Location], candidates: Iterable[Location]) -> dict[Location, list[Location]]:
    """Return the candidates whose name is that of an image or has it in it, for each image.

    Of several images whose names are in that of a candidate, the one with the longest name is meant. Of several
    candidates the one with the image's very name is meant, or the one in the image's folder or one of the same name.
    """
    named: dict[str, list[Location]] = {}
    for image in images:
        for name in names_of(image):
            named.setdefault(name, []).append(image)
    found: dict[Location, list[Location]] = {image: [] for image in images}
    for candidate in candidates:
        key = _key(candidate)
        others = ([one for one in named.get(part, ()) if _key(one) != key] for part in _parts(candidate.stem))
        for image in next(filter(None, others), []):
            found[image].append(candidate)
    n_files = {name: len({one.paths for one in those}) for name, those in named.items()}
    return {
        image: _nearest(image, some, is_only=all(n_files[name] == 1 for name in names_of(image)))
        for image, some in found.items()
    }


def _nearest(image: Location, found: list[Location], *, is_only: bool) -> list[Location]:
    """Return those of some candidates that are meant by an image; ``is_only`` if no other has its name."""
    if len(found) == 1 and is_only:
        return found
    folder = image.file.parent if image.file is not None else Path()
    tests = (
        *((lambda one: one.stem == image.stem, lambda one: one.stem in names_of(image)) if is_only else ()),
        lambda one: one.file is not None and real_path(one.file.parent) == real_path(folder),
        lambda one: one.file is not None and one.file.parent.name == folder.name,
    )
    for test in tests:
        if len(some := [one for one in found if test(one)]) == 1:
            return some
    return found if len(found) != 1 else []


def names_of(image: Location) -> tuple[str, ...]:
    """Return the names of an image: its own, that of its file without a dataset, and these without ``.ome``.

    Other programs write ``a_mask.tif`` for ``a.ome.tif``, which would be ``a.ome_mask.tif`` by its name here.
    """
    names = [image.stem, *([FileAt(image.path).stem] if isinstance(image, FileAt) else [])]
    shorter = [name[: -len(_OME)] for name in names if name.lower().endswith(_OME) and len(name) > len(_OME)]
    return tuple(dict.fromkeys([*names, *shorter]))


def _parts(text: str) -> Iterator[str]:
    """Yield a text and what is between any two of its boundaries, the longest first.

    A boundary is where a letter or a digit is not beside one of its own kind: ``img_1`` is in ``img_1_mask``, not in
    ``img_10_mask``.
    """
    ends = [0, *(i for i in range(1, len(text)) if not _alike(text[i - 1], text[i])), len(text)]
    pieces = {text[i:j] for k, i in enumerate(ends) for j in ends[k + 1 :]}
    yield from sorted(pieces, key=lambda piece: (-len(piece), piece))


def goes_on(name: str, ending: str) -> bool:
    """Return True if an ending goes on with the last word or number of a name: ``0_mask`` after ``img_1``."""
    return _alike(name[-1:], ending[:1])


def _alike(one: str, other: str) -> bool:
    return (one.isdecimal() and other.isdecimal()) or (one.isalpha() and other.isalpha())


def _key(location: Location) -> object:
    """Return a value that is equal for locations of the same image."""
    if isinstance(location, FileAt):
        return real_path(location.path), location.dataset
    return str(location)
