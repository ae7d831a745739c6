# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

adapter, path = input_path("model"), output_path("model")
if not os.path.isfile(os.path.join(adapter, "adapter_config.json")):
    fail(f"{adapter} holds no adapter (no adapter_config.json)", "connect the model output of llm.finetune")
facts = json.loads(pathlib.Path(adapter, "model.json").read_text()) if os.path.isfile(os.path.join(adapter, "model.json")) else {}
base = arg("base_model") or facts.get("base_model") or json.loads(pathlib.Path(adapter, "adapter_config.json").read_text()).get("base_model_name_or_path")
if not base:
    fail("the adapter does not name its base model", "give the step base_model")
kind = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}.get(arg("precision"), "auto")
try:
    net = AutoModelForCausalLM.from_pretrained(fetch(base) if "://" in base else base, dtype=kind)
except (OSError, ValueError) as error:
    fail(f"the model {base} cannot be loaded: {str(error).splitlines()[0]}", "check its name, the network and HF_TOKEN")
try:
    merged = PeftModel.from_pretrained(net, adapter)
except (ValueError, RuntimeError, KeyError) as error:
    fail(f"the adapter does not fit {base}: {str(error).strip().splitlines()[0]}", "name the base model that it was trained on")
scale = arg("scale", 1.0, float)
if scale != 1:
    for layer in merged.modules():
        if hasattr(layer, "scaling") and isinstance(layer.scaling, dict):
            layer.scaling = {name: value * scale for name, value in layer.scaling.items()}
merged = merged.merge_and_unload()
try:
    tokenizer = AutoTokenizer.from_pretrained(adapter)
except (OSError, ValueError):
    tokenizer = AutoTokenizer.from_pretrained(base)
merged.save_pretrained(path, max_shard_size=arg("max_shard_size", "5GB"))
tokenizer.save_pretrained(path)
count = sum(weight.numel() for weight in merged.parameters())
save_model(None, path, **{**facts, "framework": "causal", "name": facts.get("name") or base.rstrip("/").split("/")[-1], "task": "generation",
                          "base_model": base, "merged": True})
emit("parameters", count)
if arg("output"):
    print(f"saved to {put(path, arg('output'))}")
print(f"the adapter is part of {base}" + (f" with the weight {scale:g}" if scale != 1 else ""))
print(f"parameters={count}")
