"""Runs the peers' attacks on a fixture. Order on standard input, one JSON line for each result on standard output.

order: {"cases": [{"name", "fixture": file, "examples", "seeds", "kind", "parameters"}]}
line:  {"case", "tool", "version", "seed", "left": [bool of each image], "distances": [float or null],
        "queries": forward passes of each image, "cpuSeconds"}
"""

import json
import sys
import time
import warnings
from importlib.metadata import version

import numpy as np
import torch
from torch import nn
from torch.nn import functional

warnings.filterwarnings("ignore")
torch.set_num_threads(1)


class Net(nn.Module):
    """The fixtures' network; it counts the images that it is asked for."""

    def __init__(self, arrays):
        super().__init__()
        weight = lambda key, *axes: torch.from_numpy(np.ascontiguousarray(arrays[key].transpose(*axes)))
        vector = lambda key: torch.from_numpy(arrays[key])
        channels = arrays["conv2_b"].shape[0]
        first = arrays["fc1_w"].reshape(7, 7, channels, -1).transpose(3, 2, 0, 1)
        self.parts = {
            "conv1": (weight("conv1_w", 3, 2, 0, 1), vector("conv1_b")),
            "conv2": (weight("conv2_w", 3, 2, 0, 1), vector("conv2_b")),
            "fc1": (torch.from_numpy(np.ascontiguousarray(first.reshape(first.shape[0], -1))), vector("fc1_b")),
            "fc2": (weight("fc2_w", 1, 0), vector("fc2_b")),
        }
        self.asked = 0
        # Some tools ask where the parameters lie.
        self.anchor = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x):
        self.asked += len(x)
        for name in ("conv1", "conv2"):
            x = functional.max_pool2d(functional.relu(functional.conv2d(x, *self.parts[name], padding=2)), 2)
        return functional.linear(functional.relu(functional.linear(x.flatten(1), *self.parts["fc1"])), *self.parts["fc2"])


def load(file, count):
    arrays = np.load(file)
    net = Net(arrays).eval()
    x = torch.from_numpy(arrays["images_u8"][:count].astype(np.float32) / np.float32(255))[:, None]
    y = torch.from_numpy(arrays["labels"][:count].astype(np.int64))
    difference = (net(x) - torch.from_numpy(arrays["logits_clean"][:count])).abs().max()
    if difference > 1e-3:
        raise SystemExit(f"The network's logits are off by {difference}.")
    return net, x, y


def foolbox_model(net):
    import foolbox

    return foolbox, foolbox.PyTorchModel(net, bounds=(0, 1), device="cpu")


def art_classifier(net):
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        net, nn.CrossEntropyLoss(), input_shape=(1, 28, 28), nb_classes=10, clip_values=(0.0, 1.0), device_type="cpu"
    )


def by_foolbox(make):
    def run(net, x, y, p, seed):
        fb, model = foolbox_model(net)
        return make(fb, p)(model, x, y, epsilons=p.get("epsilon"))[1]

    return "foolbox", run


def by_art(make):
    def run(net, x, y, p, seed):
        return torch.from_numpy(make(art_classifier(net), p).generate(x.numpy(), y=y.numpy()))

    return "adversarial-robustness-toolbox", run


def by_torchattacks(make):
    def run(net, x, y, p, seed):
        import torchattacks

        return make(torchattacks, net, p)(x, y)

    return "torchattacks", run


def by_autoattack(make):
    def run(net, x, y, p, seed):
        return make(net, p, seed).perturb(x, y)

    return "pyautoattack", run


def art(name):
    import art.attacks.evasion

    return getattr(art.attacks.evasion, name)


def autoattack_apgd(net, p, seed):
    from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted

    common = {"n_iter": p["steps"], "norm": p["norm"], "eps": p["epsilon"], "device": "cpu", "seed": seed}
    if p["loss"] == "t":
        larger = p["norm"] == "L1"  # As its AutoAttack sets it: radii of 3, 2 and 1 times the bound.
        return APGDAttack_targeted(net, n_target_classes=p["targets"], use_largereps=larger, **common)
    return APGDAttack(net, loss=p["loss"], **common)


def autoattack_fab(net, p, seed):
    from pyautoattack.fab_pt import FABAttack_PT

    return FABAttack_PT(net, norm=p["norm"], eps=p["epsilon"], n_iter=p["steps"], n_restarts=1, seed=seed, device="cpu")


def autoattack_square(net, p, seed):
    from pyautoattack.square import SquareAttack

    return SquareAttack(net, norm=p["norm"], eps=p["epsilon"], n_queries=p["queries"], seed=seed, device="cpu")


def art_spatial(net, x, y, p, seed):
    """ART looks for one movement that is worst for all images together, so each is given to it alone."""
    attack = art("SpatialTransformation")(
        art_classifier(net),
        max_translation=100 * p["shift"] / 28,
        num_translations=p["shifts"],
        max_rotation=p["rotation"],
        num_rotations=p["rotations"],
        verbose=False,
    )
    alone = []
    for i in range(len(x)):
        attack.attack_trans_x = attack.attack_trans_y = attack.attack_rot = attack.fooling_rate = None
        alone.append(torch.from_numpy(attack.generate(x[i : i + 1].numpy(), y=y[i : i + 1].numpy())))
    return torch.cat(alone)


def autoattack_standard(net, x, y, p, seed):
    from pyautoattack import AutoAttack

    attack = AutoAttack(net, norm=p["norm"], eps=p["epsilon"], version="standard", device="cpu", seed=seed)
    attack.verbose = False
    adversarial = attack.run_standard_evaluation(x, y, batch_size=len(x))
    return adversarial[0] if isinstance(adversarial, tuple) else adversarial


NORMS = {"linf": np.inf, "l2": 2, "l1": 1}
foolbox_pgd = lambda fb, p: getattr(fb.attacks, {"linf": "LinfPGD", "l2": "L2PGD", "l1": "L1PGD"}[p["norm"]])(
    steps=p["steps"], abs_stepsize=p["stepSize"], random_start=True
)
KINDS = {
    "fgsm": [
        by_foolbox(lambda fb, p: fb.attacks.LinfFastGradientAttack(random_start=False)),
        by_torchattacks(lambda ta, net, p: ta.FGSM(net, eps=p["epsilon"])),
        by_art(lambda cl, p: art("FastGradientMethod")(cl, eps=p["epsilon"], batch_size=256)),
    ],
    "fgm": [
        by_foolbox(lambda fb, p: fb.attacks.L2FastGradientAttack(random_start=False)),
        by_art(lambda cl, p: art("FastGradientMethod")(cl, norm=2, eps=p["epsilon"], batch_size=256)),
    ],
    "bim": [
        by_foolbox(
            lambda fb, p: fb.attacks.LinfBasicIterativeAttack(
                steps=p["steps"], abs_stepsize=p["stepSize"], random_start=False
            )
        ),
        by_torchattacks(lambda ta, net, p: ta.BIM(net, eps=p["epsilon"], alpha=p["stepSize"], steps=p["steps"])),
        by_art(
            lambda cl, p: art("BasicIterativeMethod")(
                cl, eps=p["epsilon"], eps_step=p["stepSize"], max_iter=p["steps"], batch_size=256, verbose=False
            )
        ),
    ],
    "pgd": [
        by_foolbox(foolbox_pgd),
        by_art(
            lambda cl, p: art("ProjectedGradientDescentPyTorch")(
                cl,
                norm=NORMS[p["norm"]],
                eps=p["epsilon"],
                eps_step=p["stepSize"],
                max_iter=p["steps"],
                num_random_init=1,
                batch_size=256,
                verbose=False,
            )
        ),
    ],
    "apgd": [by_autoattack(autoattack_apgd)],
    "fab": [by_autoattack(autoattack_fab)],
    "autoattack": [("pyautoattack", autoattack_standard)],
    "square": [by_autoattack(autoattack_square)],
    "deepfool": [
        by_foolbox(
            lambda fb, p: getattr(fb.attacks, "L2DeepFoolAttack" if p["norm"] == "l2" else "LinfDeepFoolAttack")(
                steps=p["steps"], candidates=10, overshoot=p["overshoot"]
            )
        ),
    ],
    "carlini-wagner": [
        by_foolbox(
            lambda fb, p: fb.attacks.L2CarliniWagnerAttack(
                binary_search_steps=p["searches"], steps=p["steps"], stepsize=p["rate"], initial_const=p["initial"]
            )
        ),
    ],
    "ead": [
        by_foolbox(
            lambda fb, p: fb.attacks.EADAttack(
                binary_search_steps=p["searches"],
                steps=p["steps"],
                initial_stepsize=p["rate"],
                initial_const=p["initial"],
                regularization=p["beta"],
                decision_rule="L1",
            )
        ),
    ],
    "mi-fgsm": [
        by_torchattacks(
            lambda ta, net, p: ta.MIFGSM(net, eps=p["epsilon"], alpha=p["stepSize"], steps=p["steps"], decay=1.0)
        )
    ],
    "ni-fgsm": [
        by_torchattacks(
            lambda ta, net, p: ta.NIFGSM(net, eps=p["epsilon"], alpha=p["stepSize"], steps=p["steps"], decay=1.0)
        )
    ],
    "spsa": [
        by_torchattacks(
            lambda ta, net, p: ta.SPSA(net, eps=p["epsilon"], delta=0.01, lr=0.01, nb_iter=p["steps"], nb_sample=p["samples"])
        )
    ],
    "hopskipjump": [
        by_foolbox(
            lambda fb, p: fb.attacks.HopSkipJumpAttack(
                init_attack=fb.attacks.LinearSearchBlendedUniformNoiseAttack(steps=50),
                steps=p["steps"],
                constraint=p["norm"],
                gamma=1.0,
            )
        ),
        by_art(
            lambda cl, p: art("HopSkipJump")(cl, norm=NORMS[p["norm"]], max_iter=p["steps"], max_eval=10000, verbose=False)
        ),
    ],
    "boundary": [
        by_foolbox(
            lambda fb, p: fb.attacks.BoundaryAttack(
                init_attack=fb.attacks.LinearSearchBlendedUniformNoiseAttack(steps=50),
                steps=p["steps"],
                tensorboard=False,
            )
        ),
    ],
    "spatial": [("adversarial-robustness-toolbox", art_spatial)],
    "noise": [
        by_foolbox(
            lambda fb, p: fb.attacks.LinfRepeatedAdditiveUniformNoiseAttack(repeats=p["trials"])
        ),
    ],
}


def distance(kind, parameters, x, adversarial):
    """In the norm of the case, in float64."""
    change = (adversarial.double() - x.double()).flatten(1).abs()
    norm = parameters.get("norm", {"fgm": "l2", "boundary": "l2", "carlini-wagner": "l2", "ead": "l1"}.get(kind, "linf"))
    norm = norm.lower()
    return change.amax(1) if norm == "linf" else change.sum(1) if norm == "l1" else change.square().sum(1).sqrt()


def main():
    order = json.load(sys.stdin)
    out = sys.stdout
    # Tools print as they please; standard output holds results alone.
    sys.stdout = sys.stderr
    for case in order["cases"]:
        net, x, y = load(case["fixture"], case["examples"])
        wrong = net(x).argmax(1) != y
        for tool, run in KINDS[case["kind"]]:
            for seed in range(case["seeds"]):
                torch.manual_seed(seed)
                np.random.seed(seed)
                net.asked, cpu = 0, time.process_time()
                parameters = case["parameters"]
                adversarial = run(net, x, y, dict(parameters), seed).detach().float()
                asked, cpu = net.asked, time.process_time() - cpu
                sizes = distance(case["kind"], parameters, x, adversarial)
                flat = adversarial.flatten(1)
                valid = (flat.amin(1) >= -1e-6) & (flat.amax(1) <= 1 + 1e-6)
                if "epsilon" in parameters:
                    valid &= sizes <= parameters["epsilon"] * (1 + 1e-5) + 1e-6
                broken = (net(adversarial).argmax(1) != y) & valid
                line = {
                    "case": case["name"],
                    "tool": tool,
                    "version": version(tool),
                    "seed": seed,
                    "left": (~broken & ~wrong).tolist(),
                    "distances": [float(s) if b and not w else None for s, b, w in zip(sizes, broken, wrong)],
                    "queries": asked / len(x),
                    "cpuSeconds": cpu,
                }
                out.write(json.dumps(line) + "\n")
                out.flush()


main()
