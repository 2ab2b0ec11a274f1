"""Train a classifier of handwritten digits. Runs by itself too: python train.py --epochs 20."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import joblib
import numpy
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

BATCH = 32
BAR = 30


def main() -> None:
    options = parse_arguments()
    outputs = folder("SEAWAY_OUTPUTS", "outputs")
    checkpoint = folder("SEAWAY_CHECKPOINT", "checkpoint") / "state.joblib"
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images / 16.0, labels, test_size=0.25, random_state=options.seed, stratify=labels
    )
    print(f"{len(train_x)} images to learn from, {len(test_x)} held out", flush=True)
    model, done = restore(checkpoint, options)
    for epoch in range(done, options.epochs):
        train_one_epoch(model, train_x, train_y, epoch, options)
        save(checkpoint, model, epoch + 1)
    accuracy = float(accuracy_score(test_y, model.predict(test_x)))
    joblib.dump(model, outputs / "model.joblib")
    metrics = {
        "accuracy": accuracy,
        "epochs": options.epochs,
        "loss": float(model.loss_),
        "held_out": len(test_x),
    }
    (outputs / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(f"held-out accuracy: {accuracy:.4f}")
    print(f"model: {outputs / 'model.joblib'}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20, help="passes over the images")
    parser.add_argument("--lr", type=float, default=0.002, help="learning rate")
    parser.add_argument("--seed", type=int, default=0, help="of all randomness")
    parser.add_argument(
        "--pause", type=float, default=0.0, help="seconds to wait after each epoch, to watch it work"
    )
    return parser.parse_args()


def folder(variable: str, otherwise: str) -> Path:
    """Return the folder that Seaway gives, or one here where the script runs by itself."""
    path = Path(os.environ.get(variable, otherwise))
    path.mkdir(parents=True, exist_ok=True)
    return path


def restore(checkpoint: Path, options: argparse.Namespace) -> tuple[MLPClassifier, int]:
    """Return the model and how many epochs it has learnt, from the last checkpoint where there is one."""
    if checkpoint.exists():
        state = joblib.load(checkpoint)
        print(f"going on after epoch {state['epochs']}", flush=True)
        return state["model"], state["epochs"]
    model = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=options.lr, random_state=options.seed)
    return model, 0


def save(checkpoint: Path, model: MLPClassifier, epochs: int) -> None:
    """Write a checkpoint whole or not at all: the run may be stopped at any moment."""
    draft = checkpoint.with_suffix(".new")
    joblib.dump({"model": model, "epochs": epochs}, draft)
    draft.replace(checkpoint)


def train_one_epoch(
    model: MLPClassifier,
    images: numpy.ndarray,
    labels: numpy.ndarray,
    epoch: int,
    options: argparse.Namespace,
) -> None:
    order = numpy.random.default_rng(options.seed + epoch).permutation(len(images))
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    began = time.perf_counter()
    for number, batch in enumerate(batches, start=1):
        model.partial_fit(images[batch], labels[batch], classes=numpy.arange(10))
        if number % 5 == 0 or number == len(batches):
            draw(epoch + 1, options.epochs, number / len(batches), model.loss_, time.perf_counter() - began)
    sys.stdout.write("\n")
    sys.stdout.flush()
    time.sleep(options.pause)


def draw(epoch: int, epochs: int, part: float, loss: float, seconds: float) -> None:
    """Draw the progress bar over the one before: a carriage return goes back to the beginning of the line."""
    filled = round(BAR * part)
    bar = "█" * filled + "░" * (BAR - filled)
    sys.stdout.write(
        f"\repoch {epoch:>{len(str(epochs))}}/{epochs} {bar} {part:4.0%}  loss {loss:.4f}  {seconds:.1f} s"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
