# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import time

if arg("requirements", [], list):
    for pin in arg("requirements", [], list):
        installed(pin)
    # The kernel is a process of its own, so it learns of the packages by its environment.
    os.environ["PYTHONPATH"] = os.pathsep.join([*(folder for folder in sys.path if folder.startswith(tempfile.gettempdir())), os.environ.get("PYTHONPATH", "")])
import nbformat
import papermill

notebook, output, path = arg("notebook", ...), arg("output"), output_path("notebook")
here, data = in_code(notebook), input_path("data", optional=True)
parameters = {**({"data": os.path.abspath(data)} if data else {}), **{name: scalar(value) for name, value in arg("parameters", {}, dict).items()}}
kind = arg("format") or ("html" if (output or "").lower().endswith((".html", ".htm")) else "ipynb")
if kind not in ("ipynb", "html"):
    fail(f"the argument format is {kind}", "use ipynb or html")
copy, began = os.path.join(tempfile.mkdtemp(), "notebook.ipynb"), time.monotonic()
where = os.path.dirname(os.path.abspath(here)) if "://" not in notebook else os.getcwd()
limit = seconds("timeout")


def kernel():
    """The kernel that is asked for; else the notebook's own where it is installed, else Python."""
    from jupyter_client.kernelspec import KernelSpecManager
    there = KernelSpecManager().find_kernel_specs()
    try:
        own = nbformat.read(here, as_version=4).metadata.get("kernelspec", {}).get("name")
    except Exception as error:
        fail(f"{notebook} is not a notebook: {error}", "name a file in the form of Jupyter")
    name = arg("kernel") or (own if own in there else "python3")
    if name not in there:
        fail(f"there is no kernel {name}", f"use one of {', '.join(there)}, or an image that has it")
    return name, KernelSpecManager().get_kernel_spec(name).language


name, language = kernel()
try:
    done = papermill.execute_notebook(here, copy, parameters, kernel_name=name, language=language, cwd=where, progress_bar=False, log_output=True,
                                      stdout_file=sys.stdout, stderr_file=sys.stderr,
                                      execution_timeout=None if limit is None else int(limit))
except papermill.PapermillExecutionError as error:
    shutil.copyfile(copy, path)
    fail(f"cell {error.exec_count} of {notebook} failed: {error.ename}: {error.evalue}", "correct the notebook or its parameters")
except Exception as error:
    fail(f"{notebook} cannot be run: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", "check the notebook, its kernel and its packages")
shutil.copyfile(copy, path)
if output or kind == "html":
    saved = copy
    if kind == "html":
        from nbconvert import HTMLExporter
        saved = os.path.splitext(copy)[0] + ".html"
        text, _ = HTMLExporter().from_notebook_node(nbformat.read(copy, as_version=4))
        pathlib.Path(saved).write_text(text, encoding="utf-8")
        if not output:
            shutil.copyfile(saved, path)
    if output:
        print(f"saved to {put(saved, output)}")
cells = sum(1 for cell in done.cells if cell.cell_type == "code")
emit("cells", cells)
emit("seconds", time.monotonic() - began)
print(f"ran {notebook}" + (" with " + ", ".join(f"{name}={value}" for name, value in parameters.items()) if parameters else ""))
print(f"cells={cells}")
