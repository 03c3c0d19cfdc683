# 由 nbs/1_theory/2_forward_process.ipynb 导出，不要手工修改
# exported from nbs/1_theory/2_forward_process.ipynb, do not edit


from diffusion_book.schedules import (
    CosineVP, DiscreteVP, EDM, LinearVP, RectifiedFlow, SD_BETAS, forward_diffusion, forward_sde,
    forward_step, make_betas, math, noise_like, rescale_zero_terminal_snr, simulate_sde, spread,
    torch)


def test_eq_forward_kernel():
    x = forward_step(torch.full((100_000,), 3.0), 0.36, generator=torch.Generator().manual_seed(0))
    assert abs(x.mean() - 2.4) < 0.01
    assert abs(x.std() - 0.6) < 0.01


def test_eq_variance_preserving():
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.randn(200_000, generator=generator)
    gaps = [x.var() - 1]
    for beta in (0.5, 0.2, 0.5):
        x = forward_step(x, beta, generator=generator)
        gaps.append(x.var() - 1)
    measured = torch.stack(gaps[1:]) / torch.stack(gaps[:-1])
    assert torch.allclose(measured, torch.tensor([0.5, 0.8, 0.5]), atol=0.02)


def test_eq_two_steps():
    generator = torch.Generator().manual_seed(0)
    x = torch.full((100_000,), 3.0)
    for beta in (0.36, 0.75):
        x = forward_step(x, beta, generator=generator)
    assert abs(x.mean() - 3 * 0.8 * 0.5) < 0.008
    assert abs(x.var() - (0.25 * 0.36 + 0.75)) < 0.01


def test_eq_gaussian_sum():
    generator = torch.Generator().manual_seed(0)
    eps = [noise_like(torch.empty(200_000), generator) for _ in range(2)]
    k = torch.linspace(-3, 3, 13)
    measured = torch.exp(1j * k[:, None] * (0.3 * eps[0] + 0.4 * eps[1])).mean(1)
    assert torch.allclose(measured, torch.exp(-(0.5**2) * k**2 / 2).to(measured.dtype), atol=0.01)


def test_eq_alpha_bar():
    small = DiscreteVP(torch.tensor([0.5, 0.2, 0.75]))
    alpha, sigma = small.alpha_sigma(torch.arange(-1, 3))
    assert torch.allclose(alpha**2, torch.tensor([1.0, 0.5, 0.4, 0.1]).double(), atol=1e-7)


def test_eq_closed_form():
    generator = torch.Generator().manual_seed(0)
    schedule = DiscreteVP(torch.linspace(1e-4, 0.04, 200))
    x = torch.full((20_000,), 2.0)
    for t in range(200):
        x = forward_step(x, schedule.betas[t].item(), generator=generator)
        if t % 50 == 49:
            alpha, sigma = schedule.alpha_sigma(t)
            assert abs(x.mean() - 2 * alpha) < 0.03 and abs(x.std() - sigma) < 0.02


def test_eq_path():
    from diffusers import DDPMScheduler

    theirs = DDPMScheduler()
    ours = DiscreteVP(theirs.betas)
    generator = torch.Generator().manual_seed(0)
    x, eps = torch.randn(2, 4, 3, 8, 8, generator=generator)
    t = torch.tensor([0, 10, 500, 999])
    assert (ours.add_noise(x, eps, t) - theirs.add_noise(x, eps, t)).abs().max() < 1e-6
    assert torch.equal(ours.add_noise(x, eps, -1), x)


def test_forward_diffusion():
    chain = DiscreteVP(torch.linspace(1e-4, 0.02, 1000))
    x = torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    t = torch.arange(8) * 140
    xt, noise = forward_diffusion(x, t, chain, generator=torch.Generator().manual_seed(1))
    for b in range(8):
        keep = 1.0
        for beta in chain.betas[: t[b] + 1].tolist():
            keep *= 1 - beta
        assert (xt[b] - keep**0.5 * x[b] - (1 - keep) ** 0.5 * noise[b]).abs().max() < 1e-5
    again, _ = forward_diffusion(x, t, chain, generator=torch.Generator().manual_seed(1))
    assert torch.equal(xt, again)


def test_eq_cosine_betas():
    alpha, sigma = DiscreteVP(make_betas("squaredcos_cap_v2")).alpha_sigma(torch.arange(999))
    angle = torch.atan2(sigma, alpha)
    speed = angle.diff() * 1000 * 1.008 / (math.pi / 2)
    assert (speed[100:] - 1).abs().max() < 0.005
    assert abs(angle[-1] - math.pi / 2 * (0.999 + 0.008) / 1.008) < 1e-5


def test_eq_beta_tables():
    from diffusers import DDIMScheduler, DDPMScheduler, HeunDiscreteScheduler

    others = {"scaled_linear": DDIMScheduler, "exp": HeunDiscreteScheduler}
    for kind in ("linear", "scaled_linear", "sigmoid", "squaredcos_cap_v2", "laplace", "exp"):
        scheduler = others.get(kind, DDPMScheduler)
        for n in (1000, 37):
            for ends in ({}, SD_BETAS):
                theirs = scheduler(num_train_timesteps=n, beta_schedule=kind, **ends)
                ours = DiscreteVP(make_betas(kind, n, **ends))
                assert torch.equal(ours.betas, theirs.betas)
                assert torch.equal(ours.alphas_cumprod, theirs.alphas_cumprod)


def test_eq_log_snr():
    from diffusers import DPMSolverMultistepScheduler

    theirs = DPMSolverMultistepScheduler(beta_schedule="scaled_linear", **SD_BETAS)
    ours = DiscreteVP(make_betas("scaled_linear", **SD_BETAS)).log_snr(torch.arange(1000))
    assert (ours / 2 - theirs.lambda_t).abs().max() < 1e-3
    assert abs(DiscreteVP([0.5]).log_snr(0)) < 1e-6


def test_eq_cosine_path():
    from diffusers import DDPMScheduler

    bar = DDPMScheduler(beta_schedule="squaredcos_cap_v2").alphas_cumprod.double()[100:999]
    u = (torch.arange(101, 1000) / 1000 + 0.008) / 1.008
    alpha, sigma = CosineVP().alpha_sigma(u)
    assert (alpha**2 - bar).abs().max() < 2e-4
    assert (alpha**2 + sigma**2 - 1).abs().max() < 1e-12


def test_eq_rectified_flow():
    from diffusers import FlowMatchEulerDiscreteScheduler

    x, eps = torch.randn(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for shift in (1.0, 3.0):
        theirs = FlowMatchEulerDiscreteScheduler(shift=shift)
        index = torch.tensor([0, 200, 500, 900])
        t = 1 - index / 1000
        expected = theirs.scale_noise(x, theirs.timesteps[index], eps)
        assert (RectifiedFlow(shift).add_noise(x, eps, t) - expected).abs().max() < 1e-5


def test_eq_edm_path():
    from diffusers import EDMEulerScheduler

    theirs = EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, rho=7.0)
    theirs.set_timesteps(18)
    alpha, sigma = EDM().alpha_sigma(EDM().grid(18))
    assert torch.allclose(sigma.float(), theirs.sigmas, rtol=1e-4, atol=0)
    assert torch.equal(alpha, torch.ones(19).double())


def test_eq_same_snr():
    x, eps = torch.randn(2, 1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for log_snr in (-4.0, 0.0, 3.0):
        seen = []
        for path in (CosineVP(), RectifiedFlow(), RectifiedFlow(3.0), EDM()):
            t = path.time(log_snr)
            seen.append(path.add_noise(x, eps, t) / path.alpha_sigma(t)[0])
            assert (seen[-1] - x - math.exp(-log_snr / 2) * eps).abs().max() < 1e-5


def test_grid():
    from diffusers import DDIMScheduler

    for n in (1, 4, 10, 20, 50, 100, 250, 1000):
        ours = DiscreteVP(make_betas("linear"))
        for spacing in ("trailing", "leading") + (("linspace",) if n > 1 else ()):
            theirs = DDIMScheduler(timestep_spacing=spacing)
            theirs.set_timesteps(n)
            assert ours.grid(n, spacing).tolist() == theirs.timesteps.tolist() + [-1]
    assert CosineVP().grid(4).tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]
    for spacing in ("trailing", "linspace", "leading"):
        times = EDM().grid(10, spacing)
        assert times.diff().max() < 0 and (times[0] == 1) == (spacing != "leading")
    assert DiscreteVP(make_betas("linear")).time(CosineVP().log_snr(torch.tensor([0.5]))).item() == 258


def test_eq_mixture_marginal():
    generator = torch.Generator().manual_seed(0)
    means, width = torch.tensor([-1.5, 0.5, 1.0]), 0.2
    x = means[torch.randint(3, (100_000,), generator=generator)]
    x = x + width * torch.randn(x.shape, generator=generator)
    for t in (0.2, 0.6):
        xt = CosineVP().add_noise(x, torch.randn(x.shape, generator=generator), t)
        alpha, sigma = math.cos(t * math.pi / 2), math.sin(t * math.pi / 2)
        points = torch.linspace(-2, 2, 41)
        z = (points[:, None] - alpha * means) / math.sqrt(alpha**2 * width**2 + sigma**2)
        exact = torch.special.ndtr(z).mean(1)
        assert ((xt < points[:, None]).float().mean(1) - exact).abs().max() < 0.006


def test_eq_mean_brightness():
    schedule = DiscreteVP(make_betas("scaled_linear", **SD_BETAS))
    generator = torch.Generator().manual_seed(0)
    flat = torch.full((2000, 3, 32, 32), -0.6)
    mean = schedule.add_noise(flat, noise_like(flat, generator), 999).mean((1, 2, 3))
    assert abs(mean.mean() + 0.6 * 0.0683) < 0.002
    assert abs(mean.std() - math.sqrt((1 - 0.00466) / 3072)) < 0.0008
    measured = mean.mean() ** 2 / mean.var()
    assert abs(measured / (3072 * schedule.log_snr(999).exp() * 0.36) - 1) < 0.15


def test_eq_zero_snr():
    from diffusers import DDIMScheduler

    for kind, ends in (("linear", {}), ("scaled_linear", SD_BETAS)):
        theirs = DDIMScheduler(beta_schedule=kind, rescale_betas_zero_snr=True, **ends)
        old = make_betas(kind, **ends)
        new = DiscreteVP(rescale_zero_terminal_snr(old))
        assert torch.equal(new.betas, theirs.betas)
        assert new.alpha_sigma(999)[0] == 0 and new.log_snr(999) == -math.inf
        before, after = DiscreteVP(old).alpha_sigma(torch.arange(1000))[0], new.alpha_sigma(
            torch.arange(1000))[0]
        assert abs(after[0] - before[0]) < 1e-6
        assert (after.diff() / before.diff()).std() < 1e-3


def test_eq_linear_vp():
    from diffusers import DDPMScheduler

    coarse = DDPMScheduler().alphas_cumprod.double()
    fine = DDPMScheduler(16000, beta_start=1e-4 / 16, beta_end=0.02 / 16).alphas_cumprod.double()
    for k in (0.25, 0.5, 1.0):
        alpha, sigma = LinearVP().alpha_sigma(k)
        errors = [(bar[int(k * len(bar)) - 1].log() - 2 * alpha.log()).abs() for bar in (coarse, fine)]
        assert errors[1] < 2e-2 and errors[1] < errors[0] / 4
        assert abs(sigma**2 - (1 - fine[int(k * 16000) - 1])) < 1e-3


def test_eq_vp_sde():
    t = torch.tensor([0.1, 0.5, 0.9])
    f, g2 = forward_sde(LinearVP(), t)
    assert torch.allclose(f, -0.5 * (0.1 + 19.9 * t.double()))
    assert torch.allclose(g2, 0.1 + 19.9 * t.double())
    times = torch.linspace(0, 1, 401)
    x = simulate_sde(torch.full((20_000,), 1.5), LinearVP(), times,
                     generator=torch.Generator().manual_seed(0))
    alpha, sigma = LinearVP().alpha_sigma(times[1:])
    assert (x[1:].mean(1) - 1.5 * alpha).abs().max() < 0.03
    assert (x[1:].std(1) - sigma).abs().max() < 0.02


def test_eq_general_sde():
    t = torch.linspace(0.05, 0.95, 19).double()
    f, g2 = forward_sde(RectifiedFlow(), t)
    assert torch.allclose(f, -1 / (1 - t)) and torch.allclose(g2, 2 * t / (1 - t))
    for path in (CosineVP(), LinearVP(), RectifiedFlow(3.0), EDM()):
        slope = (path.log_snr(t + 1e-5) - path.log_snr(t - 1e-5)) / 2e-5
        assert torch.allclose(forward_sde(path, t)[1], -path.alpha_sigma(t)[1] ** 2 * slope, rtol=1e-5)


def test_eq_ve_sde():
    t = torch.tensor([0.3, 0.7, 1.0]).double()
    f, g2 = forward_sde(EDM(), t)
    assert torch.equal(f, torch.zeros(3).double())
    assert torch.allclose(g2, 14 * 80**2 * t**13)
    x = simulate_sde(torch.zeros(20_000), EDM(), torch.linspace(0, 1, 201),
                     generator=torch.Generator().manual_seed(0))
    assert abs(x[-1].std() / 80 - 1) < 0.02


def test_edges():
    def seeded():
        return torch.Generator().manual_seed(0)


    zeros = torch.zeros(3, 2)
    assert noise_like(zeros).shape == zeros.shape
    assert torch.equal(forward_step(zeros, 1.0, generator=seeded()), noise_like(zeros, seeded()))
    assert torch.equal(forward_step(zeros + 1, 0.0), zeros + 1)
    moved = simulate_sde(zeros, LinearVP(), torch.tensor([0.4, 0.5]), generator=seeded())[1]
    assert bool((moved / noise_like(zeros, seeded()) > 0).all())
    even = torch.tensor([0.75, 0.5, 0.25, 0.0], dtype=torch.float64)
    path = RectifiedFlow()
    assert torch.allclose(path.grid(4, "leading"), torch.cat([0.001 + 0.999 * even, even[-1:]]))
    assert path.grid(4, "linspace")[-2] == 0.001
    chain = DiscreteVP(make_betas("linear"))
    assert chain.grid(7, "leading").tolist() == [142 * i for i in range(6, -1, -1)] + [-1]
    for t in (torch.tensor(7), torch.tensor([0, 999]), torch.tensor([[3, 4, 5], [600, 7, 8]])):
        assert torch.equal(chain.time(chain.log_snr(t)), t)
    assert torch.equal(chain.alpha_t, 1 - chain.betas) and torch.equal(chain.beta_t, chain.betas)
    assert DiscreteVP(torch.tensor([0.0, 1.0])).alpha_sigma(1)[0] == 0
    assert forward_diffusion(zeros, torch.tensor([0, 500, 999]), chain)[0].shape == zeros.shape


def test_errors():
    chain, x = DiscreteVP(make_betas("linear")), torch.zeros(2, 3, 4, 4)
    for wrong in (
        lambda: make_betas("cosine"),
        lambda: make_betas("linear", 0),
        lambda: forward_step(x, 1.5),
        lambda: chain.alpha_sigma(1000),
        lambda: chain.alpha_sigma(-2),
        lambda: chain.alpha_sigma(0.5),
        lambda: CosineVP().alpha_sigma(1.01),
        lambda: chain.add_noise(x, x[:1], 3),
        lambda: chain.add_noise(x, x, torch.tensor([1, 2, 3])),
        lambda: chain.add_noise(x.to(torch.uint8), x.to(torch.uint8), 3),
        lambda: spread(torch.ones(2, 1), x),
        lambda: forward_diffusion(x, torch.tensor([-1, 0]), chain),
        lambda: forward_diffusion(x, torch.tensor([1000, 0]), chain),
        lambda: forward_diffusion(x, torch.tensor([0.5, 0.5]), chain),
        lambda: chain.grid(1001),
        lambda: chain.grid(10, "even"),
        lambda: DiscreteVP(torch.tensor([0.1, 2.0])),
        lambda: forward_sde(RectifiedFlow(), 1.0),
        lambda: forward_sde(CosineVP(), 1.0),
        lambda: forward_sde(LinearVP(), torch.tensor([0.0, 0.5])),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)
