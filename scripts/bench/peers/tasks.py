"""What each library does for one repetition of a task. Images are float32 NCHW in [0, 1]."""

import json
import os

import numpy as np
import torch
from torch.nn import functional

import networks

CHANNELS_LAST = ("torch-nhwc",)


def prepare(task):
    """Returns a function that does so many repetitions, and what it runs on."""
    if task["kind"] in ("attack", "make"):
        return attack_task(task)
    if task["kind"] == "train":
        return train_task(task)
    return robust_task(task)


def build(task, frozen):
    """The task's network, with the task's weights where it names some; `frozen` keeps gradients of weights off."""
    shape = tuple(task["network"]["shape"])
    network = networks.build(task["network"]["architecture"], shape, task["network"]["classes"])
    weights = task.get("weights")
    if weights and task["kind"] == "robust":
        with np.load(weights) as arrays:
            networks.load_madry(network, arrays)
    if task["side"] in CHANNELS_LAST:
        network = network.to(memory_format=torch.channels_last)
    network.eval()
    network.requires_grad_(not frozen)
    return network


def memory_format(task):
    return torch.channels_last if task["side"] in CHANNELS_LAST else torch.contiguous_format


def random_batch(task):
    height, width, channels = task["network"]["shape"]
    images = torch.rand(task["batch"], channels, height, width)
    return images.contiguous(memory_format=memory_format(task))


def predictions(network, images):
    with torch.no_grad():
        return network(images).argmax(1)


def pgd(network, images, labels, epsilon, step_size, steps):
    """Projected gradient descent in L-infinity from a random start, as one writes it in plain PyTorch."""
    lower, upper = (images - epsilon).clamp_(0, 1), (images + epsilon).clamp_(0, 1)
    iterate = torch.max(lower, torch.min(upper, images + torch.empty_like(images).uniform_(-epsilon, epsilon)))
    for _ in range(steps):
        iterate.requires_grad_(True)
        loss = functional.cross_entropy(network(iterate), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, iterate)
        with torch.no_grad():
            iterate = torch.max(lower, torch.min(upper, iterate + step_size * gradient.sign()))
    return iterate.detach()


def pgd_of(task, network):
    """A function (images, labels) -> adversarial images by the task's library, and the library's version."""
    epsilon, step_size, steps = task["epsilon"], task["stepSize"], task["steps"]
    restarts = task.get("restarts", 1)
    side = task["side"]
    if side.startswith("torch-") or side == "torch":
        return lambda images, labels: pgd(network, images, labels, epsilon, step_size, steps), f"torch {torch.__version__}"
    if side == "foolbox":
        import foolbox

        model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
        attack = foolbox.attacks.LinfProjectedGradientDescentAttack(abs_stepsize=step_size, steps=steps, random_start=True)
        if restarts > 1:
            attack = attack.repeat(restarts)
        return lambda images, labels: attack(model, images, labels, epsilons=epsilon)[1], f"foolbox {foolbox.__version__}"
    if side == "torchattacks":
        import torchattacks

        starts = [torchattacks.PGD(network, eps=epsilon, alpha=step_size, steps=steps, random_start=True) for _ in range(restarts)]
        # Its own way to restart: later starts see only what the earlier ones left.
        attack = torchattacks.MultiAttack(starts) if restarts > 1 else starts[0]
        return attack, f"torchattacks {version_of('torchattacks')}"
    if side == "art":
        from art.attacks.evasion import ProjectedGradientDescentPyTorch
        from art.estimators.classification import PyTorchClassifier

        height, width, channels = task["network"]["shape"]
        classes = task["network"]["classes"]
        classifier = PyTorchClassifier(
            network,
            torch.nn.CrossEntropyLoss(),
            input_shape=(channels, height, width),
            nb_classes=classes,
            clip_values=(0.0, 1.0),
            device_type="cpu",
        )
        attack = ProjectedGradientDescentPyTorch(
            classifier,
            norm=np.inf,
            eps=epsilon,
            eps_step=step_size,
            max_iter=steps,
            num_random_init=restarts,
            batch_size=task["batch"],
            verbose=False,
        )

        def generate(images, labels):
            return torch.from_numpy(attack.generate(images.numpy(), np.eye(classes, dtype=np.float32)[labels.numpy()]))

        return generate, f"ART {version_of('adversarial-robustness-toolbox')}"
    raise ValueError(f"{side} has no PGD here")


def version_of(distribution):
    from importlib.metadata import version

    return version(distribution)


def attack_task(task):
    network = build(task, frozen=True)
    images = random_batch(task)
    labels = predictions(network, images)
    attack, version = pgd_of(task, network)

    # foolbox's call judges its images by itself.
    judged = task["kind"] == "attack" and task["side"] != "foolbox"

    def repeat(times):
        for _ in range(times):
            adversarial = attack(images, labels)
            if judged:
                (predictions(network, adversarial) == labels).sum().item()

    return repeat, version


def train_task(task):
    """Adversarial training as one writes it: the attack in evaluation mode, the update in training mode."""
    network = build(task, frozen=False)
    images = random_batch(task)
    labels = torch.randint(0, task["network"]["classes"], (task["batch"],))
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, nesterov=True)

    def repeat(times):
        for _ in range(times):
            network.eval()
            network.requires_grad_(False)
            adversarial = pgd(network, images, labels, task["epsilon"], task["stepSize"], task["steps"])
            network.requires_grad_(True)
            network.train()
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(network(adversarial), labels).backward()
            optimizer.step()

    return repeat, f"torch {torch.__version__}"


def read_chunk(folder):
    """Images and labels of a packed data set. Raises ValueError where its files do not fit its manifest."""
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    count, shape = manifest["images"], manifest["shape"]
    pixels = np.fromfile(os.path.join(folder, "images.u8"), np.uint8)
    labels = np.fromfile(os.path.join(folder, "labels.u16"), np.dtype("<u2"))
    if pixels.size != count * int(np.prod(shape)) or labels.size != count:
        raise ValueError(f"{folder}: the arrays do not fit the manifest")
    images = (pixels.astype(np.float32) / np.float32(255)).reshape(count, *shape).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels.astype(np.int64))


def compaction(task, network):
    """PGD with restarts in plain PyTorch where an example leaves as soon as an iterate of it is misclassified."""
    epsilon, step_size, steps = task["epsilon"], task["stepSize"], task["steps"]

    def attack(images, labels):
        adversarial = images.clone()
        alive = torch.nonzero(predictions(network, images) == labels).flatten()
        for _ in range(task["restarts"]):
            rows = alive
            start, truth = images[rows], labels[rows]
            lower, upper = (start - epsilon).clamp_(0, 1), (start + epsilon).clamp_(0, 1)
            iterate = torch.max(lower, torch.min(upper, start + torch.empty_like(start).uniform_(-epsilon, epsilon)))
            left = []
            for step in range(steps + 1):
                if len(rows) == 0:
                    break
                iterate.requires_grad_(step < steps)
                with torch.set_grad_enabled(step < steps):
                    logits = network(iterate)
                    loss = functional.cross_entropy(logits, truth, reduction="sum")
                gradient = torch.autograd.grad(loss, iterate)[0] if step < steps else None
                with torch.no_grad():
                    right = logits.argmax(1) == truth
                    if not bool(right.all()):
                        broken = ~right
                        adversarial[rows[broken]] = iterate[broken]
                        rows, truth, lower, upper, iterate = (
                            part[right] for part in (rows, truth, lower, upper, iterate)
                        )
                        gradient = gradient[right] if gradient is not None else None
                    if gradient is not None:
                        iterate = torch.max(lower, torch.min(upper, iterate + step_size * gradient.sign()))
            left.append(rows)
            alive = torch.cat(left)
        return adversarial

    return attack, f"torch {torch.__version__}"


def autoattack(task, network):
    """One attack of pyautoattack with one start, as its own evaluation runs it."""
    import pyautoattack
    from pyautoattack import AutoAttack

    name = {"apgd": "apgd-ce", "square": "square"}[task["attack"]]
    evaluation = AutoAttack(network, norm="Linf", eps=task["epsilon"], version="custom", attacks=[name], seed=0)
    evaluation.verbose = False
    evaluation.apgd.n_restarts = evaluation.square.n_restarts = task["restarts"]
    evaluation.apgd.n_iter = evaluation.square.n_queries = task["steps"]

    def attack(images, labels):
        result = evaluation.run_standard_evaluation(images, labels, batch_size=task["batch"])
        return result[0] if isinstance(result, tuple) else result

    return attack, f"pyautoattack {version_of('pyautoattack')}"


def robust_task(task):
    network = build(task, frozen=True)
    chunks = [read_chunk(folder) for folder in task["chunks"]]
    if task["side"] == "pyautoattack":
        attack, version = autoattack(task, network)
    elif task["side"] == "torch-compaction":
        attack, version = compaction(task, network)
    else:
        attack, version = pgd_of(task, network)
    state = {"next": 0}

    def repeat(times):
        robust = 0
        for _ in range(times):
            images, labels = chunks[state["next"] % len(chunks)]
            state["next"] += 1
            for start in range(0, len(labels), task["batch"]):
                rows = slice(start, start + task["batch"])
                right = predictions(network, images[rows]) == labels[rows]
                adversarial = attack(images[rows], labels[rows])
                right &= predictions(network, adversarial) == labels[rows]
                robust += int(right.sum())
        return robust

    return repeat, version
