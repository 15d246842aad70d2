"""`logoflow`: its commands, and errors as one sentence.

Exit codes: 0 done, 1 a stage failed, 2 usage or configuration, 3 `plan --check` found work.
"""

import io
import sys
import traceback

import typer

from logoflow.cli.accept import accept
from logoflow.cli.allow import allow
from logoflow.cli.check import check
from logoflow.cli.dedup import dedup
from logoflow.cli.detect import detect_text
from logoflow.cli.diff import diff
from logoflow.cli.doctor import doctor
from logoflow.cli.export import export
from logoflow.cli.images import images
from logoflow.cli.look import plan, runs, show
from logoflow.cli.maintain import gc, verify
from logoflow.cli.neighbours import embed, search
from logoflow.cli.notify import notify
from logoflow.cli.output import complaints, debugging
from logoflow.cli.project import project
from logoflow.cli.repair import repair
from logoflow.cli.run import run
from logoflow.cli.status import status
from logoflow.cli.synthesis.again import again
from logoflow.cli.synthesis.anatomy import layers, noise
from logoflow.cli.synthesis.between import interpolate, mix, truncate
from logoflow.cli.synthesis.directions import directions
from logoflow.cli.synthesis.pictures import generate, grid
from logoflow.cli.up import down, up
from logoflow.errors import UserError
from logoflow.redact import redacted

app = typer.Typer(
    help="Raw logo collections in; a training set, a generator and a report out. Add --debug to see tracebacks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
PIPELINE = (run, plan, status, runs, diff, accept, allow, show, verify, repair, gc, notify, doctor, up, down)
IMAGES = (detect_text, embed, dedup, search, check, images)
DRAWING = (generate, grid, interpolate, mix, truncate, noise, layers, directions, project, export, again)
for command in (*PIPELINE, *IMAGES, *DRAWING):
    app.command()(command)


def main() -> None:
    """Run the command line; what a user can mend is one sentence on stderr."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # who reads a pipe or a log file sees each line as it comes
    try:
        app(args=[argument for argument in sys.argv[1:] if argument != "--debug"])
    except UserError as error:
        complain(str(error))
    except PermissionError as error:
        complain(f"{error.filename} may not be read or written by this user: allow it (chmod), or use another place.")
    sys.exit(2)


def complain(sentence: str) -> None:
    """Print a sentence to stderr, and the traceback when asked."""
    if debugging():
        sys.stderr.write(redacted(traceback.format_exc()))
    complaints.print(sentence, style="red", markup=False)


if __name__ == "__main__":
    main()
