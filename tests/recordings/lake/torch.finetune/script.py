# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import torch
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer,
                          TrainingArguments, set_seed)

set_seed(0)
text, base, path = arg("text", ...), arg("model", "distilbert-base-uncased"), output_path("model")
ARGS.update(target=arg("label", ...), task="classification")
need(read_table(input_path("data")), text, arg("label"))
rows, held, task, classes = training_rows()
codes = {label: i for i, label in enumerate(classes)}
try:
    tokenizer = AutoTokenizer.from_pretrained(base)
    net = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(classes), ignore_mismatched_sizes=True,
        id2label={i: str(label) for label, i in codes.items()}, label2id={str(label): i for label, i in codes.items()})
except (OSError, ValueError) as error:
    fail(f"the pretrained model {base} cannot be loaded: {str(error).splitlines()[0]}", "check its name, the network and HF_TOKEN")
words = tokenizer(rows[text].fillna("").astype(str).tolist(), truncation=True, max_length=arg("max_length", 256, int))


class Texts(torch.utils.data.Dataset):
    def __len__(self):
        return len(rows)

    def __getitem__(self, i):
        return {**{key: values[i] for key, values in words.items()}, "labels": codes[rows[arg("label")].iloc[i]]}


work = tempfile.mkdtemp()
settings = TrainingArguments(
    output_dir=work, num_train_epochs=arg("epochs", 3.0, float), learning_rate=arg("learning_rate", 5e-5, float),
    per_device_train_batch_size=arg("batch_size", 16, int), warmup_ratio=0.06, weight_decay=0.01, seed=0,
    save_strategy="no", logging_steps=50, report_to=[], disable_tqdm=True)
trainer = Trainer(model=net, args=settings, train_dataset=Texts(), processing_class=tokenizer,
                  data_collator=DataCollatorWithPadding(tokenizer))
loss = float(trainer.train().training_loss)
trainer.save_model(path)
tokenizer.save_pretrained(path)
shutil.rmtree(work, ignore_errors=True)
save_model(None, path, framework="transformers", name=base.rstrip("/").split("/")[-1], task=task, target=arg("label"),
           features=[text], classes=classes, rows=len(rows), base_model=base)
emit("loss", loss)
print(f"training loss {loss:.4g}")
finish_training(path, held, rows)
