# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

tasks, data = arg("tasks", [], list), input_path("data", optional=True)
place = arg("model") or input_path("model")
place = fetch(place) if "://" in place else place
facts = json.loads(pathlib.Path(place, "model.json").read_text()) if os.path.isfile(os.path.join(place, "model.json")) else {}
adapter = place if os.path.isfile(os.path.join(place, "adapter_config.json")) else None
base = facts.get("base_model") or json.loads(pathlib.Path(place, "adapter_config.json").read_text())["base_model_name_or_path"] if adapter else place
if not tasks and data is None:
    fail("there is nothing to evaluate on", "give the step tasks, or connect a table")
limit, batch = arg("limit", None, float), arg("batch_size", 8, int)
limit = int(limit) if limit is not None and limit >= 1 else limit
graphics = torch.cuda.is_available() and arg("gpus", 1, int) > 0
if arg("gpus", 0, int) and not graphics or arg("quantization", "none") != "none" and not graphics:
    fail("there is no GPU", "give the step one, or leave out gpus and quantization")
own = torch.bfloat16 if graphics and torch.cuda.is_bf16_supported() else torch.float32
kind = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}.get(arg("precision"), own)


def loaded():
    """The model (with its adapter) and its tokenizer."""
    more = {}
    if arg("quantization", "none") != "none":
        installed("bitsandbytes==0.48.2", "--no-deps")
        from transformers import BitsAndBytesConfig
        four = arg("quantization") == "4bit"
        more = {"quantization_config": BitsAndBytesConfig(load_in_4bit=four, load_in_8bit=not four), "device_map": {"": 0}}
    try:
        words = AutoTokenizer.from_pretrained(place)
        net = AutoModelForCausalLM.from_pretrained(base, dtype=kind, **more)
        if adapter:
            from peft import PeftModel
            net = PeftModel.from_pretrained(net, adapter)
    except (OSError, ValueError) as error:
        fail(f"the model {place} cannot be loaded: {str(error).splitlines()[0]}", "check its name, the network and HF_TOKEN")
    words.pad_token = words.pad_token or words.eos_token
    return (net if more else net.to("cuda" if graphics else "cpu")).eval(), words


net, words = loaded()


def benchmarks():
    """{benchmark: its main score} and all scores, by lm-evaluation-harness."""
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    manager = TaskManager(include_path=fetch(arg("task_folder")) if arg("task_folder") else None)
    strange = [name for name in tasks if name not in manager.all_tasks]
    if strange:
        import difflib
        near = difflib.get_close_matches(strange[0], manager.all_tasks, 5)
        fail(f"there is no benchmark {', '.join(strange)}", f"near are {', '.join(near)}" if near else "use names of lm-evaluation-harness")
    judge = HFLM(pretrained=net, tokenizer=words, batch_size=batch, max_length=arg("max_length", None, int))
    try:
        done = lm_eval.simple_evaluate(model=judge, tasks=tasks, num_fewshot=arg("few_shot", None, int), limit=limit, task_manager=manager,
                                       apply_chat_template=arg("chat_template", False, bool), bootstrap_iters=0, log_samples=False)
    except (OSError, ValueError, ConnectionError) as error:
        fail(f"the benchmarks cannot be run: {str(error).splitlines()[0]}", "check their names, the network and HF_TOKEN")
    found, every = {}, {}
    known = {**done["results"], **(done.get("groups") or {})}
    for name in tasks:
        scores = {key.split(",")[0]: value for key, value in known.get(name, {}).items() if isinstance(value, (int, float)) and "stderr" not in key}
        main = next((key for key in ("acc_norm", "acc", "exact_match", "em", "f1", "bleu", "pass@1", "word_perplexity") if key in scores),
                    next(iter(scores), None))
        if main is None:
            fail(f"the benchmark {name} gave no score", "see the log above")
        found[name], every[name] = float(scores[main]), scores
        print(f"{name}: " + " ".join(f"{key}={value:.4g}" for key, value in scores.items()), flush=True)
    return found, every


def table_scores():
    """Loss and perplexity of the wished texts, and with a column of answers the share that the model gives exactly."""
    frame = read_table(data)
    column = arg("text") or next((name for name in ("text", "prompt", "instruction", "question") if name in frame.columns), "text")
    answer = arg("response") or next((name for name in ("response", "completion", "output", "answer") if name in frame.columns and not arg("text")), None)
    need(frame, column, *([answer] if answer else []))
    frame = frame.dropna(subset=[column] + ([answer] if answer else []))
    count = len(frame) if limit is None else round(limit * len(frame)) if limit < 1 else int(limit)
    frame = frame.head(max(1, count))
    if frame.empty:
        fail(f"no row has a value for {column}", "name another column")
    asks = frame[column].astype(str).tolist()
    if arg("chat_template", False, bool) and words.chat_template:
        asks = [words.apply_chat_template([{"role": "user", "content": said}], tokenize=False, add_generation_prompt=True) for said in asks]
    elif answer:
        asks = [said + "\n\n" for said in asks]
    longest, device = arg("max_length", 1024, int), next(net.parameters()).device
    loss, pieces, exact = 0.0, 0, 0
    wished = frame[answer].astype(str).tolist() if answer else [""] * len(asks)
    with torch.no_grad():
        for said, wish in zip(asks, wished):
            start = words(said)["input_ids"]
            start = start[:-1] if answer and start and start[-1] == words.eos_token_id else start
            ids = (start + (words(wish, add_special_tokens=False)["input_ids"] if answer else []))[:longest]
            first = min(len(start), len(ids) - 1) if answer else 1
            if len(ids) <= first:
                continue
            logits = net(torch.tensor([ids], device=device)).logits[0].float()
            loss += float(torch.nn.functional.cross_entropy(logits[first - 1:-1], torch.tensor(ids[first:], device=device), reduction="sum"))
            pieces += len(ids) - first
            if answer:
                made = net.generate(torch.tensor([start[-longest:]], device=device), max_new_tokens=arg("max_new_tokens", 64, int), do_sample=False,
                                    pad_token_id=words.pad_token_id)
                exact += words.decode(made[0][len(start[-longest:]):], skip_special_tokens=True).strip().lower() == wish.strip().lower()
    if not pieces:
        fail("the texts are too short to measure", "use longer texts")
    import math
    mean = loss / pieces
    return {"loss": mean, "perplexity": math.exp(min(mean, 50.0)), **({"exact_match": exact / len(asks)} if answer else {}), "rows": len(asks)}


values, every = benchmarks() if tasks else (table_scores(), {})
report = {**values, **({"details": every} if every else {})}
pathlib.Path(output_path("metrics")).write_text(json.dumps(report, indent=1))
for name in tasks:
    emit(name, values[name])
main = sum(values.values()) / len(values) if tasks else values.get("exact_match", -values["loss"])
emit("score", float(main))
if arg("output"):
    print(f"saved to {put(output_path('metrics'), arg('output'))}")
print(f"{facts.get('name') or place} on {', '.join(tasks) if tasks else 'the table'}")
print(" ".join(f"{name}={value:.4g}" for name, value in values.items()))
