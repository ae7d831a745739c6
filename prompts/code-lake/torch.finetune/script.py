# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import torch
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, EarlyStoppingCallback, Trainer,
                          TrainingArguments, set_seed)

seed = arg("seed", 0, int)
set_seed(seed)
known = hyperparameters("transformers", None, epochs=(3.0, float), learning_rate=(5e-5, float), batch_size=(16, int), max_length=(256, int),
                        warmup=(0.06, float), weight_decay=(0.01, float), gradient_accumulation=(1, int), scheduler=("linear", str))
base, path, frame = arg("model", "distilbert-base-uncased"), output_path("model"), read_table(input_path("data"))
label = arg("label") or ("label" if "label" in frame.columns else TOLD.get("target") if TOLD.get("target") in frame.columns else str(frame.columns[-1]))


def text_column():
    """The column with texts: the one called text, else the one whose texts are longest."""
    if arg("text") or "text" in frame.columns and label != "text":
        return arg("text", "text")
    texts = [column for column in frame.select_dtypes(["object", "string"]).columns if column != label]
    if not texts:
        fail("the table has no text column", f"name one of its columns: {', '.join(frame.columns[:60])}")
    return max(texts, key=lambda column: frame[column].dropna().astype(str).str.len().mean())


text = text_column()
need(frame, text, label)
if not (arg("text") and arg("label")):
    print(f"the texts are in the column {text}, the labels in {label}")
ARGS.update(target=label, task="classification")
rows, held, task, classes = training_rows(frame)
rounds, stop, first = patience(2), None, rows
if rounds:
    stop = hold_out(rows, label, classes, 0.15, seed)
    first = rows.drop(stop.index)
codes = {name: i for i, name in enumerate(classes)}
try:
    tokenizer = AutoTokenizer.from_pretrained(base)
    net = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(classes), ignore_mismatched_sizes=True,
        id2label={i: str(name) for name, i in codes.items()}, label2id={str(name): i for name, i in codes.items()})
except (OSError, ValueError) as error:
    fail(f"the pretrained model {base} cannot be loaded: {str(error).splitlines()[0]}", "check its name, the network and HF_TOKEN")
if arg("freeze", False, bool):
    net.base_model.requires_grad_(False)
    print(f"{sum(weight.numel() for weight in net.parameters() if weight.requires_grad)} of {sum(weight.numel() for weight in net.parameters())} parameters are trained")
factors = row_weights(first, classes)
by_class = None if factors is None else [float(factors[(first[label] == name).to_numpy()].mean()) for name in classes]


class Texts(torch.utils.data.Dataset):
    def __init__(self, part):
        self.words = tokenizer(part[text].fillna("").astype(str).tolist(), truncation=True, max_length=known["max_length"])
        self.wanted = [codes[name] for name in part[label]]

    def __len__(self):
        return len(self.wanted)

    def __getitem__(self, i):
        return {**{key: values[i] for key, values in self.words.items()}, "labels": self.wanted[i]}


class Weighted(Trainer):
    """Errors count by the weight of their class."""

    def compute_loss(self, model, inputs, return_outputs=False, **more):
        answer = model(**{key: value for key, value in inputs.items() if key != "labels"})
        weight = torch.tensor(by_class, dtype=answer.logits.dtype, device=answer.logits.device)
        error = torch.nn.functional.cross_entropy(answer.logits, inputs["labels"], weight=weight)
        return (error, answer) if return_outputs else error


work = tempfile.mkdtemp()
warm = {"warmup_steps": int(known["warmup"])} if known["warmup"] >= 1 else {"warmup_ratio": known["warmup"]}
stopping = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True, "save_total_limit": 1} if rounds else {"save_strategy": "no"}
gpus = arg("gpus", None, int)
if gpus and not torch.cuda.is_available():
    fail("there is no GPU", "give the step one, or leave out gpus")
settings = TrainingArguments(
    output_dir=work, num_train_epochs=known["epochs"], learning_rate=known["learning_rate"], max_steps=arg("max_steps", -1, int),
    per_device_train_batch_size=known["batch_size"], weight_decay=known["weight_decay"], seed=seed,
    gradient_accumulation_steps=known["gradient_accumulation"], lr_scheduler_type=known["scheduler"], use_cpu=gpus == 0,
    fp16=arg("precision", "fp32") == "fp16", bf16=arg("precision", "fp32") == "bf16", logging_steps=50, report_to=[], disable_tqdm=True,
    **warm, **stopping)
trainer = (Trainer if by_class is None else Weighted)(
    model=net, args=settings, train_dataset=Texts(first), eval_dataset=Texts(stop) if rounds else None, processing_class=tokenizer,
    data_collator=DataCollatorWithPadding(tokenizer), callbacks=[EarlyStoppingCallback(rounds)] if rounds else None)
loss = float(trainer.train().training_loss)
trainer.save_model(path)
tokenizer.save_pretrained(path)
shutil.rmtree(work, ignore_errors=True)
save_model(None, path, framework="transformers", name=base.rstrip("/").split("/")[-1], task=task, target=label,
           features=[text], classes=classes, rows=len(rows), base_model=base)
emit("loss", loss)
print(f"training loss {loss:.4g}")
finish_training(path, held, rows)
