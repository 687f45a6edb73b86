#include "core/data/catalogue.h"

static const char *const fashion_classes[] = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
};

static const char *const cifar10_classes[] = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
};

static const struct data_entry entries[] = {
    {
        .name = "fashion-mnist",
        .folder = "fashion-mnist",
        .title = "Fashion-MNIST: 70 000 grey images of 28 × 28 pixels in 10 classes of clothing",
        .height = 28,
        .width = 28,
        .channels = 1,
        .classes = EP_COUNT(fashion_classes),
        .class_names = fashion_classes,
        .train_count = 60000,
        .test_count = 10000,
        .source = "Xiao, Rasul and Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine "
                  "Learning Algorithms, 2017, https://github.com/zalandoresearch/fashion-mnist",
        .remedy = "apt-get install dataset-fashion-mnist",
        .reader = &data_idx_reader,
    },
    {
        .name = "cifar-10",
        .folder = "cifar-10-batches-bin",
        .title = "CIFAR-10: 60 000 colour images of 32 × 32 pixels in 10 classes",
        .height = 32,
        .width = 32,
        .channels = 3,
        .classes = EP_COUNT(cifar10_classes),
        .class_names = cifar10_classes,
        .train_count = 50000,
        .test_count = 10000,
        .source = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009, "
                  "https://www.cs.toronto.edu/~kriz/cifar.html",
        .remedy =
            "download cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html and "
            "unpack it in DATA, the folder that --data names, so that DATA/cifar-10-batches-bin/ exists",
        .reader = &data_cifar10_reader,
    },
};

const struct data_catalogue data_catalogue = {.entries = entries, .count = EP_COUNT(entries)};
