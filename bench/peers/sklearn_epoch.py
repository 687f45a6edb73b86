"""Seconds that scikit-learn's MLPClassifier takes for one training epoch: widths and batch size as arguments.

    OPENBLAS_NUM_THREADS=1 python3 sklearn_epoch.py 3072,50,30,10 100

As pytorch_epoch.py, but without batch normalisation, which it does not have. Prints the best of three epochs, after
one that does not count.
"""
import sys
import time
import warnings

import numpy
from sklearn.neural_network import MLPClassifier

widths = [int(width) for width in sys.argv[1].split(",")]
batch = int(sys.argv[2])
warnings.filterwarnings("ignore")
generator = numpy.random.default_rng(1)
images = generator.random((10000, widths[0]), dtype=numpy.float32) - 0.5
labels = generator.integers(0, widths[-1], 10000)
network = MLPClassifier(hidden_layer_sizes=widths[1:-1], solver="sgd", momentum=0.9, learning_rate_init=1e-3, alpha=1e-6,
                        batch_size=batch, max_iter=1, warm_start=True, shuffle=False)


def epoch():
    started = time.perf_counter()
    network.fit(images, labels)
    return time.perf_counter() - started


epoch()
print(min(epoch() for _ in range(3)))
