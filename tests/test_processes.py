"""Processes that work for this one; that they end whatever happens, see fast/test_workers.py."""

import multiprocessing
import threading

import numpy as np

from tinydldl.processes import Processes, SharedArray


def double(pipe, index, offset):
    """Answers each number with its double, plus what tells who answers."""
    while True:
        pipe.send(2 * pipe.recv() + offset + index)


def fill(pipe, index, shared):
    """Writes its number to its place in shared memory."""
    shared.array()[index] = pipe.recv()
    pipe.send("done")


def test_each_has_a_pipe_and_a_number():
    processes = Processes(2, double, 100)
    for pipe in processes.pipes:
        pipe.send(7)
    assert [pipe.recv() for pipe in processes.pipes] == [114, 115]
    assert processes.close() == [0, 0]
    assert processes.close() == [0, 0]


def test_they_start_from_a_thread_too():
    answers = []

    def work():
        processes = Processes(1, double, 0)
        processes.pipes[0].send(1)
        answers.append(processes.pipes[0].recv())
        processes.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [2]


def test_what_one_writes_to_shared_memory_all_see():
    shared = SharedArray((2, 3), np.float32)
    processes = Processes(2, fill, shared)
    for pipe, value in zip(processes.pipes, (4, 5), strict=True):
        pipe.send(value)
        assert pipe.recv() == "done"
    np.testing.assert_array_equal(shared.array(), np.repeat([[4], [5]], 3, axis=1))
    processes.close()
    assert not set(processes.processes) & set(multiprocessing.active_children())
