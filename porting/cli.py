"""The command line: ``rnnport COMMAND …``. One file a command in :mod:`porting.commands`; each is imported only when it runs."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from collections.abc import Sequence

import click

from reference.errors import NotConvertibleError, RnnportError

COMMANDS = {
    "inspect": "What recurrences are in a model, and what each will become.",
    "convert": "Convert a TF1 model to ONNX, to Keras or to Keras source, and prove it equal.",
    "verify": "Compare a port with the original.",
    "record": "Write the recorder, one file to run in your old TF1 environment.",
    "scan": "Find TF1 recurrent API use in source code, and what each use becomes.",
    "rewrite": "Rewrite TF1 recurrent source code; prints a diff unless --write.",
    "bench": "Time a model and its ports side by side.",
    "demo": "The whole story on the shipped example.",
}


class LazyGroup(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if _is_there(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not _is_there(cmd_name):
            return None
        module = importlib.import_module(f"porting.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


def _is_there(name: str) -> bool:
    """Whether the command's module exists; it is not imported to find out."""
    return importlib.util.find_spec(f"porting.commands.{name}") is not None


def show_versions(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    """``--version``: ours, and those of the packages that decide about numbers."""
    if not value or ctx.resilient_parsing:
        return
    from porting.version import versions

    for name, version in versions().items():
        click.echo(f"{name} {version or 'not installed'}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=show_versions,
    help="Show the version, and those of numpy, onnx, onnxruntime, keras and tensorflow.",
)  # fmt: skip
def root() -> None:
    """Bring TensorFlow 1 recurrent networks to Keras 3 and ONNX Runtime, with the numbers proven unchanged."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and end the process with the status of the contract; never a traceback."""
    # What Keras and TensorFlow warn of inside themselves is nothing a user of this command can act on.
    warnings.filterwarnings("ignore", module=r"(keras|tensorflow)\b")
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """The exit status of one call of the command line."""
    try:
        result = root.main(args=arguments, prog_name="rnnport", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("rnnport: interrupted", err=True)
        return 2
    except RnnportError as error:
        return refuse(error)
    except Exception as error:
        return surprise(error)
    return result if isinstance(result, int) else 0


def refuse(error: RnnportError) -> int:
    """Say why, in the terms of the contract."""
    click.echo(f"rnnport: {error}", err=True)
    if isinstance(error, NotConvertibleError):
        for reason in error.reasons:
            click.echo(f"  {reason}", err=True)
        if error.convertible:
            click.echo(
                f"  these outputs would convert: --outputs {','.join(error.convertible)}", err=True
            )
    return error.status


def surprise(error: Exception) -> int:
    """A mistake of ours (or a lack of memory or disk): one sentence, and how to see more."""
    if os.environ.get("RNNPORT_TRACEBACK"):
        raise error
    text = " ".join(str(error).split())[:300]
    click.echo(
        f"rnnport: unexpected {type(error).__name__}: {text} (set RNNPORT_TRACEBACK=1 to see where)",
        err=True,
    )
    return 2
