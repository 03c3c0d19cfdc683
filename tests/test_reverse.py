# 由 nbs/1_theory/3_reverse_process.ipynb 导出，不要手工修改
# exported from nbs/1_theory/3_reverse_process.ipynb, do not edit


from diffusion_book.reverse import (
    GaussianMixture, Level, ancestral, clipped, corrected, deterministic, fokker_planck,
    forward_sde, langevin, level_at, levels, math, noise_of, posterior, reverse_density,
    reverse_drift, sample, score_of, simulate_reverse, torch, transition)


from diffusion_book.oracle import noise_floor, ring, sliced_wasserstein
from diffusion_book.schedules import (
    EDM, CosineVP, DiscreteVP, LinearVP, RectifiedFlow, make_betas, simulate_sde)

def three_peaks():
    """直线上三个不等高的峰 | three unequal peaks on the line"""
    means = torch.tensor([[-1.5], [0.3], [1.5]], dtype=torch.float64)
    weights = torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64)
    return GaussianMixture(means, torch.tensor([0.1, 0.15, 0.2], dtype=torch.float64), weights)

def peaks_density(x, schedule, t):
    """三个峰加噪后的密度，逐项相加 | the density of the noised three peaks, term by term | (N,) → (N,)"""
    (alpha, sigma), data = schedule.alpha_sigma(t), three_peaks()
    width = (alpha**2 * data.stds**2 + sigma**2).sqrt()
    terms = torch.distributions.Normal(alpha * data.means[:, 0], width).log_prob(x[:, None])
    return terms.exp() @ data.weights


def test_levels():
    chain = DiscreteVP(torch.full((4,), 0.36))
    listed = levels(chain, chain.grid(4))
    assert [level.t for level in listed] == [3, 2, 1, 0, -1]
    assert all(abs(level.alpha - 0.8 ** (level.t + 1)) < 1e-6 for level in listed)
    assert levels(RectifiedFlow(), torch.tensor([0.25])) == [Level(250.0, 0.75, 0.25)]
    batch = level_at(RectifiedFlow(), torch.tensor([0.25, 0.5]), torch.zeros(2, 3, 4, 4))
    assert batch.t.tolist() == [250, 500] and batch.sigma.shape == (2, 1, 1, 1)
    assert batch.sigma.flatten().tolist() == [0.25, 0.5] and batch.alpha.flatten().tolist() == [0.75, 0.5]


def test_eq_transition():
    now, then = levels(RectifiedFlow(), torch.tensor([0.7, 0.4]))
    shrink, fresh = transition(now, then)
    x = torch.full((20_000,), 1.5, dtype=torch.float64)
    x = simulate_sde(x, RectifiedFlow(), torch.linspace(0.4, 0.7, 101),
                     generator=torch.Generator().manual_seed(0))[-1]
    assert abs(x.mean() - 1.5 * shrink) < 0.015 and abs(x.var() - fresh) < 0.015
    chain = DiscreteVP(torch.tensor([0.1, 0.2, 0.5]))
    shrink, fresh = transition(*levels(chain, torch.tensor([2, 0])))
    assert abs(shrink**2 - 0.8 * 0.5) < 1e-6 and abs(fresh - 0.6) < 1e-6
    for level in levels(CosineVP(), torch.linspace(0, 1, 101).double()):
        assert transition(level, level) == (1.0, 0.0)


def test_eq_posterior():
    # 只用前向过程造 (x_s, x_t)，再把 x_s 对 x_t 回归 | pairs by the forward process alone; regress x_s on x_t
    generator = torch.Generator().manual_seed(0)
    for schedule, s, t in ((CosineVP(), 0.3, 0.6), (RectifiedFlow(), 0.4, 0.7), (EDM(), 0.55, 0.6)):
        now, then = levels(schedule, torch.tensor([t, s]))
        shrink = now.alpha / then.alpha
        xs = 0.7 * then.alpha + then.sigma * torch.randn(200_000, generator=generator)
        add = math.sqrt(now.sigma**2 - (shrink * then.sigma) ** 2)
        xt = shrink * xs + add * torch.randn(200_000, generator=generator)
        slope = ((xt - xt.mean()) * (xs - xs.mean())).mean() / xt.var()
        at = torch.tensor([xt.mean() - xt.std(), xt.mean() + xt.std()])
        line = xs.mean() + slope * (at - xt.mean())
        mean, std = posterior(at, torch.full((2,), 0.7), now, then)
        scale = xs.std()
        assert (mean - line).abs().max() < 0.01 * scale
        assert abs((xs - xs.mean() - slope * (xt - xt.mean())).std() / std - 1) < 0.01


def test_eq_posterior_ddpm():
    from diffusers import DDPMScheduler

    theirs = DDPMScheduler(variance_type="fixed_small", prediction_type="sample", clip_sample=False)
    chain = DiscreteVP(theirs.betas)
    x, x0 = torch.randn(2, 1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    theirs.alphas_cumprod = theirs.alphas_cumprod.double()  # 免去相减抵消 | against cancellation
    for t in (1, 10, 500, 999):
        mean, std = posterior(x, x0, *levels(chain, torch.tensor([t, t - 1])))
        assert abs(std**2 / theirs._get_variance(t) - 1) < 1e-6
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
        out = theirs.step(x0, t, x, generator=torch.Generator().manual_seed(1)).prev_sample
        assert (mean + std * noise - out).abs().max() < 1e-5


def test_eq_reverse_kernel():
    # 先验乘似然，在网格上归一 | prior times likelihood, normalised on a grid
    line = torch.linspace(-4, 4, 8001, dtype=torch.float64)
    for schedule, t, s in ((CosineVP(), 0.5, 0.2), (RectifiedFlow(), 0.9, 0.3), (LinearVP(), 0.3, 0.29)):
        now, then = levels(schedule, torch.tensor([t, s]))
        shrink = now.alpha / then.alpha
        for place in (-0.4, 0.9):
            wide = now.sigma**2 - (shrink * then.sigma) ** 2
            prior = three_peaks().noised(then.alpha, then.sigma).log_density(line[:, None])
            product = (prior - (place - shrink * line) ** 2 / (2 * wide)).exp()
            product /= torch.trapezoid(product, line)
            exact = reverse_density(three_peaks(), torch.tensor([place]).double(), now, then)
            assert (exact.log_density(line[:, None]).exp() - product).abs().max() < 1e-6 * product.max()


def test_eq_small_step():
    for place in (-0.6, 0.2, 1.1):
        errors = []
        for step in (0.02, 0.01):
            now, then = levels(CosineVP(), torch.tensor([0.5, 0.5 - step]).double())
            shrink, fresh = transition(now, then)
            x = torch.tensor([place]).double()
            exact = reverse_density(three_peaks(), x, now, then)
            mean = (exact.weights @ exact.means).item()
            variance = (exact.weights @ (exact.stds**2 + (exact.means[:, 0] - mean) ** 2)).item()
            prior = three_peaks().noised(then.alpha, then.sigma)
            wanted = x / shrink + fresh / shrink**2 * prior.score(x[None] / shrink)[0]
            errors.append([abs(mean - wanted.item()), abs(variance / (fresh / shrink**2) - 1)])
        errors = torch.tensor(errors)
        assert errors[0, 0] < 0.02 and errors[0, 1] < 0.3
        assert (errors[0] / errors[1] > torch.tensor([3.0, 1.7])).all()


def test_eq_reverse_moments():
    # 网格上的 p(x_0|x_t)，与精确反向密度的矩比较 | p(x_0|x_t) on a grid, against moments of the exact reverse density
    line = torch.linspace(-4, 4, 8001, dtype=torch.float64)
    now, then = levels(CosineVP(), torch.tensor([0.6, 0.4]).double())
    x = torch.tensor([-0.3]).double()
    seen = (three_peaks().log_density(line[:, None]) - (x - now.alpha * line) ** 2 / (2 * now.sigma**2)).exp()
    seen /= seen.sum()
    x0 = (seen * line).sum()
    spread_of_x0 = (seen * (line - x0) ** 2).sum()
    mean, std = posterior(x, x0[None], now, then)
    rise = (posterior(x, x0[None] + 1, now, then)[0] - mean).item()
    exact = reverse_density(three_peaks(), x, now, then)
    wanted = (exact.weights @ exact.means).item()
    variance = (exact.weights @ (exact.stds**2 + (exact.means[:, 0] - wanted) ** 2)).item()
    assert abs(mean.item() - wanted) < 1e-6
    assert abs(std**2 + rise**2 * spread_of_x0.item() - variance) < 1e-6


def test_eq_tweedie():
    for schedule, t in ((CosineVP(), 0.4), (RectifiedFlow(), 0.7), (EDM(), 0.6)):
        level = levels(schedule, torch.tensor([t]).double())[0]
        x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
        noised = ring().noised(level.alpha, level.sigma)
        (slope,) = torch.autograd.grad(noised.log_density(x).sum(), x)
        x0 = ring().denoise(x.detach(), level.alpha, level.sigma)
        assert torch.allclose(score_of(x.detach(), x0, level), slope, atol=1e-8)


def test_eq_fokker_planck():
    line = torch.linspace(-2, 2, 81, dtype=torch.float64)
    for schedule in (LinearVP(), CosineVP(), RectifiedFlow()):
        for t in (0.2, 0.5, 0.8):
            density = lambda x, t=t: peaks_density(x, schedule, t)
            f, g2 = (c.item() for c in forward_sde(schedule, t))
            rate = (density(line, t + 1e-4) - density(line, t - 1e-4)) / 2e-4
            found = fokker_planck(density, lambda x: f * x, g2, line)
            assert (found - rate).abs().max() < 1e-4 * rate.abs().max()


def test_eq_reverse_family():
    line = torch.linspace(-2, 2, 81, dtype=torch.float64)
    for schedule, t in ((LinearVP(), 0.4), (CosineVP(), 0.6), (RectifiedFlow(), 0.3)):
        density = lambda x, t=t: peaks_density(x, schedule, t)
        f, g2 = (c.item() for c in forward_sde(schedule, t))
        noised = three_peaks().noised(*schedule.alpha_sigma(t))
        rate = (density(line, t - 1e-4) - density(line, t + 1e-4)) / 2e-4
        for eta in (0.0, 0.5, 1.0, 2.0):
            drift = lambda x: reverse_drift(x, noised.score(x[:, None])[:, 0], f, g2, eta)
            found = fokker_planck(density, drift, eta**2 * g2, line)
            assert (found - rate).abs().max() < 1e-4 * rate.abs().max()


def test_eq_reverse_sde():
    # 精确的反向密度给出的一小步，应与 SDE 的一小步同均值、同方差 | a small exact reverse step has the SDE's mean and variance
    t, dt = 0.5, 1e-3
    now, then = levels(LinearVP(), torch.tensor([t, t - dt], dtype=torch.float64))
    score = lambda x, t: three_peaks().noised(*LinearVP().alpha_sigma(t)).score(x)
    for place in (-0.5, 0.4):
        x = torch.full((20_000, 1), place, dtype=torch.float64)
        end = simulate_reverse(score, x, LinearVP(), torch.tensor([t, t - dt], dtype=torch.float64),
                               generator=torch.Generator().manual_seed(0))[-1]
        exact = reverse_density(three_peaks(), x[0], now, then)
        mean = (exact.weights @ exact.means).item()
        assert abs(end.mean() - mean) < 4 * end.std() / math.sqrt(20_000)
        variance = (exact.weights @ (exact.stds**2 + (exact.means[:, 0] - mean) ** 2)).item()
        assert abs(end.var() / variance - 1) < 0.04


def test_eq_probability_flow():
    # 高斯数据的概率流是伸缩：每个点保持自己的分位数 | for Gaussian data the flow stretches; quantiles are kept
    bell = GaussianMixture(torch.tensor([[0.4]]).double(), torch.tensor([0.3]).double(), torch.ones(1).double())
    x = torch.tensor([[-1.0], [0.2], [1.5]]).double()
    for schedule, t, s in ((LinearVP(), 0.9, 0.1), (RectifiedFlow(), 0.8, 0.2)):
        score = lambda x, t: bell.noised(*schedule.alpha_sigma(t)).score(x)
        end = simulate_reverse(score, x, schedule, torch.linspace(t, s, 801).double(), eta=0)[-1]
        now, then = levels(schedule, torch.tensor([t, s]).double())
        width = [math.sqrt(level.alpha**2 * 0.09 + level.sigma**2) for level in (now, then)]
        exact = 0.4 * then.alpha + width[1] / width[0] * (x - 0.4 * now.alpha)
        assert (end - exact).abs().max() < 0.01


def test_eq_one_line():
    x = torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None].requires_grad_()
    denoise = lambda x, level: three_peaks().denoise(x, level.alpha, level.sigma)
    for schedule, t in ((LinearVP(), 0.4), (CosineVP(), 0.6), (RectifiedFlow(), 0.3), (EDM(), 0.5)):
        now, then = levels(schedule, torch.tensor([t, t - 1e-5], dtype=torch.float64))
        moved = deterministic(denoise, x.detach(), now, then)[0]
        f, g2 = (c.item() for c in forward_sde(schedule, t))
        log_density = three_peaks().noised(now.alpha, now.sigma).log_density(x)
        (slope,) = torch.autograd.grad(log_density.sum(), x)
        velocity = f * x - g2 / 2 * slope
        assert ((x - moved) / 1e-5 - velocity).abs().max() < 1e-3 * velocity.abs().max()


def test_eq_flow_step():
    # x0 冻结：龙格–库塔法积分 ODE 与一大步相同 | x0 frozen: Runge–Kutta on the ODE equals one large step
    x = torch.tensor([-1.0, 0.5, 2.0]).double()
    frozen = torch.tensor([0.3, -0.8, 1.1]).double()
    for schedule, t, s in ((LinearVP(), 0.9, 0.1), (CosineVP(), 0.8, 0.2), (RectifiedFlow(), 0.9, 0.05)):
        def velocity(y, t):
            f, g2 = (c.item() for c in forward_sde(schedule, t))
            alpha, sigma = (c.item() for c in schedule.alpha_sigma(t))
            return f * y - g2 / 2 * (alpha * frozen - y) / sigma**2

        y, h = x, (s - t) / 100
        for k in range(100):
            at = t + k * h
            k1 = velocity(y, at)
            k2 = velocity(y + h / 2 * k1, at + h / 2)
            k3 = velocity(y + h / 2 * k2, at + h / 2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + velocity(y + h * k3, at + h))
        now, then = levels(schedule, torch.tensor([t, s]).double())
        assert (deterministic(lambda x, level: frozen, x, now, then)[0] - y).abs().max() < 1e-4


def test_sample():
    def step(denoise, x, now, then, past, generator):
        return x + denoise(x, now), (past or 0) + 1 + then.t


    grid, seen = [Level(t, 1.0, float(t)) for t in (30, 20, 10, 0)], []
    end = sample(lambda x, level: x * 0 + level.t, torch.zeros(2), grid, step,
                 callback=lambda x, level: seen.append((x[0].item(), level.t)))
    assert end.tolist() == [60, 60] and seen == [(30, 20), (50, 10), (60, 0)]
    remember = lambda denoise, x, now, then, past, generator: (x + (past or 0), (past or 0) + 1)
    assert sample(None, torch.zeros(1), grid, remember).item() == 0 + 1 + 2
    for each in (deterministic, ancestral):
        assert each(lambda x, level: x, torch.ones(1), grid[0], grid[1], "past")[1] == "past"
    now, then = levels(EDM(), torch.tensor([0.6, 0.5]).double())
    x = torch.full((50_000,), 3.0)
    moved, _ = ancestral(lambda x, level: 0 * x, x, now, then, generator=torch.Generator().manual_seed(0))
    r = (then.sigma / now.sigma) ** 2
    assert abs(moved.mean() - 3 * r) < 0.02 and abs(moved.std() / (then.sigma * (1 - r) ** 0.5) - 1) < 0.02


def test_truth():
    draw = lambda seed: ring().sample(4000, torch.Generator().manual_seed(seed))[0]
    floor = noise_floor(lambda x, y: sliced_wasserstein(x, y, 64), draw, 20)
    denoise = lambda x, level: ring().denoise(x, level.alpha, level.sigma)
    for path in (CosineVP(), RectifiedFlow(), EDM()):
        for step in (deterministic, ancestral):
            generator, grid = torch.Generator().manual_seed(5), levels(path, path.grid(250))
            x = grid[0].sigma * torch.randn(4000, 2, generator=generator, dtype=torch.float64)
            x = sample(denoise, x, grid, step, generator=generator)
            assert sliced_wasserstein(x, draw(1000), 64) < floor.max()


def test_eq_langevin():
    line = torch.linspace(-2, 2, 81, dtype=torch.float64)
    noised = three_peaks().noised(0.8, 0.6)
    density = lambda x: torch.distributions.Normal(0.8 * three_peaks().means[:, 0], noised.stds).log_prob(
        x[:, None]).exp() @ three_peaks().weights
    rate = fokker_planck(density, lambda x: noised.score(x[:, None])[:, 0], 2.0, line)
    assert rate.abs().max() < 1e-10
    x = noised.sample(20_000, torch.Generator().manual_seed(0))[0]
    x = langevin(noised.score, x, 0.02, 100, generator=torch.Generator().manual_seed(1))
    z = (line[:, None] - noised.means[:, 0]) / noised.stds
    exact = torch.special.ndtr(z) @ noised.weights
    assert ((x < line).double().mean(0) - exact).abs().max() < 0.012


def test_eq_langevin_bias():
    for ratio in (0.2, 1.0, 1.6):
        s2 = 0.3**2
        x = 0.3 * torch.randn(50_000, generator=torch.Generator().manual_seed(0))
        x = langevin(lambda x: -x / s2, x, ratio * s2, 60, generator=torch.Generator().manual_seed(1))
        assert abs(x.var() / (s2 / (1 - ratio / 2)) - 1) < 0.03


def test_corrected():
    # 预测器什么也不做，校正器也能把错的分布拉回来 | with a predictor that only rescales, the corrector repairs the distribution
    level = levels(CosineVP(), torch.tensor([0.5, 0.499], dtype=torch.float64))
    denoise = lambda x, level: three_peaks().denoise(x, level.alpha, level.sigma)
    nothing = lambda denoise, x, now, then, past, generator: (x, past)
    wrong = 0.2 * torch.randn(4000, 1, generator=torch.Generator().manual_seed(0)).double()
    x = sample(denoise, wrong, level, corrected(nothing, 200), generator=torch.Generator().manual_seed(1))
    noised = three_peaks().noised(level[1].alpha, level[1].sigma)
    line = torch.linspace(-2, 2, 81, dtype=torch.float64)
    exact = torch.special.ndtr((line[:, None] - noised.means[:, 0]) / noised.stds) @ noised.weights
    assert ((wrong < line).double().mean(0) - exact).abs().max() > 0.2
    assert ((x < line).double().mean(0) - exact).abs().max() < 0.04
    # 数据是一个点时，加噪后是高斯，偏差由步长定 | data at a point is Gaussian when noised, and the step sets the bias
    wide = level[1].sigma * torch.randn(50_000, generator=torch.Generator().manual_seed(2))
    calls = []
    point = lambda x, level: (calls.append(1), 0 * x)[1]
    x = sample(point, wide, level, corrected(nothing, 40, 0.6), generator=torch.Generator().manual_seed(3))
    assert abs(x.var() / (level[1].sigma**2 / (1 - 0.36)) - 1) < 0.03 and len(calls) == 40
    x = sample(point, wide, level, corrected(nothing), generator=torch.Generator().manual_seed(3))
    z = torch.randn(50_000, generator=torch.Generator().manual_seed(3))
    left = x - 2**0.5 * (2 * 0.16**2) ** 0.5 * level[1].sigma * z
    assert len(calls) == 41 and (left / wide - (1 - 2 * 0.16**2)).abs().max() < 1e-3


def test_diffusers():
    from diffusers import DDIMScheduler, DDPMScheduler, ScoreSdeVeScheduler

    scheduler = ScoreSdeVeScheduler(snr=0.16)
    scheduler.set_timesteps(10)
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    score, z = -2 * x, torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    out = scheduler.step_correct(score, x, generator=torch.Generator().manual_seed(1)).prev_sample
    size = 2 * (0.16 * z.flatten(1).norm(dim=1).mean() / score.flatten(1).norm(dim=1).mean()).item() ** 2
    ours = langevin(lambda x: -2 * x, x, size, generator=torch.Generator().manual_seed(1))
    assert (ours - out).abs().max() < 1e-5

    ddim = DDIMScheduler(prediction_type="sample", clip_sample=False, timestep_spacing="trailing")
    chain = DiscreteVP(ddim.betas)
    ddim.set_timesteps(20)
    denoise = lambda x, level: (0.8 * x).tanh()
    theirs = x
    for t in ddim.timesteps:
        theirs = ddim.step((0.8 * theirs).tanh(), t, theirs).prev_sample
    ours = sample(denoise, x, levels(chain, chain.grid(20)), deterministic)
    assert (ours - theirs).abs().max() < 1e-5

    ddpm = DDPMScheduler(prediction_type="sample", clip_sample=False, timestep_spacing="trailing")
    ddpm.alphas_cumprod = ddpm.alphas_cumprod.double()
    ddpm.set_timesteps(20)
    theirs, generator = x, torch.Generator().manual_seed(2)
    for t in ddpm.timesteps:
        theirs = ddpm.step((0.8 * theirs).tanh(), t, theirs, generator=generator).prev_sample
    ours = sample(denoise, x, levels(chain, chain.grid(20)), ancestral,
                  generator=torch.Generator().manual_seed(2))
    assert (ours - theirs).abs().max() < 1e-5


def test_errors():
    chain, x = DiscreteVP(torch.full((10,), 0.1)), torch.zeros(2, 3, 4, 4)
    clean, low, high = levels(chain, torch.tensor([-1, 3, 9]))
    zero = lambda x, level: torch.zeros_like(x)
    nan = lambda x, level: torch.full_like(x, math.nan)
    for wrong in (
        lambda: levels(chain, torch.tensor(3)),
        lambda: levels(chain, [9, 3, -1]),
        lambda: levels(chain, torch.tensor([10])),
        lambda: level_at(chain, torch.tensor([1, 2, 3]), x),
        lambda: level_at(chain, torch.tensor([1, 2]), x.byte()),
        lambda: transition(low, high),
        lambda: transition(Level(0.0, 0.8, 0.6), Level(0.0, 0.8, 0.601)),
        lambda: transition(Level(0.0, 0.0, 1.0), Level(0.0, 0.0, 1.0)),
        lambda: noise_of(x, x, clean),
        lambda: score_of(x, x, clean),
        lambda: posterior(x, x[:1], high, low),
        lambda: posterior(x, x, low, high),
        lambda: posterior(x, x, clean, clean),
        lambda: reverse_density(three_peaks(), torch.zeros(1).double(), low, high),
        lambda: fokker_planck(lambda x: x, lambda x: x, 1.0, x),
        lambda: simulate_reverse(lambda x, t: x, x, LinearVP(), torch.tensor([0.1, 0.9])),
        lambda: simulate_reverse(lambda x, t: x, x, LinearVP(), torch.tensor([0.9])),
        lambda: simulate_reverse(lambda x, t: x, x, LinearVP(), torch.tensor([0.5, 0.5])),
        lambda: simulate_reverse(lambda x, t: x, x, LinearVP(), torch.tensor([0.9, 0.1]), eta=-1.0),
        lambda: sample(zero, x, [high], deterministic),
        lambda: sample(zero, x.byte(), [high, low], deterministic),
        lambda: sample(zero, x, [9, 3], deterministic),
        lambda: sample(nan, x, [high, low], deterministic),
        lambda: sample(zero, x, [low, high], ancestral),
        lambda: langevin(zero, x, 0.0),
        lambda: corrected(deterministic, -1),
        lambda: corrected(deterministic, snr=1.0),
        lambda: corrected(deterministic, snr=0.0),
        lambda: clipped(zero, 0.0),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)
    same = sample(zero, x, [high, low], corrected(deterministic, 0))
    assert torch.equal(same, sample(zero, x, [high, low], deterministic))
    assert torch.equal(sample(zero, x, [high, clean], corrected(deterministic)), x)
    assert reverse_drift(1.0, 2.0, -3.0, 5.0) == 3 + 5 * 2
    assert clipped(lambda x, level: x + 3, 2.0)(x, low).unique().tolist() == [2]
    assert clipped(lambda x, level: x - 3)(x, low).unique().tolist() == [-1]
    with torch.no_grad():
        rate = fokker_planck(lambda x: x**2, lambda x: 0 * x, 2.0, torch.tensor([1.0, 2.0]))
    assert rate.tolist() == [2, 2] and not rate.requires_grad
    walk = simulate_reverse(lambda x, t: -x, torch.ones(2), LinearVP(), torch.tensor([0.9, 0.5, 0.1]), eta=0)
    assert walk.shape == (3, 2) and torch.equal(walk[0], torch.ones(2))
