"""Components on neural networks, run where torch and its relatives are installed: tiny models with random weights."""
import importlib.util
import json
import pathlib
import shutil

import pandas
import pytest

from conftest import DATA
from test_components import tiny_language_model


def needs(*packages):
    absent = [package for package in packages if not importlib.util.find_spec(package)]
    return pytest.mark.skipif(bool(absent), reason=f"{', '.join(absent)} is not installed")


@needs("torch")
def test_torch_arguments(lake, shared):
    made = lake.run("torch.train", {"target": "churn", "epochs": 200, "early_stopping": 4, "features": ["age", "plan", "contract"], "class_weight": "balanced",
                                    "dropout": 0.0, "optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0, "metrics": ["recall"]},
                    {"data": shared("clean")["data"]})
    assert "early stopping on" in made.stdout and made.value("recall") > 0.4
    assert json.loads((pathlib.Path(made["model"]) / "model.json").read_text())["features"] == ["age", "plan", "contract"]
    found = [lake.run("model.predict", {"batch_size": size}, {"model": made["model"], "data": made["holdout"]}).table("predictions") for size in (7, 1000)]
    assert found[0]["prediction"].tolist() == found[1]["prediction"].tolist()
    lake.refuse("torch.train", {"target": "churn", "optimizer": "lion"}, {"data": shared("clean")["data"]}, "lion")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Forty pictures of two kinds, in a folder for each kind: mostly red and mostly blue."""
    import numpy
    from PIL import Image
    folder, rng = tmp_path_factory.mktemp("pictures"), numpy.random.default_rng(0)
    for kind, channel in (("red", 0), ("blue", 2)):
        (folder / kind).mkdir()
        for number in range(20):
            values = rng.integers(0, 90, (40, 48, 3), dtype="uint8")
            values[:, :, channel] += 120
            Image.fromarray(values).save(folder / kind / f"{number}.png")
    return folder


@needs("torch", "torchvision", "PIL")
def test_finetune_images(lake, pictures, tmp_path):
    small = {"model": "resnet18", "pretrained": False, "image_size": 32, "batch_size": 8, "learning_rate": 0.002, "metrics": ["accuracy", "f1"]}
    made = lake.run("image.finetune", {**small, "epochs": 6, "warmup": 0.1, "output": str(tmp_path / "saved")}, {"data": str(pictures)})
    assert made.value("accuracy") > 0.8 and len(made.table("holdout")) == 8 and (tmp_path / "saved" / "model.pt").is_file()
    check = lake.run("model.evaluate", {"metrics": ["accuracy"]}, {"model": made["model"], "data": made["holdout"]})
    assert check.value("accuracy") == made.value("accuracy")
    archive = shutil.make_archive(str(tmp_path / "pictures"), "zip", pictures)
    for source in (str(pictures), archive):
        table = lake.run("model.predict", {"batch_size": 16, "probabilities": True}, {"model": made["model"], "data": source}).table("predictions")
        assert len(table) == 40 and (table["prediction"] == table["label"]).mean() > 0.8 and {"prediction_red", "prediction_blue"} <= set(table)
    listed = pandas.DataFrame([{"path": str(file), "kind": file.parent.name} for file in pictures.rglob("*.png")])
    listed.to_csv(tmp_path / "list.csv", index=False)
    frozen = lake.run("image.finetune", {**small, "model": "mobilenet_v3_small", "epochs": 1, "freeze": True, "label": "kind", "early_stopping": True,
                                         "augment": ["none"], "class_weight": "balanced", "optimizer": "sgd"}, {"data": str(tmp_path / "list.csv")})
    trained, total = [int(word) for word in frozen.stdout.split("parameters")[0].split() if word.isdigit()]
    assert trained < total / 100
    for part, kinds in (("train", ("red", "blue")), ("val", ("red", "blue"))):
        for kind in kinds:
            shutil.copytree(pictures / kind, tmp_path / "split" / part / kind)
    split = lake.run("image.finetune", {**small, "model": "efficientnet_b0", "epochs": 1, "augment": ["flip", "crop", "rotate", "color"]}, {"data": str(tmp_path / "split")})
    assert split.value("rows") == 40 and len(split.table("holdout")) == 40
    lake.refuse("image.finetune", {**small, "model": "resnet19"}, {"data": str(pictures)}, "resnet19")
    lake.refuse("image.finetune", small, {"data": str(DATA / "iris.csv")}, "image")


@needs("torch", "transformers", "accelerate")
def test_finetune_text_arguments(lake, shared, tmp_path):
    base = tiny_language_model(tmp_path / "base", False)
    made = lake.run("torch.finetune", {"model": base, "epochs": 8, "learning_rate": 0.005, "early_stopping": 1, "class_weight": {"positive": 2}, "seed": 3,
                                       "warmup": 2, "gradient_accumulation": 2, "scheduler": "cosine", "metrics": ["f1"], "output": str(tmp_path / "saved")},
                    {"data": shared("reviews")})
    assert "the texts are in the column text, the labels in label" in made.stdout and made.value("f1") > 0.6
    assert (tmp_path / "saved" / "config.json").is_file()
    loaded = lake.run("model.load", {"source": str(tmp_path / "saved")})
    assert lake.run("model.evaluate", {"metrics": ["f1"]}, {"model": loaded["model"], "data": made["holdout"]}).value("f1") == made.value("f1")
    frozen = lake.run("torch.finetune", {"text": "text", "label": "label", "model": base, "max_steps": 2, "freeze": True}, {"data": shared("reviews")})
    assert "parameters are trained" in frozen.stdout


@needs("torch", "transformers", "accelerate", "peft")
def test_language_model_from_training_to_use(lake, shared, tmp_path):
    base = tiny_language_model(tmp_path / "base", True)
    pairs = pandas.read_csv(DATA / "reviews.csv").rename(columns={"text": "prompt", "label": "response"})
    pairs.to_csv(tmp_path / "pairs.csv", index=False)
    made = lake.run("llm.finetune", {"base_model": base, "dataset": str(tmp_path / "pairs.csv"), "max_rows": 200, "test_size": 0.1, "lora_rank": 4,
                                     "lora_alpha": 16, "lora_dropout": 0, "target_modules": ["q_proj", "v_proj"], "batch_size": 16, "max_length": 32,
                                     "learning_rate": 0.01, "epochs": 2, "warmup": 3, "gradient_accumulation": 2, "scheduler": "linear"})
    settings = json.loads((pathlib.Path(made["model"]) / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"], sorted(settings["target_modules"])) == (4, 16, ["q_proj", "v_proj"])
    assert made.value("rows") == 180 and "on 20 texts held out" in made.last
    merged = lake.run("llm.merge", {"output": str(tmp_path / "merged")}, {"model": made["model"]})
    assert merged.value("parameters") > 1000 and not list(pathlib.Path(merged["model"]).glob("adapter*"))
    table = {"data": str(tmp_path / "pairs.csv")}
    arguments = {"limit": 20, "max_new_tokens": 3, "max_length": 32}
    scores = [lake.run("llm.evaluate", arguments, {"model": model, **table}).json()
              for model in (made["model"], merged["model"])]
    assert scores[0]["loss"] == pytest.approx(scores[1]["loss"], rel=1e-3) and 0 <= scores[0]["exact_match"] <= 1 and scores[0]["rows"] == 20
    raw = lake.run("llm.evaluate", {**arguments, "model": base}, table).json()
    assert raw["loss"] > scores[0]["loss"], "what was trained must be better"
    none = lake.run("llm.merge", {"scale": 0.0, "precision": "fp32"}, {"model": made["model"]})
    assert lake.run("llm.evaluate", arguments, {"model": none["model"], **table}).json()["loss"] == pytest.approx(raw["loss"], rel=1e-3)
    whole = lake.run("llm.finetune", {"base_model": base, "method": "full", "max_steps": 3, "max_length": 32, "batch_size": 8}, {"data": shared("reviews")})
    assert (pathlib.Path(whole["model"]) / "model.safetensors").is_file()
    lake.refuse("llm.finetune", {"base_model": base, "target_modules": ["w_proj"]}, {"data": shared("reviews")}, "w_proj", "q_proj")
    lake.refuse("llm.merge", {}, {"model": whole["model"]}, "no adapter")
    lake.refuse("llm.finetune", {"base_model": base}, {}, "data", "not connected")
    import torch
    if not torch.cuda.is_available():
        lake.refuse("llm.finetune", {"base_model": base, "quantization": "4bit"}, {"data": shared("reviews")}, "no GPU", "4bit")


@needs("torch", "transformers", "peft", "lm_eval", "datasets")
def test_benchmarks(lake, tmp_path):
    """lm-evaluation-harness with a benchmark of our own, whose questions lie beside it."""
    base = tiny_language_model(tmp_path / "base", True)
    (tmp_path / "tasks").mkdir()
    rows = [{"question": "the product is", "choices": ["great", "bad"], "answer": number % 2} for number in range(12)]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "tasks" / "mine.yaml").write_text(
        f"task: mine\ndataset_path: json\ndataset_kwargs: {{data_files: {{test: {tmp_path}/questions.jsonl}}}}\ntest_split: test\noutput_type: multiple_choice\n"
        "doc_to_text: '{{question}}'\ndoc_to_target: answer\ndoc_to_choice: '{{choices}}'\nmetric_list:\n  - {metric: acc, aggregation: mean, higher_is_better: true}\n")
    env = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    done = lake.run("llm.evaluate", {"model": base, "tasks": ["mine"], "task_folder": str(tmp_path / "tasks"), "few_shot": 0, "limit": 10, "batch_size": 4,
                                     "output": str(tmp_path / "scores.json")}, environment=env)
    assert done.value("mine") == done.value("score") == 0.5 and json.loads((tmp_path / "scores.json").read_text())["details"]["mine"]["acc"] == 0.5
    lake.refuse("llm.evaluate", {"model": base, "tasks": ["mmlu_of_none"]}, {}, "mmlu_of_none", environment=env)
    lake.refuse("llm.evaluate", {"model": base}, {}, "tasks", environment=env)
