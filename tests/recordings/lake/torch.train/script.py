# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
import numpy
import torch

torch.manual_seed(arg("seed", 0, int))
rows, held, task, classes = training_rows()
target, path, device = arg("target"), output_path("model"), "cuda" if torch.cuda.is_available() else "cpu"
pipeline, features = tabular_pipeline(rows.drop(columns=[target]), "passthrough", scale=True, dense=True)
prepare = pipeline[:-1].fit(feature_frame(rows, features))
known = torch.from_numpy(numpy.asarray(prepare.transform(feature_frame(rows, features)), dtype="float32"))
centre, spread = 0.0, 1.0
if classes:
    codes = {label: i for i, label in enumerate(classes)}
    wanted, width, measure = torch.tensor(rows[target].map(codes).to_numpy()), len(classes), torch.nn.CrossEntropyLoss()
else:
    values = rows[target].to_numpy(dtype="float32")
    centre, spread = float(values.mean()), float(values.std()) or 1.0
    wanted, width, measure = torch.from_numpy((values - centre) / spread)[:, None], 1, torch.nn.MSELoss()
layers, size = [], known.shape[1]
for hidden in arg("hidden", None, list) or [64, 32]:
    layers += [torch.nn.Linear(size, int(hidden)), torch.nn.ReLU(), torch.nn.Dropout(0.1)]
    size = int(hidden)
net = torch.nn.Sequential(*layers, torch.nn.Linear(size, width)).to(device)
optimizer = torch.optim.AdamW(net.parameters(), lr=arg("learning_rate", 0.001, float))
batch, epochs, loss = arg("batch_size", 64, int), arg("epochs", 30, int), float("nan")
for epoch in range(1, epochs + 1):
    net.train()
    total = 0.0
    for chosen in torch.randperm(len(known)).split(batch):
        optimizer.zero_grad()
        error = measure(net(known[chosen].to(device)), wanted[chosen].to(device))
        error.backward()
        optimizer.step()
        total += error.item() * len(chosen)
    loss = total / len(known)
    if not numpy.isfinite(loss):
        fail(f"the loss became {loss} in epoch {epoch}", "use a smaller learning_rate")
    if epoch in (1, epochs) or epoch % max(1, epochs // 5) == 0:
        print(f"epoch {epoch} of {epochs}: loss={loss:.4g}", flush=True)
save_model(prepare, path, framework="torch", name="torch_mlp", task=task, target=target, features=features,
           classes=classes, rows=len(rows), centre=centre, spread=spread)
torch.jit.trace(net.cpu().eval(), known[:2]).save(os.path.join(path, "model.pt"))
emit("loss", loss)
finish_training(path, held, rows)
