"""The key that a record should have, from the code here and the data in the cache; nothing is generated."""

import h5py

from .. import digest
from ..errors import SciMLBenchError
from ..problem.generation import data_path
from ..protocol.seeds import PROTOCOL_VERSION, data_seed
from ..records.record import Record
from ..registry import dataset_class
from .cell import source_digest


def expected_key(record: Record) -> str | None:
    """Return the key, or None where the data are not at hand or the source is not that of the record."""
    cell = record.cell
    try:
        dataset = dataset_class(cell.dataset).tier(cell.tier)
        source = source_digest(cell.method)
    except SciMLBenchError:
        return None
    path = data_path(cell.dataset, dataset, data_seed(cell.dataset))
    if not path.exists() or source[:16] != record.provenance.method_digest:
        return None
    with h5py.File(path, "r") as file:
        data = str(file.attrs["digest"])
    if data[:16] != record.provenance.data_digest:
        return None
    return digest.of_data([cell.model_dump(), data, source, PROTOCOL_VERSION])[:16]
