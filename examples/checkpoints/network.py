"""Train a small neural network in NumPy alone, and go on after an interruption."""

from __future__ import annotations

import argparse
import json
import time

import atomic
import numpy

import seaway

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--steps", type=int, default=4000)
parser.add_argument("--pause", type=float, default=0.2, help="seconds between two checkpoints, to watch it")
options = parser.parse_args()

points = numpy.random.default_rng(0).uniform(-1, 1, (500, 2))
inside = (numpy.hypot(*points.T) < 0.7).astype(float)[:, None]

state = seaway.checkpoint_folder() / "network.npz"
if state.exists():
    with numpy.load(state) as saved:
        weights, done = [saved[f"arr_{index}"] for index in range(4)], int(saved["done"])
    print(f"goes on after step {done}", flush=True)
else:
    random = numpy.random.default_rng(1)
    weights, done = (
        [random.normal(0, 1, (2, 16)), numpy.zeros(16), random.normal(0, 0.5, (16, 1)), numpy.zeros(1)],
        0,
    )


def forward() -> tuple[numpy.ndarray, numpy.ndarray]:
    hidden = numpy.tanh(points @ weights[0] + weights[1])
    return hidden, 1 / (1 + numpy.exp(-(hidden @ weights[2] + weights[3])))


for step in range(done + 1, options.steps + 1):
    hidden, guess = forward()
    error = (guess - inside) / len(points)
    back = error @ weights[2].T * (1 - hidden**2)
    gradients = [points.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight -= 2.0 * gradient
    if step % 100 == 0:
        time.sleep(options.pause)
        atomic.write(state, lambda file, done=step: numpy.savez(file, *weights, done=done))
        seaway.checkpoint()
        print(f"step {step}/{options.steps}", flush=True)

accuracy = float(((forward()[1] > 0.5) == inside).mean())
print(f"accuracy {accuracy:.3f}")
(seaway.outputs_folder() / "metrics.json").write_text(json.dumps({"accuracy": accuracy}))
