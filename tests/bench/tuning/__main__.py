"""The tuning experiment, one resumable command: `make tuning`."""
import os
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import argparse, json, pathlib, sys, time, warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
warnings.filterwarnings("ignore")
import data, learn
from results import Results

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("stage", choices=["data", "learn", "portfolio"])
parser.add_argument("--folder", type=pathlib.Path, default=data.REPOSITORY / "target/tuning")
parser.add_argument("--keel-python", default=None)
parser.add_argument("--islp", type=pathlib.Path, default=None)
arguments = parser.parse_args()
began = time.time()
folder = arguments.folder
results = Results(folder / "results.jsonl")


def say(text):
    print(f"{time.time() - began:7.0f} s  {text}", file=sys.stderr, flush=True)


if arguments.stage == "data":
    data.prepare(folder / "data", arguments.keel_python, arguments.islp)
elif arguments.stage == "learn":
    learn.measure(results, folder / "data", say)
elif arguments.stage == "portfolio":
    print(json.dumps(learn.portfolio(results), indent=1))
