"""Faults in training, evaluation, data, initial weights and metrics."""

from __future__ import annotations

from parity.faults.fault import Fault

FAULTS = (
    Fault(
        name="loss: every batch counts alike",
        trap="batch-loss",
        file="models/trainer.py",
        old="            self._loss_tracker.update_state(value_of(loss), sample_weight=batch_size)\n",
        new="            self._loss_tracker.update_state(value_of(loss), sample_weight=1)\n",
        on=("short-batch",),
        seen_by=("fit",),
    ),
    Fault(
        name="loss: after the update",
        trap="batch-loss",
        file="engine/reference.py",
        old=(
            "    model.track_loss(loss, len(x))\n"
            "    variables = model.trainable_variables\n"
            "    if variables:\n"
            "        gradients = tape.gradient(scaled, variables)\n"
            "        model.optimizer.apply_gradients(zip(gradients, variables))\n"
        ),
        new=(
            "    variables = model.trainable_variables\n"
            "    if variables:\n"
            "        gradients = tape.gradient(scaled, variables)\n"
            "        model.optimizer.apply_gradients(zip(gradients, variables))\n"
            "    model.track_loss(model.loss_of(x, y, model(x), sample_weight, training=True), len(x))\n"
            "    if variables:\n"
            "        pass\n"
        ),
        on=("short-batch",),
        seen_by=("fit",),
    ),
    Fault(
        name="metrics: after the update",
        trap="batch-loss",
        file="engine/reference.py",
        old=("    return model.compute_metrics(x, y, y_pred, sample_weight)\n\n\ndef test_step"),
        new=("    return model.compute_metrics(x, y, model(x), sample_weight)\n\n\ndef test_step"),
        on=("short-batch",),
        seen_by=("metrics",),
    ),
    Fault(
        name="loss: the last batch's",
        trap="batch-loss",
        file="models/trainer.py",
        old="            self._loss_tracker.update_state(value_of(loss), sample_weight=batch_size)\n",
        new=(
            "            self._loss_tracker.reset_state()\n"
            "            self._loss_tracker.update_state(value_of(loss), sample_weight=batch_size)\n"
        ),
        on=("short-batch",),
        seen_by=("evaluate_and_predict",),
    ),
    Fault(
        name="class weights: not on the short last batch",
        trap="weights",
        file="models/data.py",
        old=("for array in (self.x, self.y, self.sample_weight))\n        )\n"),
        new=(
            "for array in (self.x, self.y, self.sample_weight if (i + 1) * self.batch_size <= "
            "len(self.x) else None))\n"
            "        )\n"
        ),
        on=("class-weights",),
        seen_by=("fit",),
    ),
    Fault(
        name="class weights: of one-hot labels not found",
        trap="weights",
        file="models/data.py",
        old="np.argmax(labels, axis=-1)",
        new="labels[..., 0]",
        on=("class-weights-onehot",),
        seen_by=("fit",),
    ),
    Fault(
        name="class weights: classes without one count nothing",
        trap="weights",
        file="models/data.py",
        old="    weights = np.ones(len(classes), config.floatx())\n",
        new="    weights = np.zeros(len(classes), config.floatx())\n",
        on=("class-weights-some",),
        seen_by=("fit",),
    ),
    Fault(
        name="casts: float64 inputs stay",
        trap="casts",
        file="ops/arrays.py",
        old="    return x if value_of(x).dtype == np.dtype(dtype) else _cast(x, dtype=dtype)\n",
        new="    return x if value_of(x).dtype.kind == np.dtype(dtype).kind else _cast(x, dtype=dtype)\n",
        on=("float64-data",),
        seen_by=("other_forms",),
    ),
    Fault(
        name="labels: a column of predictions beside a row of labels",
        trap="casts",
        file="losses/loss.py",
        old="            x1 = ops.expand_dims(x1, -1)\n",
        new="            pass\n",
        on=("labels-row",),
        seen_by=("other_forms",),
    ),
    Fault(
        name="Glorot: the bound of He",
        trap="initial",
        file="initializers/random_initializers.py",
        old='"fan_avg": (fan_in + fan_out) / 2',
        new='"fan_avg": fan_in',
        on=("glorot-uniform",),
        seen_by=("fit",),
    ),
    Fault(
        name="Glorot: sqrt(3) left out of the bound",
        trap="initial",
        file="initializers/random_initializers.py",
        old="            limit = math.sqrt(3 * variance)\n",
        new="            limit = math.sqrt(variance)\n",
        on=("glorot-uniform",),
        seen_by=("fit",),
    ),
    Fault(
        name="truncated normal: its deviation not made up for",
        trap="initial",
        file="initializers/random_initializers.py",
        old="_TRUNCATED_STDDEV = 0.87962566103423978",
        new="_TRUNCATED_STDDEV = 1.0",
        on=("glorot-normal",),
        seen_by=("fit",),
    ),
    Fault(
        name="fans exchanged",
        trap="initial",
        file="initializers/random_initializers.py",
        old="    return places * shape[-2], places * shape[-1]\n",
        new="    return places * shape[-1], places * shape[-2]\n",
        on=("lecun-normal",),
        seen_by=("fit",),
    ),
    Fault(
        name="orthogonal: signs left as they come",
        trap="initial",
        file="initializers/random_initializers.py",
        old="        q = q * np.sign(np.diag(r))\n",
        new="",
        on=("orthogonal",),
        seen_by=("fit",),
    ),
    Fault(
        name="seeds: one more drawn for each layer",
        trap="initial",
        file="random/seed_generator.py",
        old="    return python_random.randint(1, 10**9)\n",
        new=("    python_random.random()\n    return python_random.randint(1, 10**9)\n"),
        on=("glorot-uniform",),
        seen_by=("fit",),
    ),
    Fault(
        name="uniform numbers: the high bits of a word",
        trap="initial",
        file="random/streams.py",
        old="        bits = random_words & np.uint32(0x7FFFFF)\n",
        new="        bits = random_words >> np.uint32(9)\n",
        on=("glorot-uniform",),
        seen_by=("fit",),
    ),
    Fault(
        name="normal numbers: the cosine first",
        trap="initial",
        file="random/streams.py",
        old=(
            "    numbers[..., 0::2] = np.sin(angle).astype(dtype) * radius\n"
            "    numbers[..., 1::2] = np.cos(angle).astype(dtype) * radius\n"
        ),
        new=(
            "    numbers[..., 0::2] = np.cos(angle).astype(dtype) * radius\n"
            "    numbers[..., 1::2] = np.sin(angle).astype(dtype) * radius\n"
        ),
        on=("random-normal",),
        seen_by=("fit",),
    ),
    Fault(
        name="shuffle: any place, not those to come",
        trap="order",
        file="random/shuffles.py",
        old="    return _swapped(place + _shuffle_words(seed, n) % (n - place))\n",
        new='    return np.argsort(_shuffle_words(seed, n) % n, kind="stable")\n',
        on=("shuffled",),
        seen_by=("fit",),
    ),
    Fault(
        name="shuffle: a new order each epoch",
        trap="order",
        file="random/shuffles.py",
        old=("        return np.random.default_rng().permutation(n)\n"),
        new=("        return np.random.default_rng().permutation(n)\n    seed += np.random.randint(1, 9)\n"),
        on=("shuffled",),
        seen_by=("fit",),
    ),
    Fault(
        name="batches: the first two exchanged",
        trap="order",
        file="engine/reference.py",
        old='self.model.step_on("train", data.batch(i, order).packed())',
        new='self.model.step_on("train", data.batch({0: 1, 1: 0}.get(i, i), order).packed())',
        on=("short-batch",),
        seen_by=("fit",),
    ),
    Fault(
        name="batches: the short last one left out",
        trap="order",
        file="models/data.py",
        old="        return math.ceil(len(self.x) / self.batch_size)\n",
        new="        return len(self.x) // self.batch_size\n",
        on=("short-batch",),
        seen_by=("fit",),
    ),
    Fault(
        name="binary accuracy: at least 0.5",
        trap="strict",
        file="metrics/accuracy.py",
        old="y_true == (y_pred > y_pred.dtype.type(threshold))",
        new="y_true == (y_pred >= y_pred.dtype.type(threshold))",
        on=("zero-sigmoid",),
        seen_by=("metrics",),
    ),
    Fault(
        name="sparse accuracy: the last maximum",
        trap="strict",
        file="metrics/accuracy.py",
        old="    matches = _as_floatx(y_true == ops.argmax(y_pred, axis=-1))\n",
        new=("    matches = _as_floatx(y_true == y_pred.shape[-1] - 1 - ops.argmax(y_pred[..., ::-1], axis=-1))\n"),
        on=("zero-softmax",),
        seen_by=("metrics",),
    ),
    Fault(
        name="categorical accuracy: the last maximum",
        trap="strict",
        file="metrics/accuracy.py",
        old=("== ops.argmax(y_pred, axis=-1))\n\n\ndef sparse"),
        new=("== y_pred.shape[-1] - 1 - ops.argmax(y_pred[..., ::-1], axis=-1))\n\n\ndef sparse"),
        on=("zero-onehot",),
        seen_by=("metrics",),
    ),
    Fault(
        name="top-k accuracy: ties do not count",
        trap="strict",
        file="kernels/top_k.py",
        old="(y_pred > own[:, None]).sum(axis=1) < k",
        new="(y_pred >= own[:, None]).sum(axis=1) <= k",
        on=("zero-top-k",),
        seen_by=("metrics",),
    ),
    Fault(
        name="metrics: the mean of the batches' means",
        trap="metrics",
        file="metrics/reduction.py",
        old=(
            "        self.total.value += values.sum()\n"
            "        self.count.value += weight.sum() if weight is not None else (len(values) if "
            "values.ndim else 1)\n"
        ),
        new=(
            "        self.total.value += values.sum() if weight is not None else values.mean()\n"
            "        self.count.value += weight.sum() if weight is not None else 1\n"
        ),
        on=("short-batch",),
        seen_by=("metrics",),
    ),
    Fault(
        name="metrics: sample weights in the plain ones too",
        trap="metrics",
        file="models/compile_utils.py",
        old="            metric.update_state(y_true, y_pred)\n",
        new="            metric.update_state(y_true, y_pred, sample_weight)\n",
        on=("weighted-mse-metric",),
        seen_by=("metrics",),
    ),
    Fault(
        name="metrics: not reset between epochs",
        trap="metrics",
        file="models/trainer.py",
        old=("        self.reset_metrics()\n        monitors.on_epoch_begin(progress.epoch)\n"),
        new="        monitors.on_epoch_begin(progress.epoch)\n",
        on=("two-epochs",),
        seen_by=("fit",),
    ),
    Fault(
        name="AUC: one threshold fewer",
        trap="metrics",
        file="metrics/confusion.py",
        old="            inner = _between(num_thresholds)\n",
        new="            inner = _between(num_thresholds - 1)\n",
        on=("auc",),
        seen_by=("metrics",),
    ),
    Fault(
        name="AUC: a bucket too high",
        trap="metrics",
        file="kernels/confusion.py",
        old="    bucket = np.ceil(np.clip(y_pred, 0, 1) * real(len(thresholds) - 1)) - 1\n",
        new=(
            "    bucket = np.ceil(np.clip(y_pred, 0, 1) * real(len(thresholds) - 1))\n"
            "    bucket = np.minimum(bucket, len(thresholds) - 1)\n"
        ),
        on=("auc-coarse",),
        seen_by=("metrics",),
    ),
    Fault(
        name="AUC: minoring",
        trap="metrics",
        file="metrics/confusion.py",
        old='{"interpolation": (low + high) / 2,',
        new='{"interpolation": np.minimum(low, high),',
        on=("auc",),
        seen_by=("metrics",),
    ),
    Fault(
        name="precision: at least the threshold",
        trap="strict",
        file="kernels/confusion.py",
        old="        said = y_pred > threshold\n",
        new="        said = y_pred >= threshold\n",
        on=("zero-counts",),
        seen_by=("metrics",),
    ),
    Fault(
        name="F score: no fuzz",
        trap="metrics",
        file="metrics/f_score.py",
        old="        fuzz, beta2 = config.epsilon(), self.beta**2\n",
        new="        fuzz, beta2 = 1e-30, self.beta**2\n",
        on=("f-score",),
        seen_by=("metrics",),
    ),
    Fault(
        name="R2: the mean's share left out",
        trap="metrics",
        file="metrics/regression.py",
        old="self.squared_sum.value - self.sum.value * (self.sum.value / self.count.value)",
        new="self.squared_sum.value",
        on=("r2",),
        seen_by=("metrics",),
    ),
    Fault(
        name="root mean squared error: no root",
        trap="metrics",
        file="metrics/regression.py",
        old="        return np.sqrt(super().result())\n",
        new="        return super().result()\n",
        on=("rmse",),
        seen_by=("metrics",),
    ),
    Fault(
        name="cosine similarity as a metric: negative",
        trap="metrics",
        file="metrics/regression.py",
        old="    return -similarity.cosine_similarity(y_true, y_pred, axis)\n",
        new="    return similarity.cosine_similarity(y_true, y_pred, axis)\n",
        on=("r2",),
        seen_by=("metrics",),
    ),
    Fault(
        name="evaluation: as in training",
        trap="structure",
        file="engine/reference.py",
        old="predict_and_measure(model, batch, training=False)",
        new="predict_and_measure(model, batch, training=True)",
        on=("batch-normalization",),
        seen_by=("evaluate_and_predict",),
    ),
    Fault(
        name="prediction: as in training",
        trap="structure",
        file="models/trainer.py",
        old="self(x, training=False) if self.hears_training else self(x)",
        new="self(x, training=True) if self.hears_training else self(x)",
        on=("batch-normalization",),
        seen_by=("evaluate_and_predict",),
    ),
    Fault(
        name="weights: those that are not trained first",
        trap="structure",
        file="layers/layer.py",
        old="_once([*store.trainable, *store.fixed] +",
        new="_once([*store.fixed, *store.trainable] +",
        on=("batch-normalization",),
        seen_by=("forward",),
    ),
    Fault(
        name="count_params: trained ones alone",
        trap="structure",
        file="layers/layer.py",
        old="        return sum(math.prod(variable.shape) for variable in self.weights)\n",
        new="        return sum(math.prod(variable.shape) for variable in self.trainable_weights)\n",
        on=("batch-normalization",),
        seen_by=("summary",),
    ),
    Fault(
        name="get_weights: in the wrong order",
        trap="structure",
        file="layers/layer.py",
        old="        return [variable.numpy() for variable in self.weights]\n",
        new="        return [variable.numpy() for variable in reversed(self.weights)]\n",
        on=("sgd",),
        seen_by=("fit",),
    ),
    Fault(
        name="weighted metrics: without the weights",
        trap="metrics",
        file="models/compile_utils.py",
        old="            metric.update_state(y_true, y_pred, sample_weight)\n",
        new="            metric.update_state(y_true, y_pred)\n",
        on=("weighted-mse-metric",),
        seen_by=("other_forms",),
    ),
    Fault(
        name="loss weight: left out",
        trap="weights",
        file="models/compile_utils.py",
        old="        return value if self.weight is None else ops.multiply(value, self.weight)\n",
        new="        return value\n",
        on=("sgd",),
        seen_by=("other_forms",),
    ),
    Fault(
        name="batch normalization: a frozen layer goes on learning",
        trap="normalization",
        file="layers/batch_normalization.py",
        old="        if not (training and self.trainable):\n",
        new="        if not training:\n",
        on=("batch-normalization-frozen",),
        seen_by=("gradient",),
    ),
)
