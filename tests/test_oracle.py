# 由 nbs/1_theory/1_basic_concepts.ipynb 导出，不要手工修改
# exported from nbs/1_theory/1_basic_concepts.ipynb, do not edit


from diffusion_book.oracle import (
    GaussianMixture, dataset, energy_distance, gaussian_w2, math, noise_floor, ring,
    sliced_wasserstein, torch)


def lopsided():
    """不对称的混合，好让错误无处躲 | a mixture without symmetry, where mistakes cannot hide"""
    return GaussianMixture(torch.tensor([[-1.0, 0.3], [0.5, -0.8], [0.9, 1.0]]).double(),
                           torch.tensor([0.3, 0.2, 0.4]).double(), torch.tensor([0.5, 0.2, 0.3]).double())


def test_eq_mixture_density():
    side = torch.linspace(-3, 3, 241).double()
    plane = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    density = lopsided().log_density(plane).exp() * (side[1] - side[0]) ** 2
    x, k = lopsided().sample(100_000, torch.Generator().manual_seed(0))
    left = torch.special.ndtr(torch.tensor([1 / 0.3, -0.5 / 0.2, -0.9 / 0.4])) @ torch.tensor([0.5, 0.2, 0.3])
    assert abs(density.sum() - 1) < 1e-4
    assert abs(density[plane[:, 0] < 0].sum() + density[plane[:, 0] == 0].sum() / 2 - left) < 1e-3
    assert abs((x[:, 0] < 0).float().mean() - left) < 0.006
    assert abs((k == 1).float().mean() - 0.2) < 0.006 and abs(x[k == 2].std(0) - 0.4).max() < 0.005


def test_eq_noised_mixture():
    generator = torch.Generator().manual_seed(0)
    x0, k = lopsided().sample(200_000, generator)
    x = 0.6 * x0 + 0.5 * torch.randn(x0.shape, generator=generator).double()
    noisy = lopsided().noised(0.6, 0.5)
    for i in range(3):
        assert (x[k == i].mean(0) - noisy.means[i]).abs().max() < 0.01
        assert (x[k == i].std(0) - noisy.stds[i]).abs().max() < 0.006


def test_eq_responsibility():
    generator = torch.Generator().manual_seed(0)
    noisy = lopsided().noised(0.6, 0.5)
    x, k = noisy.sample(400_000, generator)
    for place in (x.new_tensor([0.0, 0.0]), x.new_tensor([0.4, -0.3])):
        near = (x - place).norm(dim=1) < 0.1
        counted = torch.bincount(k[near], minlength=3) / near.sum()
        assert (noisy.responsibilities(place[None])[0] - counted).abs().max() < 0.02


def test_eq_mse_splits():
    generator = torch.Generator().manual_seed(0)
    x0, _ = lopsided().sample(200_000, generator)
    x = 0.6 * x0 + 0.5 * torch.randn(x0.shape, generator=generator).double()
    best = lopsided().denoise(x, 0.6, 0.5)
    least = (x0 - best).square().sum(1).mean()
    for other in (0 * x, x, x / 0.6, x.tanh(), best + 0.1, 1.1 * best):
        gap = (x0 - other).square().sum(1).mean() - least - (other - best).square().sum(1).mean()
        assert abs(gap) < 0.012


def test_eq_posterior_mean():
    generator = torch.Generator().manual_seed(0)
    x0, _ = lopsided().sample(200_000, generator)
    for place in (x0.new_tensor([[0.0, 0.0]]), x0.new_tensor([[0.5, 0.2]])):
        fits = (-(place - 0.6 * x0).square().sum(1) / (2 * 0.5**2)).exp()
        weighed = (fits[:, None] * x0).sum(0) / fits.sum()
        assert (lopsided().denoise(place, 0.6, 0.5)[0] - weighed).abs().max() < 0.01


def test_eq_mixture_score():
    x = lopsided().sample(50, torch.Generator().manual_seed(0))[0].requires_grad_()
    (slope,) = torch.autograd.grad(lopsided().log_density(x).sum(), x)
    assert (lopsided().score(x) - slope).abs().max() < 1e-9


def test_eq_score_denoiser():
    x = lopsided().noised(0.6, 0.5).sample(50, torch.Generator().manual_seed(0))[0].requires_grad_()
    density = lambda x: torch.stack([
        w * (-(x - 0.6 * mean).square().sum(1) / (2 * v)).exp() / v for mean, v, w in
        zip(lopsided().means, 0.36 * lopsided().stds**2 + 0.25, lopsided().weights)]).sum(0)
    (slope,) = torch.autograd.grad(density(x).log().sum(), x)
    by_denoiser = (0.6 * lopsided().denoise(x, 0.6, 0.5) - x) / 0.25
    assert (by_denoiser - slope).abs().max() < 1e-9


def test_eq_conditional_score():
    noisy = lopsided().noised(0.6, 0.5)
    x = noisy.sample(50, torch.Generator().manual_seed(0))[0].requires_grad_()
    for labels in ([0, 2], [1], [2, 1]):
        says_yes = noisy.responsibilities(x)[:, labels].sum(1)
        (push,) = torch.autograd.grad(says_yes.log().sum(), x)
        conditional = lopsided().given(labels).noised(0.6, 0.5)
        assert (conditional.score(x) - noisy.score(x) - push).abs().max() < 1e-9
    assert abs(lopsided().given([0, 2]).weights.sum() - 1) < 1e-12


def test_eq_sorted_match():
    from itertools import permutations

    x, y = torch.randn(2, 6, 1, generator=torch.Generator().manual_seed(0)).double()
    least = min((x - y[list(order)]).square().mean() for order in permutations(range(6)))
    assert abs(sliced_wasserstein(x, y) ** 2 - least) < 1e-12


def test_eq_sliced():
    x = torch.randn(300, 5, generator=torch.Generator().manual_seed(0)).double()
    shift = x.new_tensor([0.5, -1.0, 0.0, 2.0, 0.3])
    expected = shift.norm() / 5**0.5
    assert abs(sliced_wasserstein(x, x + shift, directions=5000) / expected - 1) < 0.03
    assert sliced_wasserstein(x, x[torch.randperm(300, generator=torch.Generator().manual_seed(1))]) < 1e-12


def test_eq_gaussian_w2():
    from scipy.optimize import linear_sum_assignment

    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 800, 2, generator=generator).double()
    x, y = x @ x.new_tensor([[1.0, 1.0], [0.1, -0.1]]), y @ y.new_tensor([[1.0, -0.4], [0.0, 0.1]]) + 0.3
    cost = torch.cdist(x, y).square()
    matched = cost[linear_sum_assignment(cost)].mean().sqrt()
    found = gaussian_w2(x.mean(0), x.T.cov(), y.mean(0), y.T.cov())
    assert found < matched + 1e-3 and abs(found / matched - 1) < 0.02
    one, zero = torch.eye(2), torch.zeros(2)
    assert abs(gaussian_w2(zero, one, 3 * one[0], 4 * one) - 11**0.5) < 1e-6


def test_eq_energy():
    a, b = torch.zeros(3, 2), torch.tensor([[3.0, 4.0]]).expand(7, 2)
    assert abs(energy_distance(a, b) - 10**0.5) < 1e-6
    x = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    assert energy_distance(x, x.flip(0)) < 1e-6


def test_eq_energy_cdf():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(70, 1, generator=generator), 2 * torch.randn(50, 1, generator=generator) + 0.5
    t = torch.linspace(-10, 10, 200_001)
    F, G = (torch.searchsorted(s[:, 0].sort().values, t, right=True) / len(s) for s in (x, y))
    area = torch.trapezoid((F - G).square().double(), t.double())
    assert abs(energy_distance(x, y) ** 2 - 2 * area) < 1e-3


def test_eq_score_matching():
    generator = torch.Generator().manual_seed(0)
    x0, _ = lopsided().sample(200_000, generator)
    x = 0.6 * x0 + 0.5 * torch.randn(x0.shape, generator=generator).double()
    exact, toward_x0 = lopsided().noised(0.6, 0.5).score(x), (0.6 * x0 - x) / 0.25
    C = (toward_x0 - exact).square().sum(1).mean()
    assert C > 1
    for s in (0 * x, -x, 0.5 - x.tanh(), 0.9 * exact, exact + 0.3):
        gap = (s - toward_x0).square().sum(1).mean() - (s - exact).square().sum(1).mean() - C
        assert abs(gap) < 0.06


def test_eq_dataset_denoiser():
    two, x = dataset(torch.tensor([[-1.0], [1.0]])), torch.linspace(-2, 2, 21)[:, None].double()
    for alpha, sigma in ((1.0, 1.0), (0.5, 0.7), (0.8, 0.2)):
        assert (two.denoise(x, alpha, sigma) - torch.tanh(alpha * x / sigma**2)).abs().max() < 1e-9


def test_errors():
    mixture, x, one = lopsided(), torch.zeros(4, 2).double(), torch.eye(2)
    for wrong in (
        lambda: GaussianMixture(torch.zeros(3), torch.ones(3), torch.ones(3) / 3),
        lambda: GaussianMixture(torch.zeros(3, 2).long(), torch.ones(3), torch.ones(3) / 3),
        lambda: GaussianMixture(torch.full((1, 2), math.nan), torch.ones(1), torch.ones(1)),
        lambda: GaussianMixture(torch.zeros(3, 2), torch.ones(2), torch.ones(3) / 3),
        lambda: GaussianMixture(torch.zeros(3, 2), torch.ones(3), torch.ones(3)),
        lambda: GaussianMixture(torch.zeros(2, 2), torch.ones(2), torch.tensor([1.5, -0.5])),
        lambda: mixture.sample(0),
        lambda: mixture.noised(-0.1, 1.0),
        lambda: mixture.noised(0.5, math.nan),
        lambda: mixture.noised(torch.ones(4), torch.ones(4)),
        lambda: mixture.given([]),
        lambda: mixture.given([3]),
        lambda: mixture.given([-1]),
        lambda: mixture.given(torch.tensor([0.5])),
        lambda: mixture.score(torch.zeros(4, 3)),
        lambda: mixture.score(torch.zeros(2)),
        lambda: mixture.log_density(x / 0),
        lambda: dataset(x).score(x),
        lambda: dataset(x).denoise(x, 1.0, 0.0),
        lambda: dataset(torch.zeros(0, 2)),
        lambda: dataset(torch.zeros(2)),
        lambda: dataset(torch.full((2, 2), math.nan)),
        lambda: ring(0),
        lambda: ring(radius=-1.0),
        lambda: ring(std=-0.1),
        lambda: sliced_wasserstein(x, x[:3]),
        lambda: sliced_wasserstein(x, torch.zeros(4, 3)),
        lambda: sliced_wasserstein(x, x / 0),
        lambda: sliced_wasserstein(x, x, directions=0),
        lambda: energy_distance(x, x[:0]),
        lambda: energy_distance(x[:, 0], x[:, 0]),
        lambda: gaussian_w2(one[0], one, one[0], torch.eye(3)),
        lambda: gaussian_w2(one[0], one, one[0], -one),
        lambda: gaussian_w2(one[0], one, one[0], torch.tensor([[1.0, 0.9], [0.0, 1.0]])),
        lambda: gaussian_w2(one[0] / 0, one, one[0], one),
        lambda: noise_floor(sliced_wasserstein, lambda seed: x, 1),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)


def test_dtypes():
    x = torch.zeros(3, 2)
    assert ring().denoise(x, 0.5, 0.5).dtype == ring().score(x).dtype == torch.float32
    assert ring(std=0.0).denoise(x, 0.5, 0.5).shape == (3, 2)
    assert (ring().denoise(ring().means, 1.0, 0.0) - ring().means).abs().max() < 1e-9
    assert dataset(torch.zeros(5, 3, 4, 4)).denoise(torch.ones(2, 3, 4, 4), 0.0, 1.0).abs().max() == 0


def test_edges():
    circle = ring()
    assert circle.means.shape == (8, 2) and (circle.means.norm(dim=1) - 1).abs().max() < 1e-12
    beside = (circle.means - circle.means.roll(1, 0)).norm(dim=1)
    assert (beside - 2 * math.sin(math.pi / 8)).abs().max() < 1e-12 and (circle.stds == 0.1).all()
    assert ring(1).sample(1)[0].shape == (1, 2) and ring(radius=0.0).means.abs().max() == 0

    x, y = torch.randn(2, 30, 2, generator=torch.Generator().manual_seed(0))
    assert sliced_wasserstein(x, y) == sliced_wasserstein(x, y, directions=256, seed=0)
    assert sliced_wasserstein(x[:1], x[:1], directions=1) == 0 and energy_distance(x[:1], x[:1]) == 0
    pairs_of = noise_floor(lambda a, b: 100.0 * a + b, lambda seed: seed)
    assert pairs_of.tolist() == [201.0 * i + i + 1 for i in range(10)]
    assert len(noise_floor(lambda a, b: 0.0, lambda seed: seed, 2)) == 2
    assert dataset(x[:1]).means.shape == (1, 2)

    one, zero, thin = torch.eye(2), torch.zeros(2, 2), torch.ones(2, 2)
    first, second = torch.tensor([[2.0, 0.9], [0.9, 0.5]]), torch.tensor([[0.4, -0.5], [-0.5, 1.5]])
    product = (first @ second).double()  # 二阶时 tr √P = √(tr P + 2√det P) | in two dimensions
    root = (product.trace() + 2 * product.det().sqrt()).sqrt()
    expected = (1 + 4 + first.trace() + second.trace() - 2 * root).sqrt()
    found = gaussian_w2(torch.tensor([1.0, 2.0]), first, torch.tensor([2.0, 4.0]), second)
    assert abs(found - expected) < 1e-5
    assert gaussian_w2(one[0], thin, one[0], thin) < 1e-6 and gaussian_w2(one[0], zero, one[0], zero) == 0
    almost = GaussianMixture(torch.zeros(2, 2), torch.ones(2), torch.tensor([1.0, 0.0]))
    assert torch.equal(circle.given(range(8)).means, circle.means)
    for wrong in (
        lambda: gaussian_w2(one[0], one, one[0], torch.diag(torch.tensor([1.0, -1.0]))),
        lambda: gaussian_w2(one[0], one, one[0], 1e-4 * torch.diag(torch.tensor([1.0, -1.0]))),
        lambda: gaussian_w2(one[0], one, one[0], torch.tensor([[1.0, 0.55], [0.5, 1.0]])),
        lambda: GaussianMixture(torch.zeros(2, 2), torch.ones(2), torch.tensor([0.5, 0.55])),
        lambda: almost.given(1),
        lambda: almost.given(torch.tensor([0.0])),
        lambda: almost.sample(0.5),
        lambda: dataset(torch.zeros(0, 2)),
        lambda: dataset(torch.zeros(3)),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)
