# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import torch
from peft import LoraConfig, get_peft_model
from transformers import (AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer,
                          TrainingArguments, set_seed)

set_seed(0)
frame, base, path = read_table(input_path("data")), arg("base_model", ...), output_path("model")
column = arg("text") or next((name for name in ("text", "prompt", "instruction") if name in frame.columns), "text")
answer = arg("response") or next((name for name in ("response", "completion", "output") if name in frame.columns and not arg("text")), None)
need(frame, column, *([answer] if answer else []))
frame = frame.dropna(subset=[column] + ([answer] if answer else []))
if frame.empty:
    fail(f"no row has a value for {column}", "name another column or clean the table")
try:
    tokenizer = AutoTokenizer.from_pretrained(base)
    kind = torch.bfloat16 if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else torch.float32
    net = AutoModelForCausalLM.from_pretrained(base, dtype=kind)
except (OSError, ValueError) as error:
    fail(f"the model {base} cannot be loaded: {str(error).splitlines()[0]}", "check its name, the network and HF_TOKEN")
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
if tokenizer.pad_token is None:
    fail(f"the tokenizer of {base} has no end or padding token", "choose another base model")


def written(row):
    said = str(row[column])
    if not answer:
        return said + (tokenizer.eos_token or "")
    if tokenizer.chat_template:
        talk = [{"role": "user", "content": said}, {"role": "assistant", "content": str(row[answer])}]
        return tokenizer.apply_chat_template(talk, tokenize=False)
    return f"{said}\n\n{row[answer]}{tokenizer.eos_token or ''}"


texts = [written(row) for row in frame.to_dict("records")]
cut = {"truncation": True, "max_length": arg("max_length", 1024, int)}
examples = [{"input_ids": ids} for ids in tokenizer(texts, add_special_tokens=not tokenizer.chat_template, **cut)["input_ids"] if ids]
rank = arg("lora_rank", 16, int)
net = get_peft_model(net, LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, task_type="CAUSAL_LM",
                                     target_modules="all-linear"))
learned, total = net.get_nb_trainable_parameters()
print(f"{len(examples)} texts; {learned} of {total} parameters are trained", flush=True)
work = tempfile.mkdtemp()
settings = TrainingArguments(
    output_dir=work, num_train_epochs=arg("epochs", 1.0, float), learning_rate=arg("learning_rate", 2e-4, float),
    per_device_train_batch_size=arg("batch_size", 4, int), warmup_ratio=0.03, lr_scheduler_type="cosine", seed=0,
    bf16=kind is torch.bfloat16, save_strategy="no", logging_steps=10, report_to=[], disable_tqdm=True)
trainer = Trainer(model=net, args=settings, train_dataset=examples, processing_class=tokenizer,
                  data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False))
loss = float(trainer.train().training_loss)
net.save_pretrained(path)
tokenizer.save_pretrained(path)
shutil.rmtree(work, ignore_errors=True)
save_model(None, path, framework="peft", name=base.rstrip("/").split("/")[-1], task="generation", target=answer,
           features=[column], classes=None, rows=len(examples), base_model=base, lora_rank=rank, scores={"loss": loss})
emit("rows", len(examples))
emit("loss", loss)
emit("score", -loss)
print(f"LoRA adapter of {base}, rank {rank}")
print(f"loss={loss:.4g}")
