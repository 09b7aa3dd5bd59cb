"""What several ranks gain, measured here and computed for a cluster.

    mpiexec -n 2 python tools/scaling.py measure    what it is on this machine
    python tools/scaling.py table steps.csv         what 2, 8, 64 nodes reach

`measure` times the training step of a case on rank 0 alone, and there on as many processes as all
ranks have; then on all ranks, with the batch divided (strong scaling), and with a batch for each
(weak). It says where the time goes, whether all have the same parameters after 20 steps, and what
the two exchanges of a step cost by themselves.
"""

import argparse
import csv
import hashlib
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from tinydldl import cli, models, ranks
from tinydldl.bench.cases import LABELS, Case
from tinydldl.fast.choice import choose_engine
from tinydldl.layers import BatchNorm2d
from tinydldl.methods import DLDLv2
from tinydldl.optim import Adam

STEPS, SAME, REPEATS = 10, 20, 200
GATHER, GRADIENT = 3 * 1024, 4 * 10**6  # bytes
# Latency (seconds) and bandwidth (bytes a second, one way) of a network, from its data sheets.
NETWORKS = {"1 Gbit/s": (50e-6, 117e6), "100 Gbit/s": (3e-6, 11e9)}
NODES, BATCHES, SIDE = (1, 2, 8, 64), (32, 1024), 64


class Timed(ranks.Ranks):
    """Ranks that count the seconds of their exchanges."""

    def __init__(self, others):
        self.__dict__ |= vars(others)
        self.spent = dict.fromkeys(("normalization", "waiting", "gradient"), 0.0)

    def all_gather(self, x):
        return self._time("normalization", super().all_gather, x)

    def all_reduce(self, arrays):
        if self.size > 1:
            self._time("waiting", self.comm.Barrier)
        self._time("gradient", super().all_reduce, arrays)

    def _time(self, name, function, *arguments):
        begun = time.perf_counter()
        result = function(*arguments)
        self.spent[name] += time.perf_counter() - begun
        return result


def step_of(case, everyone, workers, batch):
    """The training step of a batch on these ranks, and the network."""
    case, ranks.team = Case(case.net, case.side, batch, train=True), everyone
    model, _ = choose_engine(case.model(), np, batch, "fast", workers)
    x, y, sigma = (everyone.share(values) for values in case.photos())
    method, optimizer, part = DLDLv2(LABELS), Adam(model.params, model.grads), len(x) / batch
    p = method.target(y, sigma).astype(np.float32)

    def step():
        losses, dlogits = method.loss(model.forward(x), p, y)
        model.backward(part * dlogits)
        losses = part * np.array(losses, np.float32)
        everyone.all_reduce([*model.grads.values(), losses])
        optimizer.step()
        return float(losses[0])

    return step, model


def seconds_of(everyone, step, steps=STEPS):
    """The largest median of all ranks, seconds of a step, and the deviation of their medians."""
    step()
    times = []
    for _ in range(steps):
        everyone.barrier()
        begun = time.perf_counter()
        step()
        times.append(time.perf_counter() - begun)
    medians = everyone.all_gather_object(statistics.median(times))
    return max(medians), statistics.pstdev(medians)


def measure(arguments):
    everyone, case, workers = ranks.world(), arguments.case, arguments.workers
    machines = len(set(everyone.all_gather_object(platform.node())))
    transport = os.environ.get("UCX_TLS") or os.environ.get("FI_PROVIDER") or "the MPI's choice"
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{everyone.size} ranks on {machines} machines, {workers} processes each; {case}")
    print(f"transport {transport}; {bound} cores for rank 0, of {os.cpu_count()}")
    everyone.barrier()
    found = []
    for count in (workers, workers * everyone.size) if everyone.rank == 0 else ():
        step, model = step_of(case, ranks.ALONE, count, case.batch)
        losses = [step() for _ in range(SAME)]
        found.append(seconds_of(ranks.ALONE, step)[0])
        rate = f"{1000 * found[-1]:8.1f} ms a step {case.batch / found[-1]:8.1f} images/s"
        print(f"alone    {rate}, {count} processes")
        model.close()
    alone, _ = everyone.broadcast(found)
    for name, batch in (("strong", case.batch), ("weak", case.batch * everyone.size)):
        timed = Timed(everyone)
        step, model = step_of(case, timed, workers, batch)
        if name == "strong":
            together = [step() for _ in range(SAME)]
        timed.spent = dict.fromkeys(timed.spent, 0.0)
        seconds, spread = seconds_of(timed, step)
        gain = batch / seconds / (case.batch / alone)
        print(
            f"{name:8} {1000 * seconds:8.1f} ms a step {batch / seconds:8.1f} images/s, "
            f"efficiency {gain / everyone.size:.2f}, spread between ranks {1000 * spread:.1f} ms"
        )
        spent = {key: value / (STEPS + 1) for key, value in timed.spent.items()}
        size = sum(grad.nbytes for grad in model.grads.values())
        rate = size / spent["gradient"] / 1e9 if everyone.size > 1 else float("nan")
        rest = seconds - sum(spent.values())
        parts = {"computing": rest} | spent
        print(9 * " " + ", ".join(f"{k} {1000 * v:.1f} ms" for k, v in parts.items()), end="")
        print(f" ({size / 1e6:.1f} MB at {rate:.2f} GB/s)")
        model.close()
    if everyone.rank == 0:
        print(
            f"loss in step {SAME}: {together[-1]:.6f}, alone on as many processes {losses[-1]:.6f}"
        )
    parameters = b"".join(param.tobytes() for param in model.params.values())
    hashes = everyone.all_gather_object(hashlib.sha256(parameters).hexdigest()[:8])
    print(f"parameters: {', '.join(sorted(set(hashes)))} on {len(hashes)} ranks")
    gather, reduction = np.zeros(GATHER // 8)[None], [np.zeros(GRADIENT // 4, np.float32)]
    for what, function in (
        (f"{GATHER} bytes gathered", lambda: everyone.all_gather(gather)),
        (f"{GRADIENT / 1e6:.0f} MB added up", lambda: everyone.all_reduce(reduction)),
    ):
        seconds, _ = seconds_of(everyone, function, REPEATS)
        print(f"{what}: {1e6 * seconds:.0f} microseconds")
    return 0


def table(arguments):
    """Print the seconds of a step, by the formulas below, from a table of those of one node.

        T(n) = compute(B / n) + 2 L gather(n) + reduce(n)       L normalizations, B photos, n nodes
        gather(n) = log2(n) latency + (n - 1) 3 kB / bandwidth
        reduce(n) = 2 (n - 1) latency + 2 (n - 1) / n bytes / bandwidth

    Assumed: compute(b) = a + c b, fitted to the table, whose columns are net, batch and seconds, or
    c b for one row; nothing overlaps; no node waits for another; every gather is of all channels of
    the widest layer.
    """
    with open(arguments.steps, newline="") as file:
        rows = list(csv.DictReader(file))
    print(
        "| network | batch | nodes | " + " | ".join(f"{n}: images/s, efficiency" for n in NETWORKS),
        "|",
    )
    print("|---|---:|---:|" + "---:|" * len(NETWORKS))
    for net in dict.fromkeys(row["net"] for row in rows):
        points = [(float(r["batch"]), float(r["seconds"])) for r in rows if r["net"] == net]
        b, t = np.array(points).T
        c, a = (t[0] / b[0], 0) if len(b) == 1 else np.polyfit(b, t, 1, w=1 / t)
        model = models.AgeNet(net, len(LABELS), SIDE, rng=np.random.default_rng(0))
        size = 4 * models.count_params(model)
        norms = sum(isinstance(layer, BatchNorm2d) for layer in model.layers.values())
        for batch in BATCHES:
            for nodes in NODES:
                if nodes > batch:
                    print(
                        f"| {net} | {batch} | {nodes} |" + " a node has no photo |" * len(NETWORKS)
                    )
                    continue
                cells = []
                for latency, bandwidth in NETWORKS.values():
                    gather = np.log2(nodes) * latency + (nodes - 1) * GATHER / bandwidth
                    share = (nodes - 1) / nodes
                    reduce = 2 * (nodes - 1) * latency + 2 * share * size / bandwidth
                    exchange = 2 * norms * gather + reduce if nodes > 1 else 0
                    seconds = max(a, 0) + c * batch / nodes + exchange
                    gain = (max(a, 0) + c * batch) / seconds
                    cells.append(f"{batch / seconds:,.0f}, {gain / nodes:.0%}")
                print(f"| {net} | {batch} | {nodes} | {' | '.join(cells)} |")
    return 0


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("measure")
    one.add_argument("--case", type=Case.parse, default="tiny-64-32-train")
    one.add_argument("--workers", type=int, default=1, help="processes of each rank")
    one.set_defaults(run=measure)
    other = commands.add_parser("table")
    other.add_argument("steps", type=Path, help="CSV: net, batch, seconds of a step on one node")
    other.set_defaults(run=table)
    arguments = parser.parse_args(argv)
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(cli.run_command(main, sys.argv[1:]))
