# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import copy

import numpy
import torch

torch.manual_seed(arg("seed", 0, int))
rows, held, task, classes = training_rows()
target, path, gpus = arg("target"), output_path("model"), arg("gpus", 1 if torch.cuda.is_available() else 0, int)
if gpus and not torch.cuda.is_available():
    fail("there is no GPU", "give the step one, or leave out gpus")
device = "cuda" if gpus else "cpu"
known = hyperparameters("torch", None, learning_rate=(0.001, float), batch_size=(64, int), epochs=(30, int), dropout=(0.1, float),
                        weight_decay=(0.01, float), optimizer=("adamw", str), hidden=([64, 32], list))
rounds, stop = patience(10), None
first = rows
if rounds:
    stop = hold_out(rows, target, classes, 0.15, arg("seed", 0, int))
    first = rows.drop(stop.index)
pipeline, features = tabular_pipeline(learned(rows), "passthrough", scale=True, dense=True)
prepare = pipeline[:-1].fit(feature_frame(first, features))
centre, spread = 0.0, 1.0
if not classes:
    values = first[target].to_numpy(dtype="float32")
    centre, spread = float(values.mean()), float(values.std()) or 1.0


def tensors(part):
    ready = torch.from_numpy(numpy.asarray(prepare.transform(feature_frame(part, features)), dtype="float32"))
    weights = row_weights(part, classes)
    weights = torch.ones(len(part)) if weights is None else torch.from_numpy(weights.astype("float32"))
    if classes:
        codes = {label: i for i, label in enumerate(classes)}
        return ready, torch.tensor(part[target].map(codes).to_numpy()), weights
    return ready, torch.from_numpy((part[target].to_numpy(dtype="float32") - centre) / spread)[:, None], weights


def errors(answer, wanted):
    if classes:
        return torch.nn.functional.cross_entropy(answer, wanted, reduction="none")
    return ((answer - wanted) ** 2)[:, 0]


inputs, wanted, weights = tensors(first)
check = tensors(stop) if rounds else None
layers, size = [], inputs.shape[1]
for hidden in known["hidden"]:
    layers += [torch.nn.Linear(size, int(hidden)), torch.nn.ReLU(), torch.nn.Dropout(known["dropout"])]
    size = int(hidden)
net = torch.nn.Sequential(*layers, torch.nn.Linear(size, len(classes) if classes else 1)).to(device)
kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop}
if known["optimizer"] not in kinds:
    fail(f"the optimizer {known['optimizer']} is unknown", f"use one of {', '.join(kinds)}")
optimizer = kinds[known["optimizer"]](net.parameters(), lr=known["learning_rate"], weight_decay=known["weight_decay"])
epochs, loss, best, since = known["epochs"], float("nan"), (float("inf"), None), 0
model = torch.nn.DataParallel(net, list(range(gpus))) if gpus > 1 else net
for epoch in range(1, epochs + 1):
    net.train()
    total = 0.0
    for chosen in torch.randperm(len(inputs)).split(known["batch_size"]):
        optimizer.zero_grad()
        weight = weights[chosen].to(device)
        error = (errors(model(inputs[chosen].to(device)), wanted[chosen].to(device)) * weight).sum() / weight.sum().clamp(min=1e-9)
        error.backward()
        optimizer.step()
        total += error.item() * len(chosen)
    loss = total / len(inputs)
    if not numpy.isfinite(loss):
        fail(f"the loss became {loss} in epoch {epoch}", "use a smaller learning_rate")
    if epoch in (1, epochs) or epoch % max(1, epochs // 5) == 0:
        print(f"epoch {epoch} of {epochs}: loss={loss:.4g}", flush=True)
    if rounds:
        net.eval()
        with torch.no_grad():
            value = float(errors(net(check[0].to(device)).cpu(), check[1]).mean())
        best, since = ((value, copy.deepcopy(net.state_dict())), 0) if value < best[0] else (best, since + 1)
        if since >= rounds:
            print(f"early stopping on {len(stop)} rows after epoch {epoch}: the best was epoch {epoch - since}")
            break
if best[1] is not None:
    net.load_state_dict(best[1])
save_model(prepare, path, framework="torch", name="torch_mlp", task=task, target=target, features=features,
           classes=classes, rows=len(rows), centre=centre, spread=spread)
torch.jit.trace(net.cpu().eval(), inputs[:2]).save(os.path.join(path, "model.pt"))
emit("loss", loss)
finish_training(path, held, rows)
