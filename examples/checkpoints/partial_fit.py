"""Train a linear classifier in passes with scikit-learn's partial_fit, and go on after an interruption."""

from __future__ import annotations

import argparse
import json
import time

import atomic
import joblib
import numpy
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

import seaway

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument(
    "--pause", type=float, default=0.2, help="seconds that each pass takes longer, to watch it"
)
options = parser.parse_args()

images, labels = load_digits(return_X_y=True)
state = seaway.checkpoint_folder() / "state.joblib"
if state.exists():
    model, done = joblib.load(state)
    print(f"goes on after pass {done}", flush=True)
else:
    model, done = SGDClassifier(random_state=0), 0

for epoch in range(done, options.epochs):
    order = numpy.random.default_rng(epoch).permutation(
        len(images)
    )  # the same however often it is interrupted
    for batch in numpy.array_split(order, 20):
        model.partial_fit(images[batch] / 16, labels[batch], classes=range(10))
    time.sleep(options.pause)
    atomic.write(state, lambda file, done=epoch + 1: joblib.dump((model, done), file))
    seaway.checkpoint()
    print(f"pass {epoch + 1}/{options.epochs}", flush=True)

accuracy = model.score(images / 16, labels)
print(f"accuracy {accuracy:.3f}")
(seaway.outputs_folder() / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
