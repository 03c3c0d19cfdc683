# 由 nbs/appendix/8_benchmarks.ipynb 导出，不要手工修改
# exported from nbs/appendix/8_benchmarks.ipynb, do not edit


from diffusion_book.bench import (
    PRESETS, Path, SOLVERS, cells, coverage, difference, interleaved, json, math, networks,
    objective, overhead, plain_loop, programme, race, ratio, replace, sampling_pair, scenes,
    torch, train, training_pair, unet_pair)


class Imagined:
    """表可以拨的机器：每次运行之后慢一点，偶尔被打断 | a machine with its own clock that slows down and is interrupted"""

    def __init__(self, drift=0.0, interrupted=0.0, seed=0):
        self.now, self.pace, self.drift, self.interrupted = 0.0, 1.0, drift, interrupted
        self.generator = torch.Generator().manual_seed(seed)

    def job(self, seconds):
        def run():
            luck = torch.rand((), generator=self.generator).item() < self.interrupted
            self.now += seconds * self.pace * (5 if luck else 1)
            self.pace *= 1 + self.drift
        return run

    def clock(self):
        return self.now


def in_sequence(a, b, pairs, clock):
    """先量完一边，再量另一边 | all of one side, then all of the other"""
    times = []
    for run in [a] * pairs + [b] * pairs:
        start = clock()
        run()
        times.append(clock() - start)
    return torch.tensor(times).reshape(2, pairs).T


def test_eq_bench_drift():
    for drift in (0.005, -0.01, 0.03):
        m = Imagined(drift)
        told = in_sequence(m.job(0.3), m.job(0.4), 20, m.clock)
        assert (told[:, 0] / told[:, 1] - 0.75 * (1 + drift) ** -20).abs().max() < 1e-5
        m = Imagined(drift)
        pairs = interleaved(m.job(0.3), m.job(0.4), 20, clocks=(m.clock,))[..., 0]
        assert abs((pairs[:, 0] / pairs[:, 1]).quantile(0.5) - 0.75) < drift**2
        assert torch.allclose((pairs[:, 0] / pairs[:, 1] / 0.75).log().abs(),
                              torch.full((20,), abs(math.log1p(drift)), dtype=torch.float64))


def test_interleaving():
    m, order = Imagined(), []
    seconds = interleaved(lambda: order.append("a"), lambda: order.append("b"), 2, number=3, warmup=1)
    assert "".join(order) == "ab" + "aaabbb" + "bbbaaa" and seconds.shape == (2, 2, 2)
    assert (seconds >= 0).all() and seconds.dtype == torch.float64
    pairs = interleaved(m.job(1.0), m.job(2.0), 3, number=4, warmup=0, clocks=(m.clock,))
    assert (pairs[..., 0] == torch.tensor([1.0, 2.0])).all() and m.now == 36
    for wrong in (dict(pairs=0), dict(pairs=2.0), dict(number=0), dict(warmup=-1)):
        try:
            interleaved(int, int, **wrong)
            raise AssertionError(wrong)
        except ValueError as error:
            assert next(iter(wrong)) in str(error)


def test_eq_bench_coverage():
    generator = torch.Generator().manual_seed(0)
    skewed = torch.randn(20_000, 20, generator=generator, dtype=torch.float64).exp()  # 中位数是 1 | with median 1
    ordered = skewed.sort(1).values
    for k in (1, 5, 6, 8):
        covered = ((ordered[:, k - 1] <= 1) & (ordered[:, 20 - k] >= 1)).double().mean().item()
        assert abs(covered - coverage(20, k)) < 0.01
    bounds = [ratio(torch.stack([r, torch.ones(20)], 1)) for r in skewed[:4000]]
    covered = sum(low <= 1 <= high for _, low, high in bounds) / len(bounds)
    assert abs(covered - 0.9586) < 0.012


def test_ratios():
    exact = torch.tensor([[0.5 * c, c] for c in (1.0, 3.0, 0.2, 8.0, 1.0, 2.0)])
    assert ratio(exact) == (0.5, 0.5, 0.5)
    spoilt = exact.double().repeat(4, 1)
    spoilt[3, 0] *= 100
    assert ratio(spoilt).median == 0.5 == ratio(spoilt).high
    assert ratio(torch.stack([torch.arange(1.0, 21), torch.ones(20)], 1)) == (10.5, 6, 15)
    assert ratio(torch.stack([torch.arange(1.0, 21), torch.ones(20)], 1), 0.999) == (10.5, 3, 18)
    assert coverage(20, 6) > 0.95 > coverage(20, 7) and coverage(6, 1) == 1 - 2**-5
    for wrong in (torch.ones(6), torch.ones(6, 3), torch.zeros(6, 2), torch.full((6, 2), math.nan), torch.ones(5, 2)):
        try:
            ratio(wrong)
            raise AssertionError(wrong)
        except ValueError as error:
            assert "seconds" in str(error) or "pairs" in str(error)
    try:
        ratio(torch.ones(6, 2), 1.0)
        raise AssertionError
    except ValueError as error:
        assert "level" in str(error)


def test_races():
    row = race(lambda: torch.ones(2), lambda: [torch.ones(1), torch.ones(1)], 6, least=1e-4)
    assert row["difference"] == 0 and row["pairs"] == 6
    for clock in ("wall", "cpu"):
        assert 0 < row[clock]["low"] <= row[clock]["median"] <= row[clock]["high"] and row[clock]["theirs"] > 0
    assert difference(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])) == 0.5
    for wrong in (torch.full((2,), 1.001), torch.full((2,), math.nan)):
        try:
            race(lambda: torch.ones(2), lambda: wrong)
            raise AssertionError(wrong)
        except ValueError as error:
            assert "theirs" in str(error)


def test_both_sides_compute_the_same():
    for name in ("sd_tiny", "small_8", "small_16"):
        assert difference(*(run() for run in unet_pair(name, 2))) < 1e-5
        assert difference(*(run() for run in unet_pair(name, 2, backward=True))) < 1e-4
    for name in ("small_8", "small_16"):
        ours, theirs = (run() for run in sampling_pair(name, 10))
        assert ours.shape == theirs.shape and abs(ours - theirs).max() < 1e-4
        assert 0.2 < ((ours > 0) & (ours < 1)).mean()
    preset = PRESETS["ddpm_scenes"]
    recipe = replace(preset.recipe, steps=4, batch=8, warmup=2, dtype="float32")
    loss, data = objective(preset.schedule, preset.target), scenes(32)
    ours = train(preset.network(), loss, data, recipe, progress=False).losses
    assert difference(ours, plain_loop(preset.network(), loss, data, recipe)) < 1e-5
    ours, theirs = (run() for run in training_pair(8, 4, pictures=32))
    assert ours.shape == (4,) and difference(ours, theirs) < 0.02


def test_overheads():
    found = overhead("deterministic", 10, 0.01)
    assert 1e-6 < found["ours"] < 1e-2 and 1e-6 < found["theirs"] < 1e-2
    assert overhead("ddim η=1", 10, 0.01)["theirs"] is None
    for name in SOLVERS:
        assert overhead(name, 5, 1e-4)["ours"] > 0
    for call in (lambda: networks("sd15"), lambda: unet_pair("x"), lambda: overhead("euler")):
        try:
            call()
            raise AssertionError
        except ValueError as error:
            assert "name" in str(error)


def test_cells():
    clock = {"ours": 0.2, "theirs": 0.25, "median": 0.8, "low": 0.75, "high": 0.9}
    row = {"kind": "forward", "name": "x", "cpu": clock, "wall": clock | {"median": 0.81}}
    assert cells(row) == ["forward", "x", "200.0 ms", "250.0 ms", "0.800 [0.750, 0.900]", "0.810 [0.750, 0.900]"]
    assert cells(row | {"kind": "training", "pictures": 50})[2:4] == ["250 /s", "200 /s"]
    assert cells({"kind": "loss", "name": "s", "ours": 0.5, "theirs": 0.25})[2:] == ["0.5000", "0.2500", "–", "–"]
    assert cells({"kind": "overhead", "name": "s", "ours": 2e-5, "theirs": 4e-5})[2:] == ["20.0 µs", "40.0 µs", "0.50", "–"]
    assert cells({"kind": "overhead", "name": "s", "ours": 2e-5, "theirs": None})[3:] == ["–", "–", "–"]


def test_run_goes_on_where_it_stopped():
    import tempfile
    from unittest import mock

    import diffusion_book.bench as bench

    measured = []
    def task(name, fails=False):
        def measure():
            if fails:
                raise KeyboardInterrupt
            measured.append(name)
            return {"ours": 1.0, "theirs": 2.0}
        return ("overhead", name, measure)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "new", "card.json")
        with mock.patch.object(bench, "programme", lambda quick: [task("a"), task("b", True)]):
            try:
                bench.run(path=path, progress=False)
                raise AssertionError
            except KeyboardInterrupt:
                pass
        with mock.patch.object(bench, "programme", lambda quick: [task("a"), task("b")]):
            rows = bench.run(path=path, progress=False)
        card = json.loads(path.read_text(encoding="utf-8"))
        assert measured == ["a", "b"] and card["rows"] == rows and card["world_hash"] is None
        assert {"hardware", "date", "diffusers", "quick"} <= card.keys()
        # 快速的结果不能当完整的，别的机器的也不能 | quick results are no full ones, nor are those of another machine
        for quick, machine in ((False, bench.hardware()), (True, "abacus")):
            with mock.patch.object(bench, "programme", lambda quick: []), mock.patch.object(bench, "hardware", lambda: machine):
                try:
                    bench.run(quick, path, progress=False)
                except ValueError as error:
                    assert " | " in str(error) and "card.json" in str(error)
                else:
                    raise AssertionError((quick, machine))
        assert json.loads(path.read_text(encoding="utf-8")) == card
    names = [(kind, name) for kind, name, _ in programme(False)]
    assert len(set(names)) == len(names) and {kind for kind, _ in names} == {
        "control", "forward", "backward", "sampling", "training", "loss", "overhead"}
    assert {"forward", "backward"} <= {kind for kind, name, _ in programme(True) if name == "sd_tiny × 1"}


def test_card():
    from importlib import resources

    card = json.loads((resources.files("diffusion_book") / "weights/benchmarks/card.json").read_text(encoding="utf-8"))
    assert not card["quick"] and [(r["kind"], r["name"]) for r in card["rows"]] == [t[:2] for t in programme(False)]
    assert all(row["pairs"] == 20 and row["difference"] < 0.02 for row in card["rows"] if "pairs" in row)
    assert all(row["difference"] < 1e-4 for row in card["rows"] if row["kind"] in ("forward", "backward", "sampling"))
