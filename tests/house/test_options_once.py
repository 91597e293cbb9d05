"""Every option is declared once, in ``echoseg/options``: commands, YAML, archive settings, provenance and ``run`` read it there."""

import ast
import inspect
from dataclasses import fields
from pathlib import Path
from typing import Optional, get_type_hints

import pytest

from echoseg.archive.settings import Settings
from echoseg.cli import archive, run
from echoseg.cli.options import config_keys, declared
from echoseg.options import (
    AnalysisOptions,
    Asking,
    Following,
    FollowingOptions,
    Measuring,
    Opening,
    RunOptions,
    Subject,
    VolumeOptions,
    Writing,
    noted,
)

CLI = Path(inspect.getfile(run)).parent
OTHER = {("dataset", "prompt"), ("view", "weights"), ("gallery", "views"), ("import_", "model"), ("measure", "kind"), ("seg", "kind")}
"""Options that share a name with one of a run and mean something else."""


def hints(*kinds):
    return {part.name: get_type_hints(kind)[part.name] for kind in kinds for part in fields(kind)}


def spelled(command):
    """What a function of the command line declares by itself."""
    own = [*command.args.args, *command.args.kwonlyargs]
    return {one.arg for one in own if one.annotation is not None and "typer.Option" in ast.unparse(one.annotation)}


@pytest.mark.parametrize(
    ("keywords", "kinds"),
    [
        (FollowingOptions, (Following,)),
        (AnalysisOptions, (Following, Measuring)),
        (RunOptions, (Following, Measuring, Opening, Writing)),
    ],
)
def test_keywords_are_the_fields_of_the_frozen_types(keywords, kinds):
    expected = hints(*kinds)
    given = get_type_hints(keywords)
    assert given.keys() == expected.keys()
    assert all(given[name] in (expected[name], Optional[expected[name]]) for name in given)  # noqa: UP045 - `|` knows no such types


@pytest.mark.parametrize("path", sorted(CLI.glob("*.py")), ids=lambda path: path.name)
def test_no_command_declares_an_option_of_a_run_again(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    again = {(function.name, name) for function in functions for name in spelled(function) & set(declared())}
    assert again <= OTHER


def test_the_command_and_its_yaml_file_have_all_options_and_no_other():
    command = set(inspect.signature(run.run).parameters) - {"ctx", "inputs", "out", "config", "aliases"}
    of_the_process = {"memory_limit"}  # no choice about a result
    assert command == set(config_keys(run.run).model_fields) == set(declared()) | of_the_process


def test_an_option_is_a_field_of_one_type():
    parts = [part for kind in (Asking, Following, Opening, Measuring, Writing, VolumeOptions, Subject) for part in fields(kind)]
    options = [part.metadata["option"].name or part.name for part in parts if "option" in part.metadata]
    assert sorted(options) == sorted(declared())
    assert {part.name for part in parts if "option" not in part.metadata} == {"volume", "subject", "keep"}


def test_settings_of_an_archive_are_options_with_the_same_types_and_defaults():
    expected = hints(Asking, Following, Opening, Measuring)
    defaults = {part.name: part.default for kind in (Asking, Following, Opening, Measuring) for part in fields(kind)}
    settings = hints(Settings)
    assert settings == {name: expected[name] for name in settings}
    assert {part.name: part.default for part in fields(Settings)} == {name: defaults[name] for name in settings}
    assert set(settings) <= set(inspect.signature(archive.run).parameters)
    assert set(settings) <= set(config_keys(archive.run).model_fields)


def test_what_provenance_says_are_options():
    told = noted(Following(), Measuring(), Opening())
    assert list(told) == ["frame_index", "direction", "memory_selection", "view", "spacing", "fps", "series", "part", "axis", "window"]


def test_run_has_the_same_defaults_as_the_command():
    from echoseg import pipeline

    for entry in (pipeline.run, pipeline.segment, pipeline.stream, pipeline.analyse):
        given = {name: one.default for name, one in inspect.signature(entry).parameters.items()}
        asked = {part.name: part.default for part in fields(Asking) if part.name in given}
        assert {name: given[name] for name in asked} == asked


def test_an_option_that_is_none_is_refused(tmp_path):
    from echoseg import pipeline

    with pytest.raises(TypeError, match="colour"):
        pipeline.run("clip.dcm", tmp_path, colour="red")
    with pytest.raises(TypeError, match="fps"):
        pipeline.segment("clip.dcm", fps=3)
