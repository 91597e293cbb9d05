"""The options of :mod:`echoseg.options` as those of a command, and as the keys of its YAML file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args, get_type_hints

import typer
from typer.models import OptionInfo

from echoseg.options import Asking, Following, Measuring, Opening, Option, Writing

if TYPE_CHECKING:
    from pydantic import BaseModel

_CONFIG = Annotated[Path | None, typer.Option(help="YAML file with these options; the command line wins.")]
_LINE_ONLY = {"ctx", "out", "aliases", "recompute", "config"}


class Declared(NamedTuple):
    """An option and the field that declares it.

    Attributes:
        option: how it is written.
        type, default: of the field.
        keyword: of :func:`echoseg.run`, which takes the option itself or, where ``group`` is one, a value of that type.
        part: the field's name.
    """

    option: Option
    type: Any
    default: Any
    keyword: str
    part: str
    group: Callable[..., Any] | None


@cache
def declared() -> Mapping[str, Declared]:
    """All options by their names, in the order of the help."""
    return {name: one for kind in (Asking, Following, Opening, Measuring, Writing) for name, one in _declared(kind).items()}


def takes(*names: str, config: bool = False, **told: Mapping[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command, besides its own parameters, the options ``names``, which reach it as keywords of :func:`echoseg.run`.

    Args:
        names: of :func:`declared`.
        config: whether a YAML file may set the command's options, too.
        told: what an option is told otherwise in this command, for :func:`typer.Option`.
    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        own = [one for one in inspect.signature(command, eval_str=True).parameters.values() if one.kind is not one.VAR_KEYWORD]
        shared = [_parameter(name, told.get(name, {})) for name in names]
        if config:
            shared.append(inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_CONFIG))

        @wraps(command)
        def called(**given: Any) -> None:
            path = given.pop("config", None)
            written = {} if path is None else read_config(path, called)
            written = {name: value for name, value in written.items() if not _on_the_line(given["ctx"], name)}
            given |= written
            values = {name: _read(name, given.pop(name), path if name in written else None) for name in names}
            command(**given, **keywords(values))

        parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in [*own, *shared]]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        return called

    return decorated


def keywords(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of options by their names, as keywords of :func:`echoseg.run`: those of one value type together as that value."""
    found: dict[str, Any] = {}
    groups: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {}
    for name, value in given.items():
        one = declared()[name]
        if one.group is None:
            found[one.keyword] = value
        else:
            groups.setdefault(one.keyword, (one.group, {}))[1][one.part] = value
    return found | {keyword: group(**parts) for keyword, (group, parts) in groups.items()}


def chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of :func:`echoseg.run` without those that say what is the default anyway."""
    usual = {part.name: part.default for kind in (Following, Opening, Measuring, Writing) for part in fields(kind)}
    return {name: value for name, value in given.items() if name not in usual or value != usual[name]}


def read_config(path: Path, command: Callable[..., None]) -> dict[str, Any]:
    """The options of ``command`` that the YAML file ``path`` sets; one left empty is not set.

    Raises:
        typer.BadParameter: not a readable YAML file, an unknown key or an unusable value; the message names each key.
    """
    import yaml
    from pydantic import ValidationError

    keys = config_keys(command)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return keys.model_validate({} if content is None else content).model_dump(exclude_unset=True, exclude_none=True)
    except ValidationError as error:
        found = [(".".join(map(str, e["loc"])) or "the file", _reason(keys, e["type"], e["msg"])) for e in error.errors()]
        reasons = "; ".join(f"{where}: {why}" for where, why in found)
        raise typer.BadParameter(f"{path}: {reasons}", param_hint="--config") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{path} is not a readable YAML file: {error}", param_hint="--config") from error


def config_keys(command: Callable[..., None]) -> type[BaseModel]:
    """What a YAML file of ``command`` may set: its options, but those that are for the command line alone."""
    from pydantic import ConfigDict, Field, create_model

    found: dict[str, Any] = {}
    for name, one in inspect.signature(command).parameters.items():
        kind, *infos = get_args(one.annotation) or (one.annotation,)
        if name in _LINE_ONLY or not infos or not isinstance(infos[0], OptionInfo):
            continue
        shared = declared().get(name)
        kind = shared.option.yaml or kind if shared else kind
        found[name] = Annotated[kind | None, Field(ge=infos[0].min, le=infos[0].max)], None
    return create_model("Config", __config__=ConfigDict(extra="forbid"), **found)


def _declared(kind: type, keyword: str = "") -> dict[str, Declared]:
    found, types = dict[str, Declared](), get_type_hints(kind)
    for part in fields(kind):
        if option := part.metadata.get("option"):
            group = kind if keyword else None
            found[option.name or part.name] = Declared(option, types[part.name], part.default, keyword or part.name, part.name, group)
        elif is_dataclass(part.default):  # a value type, with options of its own
            found |= _declared(types[part.name], part.name)
    return found


def _parameter(name: str, told: Mapping[str, Any]) -> inspect.Parameter:
    option, kind, default, *_ = declared()[name]
    default, kind = default if option.unset is None else option.unset, option.written or kind
    spelled = [f"--{name}"] if default is False else []  # nobody needs a --no-dicom
    facts = {"help": option.help, "metavar": option.metavar, "min": option.least, "max": option.most, **told}
    kind = kind if default is not None else kind | None
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, typer.Option(*spelled, **facts)]
    )


def _read(name: str, value: Any, path: Path | None) -> Any:
    """The value of what was written on the command line, or in the YAML file ``path``."""
    read = declared()[name].option.read
    if read is None or value is None:
        return value
    try:
        return read(value)
    except ValueError as error:
        hint, where = (f"--{name.replace('_', '-')}", "") if path is None else ("--config", f"{path}: {name}: ")
        raise typer.BadParameter(f"{where}{error}", param_hint=hint) from error


def _on_the_line(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _reason(keys: type[BaseModel], kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return f"unknown key; known are {', '.join(keys.model_fields)}"
    if kind == "model_type":
        return "must hold lines of `option: value`"
    return message[0].lower() + message[1:]
