# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import copy
import math

import numpy
import pandas
import torch
import torchvision
from torchvision.transforms import v2

seed = arg("seed", 0, int)
torch.manual_seed(seed)
known = hyperparameters("image", None, epochs=(5, int), learning_rate=(0.001, float), batch_size=(32, int), image_size=(224, int),
                        optimizer=("adamw", str), weight_decay=(0.01, float), warmup=(0.0, float), scheduler=("cosine", str))
base, source, path = arg("model", "resnet18"), input_path("data"), output_path("model")
gpus = arg("gpus", 1 if torch.cuda.is_available() else 0, int)
if gpus and not torch.cuda.is_available():
    fail("there is no GPU", "give the step one, or leave out gpus")
device = "cuda" if gpus else "cpu"


def images():
    """The images as a table with the columns of image, label and part."""
    with open(source, "rb") if os.path.isfile(source) else open(os.devnull, "rb") as file:
        head = file.read(4)
    inside = os.path.isdir(source) and any(file.suffix.lower() in IMAGES for file in pathlib.Path(source).rglob("*"))
    if inside or head[:2] == b"\x1f\x8b" or head[:4] == b"PK\3\4":
        return image_table(source), "image", "label"
    frame = read_table(source)
    image = arg("image") or next((name for name in ("image", "path", "file", "filename") if name in frame.columns), "image")
    label = arg("label") or ("label" if "label" in frame.columns else TOLD.get("target") if TOLD.get("target") in frame.columns else str(frame.columns[-1]))
    need(frame, image, label)
    return frame.assign(part=""), image, label


frame, image, label = images()
ARGS.update(target=label, task="classification")
frame, task, classes = known_rows(frame)
parts = set(frame["part"])
if "train" in parts and len(parts) > 1:  # the folder is split already
    rows, held = frame[frame["part"] == "train"], frame[frame["part"].isin(["val", "valid", "validation", "test"])]
    strange = set(held[label]) - set(rows[label])
    if strange:
        fail(f"no image of {', '.join(sorted(map(str, strange))[:5])} is there to train", "add some")
else:
    held = hold_out(frame, label, classes, arg("test_size", 0.2, float), seed)
    rows = frame.drop(held.index)
classes = sorted(rows[label].unique().tolist())
codes = {name: place for place, name in enumerate(classes)}
rounds, stop = patience(3), None
first = rows
if rounds:
    stop = hold_out(rows, label, classes, 0.15, seed)
    first = rows.drop(stop.index)


def network():
    """The model with a head for the classes."""
    if base not in torchvision.models.list_models(torchvision.models):
        fail(f"torchvision has no model {base}", "use resnet18, resnet50, efficientnet_b0, mobilenet_v3_small, vit_b_16 or another of its classifiers")
    weights = "DEFAULT" if arg("pretrained", True, bool) else None
    more = {"image_size": known["image_size"]} if base.startswith("vit_") and known["image_size"] != 224 and weights is None else {}
    if base.startswith("vit_") and weights and known["image_size"] != 224:
        fail(f"the pretrained {base} takes images of 224 pixels", "leave out image_size, or use a model such as resnet50")
    try:
        net = torchvision.models.get_model(base, weights=weights, **more)
    except (OSError, RuntimeError, ValueError) as error:
        fail(f"the weights of {base} cannot be loaded: {str(error).splitlines()[0]}", "check the network, or use pretrained false")
    if arg("freeze", False, bool):
        net.requires_grad_(False)
    for name in ("fc", "classifier", "heads", "head"):  # where torchvision's models keep the last layer
        head = getattr(net, name, None)
        if isinstance(head, torch.nn.Linear):
            setattr(net, name, torch.nn.Linear(head.in_features, len(classes)))
            return net
        if isinstance(head, torch.nn.Sequential):
            places = [place for place, (_, layer) in enumerate(head.named_children()) if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d))]
            if places:
                old, key = list(head.children())[places[-1]], list(dict(head.named_children()))[places[-1]]
                new = torch.nn.Linear(old.in_features, len(classes)) if isinstance(old, torch.nn.Linear) else torch.nn.Conv2d(old.in_channels, len(classes), old.kernel_size)
                head._modules[key] = new
                return net
    fail(f"{base} has no head that is known here", "use resnet18, efficientnet_b0, mobilenet_v3_small or vit_b_16")


size, mean, spread = known["image_size"], [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
asked = arg("augment", None, list)
asked = ["flip", "crop"] if asked is None else [name for name in asked if name != "none"]
changes = {"flip": v2.RandomHorizontalFlip(), "crop": v2.RandomResizedCrop(size, (0.6, 1.0)), "rotate": v2.RandomRotation(15),
           "color": v2.ColorJitter(0.2, 0.2, 0.2)}
if set(asked) - set(changes):
    fail(f"the changes {', '.join(sorted(set(asked) - set(changes)))} are unknown", f"use {', '.join(changes)} or none")
vary = v2.Compose([changes[name] for name in asked]) if asked else (lambda picture: picture)
factor = row_weights(first, classes)
factor = numpy.ones(len(first)) if factor is None else factor


class Pictures(torch.utils.data.Dataset):
    def __init__(self, part, weights, change):
        self.items, self.wanted, self.weights, self.change = part[image].tolist(), [codes[name] for name in part[label]], weights, change

    def __len__(self):
        return len(self.items)

    def __getitem__(self, place):
        picture = numpy.asarray(self.change(read_image(self.items[place], size)), dtype="float32")
        ready = torch.from_numpy(((picture / 255 - mean) / spread).transpose(2, 0, 1).astype("float32"))
        return ready, self.wanted[place], float(self.weights[place])


net = network().to(device)
trained = [weight for weight in net.parameters() if weight.requires_grad]
kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}
if known["optimizer"] not in kinds:
    fail(f"the optimizer {known['optimizer']} is unknown", f"use one of {', '.join(kinds)}")
momentum = {"momentum": 0.9} if known["optimizer"] == "sgd" else {}
optimizer = kinds[known["optimizer"]](trained, lr=known["learning_rate"], weight_decay=known["weight_decay"], **momentum)
batch = known["batch_size"]
loader = torch.utils.data.DataLoader(Pictures(first, factor, vary), batch, shuffle=True, drop_last=len(first) > batch and len(first) % batch == 1)
steps = max(1, len(loader) * known["epochs"])
warm = known["warmup"] if known["warmup"] >= 1 else known["warmup"] * steps


def pace(step):
    if step < warm:
        return (step + 1) / (warm + 1)
    rest = (step - warm) / max(1, steps - warm)
    return {"cosine": 0.5 * (1 + math.cos(math.pi * min(1.0, rest))), "linear": max(0.0, 1 - rest)}.get(known["scheduler"], 1.0)


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, pace)
kind = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(arg("precision", "fp32"))
scaler = torch.amp.GradScaler(device, enabled=kind is torch.float16 and device == "cuda")
model = torch.nn.DataParallel(net, list(range(gpus))) if gpus > 1 else net
loss, best, since = float("nan"), (float("inf"), None), 0


def check_loss():
    net.eval()
    with torch.no_grad():
        ready = torch.utils.data.DataLoader(Pictures(stop, numpy.ones(len(stop)), lambda picture: picture), batch)
        found = [torch.nn.functional.cross_entropy(net(pictures.to(device)).float().cpu(), wanted, reduction="sum") for pictures, wanted, _ in ready]
    return float(sum(found)) / len(stop)


print(f"{base}: {sum(weight.numel() for weight in trained)} of {sum(weight.numel() for weight in net.parameters())} parameters are trained on {len(first)} images", flush=True)
for epoch in range(1, known["epochs"] + 1):
    net.train()
    total, seen = 0.0, 0
    for pictures, wanted, weight in loader:
        optimizer.zero_grad()
        with torch.autocast(device, dtype=kind or torch.bfloat16, enabled=kind is not None):
            answer = model(pictures.to(device))
        answer = (answer[0] if isinstance(answer, tuple) else answer).float()
        weight = weight.to(device)
        error = (torch.nn.functional.cross_entropy(answer, wanted.to(device), reduction="none") * weight).sum() / weight.sum().clamp(min=1e-9)
        scaler.scale(error).backward()
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        total, seen = total + error.item() * len(wanted), seen + len(wanted)
    loss = total / seen
    if not math.isfinite(loss):
        fail(f"the loss became {loss} in epoch {epoch}", "use a smaller learning_rate")
    print(f"epoch {epoch} of {known['epochs']}: loss={loss:.4g}", flush=True)
    if rounds:
        value = check_loss()
        best, since = ((value, copy.deepcopy(net.state_dict())), 0) if value < best[0] else (best, since + 1)
        if since >= rounds:
            print(f"early stopping on {len(stop)} images after epoch {epoch}: the best was epoch {epoch - since}")
            break
if best[1] is not None:
    net.load_state_dict(best[1])
save_model(None, path, framework="torchvision", name=base, task=task, target=label, features=[image], classes=classes, rows=len(rows),
           image_size=size, mean=mean, spread=spread)
net.cpu().eval()
with torch.no_grad():
    example = torch.zeros(1, 3, size, size)
    torch.jit.trace(net, example).save(os.path.join(path, "model.pt"))


def whole(item):
    """The bytes of an image, for steps after this one run where its path means nothing."""
    return item if isinstance(item, (bytes, dict)) else pathlib.Path(fetch(str(item))).read_bytes()


held = held.drop(columns=["part"])
held[image] = held[image].map(whole)
emit("loss", loss)
finish_training(path, held, rows.drop(columns=["part"]))
