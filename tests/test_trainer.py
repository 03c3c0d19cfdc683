# 由 nbs/2_models/interlude_trainer.ipynb 导出，不要手工修改
# exported from nbs/2_models/interlude_trainer.ipynb, do not edit


from diffusion_book.trainer import Recipe, batch_at, nn, os, signal, torch, train


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


def test_batches_depend_on_numbers_alone():
    recipe = Recipe(batch=4, pieces=2, seed=3)
    x = torch.arange(10.0)
    epoch = torch.cat([batch_at(x, recipe, step, piece, None) for step in range(5) for piece in range(2)])
    assert sorted(epoch[:10].tolist()) == x.tolist() == sorted(epoch[10:].tolist())
    assert not torch.equal(epoch[:10], epoch[10:]) and not torch.equal(epoch[:10], x)


def test_resuming_is_exact():
    import tempfile
    recipe = Recipe(steps=30, batch=8, save_every=7)
    whole = train(small(), squared, regression, recipe)
    def cut(run):
        if run.step == 17:
            os.kill(os.getpid(), signal.SIGINT)
    with tempfile.TemporaryDirectory() as folder:
        try:
            train(small(), squared, regression, recipe, folder=folder, callback=cut)
            raise AssertionError("not interrupted")
        except KeyboardInterrupt:
            pass
        again = train(small(), squared, regression, recipe, folder=folder)
    assert torch.equal(weights_of(whole), weights_of(again)) and torch.equal(whole.losses, again.losses)
