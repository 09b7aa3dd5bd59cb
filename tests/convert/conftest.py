"""What the tests of both steps of a conversion share."""

import from_pytorch
import pytest


@pytest.fixture(params=[False, True], ids=["before 1.6", "1.6 or later"])
def saved(request, torch, tmp_path):
    """`saved(value)`: what is read of a value that PyTorch has saved, in each of its formats."""

    def saved(value):
        path = tmp_path / "file.pt"
        torch.save(value, path, _use_new_zipfile_serialization=request.param)
        return from_pytorch.read(path)

    return saved
