"""`sciml-bench data`."""

import json
import sys
from dataclasses import asdict

from rich.console import Console

from .. import metrics
from ..errors import UsageError
from ..paths import cache_folder, ensure_writable
from ..problem import Dataset, generation
from ..protocol.seeds import data_seed
from ..ranking.notices import ROUGH
from ..registry import dataset_at, short_name
from ..running.plan import check_dataset, pick_device
from ..running.task import certificate, generate_all
from .progress import Screen


def generate(names: list[str], tier: str, device: str, force: bool) -> None:
    """Generate datasets and their shifts."""
    device = pick_device(device)
    ensure_writable(cache_folder(), "cache folder")
    classes = _at_tier(names, tier, device)
    with Screen() as screen:
        for name, dataset in classes.items():
            data, shifts = generate_all(
                short_name(name),
                dataset,
                device=device,
                progress=screen.data(f"data {short_name(name)}"),
                force=force,
            )
            for label, cached in {short_name(name): data, **shifts}.items():
                size = cached.path.stat().st_size / 2**20
                screen.console.print(
                    f"{label}: {cached.samples} samples, {size:.1f} MiB, made in {cached.seconds:.1f} s, "
                    f"digest {cached.digest[:12]}"
                )
            screen.console.print(f"[dim]in {data.path.parent}")


def _at_tier(names: list[str], tier: str, device: str) -> dict[str, Dataset]:
    """Return the datasets at a tier; refuse what cannot be made here before any is."""
    for name in names:
        check_dataset(name, device)
    return {name: dataset_at(name, tier) for name in names}


def certify(names: list[str], tier: str, samples: int, device: str, as_json: bool) -> None:
    """Print the floor of every metric of some datasets."""
    if samples < 1:
        raise UsageError(f"--samples is {samples}: at least 1 is needed to measure a floor")
    device = pick_device(device)
    ensure_writable(cache_folder(), "cache folder")
    classes = _at_tier(names, tier, device)
    found, headlines = {}, {}
    with Screen() as screen:
        for name, dataset in classes.items():
            short = short_name(name)
            report = screen.data(f"certificate {short}")
            seed = data_seed(short)
            path = generation.data_path(short, dataset, seed)
            found[short] = certificate(dataset, path, seed, device=device, progress=report, samples=samples)
            headlines[short] = metrics.primary(dataset.problem())
    if as_json:
        json.dump({name: asdict(c) for name, c in found.items()}, sys.stdout)
        sys.stdout.write("\n")
        return
    console = Console(highlight=False)
    for name, made in found.items():
        console.print(f"[bold]{name}[/] · {tier}: {made.samples} samples against {made.against}")
        headline = headlines[name]
        if headline in made.floor:
            console.print(f"  {headline} {made.floor[headline]:.2e} (worst sample {made.worst:.2e})")
            if made.floor[headline] > ROUGH:
                console.print(
                    "  [red]✗[/] so rough a truth is none to measure by: refine its solver, or mend `refined`"
                )
        for metric, value in sorted(made.floor.items()):
            if metric != headline:
                console.print(f"  {metric} {value:.2e}", style="dim")
