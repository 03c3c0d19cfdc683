# 由 nbs/2_models/1_ddpm.ipynb 导出，不要手工修改
# exported from nbs/2_models/1_ddpm.ipynb, do not edit


from diffusion_book.ddpm import (
    DiscreteVP, EPSILON, PRESETS, SmallUNet, ancestral, ancestral_large, clipped, digits,
    generate, levels, make_betas, nn, noise_like, objective, pretrained, time_embedding, torch,
    unit)


from diffusion_book.schedules import forward_step

def walked(x0, seed=0):
    """两步前向链的回归：斜率、截距、余下的方差 | regression of x1 on x2: slope, intercept, variance left over"""
    generator = torch.Generator().manual_seed(seed)
    x1 = forward_step(x0, 0.3, generator=generator)
    x2 = forward_step(x1, 0.4, generator=generator)
    slope = ((x1 - x1.mean()) * (x2 - x2.mean())).mean() / x2.var()
    intercept = x1.mean() - slope * x2.mean()
    return slope.item(), intercept.item(), (x1 - slope * x2 - intercept).var().item()

def stepped(step, denoise, x):
    """从 x 走一步的均值与方差 | mean and variance of one step from x"""
    end = levels(DiscreteVP(torch.tensor([0.3, 0.4])), torch.tensor([1, 0, -1]))
    out, _ = step(denoise, torch.full((200_000,), x), end[0], end[1], None, torch.Generator().manual_seed(1))
    return out.mean().item(), out.var().item()


def test_eq_ddpm_loss():
    vp = DiscreteVP(make_betas("linear"))
    bar = torch.cumprod(1 - vp.betas, 0)[:, None, None, None]
    def best(x, t):
        return (1 - bar[t]).sqrt() * x / (0.25 * bar[t] + 1 - bar[t])
    x0 = 0.5 * torch.randn(40_000, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    measured = objective(vp, EPSILON)(best, x0, torch.Generator().manual_seed(1)).mean()
    assert abs(measured - (0.25 * bar / (0.25 * bar + 1 - bar)).mean()) < 0.004
    assert torch.equal(unit(torch.tensor([0, 255], dtype=torch.uint8)), torch.tensor([-1.0, 1.0]))


def test_eq_reverse_mean():
    slope, intercept, _ = walked(torch.full((200_000,), 0.7))
    known = lambda x, level: torch.full_like(x, 0.7)
    for x in (-1.0, 2.0):
        assert abs(stepped(ancestral_large, known, x)[0] - (slope * x + intercept)) < 0.01


def test_eq_two_variances():
    known = lambda x, level: torch.full_like(x, 0.7)
    point = walked(torch.full((200_000,), 0.7))[2]
    gauss = walked(torch.randn(200_000, generator=torch.Generator().manual_seed(2)))[2]
    assert abs(stepped(ancestral, known, 1.0)[1] - point) < 0.004
    assert abs(stepped(ancestral_large, known, 1.0)[1] - gauss) < 0.006
    assert gauss - point > 0.05


def test_eq_true_variance():
    known = lambda x, level: torch.full_like(x, 0.7)
    small, large = (stepped(step, known, 1.0)[1] for step in (ancestral, ancestral_large))
    half = walked(0.5 * torch.randn(200_000, generator=torch.Generator().manual_seed(2)))[2]
    spread = 0.25 * 0.58 / (0.25 * 0.42 + 0.58)
    assert abs(small + 0.7 * (large / 0.58) ** 2 * spread - half) < 0.006
    end = levels(DiscreteVP(torch.tensor([0.3, 0.4])), torch.tensor([0, -1]))
    assert torch.equal(ancestral_large(known, torch.ones(9), *end, None, None)[0], torch.full((9,), 0.7))


def test_eq_clocks():
    phi = time_embedding(torch.arange(1000), 32)
    assert (phi[100] @ phi[130] - phi[700] @ phi[730]).abs() < 1e-3
    assert (phi[100] - phi[101]).norm() > 0.9
    assert bool((phi[:, -1].diff() > 0).all()) and phi[-1, -1] < 0.3


def test_network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SmallUNet(3, 16, (1, 2, 2))
    for size in (8, 32):
        for each in (net, SmallUNet(3, 16, (1, 2), patch=2)):
            assert each(torch.zeros(2, 3, size, size), torch.tensor([0, 999])).shape == (2, 3, size, size)
    # 训练之初，块只加一个常数 | at first a block adds nothing but a constant
    x = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    change = net.down[0](x, torch.zeros(2, 64)) - x
    assert (change - change[:1, :, :1, :1]).abs().max() < 1e-6
    for part in (net.down[0], net.middle1):
        nn.init.normal_(part.conv2.weight, std=0.1)
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    early, late = net(x, torch.tensor([5, 5])), net(x, torch.tensor([5, 900]))
    assert (early[0] - late[0]).abs().max() < 1e-6 and (early[1] - late[1]).abs().max() > 1e-3
    # 有了注意力，任何两个像素都相连 | attention connects any two pixels
    nn.init.normal_(net.attention.out.weight, std=0.5)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    net(x, torch.tensor([5]))[0, 0, 0, 0].backward()
    assert x.grad[0, :, -1, -1].abs().max() > 0


def test_diffusers():
    from diffusers import DDPMScheduler

    for name, betas in (("ddpm_digits", "linear"), ("ddpm_scenes", "squaredcos_cap_v2")):
        model = pretrained(name)
        start = noise_like(torch.empty(2, *model.shape), torch.Generator().manual_seed(0))
        for variance, step in (("fixed_small", ancestral), ("fixed_large", ancestral_large)):
            for clip in (False, True):
                theirs = DDPMScheduler(beta_schedule=betas, variance_type=variance, clip_sample=clip,
                                       prediction_type=model.target.name)
                assert torch.equal(theirs.betas, model.schedule.betas)
                theirs.set_timesteps(10)
                grid, x = levels(model.schedule, model.schedule.grid(10, "leading")), start
                for t, now, then in zip(theirs.timesteps, grid, grid[1:]):
                    with torch.no_grad():
                        y = model.network(x, t.expand(2))
                    same = lambda x, level: model.target.x0(y, x, level)
                    ours, _ = step(clipped(same) if clip else same, x, now, then, None, torch.Generator().manual_seed(1))
                    x = theirs.step(y, t, x, generator=torch.Generator().manual_seed(1)).prev_sample
                    assert (ours - x).abs().max() < 1e-5 * max(1, x.abs().max()), (name, variance, clip, t)


def test_errors():
    net = SmallUNet(1, 8, (1, 2))
    for wrong in (
        lambda: digits("validation"),
        lambda: pretrained("ddpm_cats"),
        lambda: pretrained("ddpm_digits", "no such folder"),
        lambda: SmallUNet(1, 12),
        lambda: SmallUNet(1, 16, (1,)),
        lambda: SmallUNet(1, 16, patch=0),
        lambda: SmallUNet(1, 16, patch=3),
        lambda: net(torch.zeros(2, 3, 8, 8), torch.zeros(2)),
        lambda: net(torch.zeros(2, 1, 7, 8), torch.zeros(2)),
        lambda: net(torch.zeros(1, 8, 8), torch.zeros(1)),
        lambda: generate(PRESETS["ddpm_digits"].model(net), 0, 10),
        lambda: generate(PRESETS["ddpm_digits"].model(net), 2, 1001),
        lambda: generate(PRESETS["ddpm_digits"].model(net), 2, 0),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)
