# 由 nbs/1_theory/4_training_objectives.ipynb 导出，不要手工修改
# exported from nbs/1_theory/4_training_objectives.ipynb, do not edit


from diffusion_book.objectives import (
    EPSILON, FLOW, GaussianMixture, Level, SAMPLE, SCORE, TARGETS, V, bayes_floor, denoiser,
    denoiser_variance, diffusion_loss, divergence, edm_scalings, edm_target, elbo, fixed_std,
    gaussian_kl, gaussian_step, implied_weight, level_at, log_likelihood, math, min_snr,
    noise_like, noise_of, on_target, optimal_std, posterior, sigmoid_weight, torch)


import numpy as np

from diffusion_book.oracle import ring, sliced_wasserstein
from diffusion_book.reverse import levels, deterministic, sample
from diffusion_book.schedules import EDM, CosineVP, DiscreteVP, LinearVP, RectifiedFlow, make_betas


def oracle_of(mixture):
    """高斯混合的精确去噪器 | the exact denoiser of a mixture"""
    return lambda x, level: mixture.denoise(x, level.alpha, level.sigma)


def level_of(log_snr):
    """VP 路上对数信噪比为 λ 的噪声水平 | the level of log-SNR λ on a VP path"""
    t = CosineVP().time(log_snr)
    return Level(1000 * t.item(), *(c.item() for c in CosineVP().alpha_sigma(t)))

def expect(f, x0, nodes=24):
    """对每个 x0，f(x0, ε) 对 ε 的期望 | for each x0, the expectation of f(x0, ε) over ε"""
    z, w = np.polynomial.hermite_e.hermegauss(nodes)
    values = f(x0.repeat_interleave(nodes, 0), torch.tensor(z).repeat(len(x0))[:, None])
    return values.unflatten(-1, (len(x0), nodes)) @ torch.tensor(w / w.sum())

toy = GaussianMixture(*(torch.tensor(v, dtype=torch.float64) for v in (
    [[-1.2], [0.5], [1.1]], [0.2, 0.15, 0.3], [0.4, 0.35, 0.25])))


def walk(denoise, x0, grid, std, generator):
    """照定义：沿前向链累加 log p − log q | by definition: log p − log q, summed along the forward chain"""
    x, total = x0, 0.0
    for then, now in zip(grid[::-1], grid[-2::-1]):
        ratio = now.alpha / then.alpha
        added = now.sigma**2 - (ratio * then.sigma) ** 2
        forward = torch.distributions.Normal(ratio * x, math.sqrt(added))
        later = forward.mean + forward.stddev * noise_like(x, generator)
        mean, _ = posterior(later, denoise(later, now), now, then)
        back = torch.distributions.Normal(mean, std(later, now, then))
        total, x = total + back.log_prob(x) - forward.log_prob(later), later
    end = torch.distributions.Normal(0.0, math.hypot(grid[0].alpha, grid[0].sigma))
    return (total + end.log_prob(x)).flatten(1).sum(1)


def test_eq_gaussian_kl():
    from torch.distributions import Normal, kl_divergence

    a, b = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for std, other in ((0.3, 0.5), (2.0, 0.7)):
        theirs = kl_divergence(Normal(a, std), Normal(b, other)).sum(1)
        assert torch.allclose(gaussian_kl(a, std, b, other), theirs)
    widths = torch.tensor([0.3, 0.5, 0.7, 0.9, 2.0], dtype=torch.float64)[:, None]
    theirs = kl_divergence(Normal(a, widths), Normal(b, 0.8)).sum(1)
    assert torch.allclose(gaussian_kl(a, widths, b, 0.8), theirs)


def test_eq_elbo_bound():
    one = torch.ones(1, dtype=torch.float64)
    gaussian = GaussianMixture(0.5 * one[:, None], 0.6 * one, one)
    exact, schedule = oracle_of(gaussian), DiscreteVP(make_betas("linear"))
    x0 = torch.linspace(-1, 2, 7, dtype=torch.float64)[:, None]
    for n in (2, 4, 16):
        grid = levels(schedule, schedule.grid(n))
        for std in (fixed_std(0.0), fixed_std(1.0)):
            mean, var = 0 * one, one  # 反向链的均值与方差 | mean and variance of the reverse chain
            for now, then in zip(grid, grid[1:]):
                ends = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
                low, high = posterior(ends, exact(ends, now), now, then)[0]
                slope = high - low
                mean, var = low + slope * mean, slope**2 * var + std(one, now, then) ** 2
            log_p = -0.5 * (x0[:, 0] - mean) ** 2 / var - 0.5 * (2 * math.pi * var).log()
            bound = expect(lambda x, e: elbo(exact, x, grid, e, std=std).value(), x0)
            assert bool((bound < log_p).all()) and (log_p - bound).max() < 1.3


def test_eq_elbo_terms():
    generator, schedule = torch.Generator().manual_seed(0), DiscreteVP([0.05, 0.1, 0.15, 0.2, 0.3, 0.5])
    grid, x0 = levels(schedule, schedule.grid(6)), toy.sample(60_000, generator)[0]
    for v in (0.6, 1.0):
        direct = walk(oracle_of(toy), x0, grid, fixed_std(v), generator)
        terms = elbo(oracle_of(toy), x0, grid, noise_like(x0, generator), std=fixed_std(v)).value()
        error = ((direct.var() + terms.var()) / len(x0)).sqrt()
        assert abs(direct.mean() - terms.mean()) < 4 * error and error < 0.01


def test_eq_step_loss():
    generator, exact = torch.Generator().manual_seed(0), oracle_of(ring())
    x0, _ = ring().sample(50, generator)
    eps = noise_like(x0, generator)
    for schedule in (DiscreteVP(make_betas("linear")), EDM(), RectifiedFlow(3.0)):
        grid = levels(schedule, schedule.grid(7))
        steps = elbo(exact, x0, grid, eps).steps
        for now, then, found in zip(grid, grid[1:], steps):
            error = (x0 - exact(now.alpha * x0 + now.sigma * eps, now)).square().sum(1)
            drop = (then.alpha / then.sigma) ** 2 - (now.alpha / now.sigma) ** 2
            assert torch.allclose(found, 0.5 * drop * error, rtol=1e-6)


def test_eq_simple_loss():
    schedule, x0 = CosineVP(), torch.full((400, 3, 8, 8), 0.7)
    t = torch.linspace(0.01, 0.99, 400)


    def solve(x, t):
        angle = (t * math.pi / 2000)[:, None, None, None]
        return (x - angle.cos() * 0.7) / angle.sin()


    for share, expected in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.25)):
        loss = diffusion_loss(lambda x, t: share * solve(x, t), x0, t, schedule, EPSILON,
                              generator=torch.Generator().manual_seed(0))
        assert loss.shape == (400,) and abs(loss.mean() - expected) < 0.02


def test_eq_continuous_elbo():
    one, s = torch.ones(1, dtype=torch.float64), 0.7
    exact = oracle_of(GaussianMixture(0 * one[:, None], s * one, one))
    x0 = torch.linspace(-4 * s, 4 * s, 81, dtype=torch.float64)[:, None]
    share = (-0.5 * (x0[:, 0] / s) ** 2).softmax(0)
    expected = 0.5 * math.log((1 + s**2 * math.exp(8)) / (1 + s**2 * math.exp(-6)))
    for schedule in (CosineVP(), RectifiedFlow(3.0)):
        times = schedule.time(torch.linspace(-6, 8, 1200))
        grid = levels(schedule, times) + [Level(0.0, 1.0, 0.0)]
        found = share @ expect(lambda x, e: elbo(exact, x, grid, e).steps.sum(0), x0, 4)
        assert abs(found - expected) < 0.02


def test_eq_target_line():
    from torch.func import jvp

    x0, eps = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for angle in (0.2, 0.8, 1.4):
        level = Level(0.0, math.cos(angle), math.sin(angle))
        angle = torch.tensor(angle, dtype=torch.float64)
        _, velocity = jvp(lambda a: a.cos() * x0 + a.sin() * eps, (angle,), (torch.ones_like(angle),))
        assert torch.allclose(V.of(x0, eps, level), velocity)
        x = (level.alpha * x0 + level.sigma * eps).requires_grad_()
        density = torch.distributions.Normal(level.alpha * x0, level.sigma).log_prob(x).sum()
        assert torch.allclose(SCORE.of(x0, eps, level), torch.autograd.grad(density, x)[0])
    t = torch.tensor(0.3, dtype=torch.float64)
    _, velocity = jvp(lambda t: (1 - t) * x0 + t * eps, (t,), (torch.ones_like(t),))
    assert torch.allclose(FLOW.of(x0, eps, Level(300.0, 0.7, 0.3)), velocity)
    assert torch.equal(SAMPLE.of(x0, eps, level), x0) and torch.equal(EPSILON.of(x0, eps, level), eps)


def test_eq_target_inverse():
    x, y = torch.randn(2, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for target in TARGETS.values():
        for alpha, sigma in ((0.96, 0.28), (0.3, 0.7), (1.0, 12.0)):
            level = Level(0.0, alpha, sigma)
            c_x, c_eps = ((target.of(*ones, level)) for ones in ((1.0, 0.0), (0.0, 1.0)))
            system = torch.tensor([[alpha, sigma], [c_x, c_eps]], dtype=torch.float64)
            known = torch.stack([x.flatten(), y.flatten()])
            x0, eps = torch.linalg.solve(system, known).unflatten(1, x.shape)
            assert torch.allclose(target.x0(y, x, level), x0)
            assert torch.allclose(target.eps(y, x, level), eps)


def test_denoiser():
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 4, 3, 2, 2, dtype=torch.float64, generator=generator)
    for target in TARGETS.values():
        for level in (Level(250.0, 0.8, 0.6), Level(7, 0.6, 0.5)):
            seen = []
            found = denoiser(lambda x, t: seen.append(t) or target.of(x0, eps, level), target)(
                level.alpha * x0 + level.sigma * eps, level)
            assert torch.allclose(found, x0) and seen[0].tolist() == [level.t] * 4


def test_eq_error_gain():
    x, y, wrong = torch.randn(3, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    level = Level(0.0, 0.28, 0.96)
    gains = {"epsilon": (-0.96 / 0.28, 1), "sample": (1, -0.28 / 0.96), "v_prediction": (-0.96, 0.28),
             "flow_prediction": (-0.96 / 1.24, 0.28 / 1.24), "score": (0.96**2 / 0.28, -0.96)}
    for name, target in TARGETS.items():
        for read, gain in zip((target.x0, target.eps), gains[name]):
            assert torch.allclose(read(y + wrong, x, level) - read(y, x, level), gain * wrong)


def test_eq_edm_scalings():
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 400_000, dtype=torch.float64, generator=generator)
    for sigma_data in (0.5, 1.3):
        for alpha, sigma in ((1.0, 0.3), (1.0, 5.0), (0.6, 0.8)):
            x, level = alpha * sigma_data * x0 + sigma * eps, Level(0.0, alpha, sigma)
            skip, out, into = edm_scalings(level, sigma_data)
            assert abs((into * x).std() - 1) < 0.01
            assert abs(((sigma_data * x0 - skip * x) / out).std() - 1) < 0.01
            for other in (0.9 * skip, 1.1 * skip):
                assert (sigma_data * x0 - other * x).std() > (sigma_data * x0 - skip * x).std()


def test_eq_edm_line():
    from diffusers import EDMEulerScheduler

    x, y = torch.randn(2, 6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    theirs = EDMEulerScheduler(sigma_data=0.7)
    for sigma in (0.01, 0.5, 20.0):
        ours = edm_target(0.7).x0(y, x, Level(0.0, 1.0, sigma))
        assert torch.allclose(ours, theirs.precondition_outputs(x, y, torch.tensor(sigma)), atol=1e-5)
        assert torch.allclose(edm_scalings(Level(0.0, 1.0, sigma), 0.7)[2] * x,
                              theirs.precondition_inputs(x, torch.tensor(sigma)), atol=1e-6)
    level = Level(0.0, 0.6, 0.8)
    assert torch.allclose(edm_target(1.0).of(x, y, level), -V.of(x, y, level), atol=1e-6)


def test_eq_implied_weight():
    x, y, wrong = torch.randn(3, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for alpha, sigma in ((0.8, 0.6), (0.6, 0.8)):
        snr, level = alpha**2 / sigma**2, Level(0.0, alpha, sigma)
        expected = {"epsilon": snr, "sample": 1, "v_prediction": snr + 1,
                    "flow_prediction": (1 + snr**0.5) ** 2}
        for target in (*TARGETS.values(), edm_target(0.5)):
            error = (target.x0(y + wrong, x, level) - target.x0(y, x, level)).square().sum()
            weight = implied_weight(target)(level)
            assert torch.allclose(wrong.square().sum(), weight * error)
            assert abs(weight / expected.get(target.name, weight) - 1) < 1e-9
        assert abs(implied_weight(edm_target(0.5))(level) / (snr + 4) - 1) < 1e-9


def test_eq_weightings():
    log_snr = torch.linspace(-8, 8, 17, dtype=torch.float64)
    t = RectifiedFlow().time(log_snr)
    level = level_at(RectifiedFlow(), t, torch.zeros(17, 1, dtype=torch.float64))
    snr = log_snr.exp()[:, None]
    assert torch.allclose(min_snr(5.0)(level), torch.where(snr < 5, snr, 5.0))
    for bias in (-2.0, 0.0, 3.0):
        expected = snr * torch.sigmoid(bias - log_snr)[:, None]
        assert torch.allclose(sigmoid_weight(bias)(level), expected)
        assert bool((expected < min_snr(math.exp(bias))(level)).all())


def test_eq_on_target():
    schedule, generator = CosineVP(), torch.Generator().manual_seed(0)
    x0 = torch.randn(64, 3, 4, 4, dtype=torch.float64, generator=generator)
    t = torch.linspace(0.05, 0.95, 64, dtype=torch.float64)


    def network_of(target):
        """同一个去噪器 0.8·x，换一种输出 | one denoiser, 0.8·x, in another output"""
        def network(x, t):
            level = level_at(schedule, t / 1000, x)
            return target.of(0.8 * x, noise_of(x, 0.8 * x, level), level)
        return network


    for weight in (min_snr(5.0), sigmoid_weight(1.0), implied_weight(V)):
        found = torch.stack([
            diffusion_loss(network_of(target), x0, t, schedule, target, weight=on_target(weight, target),
                           generator=torch.Generator().manual_seed(1))
            for target in (*TARGETS.values(), edm_target())])
        assert torch.allclose(found, found[:1].expand_as(found))
    level = level_at(schedule, t, x0)
    noise = noise_like(x0, torch.Generator().manual_seed(1))
    direct = (x0 - 0.8 * (level.alpha * x0 + level.sigma * noise)).square().flatten(1).mean(1)
    assert torch.allclose(found[0], direct / level.sigma.flatten() ** 2)


def test_eq_bayes_floor():
    generator, exact = torch.Generator().manual_seed(0), oracle_of(ring())
    for log_snr in (-3.0, 0.0, 2.0, 5.0):
        level, (x0, _) = level_of(log_snr), ring().sample(100_000, generator)
        x = level.alpha * x0 + level.sigma * noise_like(x0, generator)
        least = bayes_floor(ring(), level, 100_000, generator)
        for guess in (exact(x, level), 0.9 * exact(x, level) + 0.05, 0 * x):
            loss, excess = (x0 - guess).square().mean(), (guess - exact(x, level)).square().mean()
            assert abs(loss - excess - least) < 0.02 * loss + 1e-4


def test_eq_second_tweedie():
    grid = torch.linspace(-4, 4, 4001, dtype=torch.float64)
    for log_snr in (-4.0, 0.0, 3.0):
        level, x = level_of(log_snr), torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
        distance = (x - level.alpha * grid) / level.sigma
        log_weight = toy.log_density(grid[:, None]) - 0.5 * distance**2
        weight = log_weight.softmax(1)
        variance = weight @ grid**2 - (weight @ grid) ** 2
        assert torch.allclose(denoiser_variance(oracle_of(toy), x, level), variance, rtol=1e-6)
    pair = GaussianMixture(torch.zeros(1, 2).double(), torch.ones(1).double(), torch.ones(1).double())
    found = denoiser_variance(oracle_of(pair), torch.zeros(5, 2).double(), Level(0.0, 0.6, 0.8))
    assert torch.allclose(found, torch.full((5,), 0.64).double())


def test_eq_hutchinson():
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(6, 6, dtype=torch.float64, generator=generator)
    x = torch.randn(3, 6, dtype=torch.float64, generator=generator)
    field = lambda x: torch.sin(x @ matrix.T)
    exact = torch.func.vmap(torch.func.jacrev(lambda x: torch.sin(matrix @ x)))(x)
    y, found = divergence(field, x)
    assert torch.allclose(y, field(x)) and torch.allclose(found, exact.diagonal(dim1=1, dim2=2).sum(1))
    z = torch.randn(4000, 3, 6, dtype=torch.float64, generator=generator).sign()
    estimate = divergence(field, x, z[:1])[1]
    assert torch.allclose(estimate, torch.einsum("bi,bij,bj->b", z[0], exact, z[0]))
    assert (divergence(field, x, z)[1] - found).abs().max() < 0.3


def test_eq_learned_range():
    from diffusers import DDPMScheduler

    schedule, theirs = DiscreteVP(make_betas("linear")), DDPMScheduler(variance_type="learned_range")
    x = torch.zeros(1)
    for t in (1, 10, 500, 999):
        now, then = levels(schedule, torch.tensor([t, t - 1]))
        for v in (0.0, 0.3, 1.0):
            log_variance = theirs._get_variance(t, predicted_variance=torch.tensor(2 * v - 1))
            assert abs(2 * math.log(fixed_std(v)(x, now, then)) - log_variance) < 2e-3
    now, then = levels(schedule, torch.tensor([0, -1]))
    assert abs(fixed_std(0.0)(x, now, then) ** 2 - 1e-4) < 1e-7


def test_eq_optimal_variance():
    schedule, grid = DiscreteVP(make_betas("linear")), torch.linspace(-5, 5, 8001, dtype=torch.float64)
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    for t, s in ((50, 0), (300, 200), (700, 300)):
        now, then = levels(schedule, torch.tensor([t, s]))
        ratio, added = now.alpha / then.alpha, now.sigma**2 - (now.alpha / then.alpha * then.sigma) ** 2
        cleaner = toy.noised(then.alpha, then.sigma).log_density(grid[:, None])
        log_weight = cleaner - 0.5 * (x - ratio * grid) ** 2 / added
        weight = log_weight.softmax(1)
        variance = weight @ grid**2 - (weight @ grid) ** 2
        assert torch.allclose(optimal_std(oracle_of(toy))(x, now, then)[:, 0] ** 2, variance, rtol=1e-4)
    one = torch.ones(1, dtype=torch.float64)
    gaussian = GaussianMixture(0.5 * one[:, None], 0.6 * one, one)
    steps = levels(schedule, schedule.grid(4))
    exact = oracle_of(gaussian)
    tight = expect(lambda x, e: elbo(exact, x, steps, e, std=optimal_std(exact)).value(), x)
    assert (tight - gaussian.log_density(x)).abs().max() < 5e-4


def test_gaussian_step():
    x = torch.zeros(20_000, 2, dtype=torch.float64)
    now, then, generator = Level(0.0, 0.6, 0.8), Level(0.0, 0.8, 0.6), torch.Generator().manual_seed(0)
    step = gaussian_step(lambda x, now, then: 0.3)
    found, past = step(lambda x, level: x + 1, x, now, then, "kept", generator)
    mean, _ = posterior(x, x + 1, now, then)
    assert abs(found.std() - 0.3) < 0.01 and abs(found.mean() - mean.mean()) < 0.01 and past == "kept"


def test_eq_log_density_flow():
    for data in (ring(), toy):
        x, _ = data.sample(64, torch.Generator().manual_seed(0))
        for schedule in (CosineVP(), RectifiedFlow(3.0)):
            found = log_likelihood(oracle_of(data), x, schedule, steps=200)
            assert (found - data.log_density(x)).abs().max() < 1e-5


def test_likelihood_options():
    one, seen = torch.ones(1, dtype=torch.float64), []
    data = GaussianMixture(torch.zeros(1, 3).double(), 0.8 * one, one)


    def watched(x, level):
        seen.append(level)
        return data.denoise(x, level.alpha, level.sigma)


    x, _ = data.sample(20, torch.Generator().manual_seed(0))
    found = log_likelihood(watched, x, RectifiedFlow(), steps=50, start=0.3)
    assert (found - data.noised(1.0, 0.3).log_density(x)).abs().max() < 1e-5
    for level in seen:
        assert abs(level.alpha - (1 - level.t / 1000)) < 1e-6 and abs(level.sigma - level.t / 1000) < 1e-6
    one_probe = log_likelihood(watched, x, CosineVP(), steps=50, probes=1, generator=torch.Generator().manual_seed(0))
    assert (one_probe - data.log_density(x)).abs().max() < 1e-4
    seen.clear()
    log_likelihood(watched, x, CosineVP(), steps=5, stop=0.05)
    assert abs(min(level.alpha / level.sigma for level in seen) - 0.05) < 1e-6
    chain = DiscreteVP(make_betas("linear"))
    seen.clear()
    assert (log_likelihood(watched, x, chain, steps=50, start=0.01) - data.log_density(x)).abs().max() < 1e-2
    assert {type(level.t) for level in seen} == {int} and max(level.t for level in seen) == 999


def test_diffusers():
    from diffusers import DDPMScheduler
    from diffusers.training_utils import compute_snr

    x0, eps, y = torch.randn(3, 6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    schedule, t = DiscreteVP(make_betas("linear")), torch.tensor([3, 100, 300, 500, 800, 950])
    level = level_at(schedule, t, x0)
    x = schedule.add_noise(x0, eps, t)
    theirs = DDPMScheduler()
    assert (V.of(x0, eps, level) - theirs.get_velocity(x0, eps, t)).abs().max() < 1e-5
    snr = compute_snr(theirs, t)
    assert torch.allclose(implied_weight(EPSILON)(level).flatten(), snr, rtol=1e-3)
    for target, divide in ((EPSILON, snr), (V, snr + 1)):
        ours = on_target(min_snr(5.0), target)(level).flatten()
        assert torch.allclose(ours, torch.minimum(snr, torch.tensor(5.0)) / divide, rtol=1e-3)
    for target in (EPSILON, SAMPLE, V):
        theirs = DDPMScheduler(prediction_type=target.name, clip_sample=False)
        for i in range(5):
            now = levels(schedule, t[i : i + 1])[0]
            step = theirs.step(y[i : i + 1], t[i], x[i : i + 1], generator=torch.Generator().manual_seed(0))
            ours = target.x0(y[i : i + 1], x[i : i + 1], now)
            assert (ours - step.pred_original_sample).abs().max() < 1e-5 * (1 + ours.abs().max())


def test_defaults():
    level = Level(500, 0.6, 0.8)
    assert edm_scalings(level) == edm_scalings(level, 0.5)
    assert edm_target().of(1.0, 2.0, level) == edm_target(0.5).of(1.0, 2.0, level)
    assert min_snr()(Level(0, 3.0, 1.0)) == 5 and sigmoid_weight()(level) == sigmoid_weight(0.0)(level)
    single = torch.full((1, 3), 0.4, dtype=torch.float64)
    data = GaussianMixture(torch.zeros(1, 3).double(), torch.ones(1).double(), torch.ones(1).double())
    assert abs(denoiser_variance(oracle_of(data), single, level).item() - 0.64) < 1e-9
    assert abs(log_likelihood(oracle_of(data), single, RectifiedFlow()) - data.log_density(single)).item() < 1e-4


def test_errors():
    x, path_of = torch.zeros(2, 3, 4, 4), CosineVP()
    grid, t = [Level(900.0, 0.1, 0.99), Level(500.0, 0.8, 0.6), Level(0.0, 1.0, 0.0)], torch.tensor([0.2, 0.3])
    same = lambda x, level: x
    for wrong in (
        lambda: EPSILON.x0(x, x, Level(1000.0, 0.0, 1.0)),
        lambda: SAMPLE.eps(x, x, Level(0.0, 1.0, 0.0)),
        lambda: EPSILON.x0(x[:1], x, grid[0]),
        lambda: EPSILON.eps(x[:, :1], x, grid[0]),
        lambda: EPSILON.x0(x, x, Level(t, torch.zeros(2, 1, 1, 1), torch.ones(2, 1, 1, 1))),
        lambda: denoiser(lambda x, t: x[:, :2], V)(x, grid[0]),
        lambda: diffusion_loss(lambda x, t: torch.cat([x, x], 1), x, t, path_of, V),
        lambda: diffusion_loss(lambda x, t: x, x, t[:1], path_of, V),
        lambda: diffusion_loss(lambda x, t: x, x, torch.tensor(0.5), path_of, V),
        lambda: diffusion_loss(lambda x, t: x, x / 0, t, path_of, V),
        lambda: diffusion_loss(lambda x, t: x, x.to(torch.uint8), t, path_of, V),
        lambda: diffusion_loss(lambda x, t: x, x, torch.tensor([0.5, 1.5]), path_of, V),
        lambda: edm_target(0.0),
        lambda: edm_scalings(grid[0], -1.0),
        lambda: min_snr(0.0),
        lambda: on_target(min_snr(), EPSILON)(Level(1000.0, 0.0, 1.0)),
        lambda: gaussian_kl(x, 1.0, x[:1], 1.0),
        lambda: fixed_std(1.5),
        lambda: elbo(same, x, grid[:2], x),
        lambda: elbo(same, x, grid[1:], x),
        lambda: elbo(same, x, grid, x[:1]),
        lambda: divergence(lambda x: x[:1], x),
        lambda: denoiser_variance(same, x, Level(1000.0, 0.0, 1.0)),
        lambda: optimal_std(lambda x, level: -0.2 * x)(x, grid[0], grid[1]),
        lambda: log_likelihood(same, x, path_of, steps=0),
        lambda: log_likelihood(same, x, path_of, probes=0),
        lambda: log_likelihood(same, x, path_of, start=0.0),
        lambda: log_likelihood(same, x, path_of, stop=-1.0),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)
