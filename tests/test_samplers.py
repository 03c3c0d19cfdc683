# 由 nbs/2_models/4_schedulers.ipynb 导出，不要手工修改
# exported from nbs/2_models/4_schedulers.ipynb, do not edit


from diffusion_book.samplers import (
    FRAMES, Level, advance, at_ratios, at_times, beta_spaced, bh1, blend, deis, dpm_multistep,
    dpm_singlestep, exponential, half_log_snr, halved, heun, karras, lcm, lms, midpoint, moments,
    np, plms, quadrature, shifted, unipc)


import math

import torch
from scipy.integrate import solve_ivp

from diffusion_book.objectives import EPSILON, FLOW, SAMPLE
from diffusion_book.oracle import ring
from diffusion_book.reverse import deterministic, levels, noise_of, sample
from diffusion_book.schedules import CosineVP

mixture = ring()


def exact(x, level):
    """精确的去噪器 | the exact denoiser"""
    return mixture.denoise(x, level.alpha, level.sigma)


def course(n):
    """n 步的路：t 从 0.9 匀速到 0.1 | a road of n steps: t from 0.9 evenly to 0.1"""
    return levels(CosineVP(), torch.linspace(0.9, 0.1, n + 1, dtype=torch.float64))


def truth(x, grid):
    """DOP853 算出的、在 grid 每一处的位置 | positions at each level of grid, by DOP853"""

    def velocity(ell, x):
        alpha = 1 / math.sqrt(1 + math.exp(-2 * ell))
        sigma = alpha * math.exp(-ell)
        x = torch.from_numpy(x).reshape(-1, 2)
        x0 = mixture.denoise(x, alpha, sigma)
        eps = (x - alpha * x0) / sigma
        # VP：dα/dℓ = α·σ²，dσ/dℓ = -σ·α² | VP: dα/dℓ = α·σ², dσ/dℓ = -σ·α²
        return (alpha * sigma**2 * x0 - sigma * alpha**2 * eps).flatten().numpy()

    ell = [math.log(level.alpha / level.sigma) for level in grid]
    path = solve_ivp(velocity, (ell[0], ell[-1]), x.flatten().numpy(), method="DOP853",
                     t_eval=ell, rtol=1e-12, atol=1e-12)
    return torch.from_numpy(path.y.T.copy()).reshape(len(grid), -1, 2)


first, last = course(1)
start = mixture.noised(first.alpha, first.sigma).sample(64, torch.Generator().manual_seed(0))[0]
end = truth(start, course(1))[-1]


def errors(step, counts=(80, 160, 320)):
    """终点的平均误差，每个步数一个 | the mean error at the end, one for each number of steps"""
    return [(sample(exact, start, course(n), step) - end).norm(dim=1).mean().item() for n in counts]


def order(found):
    """步数翻倍时误差的收敛阶 | the order, from errors at doubled numbers of steps"""
    return math.log2(found[-2] / found[-1])

def seeded(step, order, target=SAMPLE, counts=(80, 160, 320), bare=False):
    """历史精确时的误差；bare：past 里只放 y | errors from an exact history; bare: past holds y alone"""
    found = []
    for n in counts:
        grid = course(n)
        path = truth(start, grid[:order])
        past = ()
        for x, level in zip(path[:-1], grid):
            x0 = exact(x, level)
            y = x0 if target is SAMPLE else noise_of(x, x0, level)
            past = (y if bare else (level, y), *past)
        x = path[-1]
        for now, then in zip(grid[order - 1:], grid[order:]):
            x, past = step(exact, x, now, then, past)
        found.append((x - end).norm(dim=1).mean().item())
    return found

def weak_error(n, order, rule, sde=True, std=0.5):
    """一维高斯数据，终点标准差的相对误差 | relative error of the final deviation for 1-D Gaussian data"""
    from diffusion_book.reverse import posterior

    grid = course(n)
    wide = lambda level: math.hypot(level.alpha * std, level.sigma)
    x, past = torch.zeros(n + 1, dtype=torch.float64), ()  # 各份噪声的系数 | coefficients of the noises
    x[0] = wide(grid[0])
    for k, (now, then) in enumerate(zip(grid, grid[1:])):
        past = ((now, now.alpha * std**2 / wide(now) ** 2 * x), *past)[:order]
        x, fresh = posterior(x, blend(past, now, then, rule=rule, sde=sde), now, then)
        x[k + 1] += fresh
    return abs(x.norm().item() / wide(grid[-1]) - 1)

def soft(x, level):
    """float32 的精确去噪器 | the exact denoiser in float32"""
    return mixture.denoise(x.double(), level.alpha, level.sigma).float()


def against(scheduler, step, n=20, flow=False, exploding=False, repeated=False):
    """终点与 diffusers 的相对误差 | the relative error of the end against diffusers"""
    scheduler.set_timesteps(n)
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    x = mine = x * getattr(scheduler, "init_noise_sigma", 1.0)
    grid = []
    for v in scheduler.sigmas.double().tolist():
        alpha = 1 - v if flow else 1.0 if exploding else 1 / math.hypot(1, v)
        grid.append(Level(0.0, alpha, v if flow else v * alpha))
    noise = torch.Generator().manual_seed(1)
    random = "generator" in scheduler.step.__code__.co_varnames
    for level, t in zip(grid, scheduler.timesteps):
        # 不叫一声它会警告 | it warns unless called
        getattr(scheduler, "scale_model_input", lambda *_: None)(x, t)
        x0 = soft(x, level)
        output = FLOW.of(x0, noise_of(x, x0, level), level) if flow else noise_of(x, x0, level)
        x = scheduler.step(output, t, x, **({"generator": noise} if random else {})).prev_sample
    # Heun 的表里中间的 σ 各出现两次 | Heun's table has inner σ twice
    grid = [grid[0], *grid[1:-1:2], grid[-1]] if repeated else grid
    mine = sample(soft, mine, grid, step, generator=torch.Generator().manual_seed(1))
    return ((x - mine).norm() / x.norm()).item()


def test_eq_straight_frames():
    grid = course(400)[199:202]
    path = truth(start, [first, *grid])[1:]
    x0 = exact(path[1], grid[1])
    eps = noise_of(path[1], x0, grid[1])
    for target in (SAMPLE, EPSILON, FLOW):
        (w, b), (w2, b2) = FRAMES[target.name](grid[0]), FRAMES[target.name](grid[2])
        quotient = (path[2] / w2 - path[0] / w) / (b2 / w2 - b / w)
        assert (quotient - target.of(x0, eps, grid[1])).abs().max() < 2e-3


def test_eq_advance_line():
    grid = course(2000)
    path = truth(start, grid)
    for target in (SAMPLE, EPSILON, FLOW):
        y = []
        for x, level in zip(path, grid):
            x0 = exact(x, level)
            y.append(target.of(x0, noise_of(x, x0, level), level))
        frames = torch.tensor([FRAMES[target.name](level) for level in grid], dtype=torch.float64)
        mileage = frames[:, 1] / frames[:, 0]
        mean = torch.trapezoid(torch.stack(y), mileage, dim=0) / (mileage[-1] - mileage[0])
        assert (advance(start, mean, grid[0], grid[-1], target) - end).abs().max() < 1e-4


def test_eq_step_average():
    from scipy.integrate import quad

    for k in (-1.5, 0.3, 2.0):
        for y, c in ((lambda s: s, moments(k, 2)[1]), (lambda s: 3 - s**2, 3 - moments(k, 3)[2])):
            mileage = lambda s: math.exp(k * s)
            total = quad(lambda m: y(math.log(m) / k), mileage(0), mileage(1))[0]
            assert abs(total / (mileage(1) - mileage(0)) - c) < 1e-10


def test_eq_moment_recurrence():
    s = torch.linspace(0, 1, 200_001, dtype=torch.float64)
    for k in (-3.0, -0.2, 0.05, 1.0, 6.0):
        weight = (k * s).exp()
        for i, c in enumerate(moments(k, 4)):
            assert abs(torch.trapezoid(s**i * weight, s) / torch.trapezoid(weight, s) - c) < 1e-7
    assert abs(moments(1e-3, 3)[2] - moments(0, 3)[2]) < 1e-3


def test_eq_moment_matching():
    places = [0.0, -0.7, -1.9]
    weights = quadrature(places, moments(0, 3))
    s = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    for a, b, c in ((1.0, 0.0, 0.0), (2.0, -3.0, 0.5), (0.0, 1.0, 4.0)):
        y = lambda s: a + b * s + c * s**2
        assert abs(sum(w * y(p) for w, p in zip(weights, places)) - torch.trapezoid(y(s), s)) < 1e-8


def test_eq_dpm_2m():
    assert abs(order(errors(dpm_multistep(2))) - 2) < 0.1
    assert abs(order(errors(dpm_multistep(2, rule=moments))) - 2) < 0.1
    assert abs(moments(0.1, 2)[1] - (0.5 + 0.1 / 12)) < 3e-6


def test_eq_convergence_order():
    assert abs(order(errors(dpm_multistep(1))) - 1) < 0.1
    halves = errors(dpm_multistep(2), (160, 320, 640))
    assert abs(halves[0] / halves[1] - 4) < 0.4 and abs(halves[1] / halves[2] - 4) < 0.4


def test_eq_dpm_3m():
    assert abs(order(seeded(dpm_multistep(3, rule=moments), 3)) - 3) < 0.1
    assert abs(order(seeded(dpm_multistep(3, rule=halved), 3)) - 2) < 0.1


def test_eq_heun_average():
    for target in (EPSILON, FLOW, SAMPLE):
        assert abs(order(errors(heun(target))) - 2) < 0.1
    ends = [sample(exact, start, course(20), heun(target)) for target in (EPSILON, FLOW, SAMPLE)]
    assert (ends[0] - ends[1]).abs().max() > 1e-3 and (ends[0] - ends[2]).abs().max() > 1e-3


def test_singlestep():
    assert abs(order(errors(dpm_singlestep(2), (320, 640))) - 2) < 0.1
    assert abs(order(errors(dpm_singlestep(3), (192, 384))) - 3) < 0.1
    assert abs(order(errors(dpm_singlestep(3, rule=moments), (192, 384))) - 3) < 0.1


def test_eq_last_step():
    now, clean = course(20)[-1], Level(0.0, 1.0, 0.0)
    before = course(20)[-2]
    x0, x0_prev = torch.tensor([1.0]), torch.tensor([0.9])
    assert torch.equal(blend(((now, x0), (before, x0_prev)), now, clean), x0)
    nodes = ((now, x0), (before, x0_prev))
    far = [blend(nodes, now, Level(0.0, 1.0, sigma)) for sigma in (1e-6, 1e-12, 1e-24)]
    assert 0.4 < (far[1] - far[0]) / (far[2] - far[1]) < 0.6 and far[2] > x0 + 4


def test_eq_unipc_correct():
    for rule in (midpoint, bh1):
        assert abs(order(errors(unipc(2, rule=rule))) - 3) < 0.1
    # bh1：B(h) = -h，小 h 处 c_1 = 1/2 + k/4 | bh1: B(h) = -h, and c_1 = 1/2 + k/4 for small h
    assert abs(bh1(0.01, 2)[1] - 0.5025) < 1e-5
    assert abs(order(errors(unipc(3), (320, 640))) - 4) < 0.1
    assert abs(order(errors(unipc(2, target=EPSILON))) - 3) < 0.1


def test_eq_adams():
    assert abs(order(seeded(lms(2), 2, EPSILON)) - 2) < 0.1
    assert abs(order(seeded(lms(3), 3, EPSILON)) - 3) < 0.1
    assert abs(order(seeded(lms(4), 4, EPSILON, (320, 640))) - 4) < 0.1
    assert abs(order(seeded(deis(2), 2, EPSILON)) - 2) < 0.1
    assert abs(order(seeded(deis(3), 3, EPSILON)) - 3) < 0.1
    assert abs(order(seeded(plms(4), 4, EPSILON, (640, 1280), bare=True)) - 2) < 0.1


def test_eq_sde_frame():
    now, then = course(4)[1:3]
    x, x0 = torch.full((200_000,), 0.7).double(), torch.tensor(0.2).double()
    ends = dpm_multistep(1, sde=True)(lambda x, level: x0 + 0 * x, x, now, then, None,
                                      torch.Generator().manual_seed(0))[0]
    # 直接模拟反向 SDE：4000 小步 | simulate the reverse SDE in 4000 small steps
    mean, variance = torch.tensor(0.7).double(), 0.0
    t = torch.linspace(now.t, then.t, 4001, dtype=torch.float64) / 1000
    alpha, sigma = CosineVP().alpha_sigma(t)
    for a, s, a2, s2 in zip(alpha, sigma, alpha[1:], sigma[1:]):
        rise = 2 * ((a2 / s2).log() - (a / s).log())
        grow = (a2 / a).log() - rise
        mean, variance = mean * (1 + grow) + a * rise * x0, variance * (1 + grow) ** 2 + s**2 * rise
    assert abs(ends.mean() - mean) < 4e-3 and abs(ends.std() - variance**0.5) < 3e-3
    slope = blend(((now, x0 + 1), (course(4)[0], x0)), now, then, rule=moments, sde=True) - x0 - 1
    h, r = half_log_snr(then) - half_log_snr(now), half_log_snr(now) - half_log_snr(course(4)[0])
    s = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    weight = (2 * h * s).exp()
    c_1 = torch.trapezoid(s * weight, s) / torch.trapezoid(weight, s)
    assert abs(slope - c_1 * h / r) < 1e-6


def test_eq_sde_dpm():
    from diffusion_book.oracle import sliced_wasserstein
    from diffusion_book.reverse import ancestral

    one = lambda step: sample(exact, start, course(12), step,
                              generator=torch.Generator().manual_seed(1))
    assert torch.equal(one(ancestral), one(dpm_multistep(1, sde=True)))
    many = mixture.noised(first.alpha, first.sigma).sample(4000, torch.Generator().manual_seed(2))[0]
    goal = mixture.noised(last.alpha, last.sigma).sample(4000, torch.Generator().manual_seed(3))[0]
    got = sample(exact, many, course(60), dpm_multistep(2, sde=True),
                 generator=torch.Generator().manual_seed(4))
    assert sliced_wasserstein(got, goal) < 0.06
    assert abs(math.log2(weak_error(160, 1, midpoint) / weak_error(320, 1, midpoint)) - 1) < 0.1
    assert abs(math.log2(weak_error(160, 2, midpoint) / weak_error(320, 2, midpoint)) - 2) < 0.1


def test_eq_lcm_step():
    from diffusers import LCMScheduler

    theirs = LCMScheduler(timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=True)
    theirs.set_timesteps(4)
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    bar = theirs.alphas_cumprod.double()
    grid = [Level(t, bar[t].item() ** 0.5, (1 - bar[t].item()) ** 0.5)
            for t in theirs.timesteps.tolist()]
    grid.append(Level(-1, 1.0, 0.0))
    ours = sample(lambda x, level: (x - level.sigma * x.tanh()) / level.alpha, x, grid, lcm(),
                  generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(1)
    for t in theirs.timesteps:
        x = theirs.step(x.tanh(), t, x, generator=generator).prev_sample
    assert (ours - x).abs().max() / x.abs().max() < 1e-5
    # 边界条件：t = 0 时输出就是输入 | the boundary condition: at t = 0 the output is the input
    assert torch.equal(lcm()(lambda x, level: x + 5, x, Level(0.0, 1.0, 0.01), grid[-1])[0], x)


def test_eq_karras_grid():
    from diffusers import EulerDiscreteScheduler

    from diffusion_book.schedules import DiscreteVP, make_betas

    chain = DiscreteVP(make_betas("linear"))
    for options, grid in (({"use_karras_sigmas": True}, karras(chain, 12)),
                          ({"use_exponential_sigmas": True}, exponential(chain, 12)),
                          ({"use_beta_sigmas": True}, beta_spaced(chain, 12)),
                          ({}, at_times(chain, torch.linspace(999, 0, 12).tolist()))):
        theirs = EulerDiscreteScheduler(**options)
        theirs.set_timesteps(12)
        ratios = torch.tensor([level.sigma / level.alpha for level in grid])
        assert torch.allclose(ratios, theirs.sigmas, rtol=3e-6)
        times = torch.tensor([level.t for level in grid[:-1]])
        assert torch.allclose(times, theirs.timesteps, atol=0.01)


def test_shifted():
    from diffusers import FlowMatchEulerDiscreteScheduler

    from diffusion_book.schedules import RectifiedFlow

    theirs = FlowMatchEulerDiscreteScheduler(shift=3.0)
    theirs.set_timesteps(sigmas=np.linspace(1, 1 / 8, 8).tolist())
    grid = shifted(RectifiedFlow(), 8, 3.0)
    assert torch.allclose(torch.tensor([level.sigma for level in grid]), theirs.sigmas, atol=1e-6)
    assert torch.allclose(torch.tensor([level.t for level in grid[:-1]]), theirs.timesteps, rtol=1e-5)


def test_diffusers():
    import diffusers

    for scheduler, step, options in (
        (diffusers.EulerDiscreteScheduler(), deterministic, dict(exploding=True)),
        (diffusers.HeunDiscreteScheduler(), heun(), dict(exploding=True, repeated=True)),
        (diffusers.FlowMatchHeunDiscreteScheduler(), heun(FLOW), dict(flow=True, repeated=True)),
        (diffusers.DPMSolverMultistepScheduler(), dpm_multistep(2), {}),
        (diffusers.DEISMultistepScheduler(), deis(2), {}),
        (diffusers.DPMSolverMultistepScheduler(solver_order=3), dpm_multistep(3, rule=halved), {}),
        (diffusers.DPMSolverMultistepScheduler(algorithm_type="sde-dpmsolver++"),
         dpm_multistep(2, sde=True), {}),
        (diffusers.DPMSolverSinglestepScheduler(lower_order_final=True), dpm_singlestep(2), {}),
        (diffusers.DPMSolverSinglestepScheduler(solver_order=3, lower_order_final=True),
         dpm_singlestep(3), {}),
        (diffusers.DPMSolverSinglestepScheduler(solver_order=3, solver_type="heun", lower_order_final=True),
         dpm_singlestep(3, rule=moments), {}),
        (diffusers.UniPCMultistepScheduler(), unipc(2), {}),
        (diffusers.LMSDiscreteScheduler(), lms(4), dict(exploding=True)),
    ):
        assert against(scheduler, step, **options) < 1e-5, scheduler


def test_pndm():
    from diffusers import PNDMScheduler

    z = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    for skip in (True, False):
        theirs = PNDMScheduler(skip_prk_steps=skip, set_alpha_to_one=True)
        theirs.set_timesteps(20)
        bar = theirs.alphas_cumprod.double()
        at = lambda t: Level(t, bar[t].item() ** 0.5, (1 - bar[t].item()) ** 0.5)
        x = z
        for t in theirs.timesteps.tolist():
            level = at(t)
            x = theirs.step(noise_of(x, soft(x, level), level), t, x).prev_sample
        grid = [*(at(t) for t in range(950, -1, -50)), Level(-1, 1.0, 0.0)]
        middle = None if skip else lambda now, then: at((now.t + then.t) // 2)
        ours = sample(soft, z, grid, plms(middle=middle))
        assert (ours - x).norm() / x.norm() < 1e-5


    def even(now, then):  # σ/α 的中点：里程匀速，Runge–Kutta 是四阶 | midway in σ/α, where it has order four
        v = (now.sigma / now.alpha + then.sigma / then.alpha) / 2
        return Level(0.0, 1 / math.hypot(1, v), v / math.hypot(1, v))


    kutta = lambda denoise, x, now, then, *_: (plms(middle=even)(denoise, x, now, then)[0], None)
    assert abs(order(errors(kutta, (40, 80))) - 4) < 0.1


def test_starts_and_defaults():
    from diffusion_book.schedules import DiscreteVP, EDM, RectifiedFlow, make_betas

    chain, x = DiscreteVP(make_betas("linear")), torch.randn(8, 2, generator=torch.Generator().manual_seed(0)).double()
    ratios, end = [3.0, 1.0, 0.2], Level(-1.0, 1.0, 0.0)
    for grid in (at_ratios(chain, ratios), at_ratios(CosineVP(), ratios)):
        assert all(abs(level.sigma / level.alpha - ratio) < 1e-9 for level, ratio in zip(grid, ratios))
        assert len(grid) == 4 and grid[-1].alpha == 1 and grid[-1].sigma == 0
    assert at_ratios(chain, ratios)[-1] == end == at_times(chain, [5.0])[-1]
    assert abs(karras(EDM(), 5)[0].sigma - 80) < 1e-6
    assert shifted(RectifiedFlow(), 5) == shifted(RectifiedFlow(), 5, 3.0) != shifted(RectifiedFlow(), 5, 0.5)

    # 头一步：PNDM 是 Heun，一阶的 PNDM 是欧拉；默认是二阶 | PNDM starts with Heun; of order one it is Euler; the default is 2
    now, then = course(4)[:2]
    euler = deterministic(exact, x, now, then)[0]
    slope = (noise_of(x, exact(x, now), now) + noise_of(euler, exact(euler, then), then)) / 2
    by_hand = then.alpha * (x / now.alpha + (then.sigma / then.alpha - now.sigma / now.alpha) * slope)
    assert torch.allclose(plms()(exact, x, now, then)[0], by_hand)
    assert torch.allclose(plms(1)(exact, x, now, then)[0], euler)
    for method in (dpm_multistep, dpm_singlestep, unipc):
        assert torch.equal(sample(exact, x, course(6), method()), sample(exact, x, course(6), method(2)))

    # LCM 在 τ = 10·0.05 = σ_data 处：1/2 与 1/√2 | LCM where τ = 10·0.05 = σ_data
    level = Level(0.05, 0.9, 0.4)
    assert torch.allclose(lcm()(lambda x, level: 0 * x, x, level, end)[0], x / 2)
    assert torch.allclose(lcm()(lambda x, level: x, x, level, end)[0], x / 2 + x / math.sqrt(2))


def test_errors():
    from diffusion_book.objectives import V
    from diffusion_book.schedules import DiscreteVP, RectifiedFlow, make_betas

    table_linear, x = DiscreteVP(make_betas("linear")), torch.zeros(2, 2).double()
    now, then = course(4)[:2]
    for wrong in (
        lambda: dpm_multistep(0), lambda: dpm_multistep(4), lambda: dpm_multistep(1.5),
        lambda: dpm_multistep(2, target=EPSILON, sde=True), lambda: dpm_singlestep(4), lambda: unipc(0), lambda: unipc(4),
        lambda: lms(5), lambda: plms(0), lambda: plms(5), lambda: deis(4),
        lambda: karras(table_linear, 0), lambda: karras(table_linear, 1001),
        lambda: exponential(table_linear, 2.5),
        lambda: beta_spaced(table_linear, 0), lambda: karras(RectifiedFlow(), 10),
        lambda: shifted(table_linear, 10), lambda: shifted(RectifiedFlow(), 10, 0.0),
        lambda: shifted(RectifiedFlow(), 0), lambda: at_ratios(table_linear, [1.0, 2.0]),
        lambda: at_ratios(table_linear, [1.0, 0.0]),
        lambda: advance(x, x, now, then, V),
        lambda: advance(x, x, Level(1000.0, 0.0, 1.0), then, EPSILON),
        lambda: blend(((now, x),), now, then, target=FLOW),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)


def test_edges():
    from diffusion_book.reverse import ancestral
    from diffusion_book.schedules import DiscreteVP, RectifiedFlow, make_betas

    # 一步、两步，从纯噪声（α = 0）走到数据 | one step and two, from pure noise (α = 0) to data
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    straight, table_linear = RectifiedFlow(), DiscreteVP(make_betas("linear"))
    between = lambda now, then: at_times(table_linear, [(now.t + then.t) / 2])[0]
    for n in (1, 2, 5):
        for step in (deterministic, dpm_multistep(3, rule=moments), dpm_singlestep(3), unipc(3),
                     heun(FLOW), dpm_multistep(2, sde=True), ancestral):
            assert sample(exact, x, levels(straight, straight.grid(n)), step).isfinite().all()
        for step in (lms(), plms(), deis(), lcm(), plms(middle=between)):
            assert sample(exact, x, karras(table_linear, n), step).isfinite().all()
    assert half_log_snr(Level(0.0, 0.0, 1.0)) == -math.inf
    kept = dpm_multistep(2)(soft, start.float(), first, last)
    assert kept[0].dtype == torch.float32
