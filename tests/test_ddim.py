# 由 nbs/2_models/2_ddim.ipynb 导出，不要手工修改
# exported from nbs/2_models/2_ddim.ipynb, do not edit


from diffusion_book.ddim import (
    Level, ddim, deterministic, invert, math, noise_like, posterior, sample, slerp, torch)


from diffusion_book.ddpm import ancestral_large
from diffusion_book.oracle import GaussianMixture, ring, sliced_wasserstein
from diffusion_book.reverse import ancestral, levels
from diffusion_book.schedules import DiscreteVP, RectifiedFlow, forward_sde, make_betas

linear = DiscreteVP(make_betas("linear"))
mixture = ring(std=0.1)


def oracle(x, level):
    return mixture.denoise(x, level.alpha, level.sigma)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def gauss(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)

def final_std(grid, eta, c=0.02, hat=False):
    v = 1.0
    for now, then in zip(grid, grid[1:]):
        k = now.alpha * c**2 / (now.alpha**2 * c**2 + now.sigma**2)
        fresh = (then.sigma / now.sigma) * math.sqrt(now.sigma**2 - (now.alpha / then.alpha * then.sigma) ** 2)
        tau = eta * fresh
        a = then.alpha * k + math.sqrt(then.sigma**2 - tau**2) * (1 - now.alpha * k) / now.sigma
        if hat and then.sigma > 0:
            tau = math.sqrt(1 - (now.alpha / then.alpha) ** 2)
        v = a**2 * v + tau**2
    return math.sqrt(v)

def diffusers_ddim(predict, x, n, eta, generator):
    from diffusers import DDIMScheduler
    scheduler = DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(n)
    for t in scheduler.timesteps:
        x = scheduler.step(predict(x, t), t, x, eta=eta, generator=generator).prev_sample
    return x


def test_eq_ddim_family():
    now, then, x0 = Level(700, 0.6, 0.8), Level(300, 0.8, 0.6), torch.full((200_000,), 2.0)
    eps = noise_like(x0, seeded())
    x = ddim(0.75)(lambda x, level: x0, 0.6 * x0 + 0.8 * eps, now, then, None, seeded(1))[0]
    kept = torch.cov(torch.stack([x, eps]))[0, 1]  # 旧噪声的系数，由回归得到 | found by regression
    fresh = (x - 0.8 * x0 - kept * eps).std()
    assert abs(kept**2 + fresh**2 - 0.36) < 0.005
    assert abs(fresh - 0.75 * posterior(x0, x0, now, then)[1]) < 0.005


def test_eq_ddim_marginal():
    x0, grid = torch.full((100_000,), 2.0), levels(linear, linear.grid(8))
    for eta in (0.0, 0.5, 1.0):
        x = grid[0].alpha * x0 + grid[0].sigma * noise_like(x0, seeded())
        for now, then in zip(grid, grid[1:-1]):
            x, _ = ddim(eta)(lambda x, level: x0, x, now, then, None, seeded(int(then.t)))
            assert abs(x.mean() - 2 * then.alpha) < 0.02
            assert abs(x.std() - then.sigma) < 0.02


def test_eq_ddim_covariance():
    now, then, x0 = Level(700, 0.6, 0.8), Level(300, 0.8, 0.6), torch.full((200_000,), 2.0)
    xt = 0.6 * x0 + 0.8 * noise_like(x0, seeded())
    for eta in (0.0, 0.6, 1.0):
        tau = eta * posterior(x0, x0, now, then)[1]
        xs, _ = ddim(eta)(lambda x, level: x0, xt, now, then, None, seeded(1))
        assert abs(torch.cov(torch.stack([xs, xt]))[0, 1] - 0.8 * (0.36 - tau**2) ** 0.5) < 0.005


def test_eq_ddim_eta():
    for schedule in (linear, RectifiedFlow()):
        grid, x = levels(schedule, schedule.grid(12)), gauss(500, 2)
        for eta, reference in ((0.0, deterministic), (1.0, ancestral)):
            ours = sample(oracle, x, grid, ddim(eta), generator=seeded(1))
            theirs = sample(oracle, x, grid, reference, generator=seeded(1))
            assert (ours - theirs).abs().max() < 1e-9
    now, then = Level(700, 0.6, 0.8), Level(300, 0.8, 0.6)
    x0 = torch.zeros(200_000)
    x = ddim(0.5)(lambda x, level: x0, x0, now, then, None, seeded())[0]
    assert abs(x.std() - 0.5 * 0.6 / 0.8 * (0.64 - 0.5625 * 0.36) ** 0.5) < 0.002


def test_eq_ddim_kl():
    from torch.distributions import Normal, kl_divergence
    now, then, xt = Level(700, 0.6, 0.8), Level(300, 0.8, 0.6), torch.full((1,), 0.4)
    for eta in (0.3, 0.9):
        tau = eta * (0.6 / 0.8) * (0.64 - (0.6 / 0.8) ** 2 * 0.36) ** 0.5
        draws = [torch.cat([ddim(eta)(lambda x, level: torch.full_like(x, clean), xt.expand(400_000), now, then,
                                      None, seeded())[0]]) for clean in (1.0, 0.7)]
        measured = kl_divergence(*(Normal(x.double().mean(), x.double().std()) for x in draws))
        c = 0.8 - 0.6 / 0.8 * (0.36 - tau**2) ** 0.5
        assert abs(measured / (c**2 / (2 * tau**2) * 0.3**2) - 1) < 0.02


def test_eq_ddim_euler():
    x, now, then = gauss(100, 2), Level(700, 0.6, 0.8), Level(300, 0.8, 0.6)
    eps = -now.sigma * mixture.noised(now.alpha, now.sigma).score(x)
    moved = ddim(0.0)(oracle, x, now, then)[0] / then.alpha - x / now.alpha
    assert torch.allclose(moved / eps, torch.full_like(x, 0.6 / 0.8 - 0.8 / 0.6))


def test_eq_ddim_ode():
    x, t, h = gauss(100, 2), 0.5, 1e-4
    for schedule in (RectifiedFlow(), RectifiedFlow(3.0)):
        now, then = levels(schedule, torch.tensor([t, t - h], dtype=torch.float64))
        f, g2 = (float(c) for c in forward_sde(schedule, t))
        flow = f * x - g2 / 2 * mixture.noised(now.alpha, now.sigma).score(x)
        slope = (x - ddim(0.0)(oracle, x, now, then)[0]) / h
        assert (slope - flow).abs().max() < 2e-3 * flow.abs().max()
        ahead, behind = levels(schedule, torch.tensor([t + h, t - h], dtype=torch.float64))
        growth = (ahead.sigma / ahead.alpha - behind.sigma / behind.alpha) / (2 * h)
        assert abs(growth / (g2 / (2 * now.alpha * now.sigma)) - 1) < 1e-4


def test_order():
    flow, starts = RectifiedFlow(), gauss(400, 2)
    finest = sample(oracle, starts, levels(flow, flow.grid(1280)), ddim(0.0))
    coarse, fine = ((sample(oracle, starts, levels(flow, flow.grid(n)), ddim(0.0)) - finest).norm(dim=1).mean()
                    for n in (40, 80))
    assert abs(math.log2(coarse / fine) - 1) < 0.1


def test_eq_gaussian_denoiser():
    x0 = 0.5 * gauss(400_000)
    xt = 0.6 * x0 + 0.8 * gauss(400_000, seed=1)
    slope = (x0 * xt).mean() / xt.square().mean()  # 最小二乘就是最好的线性去噪器 | least squares: the best linear one
    assert abs(slope - 0.6 * 0.25 / (0.36 * 0.25 + 0.64)) < 0.002
    one = GaussianMixture(torch.zeros(1, 1).double(), torch.tensor([0.5]).double(), torch.ones(1).double())
    moved = ddim(0.0)(lambda x, level: one.denoise(x, level.alpha, level.sigma), xt[:9, None],
                      Level(0, 0.6, 0.8), Level(0, 0.8, 0.6))[0]
    assert torch.allclose(moved[:, 0] / xt[:9], 0.8 * slope + 0.6 * (1 - 0.6 * slope) / 0.8, atol=0.002)


def test_eq_gaussian_recursion():
    one = GaussianMixture(torch.zeros(1, 1).double(), torch.tensor([0.5]).double(), torch.ones(1).double())
    grid = levels(linear, linear.grid(10))
    for eta in (0.0, 0.5, 1.0):
        x = sample(lambda x, level: one.denoise(x, level.alpha, level.sigma), gauss(200_000, 1), grid, ddim(eta),
                   generator=seeded(1))
        assert abs(x.std() - final_std(grid, eta, c=0.5)) < 0.004
    x = sample(lambda x, level: one.denoise(x, level.alpha, level.sigma), gauss(200_000, 1), grid, ancestral_large,
               generator=seeded(1))
    assert abs(x.std() - final_std(grid, 1.0, c=0.5, hat=True)) < 0.004


def test_eq_naive_inversion():
    grid = levels(linear, linear.grid(6))
    x0, up = mixture.sample(50, seeded())[0], grid[-2::-1]
    assert torch.allclose(invert(oracle, x0, grid), sample(oracle, up[0].alpha * x0, up, deterministic))


def test_eq_exact_inversion():
    grid = levels(linear, linear.grid(200))
    x0 = mixture.sample(200, seeded())[0]
    again = sample(oracle, invert(oracle, x0, grid, refine=20), grid[:-1], ddim(0.0)) / grid[-2].alpha
    assert (again - x0).norm(dim=1).median() < 1e-9


def test_eq_lerp_variance():
    a, b = gauss(50, 4000), gauss(50, 4000, seed=1)
    for w in (0.25, 0.5):
        assert abs(((1 - w) * a + w * b).var() - ((1 - w) ** 2 + w**2)) < 0.01
        assert abs(slerp(a, b, w).var() - 1) < 0.01


def test_eq_slerp():
    a, b = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 1.0], [2.0, 0.0]])
    third = math.cos(math.pi / 6), math.sin(math.pi / 6)
    assert torch.allclose(slerp(a, b, 1 / 3), torch.tensor([third, (2 * third[1], 2 * third[0])]))
    assert torch.allclose(slerp(a, a, 0.3), a) and torch.allclose(slerp(a, b, 0.0), a)
    assert torch.allclose(slerp(a, b, 1.0), b, atol=1e-6)


def test_agrees_with_diffusers():
    def epsilon(x, t):
        alpha, sigma = (c.item() for c in linear.alpha_sigma(int(t)))
        return (-sigma * mixture.noised(alpha, sigma).score(x.double())).to(x.dtype)


    x = gauss(200, 2).float()
    for n, eta in ((10, 0.0), (20, 0.5), (50, 1.0)):
        ours = sample(lambda x, level: oracle(x.double(), level).to(x.dtype), x,
                      levels(linear, linear.grid(n, "leading")), ddim(eta), generator=seeded(8))
        theirs = diffusers_ddim(epsilon, x, n, eta, seeded(8))
        # 两个尖峰之间的点会放大舍入误差，看中位数 | points between modes amplify rounding: look at the median
        assert ((ours - theirs).norm(dim=1) / theirs.norm(dim=1)).median() < 1e-5


def test_edges():
    x, grid, generator = gauss(5, 2), levels(linear, linear.grid(7)), seeded()
    assert torch.equal(sample(oracle, x, grid, ddim(), generator=generator), sample(oracle, x, grid, deterministic))
    assert torch.equal(generator.get_state(), seeded().get_state())  # η = 0 不抽随机数 | draws nothing
    assert torch.allclose(invert(oracle, x, grid[-2:]), grid[-2].alpha * x)
    a, b = gauss(2, 3, 4, 4), gauss(2, 3, 4, 4, seed=1)
    assert slerp(a, b, 0.3).shape == a.shape and torch.allclose(slerp(a, b, 0.3)[1:], slerp(a[1:], b[1:], 0.3))
    assert torch.allclose(slerp(a, 2 * a, 0.25), 1.25 * a) and torch.allclose(slerp(a, -a, 0.25), 0.5 * a)
    near = torch.tensor([[1.0, 0.0], [math.cos(0.02), math.sin(0.02)]])
    assert abs(slerp(near[:1], near[1:], 0.5).norm() - 1) < 1e-6


def test_errors():
    grid = levels(linear, linear.grid(4))
    x = torch.zeros(2, 2)
    for wrong in (
        lambda: ddim(1.1),
        lambda: ddim(-0.1),
        lambda: invert(oracle, x, grid[:-1]),
        lambda: invert(oracle, x, grid[-1:]),
        lambda: invert(oracle, x, grid, refine=-1),
        lambda: invert(oracle, x, grid, refine=1.5),
        lambda: slerp(x, x[:1], 0.5),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)
