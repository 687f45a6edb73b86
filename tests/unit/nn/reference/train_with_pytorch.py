"""Trains small networks with PyTorch in double precision and prints what they became as C arrays.

    apt-get install python3-torch
    python3 tests/unit/nn/reference/train_with_pytorch.py > tests/unit/nn/reference/pytorch.h

The inputs and first weights follow a formula, so that the test needs no file of them.
"""

import math

import torch

ROWS, WIDTHS, CLASSES, STEPS = 6, [5, 4, 3, 3], 3, 4
ETA, MOMENTUM, LAMBDA, MEMORY, EPSILON = 0.3, 0.9, 0.02, 0.99, 1e-5
ADAM_ETA, ADAM_BETAS, ADAM_EPSILON = 0.05, (0.8, 0.95), 1e-4


def number(i):
    return math.sin(1.7 * i + 0.3 * (i % 7))


def batch(step):
    count = ROWS * WIDTHS[0]
    x = torch.tensor([number(1000 * step + i) for i in range(count)], dtype=torch.float64).reshape(ROWS, WIDTHS[0])
    labels = torch.tensor([(step + i * i) % CLASSES for i in range(ROWS)])
    return x, labels


def first_weights():
    weights, at = [], 50000
    for fan_in, fan_out in zip(WIDTHS, WIDTHS[1:]):
        flat = [0.7 * number(at + i) for i in range(fan_in * fan_out)]
        weights.append(torch.tensor(flat, dtype=torch.float64).reshape(fan_in, fan_out).requires_grad_())
        at += fan_in * fan_out
    return weights


def optimiser_of(kind, weights, free):
    groups = [{"params": weights, "weight_decay": 2 * LAMBDA}, {"params": free}]
    if kind == "adam":
        return torch.optim.Adam(groups, lr=ADAM_ETA, betas=ADAM_BETAS, eps=ADAM_EPSILON)
    return torch.optim.SGD(groups, lr=ETA, momentum=MOMENTUM, nesterov=kind == "nesterov")


def train(batch_norm, scale_shift=False, kind="sgd"):
    weights = first_weights()
    biases = [torch.zeros(w.shape[1], dtype=torch.float64, requires_grad=True) for w in weights]
    scales = [torch.ones(w.shape[1], dtype=torch.float64, requires_grad=True) for w in weights]
    shifts = [torch.zeros(w.shape[1], dtype=torch.float64, requires_grad=True) for w in weights]
    free = biases[-1:] if batch_norm else biases
    if scale_shift:
        free = free + scales[:-1] + shifts[:-1]
    optimiser = optimiser_of(kind, weights, free)
    averages = [None] * (len(weights) - 1)
    costs = []
    for step in range(STEPS):
        x, labels = batch(step)
        a = x
        for layer, weight in enumerate(weights):
            s = a @ weight
            if layer + 1 == len(weights):
                s = s + biases[layer]
                break
            if batch_norm:
                seen = torch.stack([s.mean(0), s.var(0, unbiased=False)]).detach()
                kept = averages[layer]
                averages[layer] = seen if kept is None else MEMORY * kept + (1 - MEMORY) * seen
                s = torch.nn.functional.batch_norm(s, None, None, training=True, eps=EPSILON)
                s = s * scales[layer] + shifts[layer] if scale_shift else s
            else:
                s = s + biases[layer]
            a = torch.relu(s)
        cost = torch.nn.functional.cross_entropy(s, labels)
        costs.append(cost.item())
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
    parameters = []
    for layer, weight in enumerate(weights):
        parameters += weight.flatten().tolist()
        if not batch_norm or layer + 1 == len(weights):
            parameters += biases[layer].tolist()
        elif scale_shift:
            parameters += scales[layer].tolist() + shifts[layer].tolist()
    statistics = [v for kept in averages if kept is not None for v in kept.flatten().tolist()]
    return costs, parameters, statistics


def array(name, values):
    rows = [", ".join(repr(v) for v in values[i : i + 4]) for i in range(0, len(values), 4)]
    print(f"static const double {name}[] = {{\n    " + ",\n    ".join(rows) + ",\n};")


print(f"/* Made by train_with_pytorch.py with PyTorch {torch.__version__.split('+')[0]}. */")
for name, how in [
    ("plain", (False,)),
    ("normalised", (True,)),
    ("scaled", (True, True, "adam")),
    ("nesterov", (False, False, "nesterov")),
]:
    costs, parameters, statistics = train(*how)
    array(f"{name}_costs", costs)
    array(f"{name}_parameters", parameters)
    if statistics:
        array(f"{name}_statistics", statistics)
