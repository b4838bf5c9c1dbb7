"""Options of the command line are fields of the job and of its exports."""

import argparse
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from napari_batch_prediction import cli
from napari_batch_prediction.errors import SettingsError
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.job import BatchJob
from napari_batch_prediction.job.options import Option, add_options, given_options, options, write_options
from napari_batch_prediction.job.region import parse_region
from napari_batch_prediction.job.spelling import parse_size


class Later(BaseModel):
    """A model as it may grow: each kind of field that can be an option."""

    text: Annotated[str, Option("T")] = Field("a", description="A text.")
    switch: Annotated[bool, Option()] = Field(False, description="A switch.")
    pair: Annotated[tuple[float, float] | None, Option(("A", "B"), parse=float, write=repr)] = Field(None)
    hidden: int = 3


def parse(words: list[str]) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    add_options(parser, Later)
    return given_options(parser.parse_args(words), Later)


def test_new_field_is_an_option():
    """A field with an annotation is an option; what was not given is not among the fields."""
    assert parse([]) == {}
    assert parse(["--text", "b", "--switch", "--pair", "0", "1.5"]) == {"text": "b", "switch": True, "pair": [0, 1.5]}


def test_written_options_are_read_back():
    """Options written from a model give the model again; defaults are left out."""
    model = Later(text="two words", switch=True, pair=(0.1, 2))
    words = [word for name, values in write_options(model).items() for word in (name, *values)]
    assert Later(**parse(words)) == model
    assert write_options(Later()) == {}


@pytest.mark.parametrize("model", [Export, BatchJob])
def test_every_setting_is_an_option(model):
    """Fields that are no option are those that the command line says in another way."""
    said = {name for name, _, _ in options(model)}
    other = {"source", "classifier", "inputs", "exports", "input_settings", "objects", "rules"}
    assert set(model.model_fields) - said <= other
    assert all(field.description for field in model.model_fields.values())


@pytest.mark.parametrize("text", ["y=10:20", "Y=10:20", "y=1:2, x=:3", ""])
def test_region_is_taken_from_the_command_line(text):
    """The command line takes the regions that everything else takes."""
    assert cli.make_parser().parse_args(["run", "c.ilp", "a.tif", "--region", text]).region == parse_region(text)


@pytest.mark.parametrize("text", ["x=\u0663:\u0664", "y=1:2,y=3:4", "y=1", "q=1:2"])
def test_text_that_is_no_region_is_refused(text, capsys):
    """The command line refuses the regions that everything else refuses, for the same reason."""
    with pytest.raises(SettingsError) as refused:
        parse_region(text)
    with pytest.raises(SystemExit):
        cli.make_parser().parse_args(["run", "c.ilp", "a.tif", "--region", text])
    assert str(refused.value) in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("text", "size"), [("512MiB", 2**29), ("1.5 GB", 1_500_000_000), ("4g", 4 * 10**9), ("600000000", 600_000_000)]
)
def test_size_is_read_with_and_without_a_unit(text, size):
    """Sizes are read with and without a unit."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "4 apples", "-1GB", "\u0664GB"])
def test_text_that_is_no_size_is_refused(text):
    """A text that is no size is refused with an example."""
    with pytest.raises(SettingsError, match="expected for example 4GiB"):
        parse_size(text)
