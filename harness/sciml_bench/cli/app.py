"""The commands and their options; what they do is in the module of the same name."""

from pathlib import Path
from typing import Annotated

import typer

from . import options
from .group import Commands

app = typer.Typer(
    name="sciml-bench",
    cls=Commands,
    help="Benchmark methods of scientific machine learning: fit, predict, score, and compare with classical solvers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Generate datasets and certify their truth.", no_args_is_help=True)
records_app = typer.Typer(help="Review records as data.", no_args_is_help=True)
site_app = typer.Typer(help="Build the leaderboard pages from records.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(records_app, name="records")
app.add_typer(site_app, name="site")


def _version(wanted: bool) -> None:
    if wanted:
        from .version import version

        typer.echo(version())
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Benchmark methods of scientific machine learning."""


@app.command("list")
def list_(
    what: Annotated[options.Listed | None, typer.Argument(help="Only methods, only datasets or only tracks.")] = None,
    json: options.Json = False,
) -> None:
    """List tracks, datasets and methods, one line each."""
    from . import listing

    listing.show(None if what is None else what.value, json)


@app.command()
def info(
    name: Annotated[str, typer.Argument(help="A method, a dataset, or the path of a file.")],
    json: options.Json = False,
) -> None:
    """Show the card of a method or dataset: what it is, its parameters, tiers, sources."""
    from . import listing

    listing.info(name, json)


@app.command()
def run(
    method: Annotated[
        list[str],
        typer.Option("--method", "-m", help="A method, several with commas, or the path of a Python file."),
    ],
    dataset: Annotated[
        list[str],
        typer.Option("--dataset", "-d", help="A dataset, several with commas, or the path of an HDF5/NetCDF4 file."),
    ],
    tier: options.TierOption = options.Tier.small,
    folds: Annotated[int, typer.Option(help="Number of cross-validation folds.")] = 5,
    seeds: Annotated[int, typer.Option(help="Number of repetitions with different training seeds.")] = 1,
    device: options.Device = "auto",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A hyperparameter, as name=value; may be repeated.")
    ] = None,
    baselines: Annotated[
        bool,
        typer.Option("--baselines/--no-baselines", help="Also run the baselines and the coarsened reference solver."),
    ] = True,
    only_fold: options.OnlyFold = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds that one cell may take.")] = None,
    memory_limit: Annotated[float | None, typer.Option(help="GiB of memory that one cell may use.")] = None,
    cores: options.Cores = None,
    retry: options.Retry = False,
    keep_predictions: Annotated[
        Path | None, typer.Option(help="Keep each cell's predictions (HDF5) in this folder.")
    ] = None,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Build the pages at the end.")] = True,
    results: options.Results = options.RESULTS,
    json: options.Json = False,
) -> None:
    """Evaluate methods on datasets by k-fold cross-validation, next to the baselines.

    Cells that have a record already are not run again: interrupt and repeat at will.
    """
    from .run import Options
    from .run import run as run_

    run_(
        Options(
            methods=options.plugins("method", method),
            datasets=options.plugins("dataset", dataset),
            tier=tier.value,
            folds=folds,
            seeds=seeds,
            device=device,
            sets=set_ or [],
            baselines=baselines,
            only_fold=only_fold,
            time_limit=time_limit,
            memory_limit=memory_limit,
            cores=cores,
            retry=retry,
            keep_predictions=keep_predictions,
            page=page,
            results=results,
            json=json,
        )
    )


@app.command()
def sweep(
    track: Annotated[str, typer.Argument(help="A track, as `sciml-bench list tracks` shows them, or `all`.")],
    jobs: options.Jobs = None,
    method: Annotated[
        list[str] | None, typer.Option("--method", "-m", help="Only these methods, separated by commas.")
    ] = None,
    dataset: options.OnlyDatasets = None,
    only_fold: options.OnlyFold = None,
    tier: Annotated[
        options.Tier | None, typer.Option("--tier", help="Another tier than the track's, to try it out.")
    ] = None,
    device: options.Device = "auto",
    retry: options.Retry = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is to run; make no data.")] = False,
    results: options.Results = options.RESULTS,
) -> None:
    """Run all methods on all datasets of a track, whatever has no record yet; interrupt and repeat at will.

    With several jobs each cell has cores of its own, so that none is timed while another uses them, and the longest begin first.
    They share a GPU, if there is one: that changes no error, but no times are shown of cells that did not have it to themselves.
    """
    from .sweep import sweep as sweep_

    sweep_(
        track,
        tier=None if tier is None else tier.value,
        jobs=jobs,
        device=device,
        results=results,
        retry=retry,
        methods=options.plugins("method", method),
        datasets=options.plugins("dataset", dataset),
        only_fold=only_fold,
        dry_run=dry_run,
    )


@app.command()
def tune(
    track: Annotated[str, typer.Argument(help="A track, as `sciml-bench list tracks` shows them, or `all`.")],
    method: Annotated[
        list[str] | None,
        typer.Option("--method", "-m", help="Only these methods, separated by commas, or the path of a Python file."),
    ] = None,
    dataset: options.OnlyDatasets = None,
    trials: Annotated[int, typer.Option(help="Trials of each pair, the one with its present settings included.")] = 12,
    seconds: Annotated[float, typer.Option(help="Seconds after which no trial of a pair goes on.")] = 600,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Pairs at a time, each on cores of its own.")] = 1,
    tier: Annotated[options.Tier | None, typer.Option("--tier", help="Another tier than the track's.")] = None,
    device: options.Device = "auto",
    again: Annotated[
        bool, typer.Option("--again", help="Also pairs that were tuned with this effort already.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the reviewed files; by default the suite's own, `benchmarks`.")
    ] = None,
    results: options.Results = options.RESULTS,
) -> None:
    """Choose the hyperparameters of methods on a track's datasets, with an equal allowance and by validation scores only.

    Every pair of a method and a dataset is allowed the same trials and the same seconds, whichever ends first. A trial trains on
    the training part of fold 0 and is scored on its validation part; its test part is not read. What was chosen goes to
    hyperparameters.toml, and how to tuning.jsonl; what gains no more than noise stays as it is. Interrupt and repeat at will.
    """
    from ..running.tuning import Effort
    from .tune import Options
    from .tune import tune as tune_

    tune_(
        Options(
            track=track,
            tier=None if tier is None else tier.value,
            methods=options.plugins("method", method),
            datasets=options.plugins("dataset", dataset),
            effort=Effort(trials=trials, seconds=seconds),
            jobs=jobs,
            device=device,
            again=again,
            out=out,
            results=results,
        )
    )


@app.command()
def leaderboard(
    name: Annotated[
        str | None, typer.Argument(help="Only this dataset, or a track, with the ranks over all its datasets.")
    ] = None,
    tier: options.ShownOption = None,
    results: options.Results = options.RESULTS,
    json: options.Json = False,
) -> None:
    """Print the leaderboard of the records in a folder."""
    from .leaderboard import show

    show(name, None if tier is None else tier.value, results, json)


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="A method or dataset, or the path of a file that defines one.")],
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", "-d", help="Try a method on these only; by default on one of each shape."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Run the contract on a method or dataset and say in a sentence what is wrong with it."""
    from .check import check as check_

    check_(name, options.names("dataset", dataset), json)


@app.command()
def new(
    kind: Annotated[options.Kind, typer.Argument(help="method or dataset.")],
    name: Annotated[str, typer.Argument(help="Its name, in lower case with underscores.")],
    folder: Annotated[
        Path | None, typer.Option(help="Where the file goes; by default the suite's folder, or this one outside of it.")
    ] = None,
    framework: options.With = None,
) -> None:
    """Write the file of a new method or dataset, which runs as it is; the check names the words that are still to be written."""
    from .new import write

    write(kind.value, name, folder, None if framework is None else framework.value)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="A method, or a row as the leaderboard names it.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", "-d", help="A dataset, or several with commas; by default all shared ones."),
    ] = None,
    tier: Annotated[
        options.Shown | None, typer.Option("--tier", help="By default small, or of your own data where there is none.")
    ] = None,
    device: options.OneDevice = None,
    results: options.Results = options.RESULTS,
    json: options.Json = False,
) -> None:
    """Compare two methods, paired by fold and test sample, and say whether a difference can be told."""
    from .compare import show

    show(
        first, second, options.plugins("dataset", dataset), None if tier is None else tier.value, device, results, json
    )


@app.command()
def verify(
    method: Annotated[
        list[str] | None, typer.Option("--method", "-m", help="Only these methods or rows, with commas.")
    ] = None,
    dataset: options.OnlyDatasets = None,
    tier: Annotated[options.Tier | None, typer.Option("--tier", help="Only this tier.")] = None,
    share: Annotated[float, typer.Option(help="Check a random share of the cells, as 0.05.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Which cells are drawn.")] = 0,
    blind_seed: Annotated[
        int | None, typer.Option(help="Score on test samples drawn from this seed, which nobody has seen.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Only score again, from the predictions kept in this folder.")
    ] = None,
    badge: Annotated[
        bool, typer.Option("--badge", help="Add to the records that were confirmed that they were.")
    ] = False,
    results: options.Results = options.RESULTS,
    json: options.Json = False,
) -> None:
    """Run published cells again and say of each whether its numbers stand."""
    from .verify import verify as verify_

    verify_(
        methods=options.names("method", method),
        datasets=options.plugins("dataset", dataset),
        tier=None if tier is None else tier.value,
        share=share,
        seed=seed,
        blind_seed=blind_seed,
        predictions=predictions,
        badge=badge,
        results=results,
        as_json=json,
    )


@app.command()
def reproduce(
    only: Annotated[
        list[str] | None, typer.Option(help="Only anchors whose name, dataset or method holds one of these words.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Leave out what takes longer than this on a processor.")] = 5,
    device: options.Device = "auto",
    results: options.Results = options.RESULTS,
    json: options.Json = False,
) -> None:
    """Hold the suite against published numbers, each with its source."""
    from .reproduce import reproduce as reproduce_

    reproduce_(options.names("anchor", only), minutes, device, results, json)


@data_app.command("generate")
def generate(
    dataset: Annotated[list[str], typer.Argument(help="A dataset, or several.")],
    tier: options.TierOption = options.Tier.small,
    device: options.Device = "auto",
    force: Annotated[bool, typer.Option("--force", help="Make it again even if it is in the cache.")] = False,
) -> None:
    """Generate a dataset and its shifts into the cache: SCIML_BENCH_CACHE, or the user's cache folder."""
    from .data import generate as generate_

    generate_(options.plugins("dataset", dataset), tier.value, device, force)


@data_app.command("certify")
def certify(
    dataset: Annotated[list[str], typer.Argument(help="A dataset, or several.")],
    tier: options.TierOption = options.Tier.small,
    samples: Annotated[int, typer.Option(help="How many samples to compare with the refined truth.")] = 8,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Measure the floor: the error of the truth against a refined one."""
    from .data import certify as certify_

    certify_(options.plugins("dataset", dataset), tier.value, samples, device, json)


@records_app.command("check")
def check_records(
    against: Annotated[
        str | None,
        typer.Option("--against", help="Only what was added since this commit; nothing in it may have changed."),
    ] = None,
    own: Annotated[
        bool, typer.Option("--own", help="The project's own runs: badges, pictures and newer records are accepted.")
    ] = False,
    keys: Annotated[
        bool,
        typer.Option("--keys", help="Also compute each key again, from the code here and the data in the cache."),
    ] = False,
    preview: Annotated[
        Path | None, typer.Option("--preview", help="Write the rows that the new records make, as Markdown.")
    ] = None,
    results: options.Results = options.RESULTS,
    json: options.Json = False,
) -> None:
    """Say of each record in a folder whether it may be published, and show the rows that it makes."""
    from .records import check as check_

    check_(results, against=against, own=own, keys=keys, preview=preview, as_json=json)


@site_app.command("build")
def build(
    out: Annotated[
        Path | None, typer.Option(help="Where the pages go; by default `site` in the results folder.")
    ] = None,
    results: options.Results = options.RESULTS,
) -> None:
    """Build the pages from the records, with no framework and no network."""
    from .site import build as build_

    build_(results, out)
