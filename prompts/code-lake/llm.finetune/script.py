# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import torch
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from transformers import (AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer,
                          TrainingArguments, set_seed)

seed = arg("seed", 0, int)
set_seed(seed)
known = hyperparameters("llm", None, epochs=(1.0, float), learning_rate=(2e-4, float), batch_size=(4, int), max_length=(1024, int),
                        lora_rank=(16, int), lora_dropout=(0.05, float), warmup=(0.03, float), weight_decay=(0.0, float),
                        gradient_accumulation=(1, int), scheduler=("cosine", str))
base, path, dataset, method = arg("base_model", ...), output_path("model"), arg("dataset"), arg("method", "lora")


def examples_table():
    """The table of the argument dataset (a file, an address or a name on the hub), else that of the step before."""
    if not dataset:
        return read_table(input_path("data"))
    if "://" in dataset or os.path.exists(dataset):
        return read_table(fetch(dataset))
    from datasets import load_dataset
    try:
        return load_dataset(dataset, split=arg("split", "train")).to_pandas()
    except Exception as error:
        fail(f"the dataset {dataset} cannot be loaded: {str(error).splitlines()[0]}", "check its name and split, the network and HF_TOKEN")


frame = examples_table()
if method not in ("lora", "full"):
    fail(f"the argument method is {method}", "use lora or full")
column = arg("text") or next((name for name in ("text", "prompt", "instruction", "question", "messages") if name in frame.columns), "text")
answer = arg("response") or next((name for name in ("response", "completion", "output", "answer") if name in frame.columns and not arg("text")), None)
need(frame, column, *([answer] if answer else []))
frame = frame.dropna(subset=[column] + ([answer] if answer else []))
frame = frame.head(arg("max_rows", len(frame), int))
if frame.empty:
    fail(f"no row has a value for {column}", "name another column or clean the table")
bits, graphics = arg("quantization", "none"), torch.cuda.is_available()
if bits not in ("none", "4bit", "8bit"):
    fail(f"the argument quantization is {bits}", "use none, 4bit or 8bit")
if (bits != "none" or arg("gpus", 0, int)) and not graphics:
    fail("there is no GPU" + (f" to load the model in {bits}" if bits != "none" else ""), "give the step a GPU, or leave out quantization and gpus")
if bits != "none" and method == "full":
    fail(f"a model in {bits} cannot be trained whole", "use lora, or no quantization")
own = torch.bfloat16 if graphics and torch.cuda.is_bf16_supported() else torch.float32
kind = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}.get(arg("precision"), own)
more = {}
if bits != "none":
    installed("bitsandbytes==0.48.2", "--no-deps")
    from transformers import BitsAndBytesConfig
    four = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": kind, "bnb_4bit_use_double_quant": True}
    more = {"quantization_config": BitsAndBytesConfig(**(four if bits == "4bit" else {"load_in_8bit": True})), "device_map": {"": 0}}
try:
    tokenizer = AutoTokenizer.from_pretrained(base)
    net = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32 if kind is torch.float16 and not more else kind, **more)
except (OSError, ValueError) as error:
    fail(f"the model {base} cannot be loaded: {str(error).splitlines()[0]}", "check its name, the network and HF_TOKEN")
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
if tokenizer.pad_token is None:
    fail(f"the tokenizer of {base} has no end or padding token", "choose another base model")


def written(row):
    said = row[column]
    if isinstance(said, (list,)) or hasattr(said, "tolist") and not isinstance(said, str):
        talk = [dict(turn) for turn in said]  # a conversation, as chat data sets keep it
        if tokenizer.chat_template:
            return tokenizer.apply_chat_template(talk, tokenize=False)
        return "\n\n".join(str(turn.get("content", "")) for turn in talk) + (tokenizer.eos_token or "")
    said = str(said)
    if not answer:
        return said + (tokenizer.eos_token or "")
    if tokenizer.chat_template:
        talk = [{"role": "user", "content": said}, {"role": "assistant", "content": str(row[answer])}]
        return tokenizer.apply_chat_template(talk, tokenize=False)
    return f"{said}\n\n{row[answer]}{tokenizer.eos_token or ''}"


cut = {"truncation": True, "max_length": known["max_length"]}


def tokens(part):
    texts = [written(row) for row in part.to_dict("records")]
    return [{"input_ids": ids} for ids in tokenizer(texts, add_special_tokens=not tokenizer.chat_template, **cut)["input_ids"] if ids]


share = arg("test_size", 0.0, float)
held = frame.sample(min(max(1, round(len(frame) * share)), len(frame) - 1), random_state=seed) if share else frame[:0]
examples = tokens(frame.drop(held.index))
rank, names = known["lora_rank"], arg("target_modules", [], list)
if more:
    net = prepare_model_for_kbit_training(net, use_gradient_checkpointing=arg("gradient_checkpointing", False, bool))
if method == "lora":
    settings = LoraConfig(r=rank, lora_alpha=arg("lora_alpha", 2.0 * rank, float), lora_dropout=known["lora_dropout"], task_type="CAUSAL_LM",
                          target_modules=names or "all-linear")
    try:
        net = get_peft_model(net, settings)
    except ValueError as error:
        there = sorted({name.split(".")[-1] for name, layer in net.named_modules() if isinstance(layer, torch.nn.Linear)})
        fail(f"the model has no layers {', '.join(names)}: {str(error).splitlines()[0]}", f"its linear layers are {', '.join(there)}")
    learned_here, total = net.get_nb_trainable_parameters()
else:
    learned_here = total = sum(weight.numel() for weight in net.parameters())
print(f"{len(examples)} texts; {learned_here} of {total} parameters are trained", flush=True)
work = tempfile.mkdtemp()
warm = {"warmup_steps": int(known["warmup"])} if known["warmup"] >= 1 else {"warmup_ratio": known["warmup"]}
settings = TrainingArguments(
    output_dir=work, num_train_epochs=known["epochs"], learning_rate=known["learning_rate"], max_steps=arg("max_steps", -1, int),
    per_device_train_batch_size=known["batch_size"], per_device_eval_batch_size=known["batch_size"],
    gradient_accumulation_steps=known["gradient_accumulation"], gradient_checkpointing=arg("gradient_checkpointing", False, bool),
    lr_scheduler_type=known["scheduler"], weight_decay=known["weight_decay"], seed=seed, use_cpu=arg("gpus", None, int) == 0,
    bf16=kind is torch.bfloat16, fp16=kind is torch.float16, save_strategy="no", logging_steps=10, report_to=[], disable_tqdm=True, **warm)
if arg("gradient_checkpointing", False, bool):
    net.enable_input_require_grads()
trainer = Trainer(model=net, args=settings, train_dataset=examples, processing_class=tokenizer,
                  data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False))
loss = float(trainer.train().training_loss)
judged = float(trainer.evaluate(tokens(held))["eval_loss"]) if len(held) else loss
net.save_pretrained(path)
tokenizer.save_pretrained(path)
shutil.rmtree(work, ignore_errors=True)
facts = {"lora_rank": rank} if method == "lora" else {}
save_model(None, path, framework="peft" if method == "lora" else "causal", name=base.rstrip("/").split("/")[-1], task="generation",
           target=answer, features=[column], classes=None, rows=len(examples), base_model=base, scores={"loss": judged}, **facts)
emit("rows", len(examples))
emit("loss", judged)
emit("score", -judged)
if arg("output"):
    print(f"saved to {put(path, arg('output'))}")
print(f"LoRA adapter of {base}, rank {rank}" if method == "lora" else f"{base} trained whole")
print(f"loss={judged:.4g}" + (f" on {len(held)} texts held out (training {loss:.4g})" if len(held) else ""))
