# 由 nbs/2_models/interlude_judge.ipynb 导出，不要手工修改
# exported from nbs/2_models/interlude_judge.ipynb, do not edit


from diffusion_book.judge import (
    CHOICES, HEADS, KINDS, MOST, Path, Rate, Scene, UNCLEAR, answers, blur, calibration_error,
    collage, counts, edit, exam, expected_floor, files, frechet_distance, grade, lessons,
    load_judge, math, nn, np, option, paint, paint_batch, random_scene, read_folder, rogan_gladen,
    rogan_gladen_error, torch, train_judge, wilson, world_hash, worn)


def test_eq_wilson():
    for hits, total in ((0, 20), (3, 20), (997, 1000), (50, 50)):
        for end in wilson(hits, total):
            gap, width = abs(hits / total - end), 1.96 * math.sqrt(end * (1 - end) / total)
            assert abs(gap - width) < 1e-9, (hits, total, end)


def test_collage_truth():
    scene = Scene(time="day", light="sun", light_side="right", house="red", trees="none", tree_count=0)
    number = lambda *guests: dict(zip(MOST, collage(scene, list(guests))[2].tolist()))
    answer = lambda name, *guests: collage(scene, list(guests))[1][list(CHOICES).index(name)].item()
    alone = collage(scene, [])
    assert torch.equal(alone[0], paint(scene)) and torch.equal(alone[1], answers([scene])[0])
    assert number(("light", edit(scene, light_side="left")))["light"] == 2
    assert answer("light_side", ("light", edit(scene, light_side="left"))) == UNCLEAR
    assert answer("light", ("light", edit(scene, light_side="left"))) == option("light", "sun")
    assert number(("house", edit(scene, side="right")))["house"] == 2
    assert number(("house", scene))["house"] == 1  # 完全盖住 | one hides the other
    assert number(("trees", edit(scene, trees="pine", tree_count=3)))["trees"] == 3
    assert number(("birds", edit(scene, birds=2)))["birds"] == 2
    assert number(("snowman", Scene(season="winter", snowman=True)))["snowman"] == 1
    near = ("house", edit(scene, house_x=0.99)), ("birds", edit(scene, birds=2))  # 主人的房子露出一角 | a corner of the host's is seen
    assert number(*near)["house"] == UNCLEAR == answer("house", *near) and number(*near)["birds"] == 2
    for k in range(40):
        base = random_scene(k)
        x, said, n = collage(base, [], 32)
        assert torch.equal(x, paint(base)) and torch.equal(said, answers([base])[0])
        assert torch.equal(n, counts([base])[0])


def test_wear():
    x = torch.zeros(1, 3, 64, 64)
    x[..., 32, 32] = 1.0
    y = blur(x, 0.5)[0, 0]  # 32 像素的 0.5 是 64 像素的 1 | 0.5 at 32 pixels is 1 at 64
    place = torch.arange(64) - 32.0
    assert abs(y.sum() - 1) < 1e-5 and abs((y.sum(0) * place**2).sum() - 1.0) < 0.05
    assert abs((y.sum(0) * place).sum()) < 1e-5 and torch.equal(blur(x, 0.0), x)
    x = torch.zeros(400, 3, 32, 32)
    y = worn(x, torch.Generator().manual_seed(0))
    assert y.shape == x.shape and (y.std((1, 2, 3)) < 0.2).all() and y.mean().abs() < 0.01
    assert not torch.equal(y, worn(x, torch.Generator().manual_seed(1)))
    assert torch.equal(y, worn(x, torch.Generator().manual_seed(0)))


def test_exam_counts():
    class Blind(nn.Module):
        """永远选第 0 项 | always chooses option 0"""

        def forward(self, x):
            return torch.cat([-torch.arange(n) for n in HEADS]).float().expand(len(x), -1)


    material = lessons(60, 32, 5, share=0.5)
    marks = exam(Blind(), material)
    number, most = material[1][:, len(CHOICES):].tolist(), list(MOST.values())
    bad = sum(any(n > m for n, m in zip(row, most)) for row in number)
    good = sum(all(0 <= n <= m for n, m in zip(row, most)) for row in number)
    assert marks["caught"] == (0, bad) and marks["spared"] == (good, good) and bad > 5
    assert marks["birds"] == (sum(row[7] == 0 for row in material[1].tolist()),
                              sum(row[7] != UNCLEAR for row in material[1].tolist()))


def test_judges_are_as_good_as_their_cards():
    weigh = 0
    for name in KINDS:
        folder = Path(files("diffusion_book")) / "weights" / name
        weigh += sum(file.stat().st_size for file in folder.iterdir())
        for size in (32, 64):
            judge = load_judge(size, name)
            assert judge.card["world_hash"] == world_hash()
            marks = exam(judge.network, lessons(1500, size, 21, 0.0))
            for question in CHOICES:
                seen, known = Rate(*marks[question]), judge.marks("painted")[question]
                assert seen.interval[1] >= known.interval[0], (name, size, question)
                assert known.value >= (0.995 if name == "judge" else 0.98), (name, size, question)
            assert Rate(*marks["spared"]).value > 0.99 and judge.marks("collage")["caught"].value > 0.9
    assert weigh < 2_000_000


def test_training_repeats_itself():
    from tempfile import TemporaryDirectory

    weights = []
    for _ in range(2):
        with TemporaryDirectory() as folder:
            run = train_judge("judge_second", folder, pictures=40, questions=8, steps=3, warmup=1)
            saved = read_folder(Path(folder))
        assert saved.card["world_hash"] == world_hash() and saved.card["recipe"]["steps"] == 3
        assert set(saved.card["metrics"]) == {"32 painted", "32 collage", "64 painted", "64 collage"}
        weights.append(saved.weights)
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_eq_calibration_error():
    generator = torch.Generator().manual_seed(0)
    c = 0.5 + 0.5 * torch.rand(50_000, generator=generator)
    assert calibration_error(c, torch.rand(50_000, generator=generator) < c) < 0.01
    said = torch.full((1000,), 0.9)
    assert abs(calibration_error(said, torch.arange(1000) % 10 < 7, bins=1) - 0.2) < 1e-5
    halves = torch.tensor([0.6, 0.9]).repeat_interleave(500)
    assert abs(calibration_error(halves, halves < 0.7, bins=2) - 0.65) < 1e-5


def test_eq_rogan_gladen():
    generator = torch.Generator().manual_seed(0)
    for share, s, r in ((0.02, 0.9, 0.97), (0.3, 0.8, 0.99), (0.9, 0.95, 0.7)):
        there = torch.rand(400_000, generator=generator) < share
        luck = torch.rand(400_000, generator=generator)
        reported = torch.where(there, luck < s, luck > r).double().mean().item()
        assert abs(rogan_gladen(reported, s, r) - share) < 0.005


def test_eq_rogan_gladen_error():
    share, s, r, sizes = 0.1, 0.8, 0.95, (1000, 400, 900)
    rng = np.random.default_rng(0)
    draws = [rng.binomial(n, q, 20_000) for n, q in zip(sizes, (share * s + (1 - share) * (1 - r), s, r))]
    p, s_hat, r_hat = (d / n for d, n in zip(draws, sizes))
    simulated = ((p + r_hat - 1) / (s_hat + r_hat - 1)).std()
    typical = [Rate(round(n * q), n) for n, q in zip(sizes, (share * s + (1 - share) * (1 - r), s, r))]
    assert abs(rogan_gladen_error(*typical) / simulated - 1) < 0.03


def test_grades():
    scenes = [random_scene(k) for k in range(60)]
    x = paint_batch(scenes)
    g = grade(x, scenes)
    assert g.whole.total == 60 and g.whole.hits >= 56 and g.painted.whole == g.whole
    assert sum(rate.hits for rate in g.unnamed.values()) <= 2  # 照题目画的，没有多出什么 | painted as asked, with nothing besides
    turned = grade(x, scenes[1:] + scenes[:1])
    assert turned.whole.hits < 5 and turned.painted.whole.hits >= 56
    assert turned.worst[1].value == min(rate.value for rate in turned.attributes.values())
    houses = [edit(s, house="red") for s in scenes]
    g = grade(paint_batch(houses), [{"house": "red"}] * 60)
    assert set(g.attributes) == {"house"} and g.attributes["house"].hits >= 58
    assert g.unnamed["house"].total == 0 and g.unnamed["trees"].total == 60
    planted = sum(s.trees != "none" for s in houses)
    assert abs(g.unnamed["trees"].hits - planted) <= 2
    assert grade(paint_batch([edit(s, house="none") for s in scenes]), [{"house": "none"}] * 60).whole.hits >= 58
    twice = edit(scenes[0], house="red", side="left", trees="none")
    double = grade(collage(twice, [("house", edit(twice, side="right"))])[0][None], [{"house": "red"}])
    assert double.attributes["house"].hits == double.impossible.hits == 1 and double.whole.hits == 0
    assert grade(x[:1], ["一座红房子"]).attributes["house"].total == 1
    assert len(g.rows()[0]) == 3 and g.rows()[0][0] == "whole"


def test_eq_best_coupling():
    generator = torch.Generator().manual_seed(0)
    f1, f2 = (torch.randn(50, 5, generator=generator, dtype=torch.float64)
              @ torch.randn(5, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    roots = []
    for f in (f1, f2):
        values, vectors = torch.linalg.eigh(torch.cov(f.T))
        roots.append(vectors @ values.sqrt().diag() @ vectors.T)
    gap = (f1.mean(0) - f2.mean(0)).square().sum()
    largest = (gap + torch.cov(f1.T).trace() + torch.cov(f2.T).trace() - frechet_distance(f1, f2)) / 2
    for _ in range(300):
        m = torch.randn(5, 5, generator=generator, dtype=torch.float64)
        m = m / torch.linalg.matrix_norm(m, 2)
        assert (roots[0] @ m @ roots[1]).trace() < largest
    u, _, vh = torch.linalg.svd(roots[1] @ roots[0])
    assert abs((roots[0] @ (vh.T @ u.T) @ roots[1]).trace() - largest) < 1e-9


def test_eq_frechet():
    import scipy.linalg

    rng = np.random.default_rng(0)
    a, b = rng.normal(1.0, 2.0, (30, 1)), rng.normal(-2.0, 0.5, (40, 1))
    one = (a.mean() - b.mean())**2 + (a.std(ddof=1) - b.std(ddof=1))**2
    assert abs(frechet_distance(torch.tensor(a), torch.tensor(b)) - one) < 1e-9
    a = rng.normal(size=(400, 20)) @ rng.normal(size=(20, 20))
    b = rng.normal(size=(300, 20)) @ rng.normal(size=(20, 20)) + rng.normal(size=20)
    root = scipy.linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    known = ((a.mean(0) - b.mean(0))**2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    assert abs(frechet_distance(torch.tensor(a), torch.tensor(b)) / known - 1) < 1e-9
    assert abs(frechet_distance(torch.tensor(a), torch.tensor(a))) < 1e-8


def test_eq_frechet_floor():
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([3.0, 1.0, 0.5, 0.2])
    gauss = lambda n: torch.randn(n, 4, generator=generator) * scale
    two = torch.randn(400_000, 2, generator=generator) * torch.tensor([1.0, 0.2])
    exact = 1.04 + 0.5 * (1.04 + 2 * 0.04 / 1.04)  # 高斯：Var(z_i z_j) = λ_i λ_j (1 + δ_ij) | for Gaussians
    assert abs(expected_floor(two, 500, 500) * 250 / exact - 1) < 0.02
    skew = lambda n: torch.empty(n, 4).exponential_(generator=generator) * scale
    for draw in (gauss, skew):
        measured = torch.tensor([frechet_distance(draw(400), draw(700)) for _ in range(300)])
        predicted = expected_floor(draw(200_000), 400, 700)
        assert abs(measured.mean() / predicted - 1) < 4 * measured.std() / measured.mean() / 300**0.5 + 0.01


def test_errors():
    x, judge = torch.zeros(2, 3, 32, 32), load_judge(32)
    for wrong in (
        lambda: wilson(3, 2),
        lambda: wilson(0, 0),
        lambda: wilson(-1, 5),
        lambda: load_judge(48),
        lambda: load_judge(32, "third"),
        lambda: judge.read(x[0]),
        lambda: judge.read(x[:0]),
        lambda: judge.read(torch.zeros(2, 3, 64, 64)),
        lambda: judge.read(x * math.nan),
        lambda: grade(x, ["a red house"]),
        lambda: grade(x[:1], ["a spaceship"]),
        lambda: grade(x[:1], [7]),
        lambda: grade(x[:1], [{"house": "green"}]),
        lambda: rogan_gladen(0.5, 0.5, 0.5),
        lambda: frechet_distance(torch.zeros(5, 3), torch.zeros(5, 4)),
        lambda: frechet_distance(torch.zeros(1, 3), torch.zeros(5, 3)),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)
