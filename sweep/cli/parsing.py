"""Turn a command line into the options of one verb, with typer; a wrong one into one sentence."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from sweep.cli.options import VerbOptions
from sweep.cli.streams import to_stdout
from sweep.errors import UsageError, fault

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_AN_OPTION = re.compile(r"-(?!\d|\.\d|$)")


def verbs(*functions: Callable[[Any], int], **settings: Any) -> typer.Typer:
    """A group of verbs.

    Args:
        functions: one for each verb, which has its name. Its parameter ``options`` is annotated
            with a dataclass, whose fields are the verb's options; its docstring is the verb's
            help.
        settings: of the group, as typer has them.
    """
    group = typer.Typer(cls=_Group, rich_markup_mode=None, context_settings=_SETTINGS, **settings)
    for function in functions:
        group.command(function.__name__, cls=_Verb)(_declared(function))
    return group


def parse(group: typer.Typer, arguments: Sequence[str]) -> VerbOptions:
    """The options that a command line gives to one of the verbs.

    Raises:
        UsageError: if it is wrong.
        SystemExit: if it asks for help, for the version or for completion, which is printed.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            found = get_command(group).main([*arguments], "lorasweep", standalone_mode=False)
    except typer.TyperException as error:
        raise UsageError(_sentence(error)) from error
    finally:
        with to_stdout():
            print(said.getvalue(), end="")
    if not isinstance(found, VerbOptions):
        raise SystemExit(found)
    found.command = ["lorasweep", *arguments]
    return found


def _declared(verb: Callable[[Any], int]) -> Callable[..., VerbOptions]:
    """A function with the verb's options as its parameters, from which typer reads them."""
    kind = get_type_hints(verb)["options"]
    hints = get_type_hints(kind)

    def made(**values: Any) -> VerbOptions:
        options: VerbOptions = kind(**values)
        options.verb = verb
        return options

    made.__doc__ = verb.__doc__
    made.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                each.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_default(each),
                annotation=Annotated[hints[each.name], each.metadata["declare"](each.name)],
            )
            for each in _ordered(kind)
        ]
    )
    return made


def _ordered(kind: type[VerbOptions]) -> list[Field[Any]]:
    """The fields that are options: a verb's own first, then those that it inherits."""
    known = {each.name: each for each in fields(kind) if "declare" in each.metadata}
    names = (name for base in kind.__mro__ for name in inspect.get_annotations(base))
    return [known[name] for name in dict.fromkeys(names) if name in known]


def _default(each: Field[Any]) -> Any:
    if each.default_factory is not MISSING:
        return each.default_factory()
    return inspect.Parameter.empty if each.default is MISSING else each.default


class _Verb(TyperCommand):
    """A verb; an option is never taken for the value of the option before it."""

    allow_extra_args = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an option without its value, and an argument too many."""
        if ctx.resilient_parsing:  # for completion
            return super().parse_args(ctx, args)
        args = self._in_full(args)
        faults = self._without_values(ctx, args[: args.index("--")] if "--" in args else args)
        if faults:
            raise UsageError(faults)
        rest = super().parse_args(ctx, args)
        if rest:
            rule = f"be one that {ctx.command_path} takes"
            raise UsageError(fault("an argument", rule, rest[0], way_out=_see(ctx)))
        return rest

    def _in_full(self, words: list[str]) -> list[str]:
        """The words with shortened options written out, if only one begins so, as argparse did."""
        known = [name for param in self.params for name in param.opts]
        end = words.index("--") if "--" in words else len(words)
        full = list(words)
        for at, word in enumerate(words[:end]):
            short, sign, value = word.partition("=")
            found = [name for name in known if name.startswith(short)]
            if short.startswith("--") and short not in known and len(found) == 1:
                full[at] = found[0] + sign + value
        return full

    def _without_values(self, ctx: Any, words: list[str]) -> list[str]:
        """Faults of options without their value, and of flags with one."""
        flags = {o for p in self.params if getattr(p, "is_flag", False) for o in p.opts}
        valued = {o for p in self.params for o in p.opts} - flags
        faults = []
        for word, following in zip(words, [*words[1:], None], strict=True):
            name, sign, value = word.partition("=")
            if name in flags and sign:
                faults.append(fault(name, "be given without a value", value, way_out=_see(ctx)))
            if word in valued and (following is None or _AN_OPTION.match(following)):
                way_out = f"If that is its value, write {word}={following}" if following else ""
                rule = "be followed by its value"
                faults.append(fault(word, rule, following, way_out=way_out or _see(ctx)))
        return faults

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Arguments without the braces that typer puts around those that are required."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


class _Group(TyperGroup):
    """A group of verbs, one of which must be given."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its flags, which are false by default: None makes typer import pydantic."""
        flags = super().get_params(ctx)
        for flag in flags:
            flag.default = False
        return flags

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse a command line without a verb."""
        known = {*self.commands, *(o for p in self.get_params(ctx) for o in p.opts)}
        if known.isdisjoint(args) and not ctx.resilient_parsing:
            raise self._refusal(ctx, args[0] if args else None)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Refuse an unknown verb."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            raise self._refusal(ctx, args[0])
        return super().resolve_command(ctx, args)

    def _refusal(self, ctx: Any, got: str | None) -> UsageError:
        rule = f"be followed by one of {', '.join(self.commands)}"
        close = difflib.get_close_matches(got or "", self.commands, n=1)
        way_out = "".join(f"Did you mean {each}? " for each in close) + _see(ctx)
        return UsageError(fault(ctx.command_path, rule, got, way_out=way_out))


def _see(ctx: Any) -> str:
    return f"See {ctx.command_path} --help"


def _sentence(error: Any) -> str:
    """What typer refuses, in the common form."""
    param = getattr(error, "param", None)
    if param is not None:
        name = param.opts[0] if param.param_type_name == "option" else param.metavar
        if error.__cause__ is None:  # nothing to convert
            return fault(name, "be given", None, way_out=_see(error.ctx))
        kind = param.type_descriptor
        rule = (
            f"be one of {', '.join(kind.choices)}"
            if kind.choices
            else {int: "be a whole number", float: "be a number"}[kind.annotation]
        )
        got = error.__cause__.errors()[0]["input"]  # of pydantic's error
        return fault(name, rule, got, way_out=_see(error.ctx))
    if type(error).__name__ == "NoSuchOption":
        rule = f"be one that {error.ctx.command_path} takes"
        close = "".join(f"Did you mean {each}? " for each in (error.possibilities or ())[:1])
        way_out = close + _see(error.ctx)
        return fault("an option", rule, error.option_name, way_out=way_out)
    return fault("the command line", "be as lorasweep --help shows", error.message)
