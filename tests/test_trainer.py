# 由 nbs/2_models/interlude_trainer.ipynb 导出，不要手工修改
# exported from nbs/2_models/interlude_trainer.ipynb, do not edit


from diffusion_book.trainer import (
    Diverged, EMA, ImageFolder, Path, Recipe, Run, _open_checkpoint, batch_at, copy, gradient,
    lr_factor, make_card, make_optimizer, math, nn, os, random_at, read_folder, save_checkpoint,
    shuffled, signal, tensorboard, torch, train, write_folder)


import tempfile


def averages(ema, values):
    """把一列权重交给 EMA，返回每次更新之后的平均 | feed weights to an EMA; the average after each update"""
    found = []
    for value in values:
        layer = nn.Linear(1, len(value), bias=False)
        layer.weight.data.copy_(value[:, None])
        if ema.updates == 0 and not hasattr(ema, "fed"):
            ema.network, ema.fed = copy.deepcopy(layer).requires_grad_(False), True
        ema.update(layer)
        found.append(ema.network.weight[:, 0].clone())
    return torch.stack(found)

def settled(decay, width):
    """过了开头、平均还是 0 的 EMA | an EMA past its beginning, whose average is still 0"""
    ema = EMA(nn.Linear(1, width, bias=False), decay)
    ema.network.weight.zero_()
    ema.updates, ema.fed = 10**6, True
    return ema

def regression(n, generator):
    """y = sin(3x) 的带噪样本 | noisy samples of y = sin(3x)"""
    x = torch.rand(n, 1, generator=generator) * 2 - 1
    return x, (3 * x).sin() + 0.1 * torch.randn(n, 1, generator=generator)

def squared(network, batch, generator):
    """每个样本的平方误差 | the squared error of each sample"""
    return (network(batch[0]) - batch[1]).square().flatten(1).mean(1)

def small(width=16):
    """总是从同样的权重开始 | always the same first weights"""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(1, width), nn.SiLU(), nn.Dropout(0.1), nn.Linear(width, 1))

def weights_of(run):
    """网络与平均的全部权重 | all weights, of the network and of the average"""
    return torch.cat([p.flatten() for net in (run.network, run.ema.network) for p in net.parameters()])


def test_eq_adam_step():
    recipe = Recipe(lr=0.01, betas=(0.8, 0.9), weight_decay=0.5)
    for size in (1e-3, 1.0, 1e3):
        layer = nn.Linear(1, 1, bias=False)
        layer.weight.data.fill_(2.0)
        optimizer, places = make_optimizer(layer, recipe), [2.0]
        for g in (size, 0.0):
            layer.weight.grad = torch.full((1, 1), g)
            optimizer.step()
            places.append(layer.weight.item())
        first = places[0] * (1 - 0.005) - 0.01
        second = first * (1 - 0.005) - 0.01 * (0.8 / 1.8) / math.sqrt(0.9 / 1.9)
        assert abs(places[1] - first) < 1e-5 and abs(places[2] - second) < 1e-5


def test_eq_warmup_cosine():
    recipe = Recipe(steps=100, warmup=20)
    factors = torch.tensor([0.0] + [lr_factor(recipe, step) for step in range(100)]).double()
    assert (factors[:21].diff() - 0.05).abs().max() < 1e-6
    assert (factors[20:101] + torch.cat([factors[21:101], torch.zeros(1)]).flip(0) - 1).abs().max() < 1e-6
    assert (factors[20:].diff() < 0).all() and factors[100] > 0


def test_eq_ema_recursion():
    layers = [nn.Linear(1, 1, bias=False) for _ in range(4)]
    ema, seen = EMA(layers[0], 0.15), []
    for layer, value in zip(layers, (7.0, 1.0, 2.0, 4.0)):
        layer.weight.data.fill_(value)
        seen.append(ema.momentum())
        ema.update(layer)
    assert seen[0] == 0 and seen[1:] == [0.15] * 3  # 2/11 已经超过 0.15 | 2/11 is above 0.15 already
    exact = ((7.0 * 0.15 + 0.85) * 0.15 + 2 * 0.85) * 0.15 + 4 * 0.85
    assert abs(ema.network.weight.item() - exact) < 1e-6 and ema.updates == 4


def test_eq_ema_weights():
    impulse = torch.zeros(30, 1)
    impulse[0] = 1.0
    share = averages(settled(0.8, 1), impulse)[:, 0]
    assert torch.allclose(share[1:] / share[:-1], torch.tensor(0.8), atol=1e-5)
    assert abs(share.sum() - 1) < 0.002


def test_eq_ema_age():
    steps = 400
    ramp = torch.arange(1.0, steps + 1)[:, None]
    lag = ramp - averages(settled(0.95, 1), ramp)
    assert abs(lag[-1].item() - 0.95 / 0.05) < 0.01
    shaking = torch.randn(300, 5000, generator=torch.Generator().manual_seed(0))
    left = averages(settled(0.95, 5000), shaking)[-1].var()
    assert abs(left / (0.05 / 1.95) - 1) < 0.1


def test_eq_ema_start():
    n = 200
    ema = EMA(nn.Linear(1, n, bias=False), 0.9999)
    share = averages(ema, torch.eye(n))[-1].double()
    k = torch.arange(1, n + 1).double()
    shape = torch.stack([k + i for i in range(1, 9)]).log().sum(0)
    ratio = (share[1:].log() - shape[1:]).exp()
    assert (ratio / ratio[-1] - 1).abs().max() < 1e-3
    assert abs((n - (share * k).sum()) / n - 0.1) < 0.005 and abs(share.sum() - 1) < 1e-5


def test_batches_depend_on_numbers_alone():
    recipe = Recipe(batch=4, pieces=2, seed=3)
    x = torch.arange(10.0)
    epoch = torch.cat([batch_at(x, recipe, step, piece, None) for step in range(5) for piece in range(2)])
    assert sorted(epoch[:10].tolist()) == x.tolist() == sorted(epoch[10:].tolist())
    assert not torch.equal(epoch[:10], epoch[10:]) and not torch.equal(epoch[:10], x)
    assert not torch.equal(shuffled(99, 0, 99, 3), torch.randperm(99, generator=random_at(3, 0)))


def test_streams_are_apart():
    seeds = {random_at(seed, step).initial_seed() for seed in range(4) for step in range(5000)}
    assert len(seeds) == 20_000 and max(seeds) < 2**32
    x = torch.stack([torch.randn(1000, generator=random_at(0, step)) for step in range(100)])
    apart = torch.corrcoef(x)[~torch.eye(100, dtype=torch.bool)].abs()
    assert apart.max() < 0.17 and abs(apart.mean() - math.sqrt(2 / math.pi / 1000)) < 0.002
    assert not torch.equal(random_at(0, 1, 0).get_state(), random_at(0, 1, 1).get_state())


def test_disk_full():
    import errno, sys
    from unittest import mock

    run = Run.start(small(), Recipe())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run/checkpoint.safetensors")
        save_checkpoint(path, run)
        good = path.read_bytes()
        assert os.listdir(path.parent) == [path.name]
        def full(handle):
            raise OSError(errno.ENOSPC, "No space left on device")
        def attempt():
            try:
                save_checkpoint(path, Run.start(small(64), Recipe()))
                raise AssertionError("saved on a full disk")
            except OSError as error:
                assert error.filename == str(path)
                return error.errno
        with mock.patch("os.fsync", full):
            assert attempt() == errno.ENOSPC
        if sys.platform == "linux":  # 真的写不下：文件大小的上限 | really too large: a limit on files
            import resource
            old = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
            try:
                assert attempt() == errno.EFBIG
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, old)
        assert path.read_bytes() == good and os.listdir(path.parent) == [path.name]


def test_eq_clipping():
    def one_step(clip):
        run = train(small(), squared, regression, Recipe(steps=1, clip=clip), progress=False)
        return torch.cat([p.grad.flatten() for p in run.network.parameters()]), run.norms[0]
    free, norm = one_step(math.inf)
    for clip in (0.1, 0.3, 100.0):
        clipped, before = one_step(clip)
        assert abs(clipped.norm() - min(clip, norm)) < 1e-4 and torch.allclose(before, norm)
        assert torch.cosine_similarity(clipped, free, dim=0) > 0.9999


def test_resuming_is_exact():
    recipe = Recipe(steps=30, batch=8, save_every=7)
    whole = train(small(), squared, regression, recipe)
    def cut(run):
        if run.step == 17:
            os.kill(os.getpid(), signal.SIGINT)
    with tempfile.TemporaryDirectory() as folder:
        try:
            train(small(), squared, regression, recipe, folder=folder, callback=cut)
            raise AssertionError("not interrupted")
        except KeyboardInterrupt:  # 做完第 18 步才停 | stopped when step 18 was done
            assert _open_checkpoint(Path(folder, "checkpoint.safetensors"))[1]["step"] == 18
        again = train(small(), squared, regression, recipe, folder=folder)
    assert torch.equal(weights_of(whole), weights_of(again)) and torch.equal(whole.losses, again.losses)


def test_kill_nine_at_any_moment():
    import subprocess, sys
    script = """
import os, random, signal, sys, tempfile, time, torch
from pathlib import Path
from torch import nn
from diffusion_book.trainer import Recipe, train
torch.set_num_threads(1)
def data(n, generator):
    x = torch.rand(n, 1, generator=generator)
    return x, (3 * x).sin()
def loss(network, batch, generator):
    noise = 0.1 * torch.randn(batch[0].shape, generator=generator)
    return (network(batch[0] + noise) - batch[1]).square().mean(1)
def run(folder):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(1, 32), nn.BatchNorm1d(32), nn.SiLU(), nn.Dropout(0.1), nn.Linear(32, 1))
    return train(network, loss, data, Recipe(steps=300, batch=16, pieces=2, save_every=3), folder=folder, progress=False)
with tempfile.TemporaryDirectory() as folder:
    whole, killed, torn, chance = run(Path(folder, "whole")), 0, 0, random.Random(0)
    file = Path(folder, "cut/checkpoint.safetensors")
    sync = os.fsync
    os.fsync = lambda handle: (time.sleep(0.004), sync(handle))  # so that many kills fall into a save
    while True:
        if (child := os.fork()) == 0:
            try:
                run(file.parent)
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0.02, 0.5))
        os.kill(child, signal.SIGKILL)
        if os.waitpid(child, 0)[1] == 0:
            break
        killed += 1
        torn += (file.parent / f".{file.name}.tmp").exists()
    again = run(file.parent)
assert again.step == 300 and torch.equal(whole.losses, again.losses) and torch.equal(whole.norms, again.norms)
for one, other in ((whole.network, again.network), (whole.ema.network, again.ema.network)):
    for name, x in one.state_dict().items():
        assert torch.equal(x, other.state_dict()[name]), name
for one, other in zip(whole.optimizer.state.values(), again.optimizer.state.values()):
    assert all(torch.equal(one[key], other[key]) for key in one)
print(killed, torn)
"""
    if hasattr(os, "fork"):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        killed, torn = map(int, done.stdout.split())
        assert killed >= 4 and torn >= 1, done.stdout


def test_eq_pieces():
    x = torch.linspace(-1, 1, 24)[:, None]
    grads = []
    for pieces in (1, 3, 4):
        network = small().eval()
        run = Run.start(network, Recipe(batch=12, pieces=pieces, seed=1))
        total = gradient(network, squared, (x, x.sin()), run, range(pieces), torch.device("cpu"))
        grads.append(torch.cat([total[None]] + [p.grad.flatten() for p in network.parameters()]))
    assert (grads[0] - grads[1]).abs().max() < 1e-6 and (grads[0] - grads[2]).abs().max() < 1e-6


def test_two_processes_give_the_curve_of_one():
    import subprocess, sys
    script = """
import sys, torch
from torch import nn
from diffusion_book.trainer import Recipe, train
torch.set_num_threads(1)
torch.manual_seed(0)
network = nn.Sequential(nn.Linear(1, 16), nn.SiLU(), nn.Dropout(0.1), nn.Linear(16, 1))
def data(n, generator):
    x = torch.rand(n, 1, generator=generator)
    return x, (3 * x).sin() + 0.1 * torch.randn(n, 1, generator=generator)
def loss(network, batch, generator):
    return (network(batch[0]) - batch[1]).square().mean(1)
train(network, loss, data, Recipe(steps=40, batch=16, pieces=4, dtype=sys.argv[2]), folder=sys.argv[1], progress=False)
"""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "train.py")
        file.write_text(script)
        accelerate = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
                      "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
                      "--main_process_port", "0"]
        cpu = os.environ | {"ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
        for start, name in (([sys.executable], "one"), (accelerate, "two")):
            done = subprocess.run([*start, file, Path(folder, name), "float32"], env=cpu, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-3000:]
        (one, facts), (two, same) = (_open_checkpoint(Path(folder, n, "checkpoint.safetensors")) for n in ("one", "two"))
        assert facts["step"] == same["step"] == 40 and one.keys() == two.keys()
        assert all((one[name] - two[name]).abs().max() < 1e-5 for name in one)


def test_eq_gradient_noise():
    def spread_of(batch, steps=400):
        layer = nn.Linear(1, 10, bias=False)
        layer.weight.data.zero_()
        run, square = Run.start(layer, Recipe(batch=batch)), []
        away = lambda net, x, generator: ((net.weight[:, 0] - x) ** 2).sum(1) / 2  # 梯度是 -x | its gradient is -x
        data = lambda n, generator: 0.5 + torch.randn(n, 10, generator=generator)
        for run.step in range(steps):
            layer.weight.grad = None
            gradient(layer, away, data, run, [0], torch.device("cpu"))
            square.append(layer.weight.grad.square().sum())
        return torch.stack(square).mean().item()
    for batch in (2, 8):
        assert abs(spread_of(batch) - (10 * 0.25 + 10 / batch)) < 0.5


def test_tensorboard_gets_every_curve():
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    with tempfile.TemporaryDirectory() as folder:
        run = train(small(), squared, regression, Recipe(steps=25), callback=tensorboard(folder), progress=False)
        found = EventAccumulator(folder).Reload()
        losses = {event.step: event.value for event in found.Scalars("loss")}
        assert sorted(losses) == [10, 20, 25] and abs(losses[25] - run.losses[-1]) < 1e-6
        assert {"loss", "gradient norm", "learning rate"} <= set(found.Tags()["scalars"])


def test_same_as_diffusers():
    from diffusers.optimization import get_cosine_schedule_with_warmup
    from diffusers.training_utils import EMAModel

    for decay in (0.9999, 0.6):
        network = small()
        ours, theirs = EMA(network, decay), EMAModel(network.parameters(), decay=decay)
        for step in range(40):
            for p in network.parameters():
                p.data.add_(0.1 * torch.randn(p.shape, generator=random_at(0, step)))
            assert abs(ours.momentum() - theirs.get_decay(step + 1)) < 1e-12
            ours.update(network)
            theirs.step(network.parameters())
        for mine, other in zip(ours.network.parameters(), theirs.shadow_params):
            assert (mine - other).abs().max() < 1e-6
    for warmup in (0, 7):
        optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
        schedule = get_cosine_schedule_with_warmup(optimizer, warmup, 51)
        for step in range(50):
            optimizer.step()
            schedule.step()  # 跳过它的第一步 | skips its first step
            assert abs(schedule.get_last_lr()[0] - lr_factor(Recipe(steps=50, warmup=warmup), step)) < 1e-12


def test_errors():
    def refused(call, *words, kind=ValueError):
        try:
            call()
        except kind as error:
            assert all(word in str(error) for word in words), str(error)
        else:
            raise AssertionError(f"accepted: {words}")

    for name, value in (("steps", 0), ("batch", 2.5), ("lr", 0.0), ("lr", math.nan), ("warmup", -1), ("decay", "linear"),
                        ("ema", 1.0), ("clip", 0), ("weight_decay", -1), ("betas", (0.9, 1.0)), ("dtype", "half"),
                        ("pieces", 5), ("seed", -1), ("save_every", 0)):
        refused(lambda: Recipe(**{name: value}), name, str(value))
    refused(lambda: make_optimizer(nn.ReLU(), Recipe()), "network")
    with tempfile.TemporaryDirectory() as folder:
        path, recipe = Path(folder, "checkpoint.safetensors"), Recipe(steps=4, batch=8)
        go = lambda network=None, recipe=recipe: train(network or small(), squared, regression, recipe,
                                                       folder=folder, progress=False)
        go()
        good = path.read_bytes()
        refused(lambda: go(small(8)), "another network", "(16,)", "(8,)")
        refused(lambda: go(recipe=Recipe(steps=4, batch=8, lr=1.0)), "lr: 0.001 → 1.0")
        for bad in (good[:len(good) // 2], good[:4], b"", b"hello" * 100):
            path.write_bytes(bad)
            refused(go, "checkpoint.safetensors", "sound")
        write_folder(folder, small(), {}, {"world_hash": None})
        os.replace(Path(folder, "model.safetensors"), path)
        refused(go, "not a training checkpoint")
        refused(lambda: read_folder(folder), "model.safetensors")
        refused(lambda: read_folder(folder + "/none"), "config.json")
        refused(lambda: write_folder(folder, small(), {}, {}), "world_hash")
        refused(lambda: write_folder(folder, small(), {}, {"world_hash": None}, "int8"), "dtype")
        refused(lambda: ImageFolder(folder), "pictures")
        refused(lambda: ImageFolder(folder + "/none"), "a folder")
        refused(lambda: ImageFolder(folder, 0), "size")
        Path(folder, "a.png").write_bytes(b"hello")
        refused(lambda: ImageFolder(folder), "a.png", "1 files")
    for bad in (math.nan, math.inf):
        data = lambda n, generator: (torch.full((n, 1), bad), torch.zeros(n, 1))
        refused(lambda: train(small(), squared, data, Recipe(steps=3), progress=False), "step 0", kind=Diverged)


def test_longer_only_if_constant():
    with tempfile.TemporaryDirectory() as folder:
        recipes = [Recipe(steps=n, batch=8, decay="constant", save_every=e, warmup=3) for n, e in ((6, 4), (10, 5))]
        for recipe in recipes:
            again = train(small(), squared, regression, recipe, folder=folder, progress=False)
        whole = train(small(), squared, regression, recipes[1], progress=False, validate=lambda network: 1.5)
    assert torch.equal(weights_of(again), weights_of(whole)) and whole.validation == [[5, 1.5], [10, 1.5]]


def test_what_training_touches():
    layer = nn.Linear(1, 1, bias=False)
    before = layer.weight.item()
    train(layer, squared, regression, Recipe(steps=1, batch=8, lr=0.1, warmup=20), progress=False)
    assert abs(abs(layer.weight.item() - before) - 0.1 / 20) < 1e-5  # 预热的第一步 | the first step of warm-up
    recipe = Recipe(steps=5, batch=8)
    norm = lambda: nn.Sequential(nn.BatchNorm1d(1), small())
    run = train(norm(), squared, regression, recipe, progress=False)
    assert torch.equal(run.network[0].running_mean, run.ema.network[0].running_mean)
    assert run.network[0].running_mean.abs() > 0 and not run.network.training
    again = train(norm().eval(), squared, regression, recipe, progress=False)
    assert torch.equal(weights_of(run), weights_of(again))
    hurt = lambda net, batch, generator: squared(net, batch, generator) / (0 if net.calls() == 4 else 1)
    with tempfile.TemporaryDirectory() as folder:
        network = small()
        network.calls = iter(range(9)).__next__
        try:
            train(network, hurt, regression, recipe, folder=folder, progress=False)
            raise AssertionError("not noticed")
        except Diverged as error:
            assert "step 4" in str(error)
        assert _open_checkpoint(Path(folder, "checkpoint.safetensors"))[1]["step"] == 4


def test_labels_and_datasets():
    from diffusion_book.world import TinyScenes
    images, labels = torch.randn(40, 6, generator=random_at(0, 0)), torch.arange(40) % 3
    images[:, :3] += 4 * torch.eye(3)[labels]
    entropy = lambda network, batch, generator: nn.functional.cross_entropy(network(batch[0]), batch[1], reduction="none")
    run = train(nn.Linear(6, 3), entropy, (images, labels), Recipe(steps=150, batch=16, lr=0.05), progress=False)
    assert (run.ema.network(images).argmax(1) == labels).float().mean() > 0.95
    batch = batch_at(TinyScenes(8, size=16), Recipe(batch=4), 0, 0, None)
    assert batch[0].shape == (4, 3, 16, 16) and len(batch[1]) == 4


def test_pictures_are_cropped_and_scaled():
    from PIL import Image
    with tempfile.TemporaryDirectory() as folder:
        picture = Image.new("RGB", (120, 40), (255, 0, 0))
        picture.paste((0, 0, 255), (40, 0, 80, 40))  # 正中的一块是蓝的 | the middle third is blue
        picture.save(Path(folder, "wide.png"))
        Image.new("L", (10, 10), 255).save(Path(folder, "grey.jpg"))
        grey, wide = ImageFolder(folder, 16)[0], ImageFolder(folder, 16)[1]
    assert wide.shape == grey.shape == (3, 16, 16) and wide.dtype == torch.float32
    inside = wide[:, 2:-2, 2:-2]
    assert (inside - torch.tensor([-1.0, -1, 1])[:, None, None]).abs().max() < 0.02 and grey.min() > 0.98


def test_a_folder_keeps_the_weights():
    with tempfile.TemporaryDirectory() as folder:
        run = train(small(), squared, regression, Recipe(steps=3, batch=8), progress=False)
        for dtype, tolerance in (("float32", 0.0), ("bfloat16", 0.01), ("float16", 0.001)):
            write_folder(folder, run.network, {"width": 16}, make_card(run, "sin", {}), dtype)
            config, weights, card = read_folder(folder)
            assert config == {"width": 16} and card["recipe"]["steps"] == 3 and card["world_hash"] is None
            for name, x in run.network.state_dict().items():
                assert str(weights[name].dtype) == f"torch.{dtype}" and (weights[name].float() - x).abs().max() <= tolerance
