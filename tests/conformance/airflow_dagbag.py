"""airflow_dagbag.py FILE_OR_FOLDER...: imports DAG files as Airflow does, in one process, and serializes their DAGs.

Exit code 1 if a file cannot be imported, holds no DAG, or holds one that cannot be stored.
"""

import os
import pathlib
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="couler-airflow-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
os.environ.setdefault("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "120")

from airflow.dag_processing.dagbag import DagBag  # noqa: E402
from airflow.serialization.serialized_objects import DagSerialization  # noqa: E402


def faults(path):
    """What Airflow finds wrong with a file."""
    bag = DagBag(str(path))
    for error in bag.import_errors.values():
        yield error.strip().splitlines()[-1][:300]
    if not bag.dags and not bag.import_errors:
        yield "no DAG"
    for dag in bag.dags.values():
        try:
            DagSerialization.from_dict(DagSerialization.to_dict(dag))
        except Exception as error:  # whatever it is, the scheduler could not store the DAG
            yield f"not serializable: {error!r}"[:300]


def main(arguments):
    files = []
    for path in map(pathlib.Path, arguments):
        files += sorted(path.glob("*.py")) if path.is_dir() else [path]
    bad = 0
    for path in files:
        for fault in faults(path):
            bad += 1
            print(f"{path}: {fault}")
    print(f"{len(files)} files, {bad} faults")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
