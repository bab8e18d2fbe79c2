"""Checks the numbers that Pairlight states of one model, in PyTorch and without Pairlight.

    pip install numpy torch pyautoattack
    python verify.py

It reads the files beside it: network.json (the layers), weights.npz, images.npz, claims.json (what Pairlight states) and
one archive of adversarial images for each statement. It rebuilds the network from PyTorch's own layers and checks

 1. clean logits and clean accuracy, on the same images;
 2. every adversarial image that Pairlight counts: inside [0, 1], inside the ball, classified wrongly here too;
 3. white-box robust accuracy: PGD written here with the same norm, radius, steps, step size and starts;
 4. AutoAttack (Croce & Hein 2020; the package pyautoattack) at each norm and radius: what Pairlight states must not be
    higher than what AutoAttack leaves, by more than the tolerance.

It ends with status 0 if everything is confirmed, 1 if something is not. Without statements it prints its own figures
for --norm and --epsilon.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = Path(__file__).resolve().parent
NORM_EPSILON = 1e-5
"""Of batch normalisation, PyTorch's default."""
SLACK = {"linf": 1.2e-7, "l2": 1e-6, "l1": 1e-6}
BATCH = 250


class Network(nn.Module):
    """The layers of network.json with the arrays of weights.npz. Takes pixels in [0, 1], [batch, channels, height, width]."""

    def __init__(self, layers, arrays):
        super().__init__()
        self.layers = layers
        depthwise = {f"{layer['name']}_w" for layer in layers if layer["kind"] == "depthwise"}
        for name, array in arrays.items():
            tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
            if name in depthwise:
                tensor = tensor.permute(2, 3, 0, 1).contiguous()
            elif tensor.ndim == 4:
                tensor = tensor.permute(3, 2, 0, 1).contiguous()
            elif tensor.ndim == 2:
                tensor = tensor.t().contiguous()
            self.register_buffer(name, tensor)

    def own(self, layer, part):
        return getattr(self, f"{layer['name']}_{part}")

    def forward(self, images):
        values = {"images": images}
        for layer in self.layers:
            inputs = [values[name] for name in layer["inputs"]]
            values[layer["name"]] = getattr(self, f"run_{layer['kind']}")(layer, *inputs)
        return values[self.layers[-1]["name"]]

    def run_scale(self, layer, x):
        column = (-1, 1, 1)
        return (x - self.own(layer, "mean").view(column)) / self.own(layer, "deviation").view(column)

    def run_conv(self, layer, x):
        bias = self.own(layer, "b") if layer["bias"] else None
        x = F.conv2d(F.pad(x, layer["padding"]), self.own(layer, "w"), bias, layer["stride"])
        return F.relu(x) if layer["relu"] else x

    def run_depthwise(self, layer, x):
        bias = self.own(layer, "b") if layer["bias"] else None
        x = F.conv2d(F.pad(x, layer["padding"]), self.own(layer, "w"), bias, layer["stride"], groups=x.shape[1])
        return F.relu(x) if layer["relu"] else x

    def run_norm(self, layer, x):
        statistics = self.own(layer, "mean"), self.own(layer, "variance")
        x = F.batch_norm(x, *statistics, self.own(layer, "gamma"), self.own(layer, "beta"), False, 0, NORM_EPSILON)
        return F.relu(x) if layer["relu"] else x

    def run_cap(self, layer, x):
        return x.clamp(max=layer["limit"])

    def run_add(self, layer, x, other):
        return F.relu(x + other) if layer["relu"] else x + other

    def run_denoise(self, layer, x, *embeddings):
        method = layer["method"]
        if method == "mean":
            return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        if method == "median":
            return windows(x, "replicate").median(2).values
        rows = x.flatten(2)
        if method == "non-local-dot":
            return (rows @ rows.transpose(1, 2) @ rows / rows.shape[2]).view_as(x)
        theta, phi = embeddings
        factor = theta.shape[1] ** -0.5
        if method == "non-local-softmax":
            weights = torch.softmax(theta.flatten(2).transpose(1, 2) @ phi.flatten(2) * factor, 2)
            return (rows @ weights.transpose(1, 2)).view_as(x)
        inside = windows(torch.ones_like(x[:1, :1]), "constant")[:, 0]
        scores = (theta.unsqueeze(2) * windows(phi, "constant")).sum(1) * factor
        weights = torch.softmax(scores.masked_fill(inside == 0, -1e9), 1)
        return (windows(x, "constant") * weights.unsqueeze(1)).sum(2)

    def run_pool(self, layer, x):
        return F.max_pool2d(x, layer["size"], 2, 1 if layer["size"] == 3 else 0)

    def run_average(self, layer, x):
        return x.mean((2, 3))

    def run_shortcut(self, layer, x):
        stride = layer["stride"]
        return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, layer["before"], layer["after"]))

    def run_dense(self, layer, x):
        if x.ndim == 4:
            x = x.permute(0, 2, 3, 1).flatten(1)
        x = F.linear(x, self.own(layer, "w"), self.own(layer, "b"))
        return F.relu(x) if layer["relu"] else x


def windows(x, border):
    """The nine values of each 3x3 window, [batch, channels, 9, height, width]."""
    height, width = x.shape[2:]
    x = F.pad(x, (1, 1, 1, 1), mode=border)
    return torch.stack([x[:, :, row : row + height, column : column + width] for row in range(3) for column in range(3)], 2)


def nchw(array):
    return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2), dtype=np.float32))


@torch.no_grad()
def logits_of(network, images):
    return torch.cat([network(part) for part in images.split(BATCH)])


def wrong(network, images, labels):
    return logits_of(network, images).argmax(1) != labels


def sizes(delta, norm):
    """The norm of each row, in float64."""
    flat = delta.double().flatten(1)
    return {"linf": flat.abs().amax(1), "l2": flat.pow(2).sum(1).sqrt(), "l1": flat.abs().sum(1)}[norm]


def project(x, start, epsilon, norm):
    delta = x - start
    if norm == "linf":
        delta = delta.clamp(-epsilon, epsilon)
    else:
        delta = delta * (epsilon / sizes(delta, "l2").clamp_min(1e-12)).clamp_max(1).float().view(-1, 1, 1, 1)
    return (start + delta).clamp(0, 1)


def pgd(network, images, labels, norm, epsilon, steps, step_size, starts, generator):
    """Projected gradient descent from random starts (Madry et al. 2018), L-infinity or L2; who any iterate breaks."""
    broken = wrong(network, images, labels)
    for _ in range(starts):
        left = (~broken).nonzero().flatten()
        for rows in left.split(BATCH):
            x0, y = images[rows], labels[rows]
            noise = torch.rand(x0.shape, generator=generator) * 2 - 1
            if norm == "l2":
                noise = noise / sizes(noise, "l2").float().view(-1, 1, 1, 1)
            x = project(x0 + epsilon * noise, x0, epsilon, norm)
            for step in range(steps + 1):
                x.requires_grad_(True)
                logits = network(x)
                broken[rows] |= logits.argmax(1) != y
                if step == steps:
                    break
                (gradient,) = torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), x)
                if norm == "linf":
                    direction = gradient.sign()
                else:
                    direction = gradient / sizes(gradient, "l2").clamp_min(1e-12).float().view(-1, 1, 1, 1)
                x = project(x.detach() + step_size * direction, x0, epsilon, norm)
    return broken


def autoattack(network, images, labels, norm, epsilon, seed):
    """Who AutoAttack's standard version breaks; None where the package is missing."""
    try:
        from pyautoattack import AutoAttack
    except ImportError:
        return None
    name = {"linf": "Linf", "l2": "L2", "l1": "L1"}[norm]
    attack = AutoAttack(network, norm=name, eps=epsilon, version="standard", seed=seed)
    classes = logits_of(network, images[:1]).shape[1]
    attack.apgd_targeted.n_target_classes = min(attack.apgd_targeted.n_target_classes, classes - 1)
    attack.fab.n_target_classes = min(attack.fab.n_target_classes, classes - 1)
    if classes < 4:
        attack.attacks_to_run = ["apgd-ce", "fab", "square"]
    attack.verbose = False
    found = attack.run_standard_evaluation(images, labels, batch_size=BATCH)
    found = found[0] if isinstance(found, tuple) else found
    inside = sizes(found - images, norm) <= epsilon * (1 + 1e-5) + SLACK[norm]
    return wrong(network, images, labels) | (wrong(network, found, labels) & inside)


class Report:
    """Prints each check as a line and remembers whether all were passed."""

    def __init__(self):
        self.passed = True
        self.lines = []

    def check(self, passed, what, **figures):
        self.passed &= bool(passed)
        self.lines.append({"passed": bool(passed), "what": what, **figures})
        numbers = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
        print(f"{'ok  ' if passed else 'FAIL'} {what}: {numbers}", flush=True)

    def tell(self, what, **figures):
        self.lines.append({"passed": None, "what": what, **figures})
        numbers = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
        print(f"     {what}{': ' if numbers else ''}{numbers}", flush=True)


def check_images(report, network, claim, images, labels, archive):
    """Steps 1 and 2 for one statement. Returns which rows its own images break."""
    logits = logits_of(network, images)
    difference = (logits - torch.from_numpy(archive["logits_clean"])).abs().max().item()
    scale = max(1, logits.abs().max().item())
    report.check(difference <= 1e-3 * scale, "clean logits are the same", largest_difference=difference)
    clean = logits.argmax(1) == labels
    accuracy = clean.float().mean().item()
    same = abs(accuracy - claim["cleanAccuracy"]) <= 1 / len(labels) + 1e-9
    report.check(same, "clean accuracy", here=accuracy, stated=claim["cleanAccuracy"])

    counted = torch.from_numpy(archive["success"] & archive["attacked"])
    found = nchw(archive["adversarial"])
    delta = found.double() - images.double()
    slack = SLACK[claim["norm"]] * (1 if claim["norm"] == "linf" else max(1, claim["epsilon"]))
    size = sizes(delta, claim["norm"])
    # A minimal-norm attack keeps what it found beyond the ball too; those are not counted.
    counted &= size <= claim["epsilon"] + slack
    inside = ((found >= 0) & (found <= 1)).flatten(1).all(1)
    fooled = wrong(network, found, labels)
    confirmed = (counted & inside & fooled).sum().item()
    close = counted.sum().item() - confirmed <= max(1, 0.002 * counted.sum().item())
    report.check(close, "its adversarial images are valid and fool the network", counted=counted.sum().item(), confirmed=confirmed)
    return ~clean | torch.from_numpy(archive["success"])


def check_pgd(report, network, claim, images, labels, options):
    """Step 3, for a white-box PGD in a norm that is written here."""
    settings = claim["settings"]
    steps, size = settings.get("steps"), settings.get("stepSize")
    mine = claim["attack"] == "pgd" and claim["threat"] == "white-box" and claim["goal"] == "untargeted"
    if not mine or not size or claim["norm"] == "l1":
        return
    starts = min(int(settings.get("restarts", 1)), options.starts)
    generator = torch.Generator().manual_seed(options.seed)
    broken = pgd(network, images, labels, claim["norm"], claim["epsilon"], int(steps), size, starts, generator)
    here = 1 - broken.float().mean().item()
    close = abs(here - claim["robustAccuracy"]) <= options.tolerance / 100
    report.check(close, f"PGD-{steps} x {starts} written here", here=here, stated=claim["robustAccuracy"])


def check_autoattack(report, network, key, images, labels, standing, options):
    """Step 4: what no statement broke, against AutoAttack."""
    norm, epsilon = key
    broken = autoattack(network, images, labels, norm, epsilon, options.seed)
    if broken is None:
        report.tell("AutoAttack is not run: the package pyautoattack is missing (pip install pyautoattack)")
        return
    here = 1 - broken.float().mean().item()
    stated = standing.float().mean().item()
    weaker = stated - here <= options.tolerance / 100
    what = f"the lowest stated accuracy at {norm} {epsilon:g} is not above AutoAttack's"
    report.check(weaker, what, AutoAttack=here, stated=stated, images=len(labels))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=None, help="check only the first N images")
    parser.add_argument("--tolerance", type=float, default=2, help="points of accuracy that attacks may differ by")
    parser.add_argument("--starts", type=int, default=5, help="most starts of PGD")
    parser.add_argument("--skip-autoattack", action="store_true", help="leave the slow check out")
    parser.add_argument("--norm", choices=["linf", "l2"], default="linf", help="without statements: the norm")
    parser.add_argument("--epsilon", type=float, default=0.25, help="without statements: the radius, pixels in [0, 1]")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=None, help="write the checks to this file too")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    description = json.loads((HERE / "network.json").read_text())
    claims = json.loads((HERE / "claims.json").read_text())
    network = Network(description["layers"], dict(np.load(HERE / "weights.npz"))).eval()
    data = np.load(HERE / "images.npz")
    everything = nchw(data["images_u8"].astype(np.float32) / np.float32(255))
    all_labels = torch.from_numpy(data["labels"].astype(np.int64))
    place = {index: row for row, index in enumerate(data["indices"].tolist())}
    print(f"{description['name']}: {description['architecture']}, {len(claims)} statements")

    report = Report()
    groups = {}
    for claim in claims:
        print(f"{claim['title']} ({claim['threat']}, {claim['examples']} images)")
        archive = {name: array[: options.examples] for name, array in np.load(HERE / claim["file"]).items() if name != "settings"}
        if options.examples is not None and options.examples < claim["examples"]:
            archive_clean = archive["logits_clean"].argmax(1) == archive["labels"]
            claim = {**claim, "cleanAccuracy": archive_clean.mean(), "robustAccuracy": (archive_clean & ~archive["success"]).mean()}
        rows = torch.tensor([place[index] for index in archive["indices"].tolist()])
        images, labels = everything[rows], all_labels[rows]
        broken = check_images(report, network, claim, images, labels, archive)
        check_pgd(report, network, claim, images, labels, options)
        if claim["norm"] in SLACK and np.isfinite(claim["epsilon"]):
            group = groups.setdefault((claim["norm"], claim["epsilon"], tuple(rows.tolist())), torch.ones(len(rows), dtype=torch.bool))
            group &= ~broken
    if not options.skip_autoattack:
        for (norm, epsilon, rows), standing in groups.items():
            rows = torch.tensor(rows)
            check_autoattack(report, network, (norm, epsilon), everything[rows], all_labels[rows], standing, options)
    if not claims:
        images, labels = everything[: options.examples], all_labels[: options.examples]
        report.tell("clean accuracy", here=1 - wrong(network, images, labels).float().mean().item())
        generator = torch.Generator().manual_seed(options.seed)
        broken = pgd(network, images, labels, options.norm, options.epsilon, 40, options.epsilon / 16, 1, generator)
        report.tell(f"PGD-40 at {options.norm} {options.epsilon:g}", here=1 - broken.float().mean().item())
        if not options.skip_autoattack:
            broken = autoattack(network, images, labels, options.norm, options.epsilon, options.seed)
            if broken is not None:
                report.tell("AutoAttack", here=1 - broken.float().mean().item())
    if options.json:
        options.json.write_text(json.dumps({"passed": report.passed, "checks": report.lines}, indent=2) + "\n")
    print("Everything is confirmed." if report.passed else "Not everything is confirmed: see FAIL above.")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
