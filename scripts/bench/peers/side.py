"""Python's side of a comparison: one process, one library, one task.

The first line of standard input is the task, each further line an order; each is answered by one line on standard
output (see ../protocol.ts). Needs PyTorch, and the library that the task names: foolbox, torchattacks,
adversarial-robustness-toolbox or pyautoattack; torchvision for ResNet-50.
"""

import json
import os
import resource
import sys
import time

SIDES = ("torch", "torch-nhwc", "torch-compaction", "foolbox", "torchattacks", "art", "pyautoattack")


def read_line():
    """The next JSON object from standard input, or None at its end."""
    line = sys.stdin.readline()
    if not line:
        return None
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("a line must be a JSON object")
    return value


def check_task(task):
    """Raises ValueError naming the first thing that is wrong with a task."""
    wanted = {"kind": str, "side": str, "threads": int, "network": dict, "batch": int, "steps": int, "epsilon": (int, float)}
    for key, kind in wanted.items():
        if not isinstance(task.get(key), kind):
            raise ValueError(f"the task's {key} is missing or of the wrong type")
    if task["kind"] not in ("attack", "make", "train", "robust"):
        raise ValueError(f"there is no kind of task {task['kind']!r}")
    if task["side"] not in SIDES:
        raise ValueError(f"there is no side {task['side']!r}; known: {', '.join(SIDES)}")
    shape = task["network"].get("shape")
    if not (isinstance(shape, list) and len(shape) == 3):
        raise ValueError("the network's shape must be [height, width, channels]")


def peak_bytes():
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(answer):
    task = read_line()
    if task is None:
        return
    check_task(task)
    os.environ["OMP_NUM_THREADS"] = str(task["threads"])
    import torch

    torch.set_num_threads(task["threads"])
    torch.manual_seed(0)
    import tasks

    repeat, version = tasks.prepare(task)
    answer({"type": "ready", "version": version})
    while (order := read_line()) is not None:
        times = order.get("do")
        if not isinstance(times, int) or times < 1:
            raise ValueError("an order must be {do: a whole number above 0}")
        started, cpu = time.perf_counter(), time.process_time()
        robust = repeat(times)
        measured = {
            "type": "measured",
            "seconds": time.perf_counter() - started,
            "cpuSeconds": time.process_time() - cpu,
            "repetitions": times,
            "peakBytes": peak_bytes(),
            "robust": robust,
        }
        answer(measured)


if __name__ == "__main__":
    # Libraries print what they like: our lines keep standard output for themselves.
    protocol = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(line):
        protocol.write(json.dumps(line) + "\n")
        protocol.flush()

    try:
        main(answer)
    except Exception as error:  # whatever goes wrong must reach the other side
        answer({"type": "failed", "message": f"{type(error).__name__}: {error}"})
        sys.exit(1)
