"""``echoseg serve``: the studio, in which clips and volumes are prompted, corrected and accepted in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from echoseg.cli.options import takes
from echoseg.errors import UnsupportedSourceError


@takes("model", "weights", "device")
def serve(
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[INPUT]...",
            help="Clips, volumes, folders of them, a manifest, a dicomweb:// address. Default: those of the project, or the demo clip.",
        ),
    ] = None,
    project: Annotated[Path, typer.Option(help="Folder of the project: everything that is done, and the accepted labels.")] = Path(
        "echoseg-studio"
    ),
    host: Annotated[str, typer.Option(help="Address to listen at; others than this machine's own need --token-file.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0: a free one.")] = 8765,
    token_file: Annotated[Path | None, typer.Option(help="File with the secret that opens the studio; made when missing.")] = None,
    root_path: Annotated[str, typer.Option(help="Path prefix under which a proxy shows the studio, such as /user/ana/proxy/8765.")] = "",
    order: Annotated[
        str, typer.Option(help="uncertainty: the drafts that the model is least sure of first; given: as listed.")
    ] = "uncertainty",
    draft: Annotated[bool, typer.Option(help="Find objects ahead of the annotators, while nobody waits for an answer.")] = True,
    show_names: Annotated[bool, typer.Option("--show-names", help="Show names of files, which may hold patients' names.")] = False,
    sessions: Annotated[int, typer.Option(min=1, max=1000, help="Items open at once.")] = 8,
    cache_mb: Annotated[int, typer.Option(min=16, help="Memory for frame features of one open item, in MB.")] = 256,
    upload_mb: Annotated[int, typer.Option(min=1, help="Largest file that may be uploaded, in MB.")] = 2048,
    **options: Any,
) -> None:
    """Open a page on which clips and volumes are segmented, corrected, measured and accepted; print the link to it.

    Memory of an open item: --cache-mb and its masks; with --model medsam2 also some 0.4 MB for each tracked frame and object.
    """
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UnsupportedSourceError("the studio needs more libraries: pip install 'echoseg[serve]'") from error
    from typing import cast

    from echoseg.annotate.desk import Desk, Limits
    from echoseg.annotate.items import project_items
    from echoseg.annotate.project import Order, Project
    from echoseg.annotate.rounds import current_weights
    from echoseg.annotate.settings import read_settings
    from echoseg.archive.settings import Settings
    from echoseg.datasets.demo import demo_clip
    from echoseg.model import load_model
    from echoseg.serve.drafting import Drafting
    from echoseg.serve.launch import listen, read_token
    from echoseg.serve.launch import serve as run_server
    from echoseg.serve.studio import Studio

    if order not in ("uncertainty", "given"):
        raise typer.BadParameter(f"{order!r} is neither uncertainty nor given", param_hint="--order")
    if root_path and not root_path.startswith("/"):
        raise typer.BadParameter("a path prefix begins with /", param_hint="--root-path")
    token = read_token(token_file, host)
    made = read_settings(project)
    given = inputs or (list(made.inputs) if made is not None else [str(demo_clip())])
    opened = Project(project, project_items(given, project))
    if made is not None:  # a project in rounds has weights of its own
        own = current_weights(opened, made)
        options |= {"model": made.model, "weights": None if own is None else str(own)}
    listening = listen(host, port)
    model = load_model(options["model"], options["weights"], options["device"])
    desk = Desk(opened, model, Limits(sessions, cache_mb * 2**20), cast(Order, order))
    settings = Settings(model=options["model"], weights=options["weights"], device=options["device"])
    drafting = Drafting(desk, settings).start() if draft else None
    run_server(Studio(desk, drafting, show_names), token, listening, root_path, upload_mb * 2**20, typer.echo)
