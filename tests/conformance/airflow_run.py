"""airflow_run.py FILE...: really runs the DAGs of files in this process on SQLite, and prints one JSON object a DAG.

The database is made once in a folder that is thrown away. Exit code 2 if a file cannot be imported.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
HOME = tempfile.mkdtemp(prefix="couler-airflow-")
DAGS = os.path.join(HOME, "dags")
os.environ.update(
    AIRFLOW_HOME=HOME,
    AIRFLOW__CORE__DAGS_FOLDER=DAGS,
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__LOGGING__LOGGING_LEVEL=os.environ.get("COULER_AIRFLOW_LOG", "ERROR"),
)
os.makedirs(DAGS)
for file in sys.argv[1:]:
    shutil.copy(file, DAGS)
migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
subprocess.run(migrate, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: E402
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db  # noqa: E402


def main():
    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    bundle = next(iter(manager.get_all_dag_bundles()))
    bag = DagBag(DAGS, bundle_path=bundle.path, bundle_name=bundle.name)
    if bag.import_errors or not bag.dags:
        print(bag.import_errors, file=sys.stderr)
        return 2
    sync_bag_to_db(bag, bundle.name, None)
    for name in sorted(bag.dags):
        run = bag.dags[name].test()
        tasks = {}
        for instance in run.get_task_instances():
            index = f"[{instance.map_index}]" if instance.map_index >= 0 else ""
            tasks[f"{instance.task_id}{index}"] = str(instance.state)
        print("RESULT " + json.dumps({"dag": name, "state": str(run.state), "tasks": tasks}), flush=True)
    return 0


code = main()
shutil.rmtree(HOME, ignore_errors=True)
sys.exit(code)
