"""Seconds that PyTorch takes for one training epoch: widths and batch size as arguments.

    OMP_NUM_THREADS=1 python3 pytorch_epoch.py 3072,50,30,10 100 [costs]

With "costs" the epoch ends with cost and accuracy on the training images and on 10 000 others.

The same work as bench/engine.c does: 10 000 random images that lie in memory, batch normalisation without learned
scale and shift before each ReLU, softmax cross-entropy with weight decay, momentum. Prints the best of three epochs,
after one that does not count.
"""
import sys
import time

import torch

widths = [int(width) for width in sys.argv[1].split(",")]
batch = int(sys.argv[2])
torch.set_num_threads(1)
torch.manual_seed(1)

layers = []
for inputs, outputs in zip(widths[:-2], widths[1:-1]):
    layers += [torch.nn.Linear(inputs, outputs, bias=False), torch.nn.BatchNorm1d(outputs, affine=False), torch.nn.ReLU()]
layers.append(torch.nn.Linear(widths[-2], widths[-1]))
network = torch.nn.Sequential(*layers)
optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=2e-6)
cost = torch.nn.CrossEntropyLoss()
images = torch.rand(10000, widths[0]) - 0.5
labels = torch.randint(0, widths[-1], (10000,))

others = torch.rand(10000, widths[0]) - 0.5
with_costs = sys.argv[3:] == ["costs"]


@torch.no_grad()
def measure(inputs):
    network.eval()
    for first in range(0, 10000, 1000):
        scores = network(inputs[first:first + 1000])
        cost(scores, labels[first:first + 1000]).item()
        (scores.argmax(1) == labels[first:first + 1000]).sum().item()
    network.train()


def epoch():
    started = time.perf_counter()
    for first in range(0, 10000 - batch + 1, batch):
        optimiser.zero_grad(set_to_none=True)
        cost(network(images[first:first + batch]), labels[first:first + batch]).backward()
        optimiser.step()
    if with_costs:
        measure(images)
        measure(others)
    return time.perf_counter() - started


epoch()
print(min(epoch() for _ in range(3)))
