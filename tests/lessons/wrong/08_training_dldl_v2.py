# %% exercise="schedule" wrong="one epoch too early"
def learning_rate(lr, epoch, every):
    return lr / 10 ** (epoch // every)


# %% exercise="schedule" wrong="every 30 epochs, whatever is asked"
def learning_rate(lr, epoch, every):
    return lr / 10 ** ((epoch - 1) // 30)


# %% exercise="schedule" wrong="0.001, whatever is asked"
def learning_rate(lr, epoch, every):
    return 1e-3 / 10 ** ((epoch - 1) // every)


# %% exercise="schedule" wrong="falls in every epoch"
def learning_rate(lr, epoch, every):
    return lr / 10 ** ((epoch - 1) / every)


# %% exercise="schedule" wrong="divided once"
def learning_rate(lr, epoch, every):
    return lr if epoch <= every else lr / 10


# %% exercise="schedule" wrong="halved"
def learning_rate(lr, epoch, every):
    return lr / 2 ** ((epoch - 1) // every)


# %% exercise="schedule" wrong="the package's schedule"
def learning_rate(lr, epoch, every):
    return step_schedule(lr, epoch, every)


# %% exercise="step" wrong="the ages of other photos"
def training_step(model, method, optimizer, x, y, sigma):
    y = y[::-1]
    p = method.target(y, sigma).astype(np.float32)
    values, dlogits = method.loss(model.forward(x), p, y.astype(np.float32))
    model.backward(dlogits)
    optimizer.step()
    return values


# %% exercise="step" wrong="backward through the last layer only"
def training_step(model, method, optimizer, x, y, sigma):
    p = method.target(y, sigma).astype(np.float32)
    values, dlogits = method.loss(model.forward(x), p, y.astype(np.float32))
    list(model.layers.values())[-1].backward(dlogits)
    optimizer.step()
    return values


# %% exercise="step" wrong="no step of the optimizer"
def training_step(model, method, optimizer, x, y, sigma):
    p = method.target(y, sigma).astype(np.float32)
    values, dlogits = method.loss(model.forward(x), p, y.astype(np.float32))
    model.backward(dlogits)
    return values


# %% exercise="step" wrong="a step before the backward pass"
def training_step(model, method, optimizer, x, y, sigma):
    p = method.target(y, sigma).astype(np.float32)
    values, dlogits = method.loss(model.forward(x), p, y.astype(np.float32))
    optimizer.step()
    model.backward(dlogits)
    return values


# %% exercise="step" wrong="uphill"
def training_step(model, method, optimizer, x, y, sigma):
    p = method.target(y, sigma).astype(np.float32)
    values, dlogits = method.loss(model.forward(x), p, y.astype(np.float32))
    model.backward(-dlogits)
    optimizer.step()
    return values


# %% exercise="step" wrong="in float64"
def training_step(model, method, optimizer, x, y, sigma):
    p = method.target(y, sigma)
    values, dlogits = method.loss(model.forward(x), p, y)
    model.backward(dlogits)
    optimizer.step()
    return values


# %% exercise="step" wrong="sigma ignored"
def training_step(model, method, optimizer, x, y, sigma):
    p = method.target(y, np.full(len(y), 5.0)).astype(np.float32)
    values, dlogits = method.loss(model.forward(x), p, y.astype(np.float32))
    model.backward(dlogits)
    optimizer.step()
    return values


# %% exercise="step" wrong="trained as if for inference"
def training_step(model, method, optimizer, x, y, sigma):
    p = method.target(y, sigma).astype(np.float32)
    values, dlogits = method.loss(model.eval().forward(x, save=True), p, y.astype(np.float32))
    model.backward(dlogits)
    optimizer.step()
    return values


# %% exercise="step" wrong="two steps of the optimizer"
def training_step(model, method, optimizer, x, y, sigma):
    p = method.target(y, sigma).astype(np.float32)
    values, dlogits = method.loss(model.forward(x), p, y.astype(np.float32))
    model.backward(dlogits)
    optimizer.step()
    optimizer.step()
    return values


# %% exercise="step" wrong="rounds the ages"
def training_step(model, method, optimizer, x, y, sigma):
    np.round(y, out=y)
    p = method.target(y, sigma).astype(np.float32)
    values, dlogits = method.loss(model.forward(x), p, y.astype(np.float32))
    model.backward(dlogits)
    optimizer.step()
    return values


# %% exercise="gap" wrong="last ignored"
def gap(history, last=4):
    return np.mean([record["valid_mae"] - record["train_mae"] for record in history[-4:]])


# %% exercise="gap" wrong="the first epochs"
def gap(history, last=4):
    return np.mean([record["valid_mae"] - record["train_mae"] for record in history[:last]])


# %% exercise="gap" wrong="the other way round"
def gap(history, last=4):
    return np.mean([record["train_mae"] - record["valid_mae"] for record in history[-last:]])


# %% exercise="gap" wrong="all epochs"
def gap(history, last=4):
    return np.mean([record["valid_mae"] - record["train_mae"] for record in history])


# %% exercise="gap" wrong="the last epoch"
def gap(history, last=4):
    return history[-1]["valid_mae"] - history[-1]["train_mae"]


# %% exercise="gap" wrong="distances"
def gap(history, last=4):
    return np.mean([abs(record["valid_mae"] - record["train_mae"]) for record in history[-last:]])


# %% exercise="gap" wrong="training as it is at last"
def gap(history, last=4):
    return np.mean([record["valid_mae"] - history[-1]["train_mae"] for record in history[-last:]])


# %% exercise="inputs" wrong="the standard deviation only"
def check_inputs(x_train, x_valid, tolerance=0.5):
    seen, new = x_train.std(axis=(0, 1, 2)), x_valid.std(axis=(0, 1, 2))
    assert np.abs(seen - new).max() < tolerance, f"{seen} against {new}"


# %% exercise="inputs" wrong="the mean only"
def check_inputs(x_train, x_valid, tolerance=0.5):
    seen, new = x_train.mean(axis=(0, 1, 2)), x_valid.mean(axis=(0, 1, 2))
    assert np.abs(seen - new).max() < tolerance, f"{seen} against {new}"


# %% exercise="inputs" wrong="tolerance ignored"
def check_inputs(x_train, x_valid, tolerance=0.5):
    for statistic in (np.mean, np.std):
        seen, new = (statistic(x, axis=(0, 1, 2)) for x in (x_train, x_valid))
        assert np.abs(seen - new).max() < 0.5, f"{seen} against {new}"


# %% exercise="inputs" wrong="all channels together"
def check_inputs(x_train, x_valid, tolerance=0.5):
    for statistic in (np.mean, np.std):
        assert abs(statistic(x_train) - statistic(x_valid)) < tolerance


# %% exercise="inputs" wrong="no absolute value"
def check_inputs(x_train, x_valid, tolerance=0.5):
    for statistic in (np.mean, np.std):
        seen, new = (statistic(x, axis=(0, 1, 2)) for x in (x_train, x_valid))
        assert (seen - new).max() < tolerance, f"{seen} against {new}"


# %% exercise="inputs" wrong="complains always"
def check_inputs(x_train, x_valid, tolerance=0.5):
    raise AssertionError("the channels differ")


# %% exercise="inputs" wrong="returns what it should raise"
def check_inputs(x_train, x_valid, tolerance=0.5):
    for statistic in (np.mean, np.std):
        seen, new = (statistic(x, axis=(0, 1, 2)) for x in (x_train, x_valid))
        if np.abs(seen - new).max() >= tolerance:
            return f"{seen} against {new}"


# %% exercise="leak" wrong="a message that holds many numbers"
def check_no_leak(train_images, valid_images):
    seen = {image.tobytes() for image in train_images}
    assert not any(image.tobytes() in seen for image in valid_images), "0123456789 10 40 100"


# %% exercise="leak" wrong="every number from 0 on"
def check_no_leak(train_images, valid_images):
    seen = {image.tobytes() for image in train_images}
    leaked = any(image.tobytes() in seen for image in valid_images)
    assert not leaked, f"one of {list(range(len(valid_images) + 1))} photos"


# %% exercise="leak" wrong="not counted"
def check_no_leak(train_images, valid_images):
    seen = {image.tobytes() for image in train_images}
    assert not any(image.tobytes() in seen for image in valid_images), "a photo is in both"


# %% exercise="leak" wrong="compared by identity"
def check_no_leak(train_images, valid_images):
    seen = {id(image) for image in train_images}
    leaked = sum(id(image) in seen for image in valid_images)
    assert leaked == 0, f"{leaked} photos are in both"


# %% exercise="leak" wrong="the photos at the same place only"
def check_no_leak(train_images, valid_images):
    pairs = zip(train_images, valid_images, strict=False)
    leaked = sum(np.array_equal(one, other) for one, other in pairs)
    assert leaked == 0, f"{leaked} photos are in both"


# %% exercise="leak" wrong="photos to train on, but for those that leaked"
def check_no_leak(train_images, valid_images):
    new = {image.tobytes() for image in valid_images}
    left = sum(image.tobytes() not in new for image in train_images)
    assert left == len(train_images), f"{left} photos are left"


# %% exercise="leak" wrong="complains always"
def check_no_leak(train_images, valid_images):
    raise AssertionError("1 photo is in both")


# %% exercise="schedule" hidden="nothing more after epoch 60"
def learning_rate(lr, epoch, every):
    return lr / 10 ** ((min(epoch, 60) - 1) // every)


# %% exercise="step" hidden="the gradient summed over the photos, which Adam hides"
def training_step(model, method, optimizer, x, y, sigma):
    p = method.target(y, sigma).astype(np.float32)
    values, dlogits = method.loss(model.forward(x), p, y.astype(np.float32))
    model.backward(len(x) * dlogits)
    optimizer.step()
    return values


# %% exercise="gap" hidden="divided by `last`, also at the beginning"
def gap(history, last=4):
    return sum(record["valid_mae"] - record["train_mae"] for record in history[-last:]) / last


# %% exercise="inputs" hidden="the standard deviation within a photo"
def check_inputs(x_train, x_valid, tolerance=0.5):
    mean = np.abs(x_train.mean(axis=(0, 1, 2)) - x_valid.mean(axis=(0, 1, 2)))
    seen, new = (x.std(axis=(1, 2)).mean(axis=0) for x in (x_train, x_valid))
    assert mean.max() < tolerance, "the means differ"
    assert np.abs(seen - new).max() < tolerance, f"{seen} against {new}"


# %% exercise="leak" hidden="training photos counted"
def check_no_leak(train_images, valid_images):
    new = {image.tobytes() for image in valid_images}
    leaked = sum(image.tobytes() in new for image in train_images)
    assert leaked == 0, f"{leaked} photos are in both"


# %% exercise="leak" hidden="equal photos counted once"
def check_no_leak(train_images, valid_images):
    seen, new = ({image.tobytes() for image in images} for images in (train_images, valid_images))
    assert not seen & new, f"{len(seen & new)} photos are in both"
