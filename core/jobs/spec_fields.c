#include <stddef.h>

#include "core/base/macros.h"
#include "core/data/augment.h"
#include "core/jobs/spec.h"

static const char *const normalize_names[] = {"mean", "standard", "none", NULL};
static const char *const activation_names[] = {"relu", "leaky_relu", "tanh", NULL};
static const char *const schedule_names[] = {"step", "cosine", "triangular", "constant", NULL};
static const char *const optimizer_names[] = {"sgd", "adam", NULL};
static const char *const precision_names[] = {"fp32", "bf16", NULL};
static const char *const watch_names[] = {"cost", "accuracy", NULL};
static const char *const init_names[] = {"he", "xavier", "gaussian", NULL};

#define AT(member) .offset = offsetof(struct job_spec, member)

static const struct ep_field rows[] = {
    {
        .name = "dataset",
        .kind = EP_FIELD_TEXT,
        AT(dataset),
        .required = true,
        .length_most = JOB_DATASET_MAX,
        .form = EP_TEXT_WORD,
        .help = "Name of the dataset to train on, as GET /v1/datasets lists it.",
    },
    {
        .name = "train_size",
        .kind = EP_FIELD_INTEGER,
        AT(train_size),
        .derived = true,
        .least = 1,
        .most = 1e7,
        .unit = "images",
        .help =
            "Training images: the first ones of the dataset's training part. Default: all that validation "
            "leaves.",
    },
    {
        .name = "validation_size",
        .kind = EP_FIELD_INTEGER,
        AT(validation_size),
        .derived = true,
        .least = 0,
        .most = 1e7,
        .unit = "images",
        .help = "Validation images: those right after the training images. Default: a tenth of the training "
                "part, "
                "or what train_size leaves if that is less.",
    },
    {
        .name = "normalize",
        .kind = EP_FIELD_CHOICE,
        AT(normalize),
        .choices = normalize_names,
        .help = "What is done to pixels in 0 … 1: minus the mean of each position over the training images "
                "(mean), "
                "that divided by the standard deviation (standard), or nothing (none).",
    },
    {
        .name = "pca/components",
        .kind = EP_FIELD_INTEGER,
        AT(components),
        .most = JOB_HIDDEN_MAX,
        .unit = "axes",
        .help = "Principal axes of the training images that the network sees, those of the largest variance; "
                "at most as "
                "many as an image has numbers. 0: the images are not rotated, unless pca.variance says so.",
    },
    {
        .name = "pca/variance",
        .kind = EP_FIELD_NUMBER,
        AT(variance),
        .most = 1,
        .help = "As many principal axes as hold this share of the variance; 0: as pca.components says.",
    },
    {
        .name = "depth",
        .kind = EP_FIELD_INTEGER,
        AT(depth),
        .derived = true,
        .least = 1,
        .most = JOB_DEPTH_MAX,
        .unit = "layers",
        .help = "Layers with weights: the hidden layers and the last one. Alone it means hidden layers of "
                "50, 30, "
                "30, … units; depth or hidden is required.",
    },
    {
        .name = "hidden",
        .kind = EP_FIELD_INTEGER_LIST,
        AT(hidden),
        .derived = true,
        .least = 1,
        .most = JOB_HIDDEN_MAX,
        .items_most = EP_INTEGER_LIST_MAX,
        .unit = "units",
        .help = "Units of each hidden layer, from the first on. An empty list is softmax regression.",
    },
    {
        .name = "activation",
        .kind = EP_FIELD_CHOICE,
        AT(activation),
        .choices = activation_names,
        .help = "What every hidden layer does to its sums: max(s, 0) (relu), s or 0.01·s (leaky_relu), or "
                "tanh(s).",
    },
    {
        .name = "batch_norm",
        .kind = EP_FIELD_BOOLEAN,
        AT(batch_norm),
        .preset = 1,
        .help = "Batch normalisation of every hidden layer before its activation.",
    },
    {
        .name = "scale_shift",
        .kind = EP_FIELD_BOOLEAN,
        AT(scale_shift),
        .help = "Batch normalisation learns a scale and a shift for every unit; only with batch_norm.",
    },
    {
        .name = "dropout",
        .kind = EP_FIELD_NUMBER,
        AT(dropout),
        .most = 0.95,
        .help =
            "Share of the hidden units that are left out of each mini-batch at random; all take part when "
            "costs and accuracies are measured.",
    },
    {
        .name = "eta",
        .kind = EP_FIELD_NUMBER,
        AT(eta),
        .above_least = true,
        .most = 100,
        .preset = 0.02,
        .help = "Learning rate before it falls.",
    },
    {
        .name = "lambda",
        .kind = EP_FIELD_NUMBER,
        AT(lambda),
        .most = 100,
        .help = "Weight of the penalty: lambda times the sum of all squared weights is added to the cost.",
    },
    {
        .name = "epochs",
        .kind = EP_FIELD_INTEGER,
        AT(epochs),
        .required = true,
        .least = 1,
        .most = JOB_EPOCHS_MAX,
        .unit = "epochs",
        .help = "Passes over the training images.",
    },
    {
        .name = "batch_size",
        .kind = EP_FIELD_INTEGER,
        AT(batch_size),
        .least = 1,
        .most = JOB_BATCH_MAX,
        .preset = 100,
        .unit = "images",
        .help =
            "Images in a mini-batch, at most train_size; at least 2 with batch normalisation. A smaller last "
            "batch of an epoch is trained on too, unless it is a single image and batch_norm is on.",
    },
    {
        .name = "optimizer",
        .kind = EP_FIELD_CHOICE,
        AT(optimizer),
        .choices = optimizer_names,
        .help = "Gradient descent with momentum (sgd), or Adam, whose eta is usually near 0.001.",
    },
    {
        .name = "momentum",
        .kind = EP_FIELD_NUMBER,
        AT(momentum),
        .most = 0.9999,
        .preset = 0.9,
        .help = "Share of the last step that is kept in the next; only with optimizer sgd.",
    },
    {
        .name = "nesterov",
        .kind = EP_FIELD_BOOLEAN,
        AT(nesterov),
        .help = "Nesterov's momentum: the gradient step looks ahead along the momentum; only with optimizer "
                "sgd.",
    },
    {
        .name = "adam/beta1",
        .kind = EP_FIELD_NUMBER,
        AT(beta1),
        .most = 0.9999,
        .preset = 0.9,
        .help = "Share of its mean gradient that Adam keeps in each step.",
    },
    {
        .name = "adam/beta2",
        .kind = EP_FIELD_NUMBER,
        AT(beta2),
        .most = 0.999999,
        .preset = 0.999,
        .help = "Share of its mean squared gradient that Adam keeps in each step.",
    },
    {
        .name = "adam/epsilon",
        .kind = EP_FIELD_NUMBER,
        AT(epsilon),
        .above_least = true,
        .most = 1,
        .preset = 1e-8,
        .help = "What Adam adds to the root of the mean squared gradient before dividing by it.",
    },
    {
        .name = "warm_up",
        .kind = EP_FIELD_INTEGER,
        AT(warm_up),
        .most = JOB_EPOCHS_MAX - 1,
        .unit = "epochs",
        .help = "Epochs in which the learning rate rises linearly to eta; fewer than epochs.",
    },
    {
        .name = "decay/kind",
        .kind = EP_FIELD_CHOICE,
        AT(decay_kind),
        .choices = schedule_names,
        .help =
            "How the learning rate changes after warm_up: in steps, along half a cosine to 0, up and down in "
            "triangles that start low, or not at all (constant).",
    },
    {
        .name = "decay/every",
        .kind = EP_FIELD_INTEGER,
        AT(decay_every),
        .least = 1,
        .most = JOB_EPOCHS_MAX,
        .preset = 10,
        .unit = "epochs",
        .help =
            "Epochs between two reductions of the learning rate (step), or of a triangle's rise, which are "
            "those of its fall.",
    },
    {
        .name = "decay/factor",
        .kind = EP_FIELD_NUMBER,
        AT(decay_factor),
        .above_least = true,
        .most = 1,
        .preset = 0.95,
        .help =
            "What the learning rate is multiplied by at each reduction (step), or the share of eta that a "
            "triangle starts from.",
    },
    {
        .name = "init/kind",
        .kind = EP_FIELD_CHOICE,
        AT(init_kind),
        .choices = init_names,
        .help = "Variance of the normally distributed first weights: 2 / inputs (he), 2 / (inputs + outputs) "
                "(xavier) or std² (gaussian). Biases start at 0.",
    },
    {
        .name = "init/std",
        .kind = EP_FIELD_NUMBER,
        AT(init_std),
        .above_least = true,
        .most = 10,
        .preset = 0.001,
        .help = "Standard deviation of the first weights; only with kind gaussian.",
    },
    {
        .name = "shuffle",
        .kind = EP_FIELD_BOOLEAN,
        AT(shuffle),
        .preset = 1,
        .help = "A new random order of the training images in each epoch; otherwise the order of the files.",
    },
    {
        .name = "augment/flip",
        .kind = EP_FIELD_BOOLEAN,
        AT(augment_flip),
        .help = "Mirrors half of the training images left to right, drawn anew in each epoch.",
    },
    {
        .name = "augment/shift",
        .kind = EP_FIELD_INTEGER,
        AT(augment_shift),
        .most = DATA_SHIFT_MAX,
        .unit = "pixels",
        .help =
            "Moves each training image by up to so many pixels in each direction, drawn anew in each epoch; "
            "what comes in is black.",
    },
    {
        .name = "seed",
        .kind = EP_FIELD_INTEGER,
        AT(seed),
        .most = 9007199254740991,
        .preset = 1,
        .help = "Seed of the first weights, of the order of the images and their changes, and of dropout.",
    },
    {
        .name = "early_stopping/patience",
        .kind = EP_FIELD_INTEGER,
        AT(patience),
        .most = JOB_EPOCHS_MAX,
        .unit = "epochs",
        .help =
            "Ends training after so many epochs in a row without a better value on the validation images; "
            "the network of the best epoch is kept. 0: all epochs are done and the last network is kept.",
    },
    {
        .name = "early_stopping/watch",
        .kind = EP_FIELD_CHOICE,
        AT(watch),
        .choices = watch_names,
        .help = "What has to get better: the cost or the accuracy on the validation images; only with a "
                "patience.",
    },
    {
        .name = "precision",
        .kind = EP_FIELD_CHOICE,
        AT(precision),
        .choices = precision_names,
        .help =
            "What the first layer's products, the largest, are computed from: floats of 32 bits (fp32), or "
            "images and weights rounded to bfloat16 and added up in 32 bits (bf16), which is faster where "
            "the processor has it.",
    },
    {
        .name = "threads",
        .kind = EP_FIELD_INTEGER,
        AT(threads),
        .most = JOB_THREADS_MAX,
        .help = "Most threads to train with; 0: as many as are idle. Results do not depend on it.",
    },
    {
        .name = "name",
        .kind = EP_FIELD_TEXT,
        AT(name),
        .length_most = JOB_NAME_MAX,
        .form = EP_TEXT_FREE,
        .unit = "bytes",
        .help = "A name for people; need not be unique.",
    },
    {
        .name = "tags",
        .kind = EP_FIELD_TEXT_LIST,
        AT(tags),
        .items_most = EP_TEXT_LIST_MAX,
        .length_most = EP_TEXT_ITEM_MAX,
        .form = EP_TEXT_WORD,
        .help = "Words to find jobs by, each at most once.",
    },
};

const struct ep_fields job_spec_fields = {rows, EP_COUNT(rows), sizeof(struct job_spec)};
