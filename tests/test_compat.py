# 由 nbs/2_models/interlude_compat.ipynb 导出，不要手工修改
# exported from nbs/2_models/interlude_compat.ipynb, do not edit


from diffusion_book.compat import (
    DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, GRIDS, LCMScheduler, PNDMScheduler,
    SCHEDULERS, drive)


import math
import warnings
from types import SimpleNamespace

import diffusers
import torch

from diffusion_book.oracle import ring
from diffusion_book.schedules import SD_BETAS

diffusers.utils.logging.set_verbosity_error()
SD = {**SD_BETAS, "beta_schedule": "scaled_linear", "steps_offset": 1, "clip_sample": False,
      "set_alpha_to_one": False, "skip_prk_steps": True}
mixture = ring()


def smooth(x, t):
    # 假的网络：光滑、确定，两边共用 | a make-believe network, smooth and deterministic, shared by both sides
    return torch.tanh(0.8 * x + float(t) / 500 - 1)


BOOK = SimpleNamespace(**SCHEDULERS)


def both_ends(name, config, n, **options):
    # 同一份设置、噪声与网络，两边各走一遍 | the same configuration, noise and network, walked by both sides
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    return [drive(getattr(source, name).from_config(config), smooth, noise, n,
                  generator=torch.Generator().manual_seed(1), **options) for source in (BOOK, diffusers)]


def gap(ours, theirs):
    # 相对误差 | the relative error
    return ((ours - theirs).norm() / theirs.norm()).item()

def variants(name):
    # 每个类特有的选项 | options peculiar to each class
    karras = [{}, {"use_karras_sigmas": True}]
    orders = [{"solver_order": order} | each for order in (1, 2, 3) for each in karras]
    solvers = [each | {"solver_type": kind, "algorithm_type": algorithm} for each in orders
               for kind in ("midpoint", "heun") for algorithm in ("dpmsolver++", "sde-dpmsolver++")]
    early = [{"solver_order": order, "final_sigmas_type": "sigma_min", "lower_order_final": lower}
             for order in (2, 3) for lower in (True, False)]
    return {
        "DDPMScheduler": [{}, {"clip_sample": True}, {"variance_type": "fixed_large"}],
        "DDIMScheduler": [{}, {"clip_sample": True, "set_alpha_to_one": True}],
        "PNDMScheduler": [{}, {"skip_prk_steps": False}],
        "LMSDiscreteScheduler": karras, "HeunDiscreteScheduler": [*karras, {"clip_sample": True}],
        "EulerDiscreteScheduler": [*karras, {"use_beta_sigmas": True}, {"use_exponential_sigmas": True},
                                   {"final_sigmas_type": "sigma_min"},
                                   {"use_karras_sigmas": True, "sigma_min": 0.05, "sigma_max": 10.0}],
        "DPMSolverMultistepScheduler": [*solvers, *early, {"use_beta_sigmas": True},
                                        {"euler_at_final": True, "final_sigmas_type": "sigma_min"}],
        "DPMSolverSinglestepScheduler": [*solvers, *early],
        "UniPCMultistepScheduler": [each | {"final_sigmas_type": last} for each in orders
                                    for last in ("zero", "sigma_min")]
                                   + [{"solver_type": "bh1", "final_sigmas_type": "sigma_min"},
                                      {"predict_x0": False, "final_sigmas_type": "sigma_min"}],
        "DEISMultistepScheduler": orders,
        "FlowMatchEulerDiscreteScheduler": [{}, {"shift": 3.0}, {"use_karras_sigmas": True},
                                            {"shift_terminal": 0.1}, {"stochastic_sampling": True}],
        "FlowMatchHeunDiscreteScheduler": [{}, {"shift": 3.0}],
    }.get(name, [{}])


def settings(name):
    # 间隔 × 预测类型 × 特有的选项 | spacing × prediction type × options of its own
    if name.startswith("Flow"):
        return variants(name)
    spacings = ("linspace",) if "Singlestep" in name else ("leading", "trailing", "linspace")
    kinds = ("epsilon", "v_prediction", "sample")
    return [SD | {"timestep_spacing": spacing, "prediction_type": kind} | each
            for spacing in spacings for kind in kinds for each in variants(name)]


def corners(name):
    # 边上的组合：20 个时刻全走，加上几个特别的选项 | the edge: all of 20 timesteps, and options of their own
    if name.startswith("Flow"):
        return [({"shift_terminal": 0.1}, 1), ({"use_dynamic_shifting": True}, 4)] if "Euler" in name else []
    full = SD | {"num_train_timesteps": 20, "original_inference_steps": 20}
    unipc = [({"solver_order": order, "solver_type": kind, "lower_order_final": lower}, n)
             for order in (1, 2, 3) for kind in ("bh1", "bh2") for lower in (True, False) for n in (1, 2, 7)]
    special = {"DDPMScheduler": [({"variance_type": "fixed_large_log"}, 7)], "LCMScheduler": [({}, 51)],
               "PNDMScheduler": [({"skip_prk_steps": False}, 3)], "UniPCMultistepScheduler": unipc}
    grids = {}, {"use_karras_sigmas": True}, {"use_beta_sigmas": True}
    return [(full | {"timestep_spacing": spacing, "prediction_type": kind} | grid, 20) for grid in grids
            for spacing in ("leading", "trailing", "linspace") for kind in ("epsilon", "v_prediction", "sample")
            ] + [(SD | options, n) for options, n in special.get(name, [])]


def all_of(spacing, c, n, names=()):
    # 用 spacing 间隔走满全部时刻，没有选别的网格 | all timesteps with this spacing, and no other grid
    return n == c.get("num_train_timesteps") and c["timestep_spacing"] == spacing and not any(map(c.get, names))


PLUS = "DPMSolverMultistep", "UniPC", "DEIS"
RULES = [  # 组合，条件，diffusers 与本书的结局 | combinations, condition, fate in diffusers and in the book
    ("PNDM, EulerAncestral: sample", lambda name, c, n: name.startswith(("PNDM", "EulerA"))
     and c.get("prediction_type") == "sample", "raises", "raises"),
    ("PNDM: skip_prk_steps=False, n < 4", lambda name, c, n: name.startswith("PNDM")
     and not c["skip_prk_steps"] and n < 4, "raises", "raises"),
    ("LCM: n > original_inference_steps", lambda name, c, n: name.startswith("LCM")
     and n > c.get("original_inference_steps", 50), "raises", "raises"),
    ("FlowMatchEuler: shift_terminal, n = 1", lambda name, c, n: "shift_terminal" in c and n == 1, "raises", "raises"),
    ("FlowMatchEuler: use_dynamic_shifting, no mu", lambda name, c, n: "use_dynamic_shifting" in c, "raises", "raises"),
    ("DDPM, DDIM, PNDM: leading, steps_offset=1, n = T", lambda name, c, n: name.startswith(("DD", "PNDM"))
     and all_of("leading", c, n), "raises", "raises"),
    ("DPM++, UniPC, DEIS: leading, n = T", lambda name, c, n: name.startswith(PLUS)
     and all_of("leading", c, n, GRIDS), "raises", "raises"),
    ("DDPM: fixed_large_log", lambda name, c, n: name.startswith("DDPM")
     and c.get("variance_type") == "fixed_large_log", "NaN", "raises"),
    ("LMS: leading, steps_offset=1, n = T", lambda name, c, n: name.startswith("LMS")
     and all_of("leading", c, n, GRIDS), "NaN", ""),
    ("DPM++, UniPC, DEIS: linspace, n = T", lambda name, c, n: name.startswith(PLUS)
     and all_of("linspace", c, n, GRIDS), "NaN", ""),
    ("UniPC: σ = 0 with bh1 or lower_order_final=False", lambda name, c, n: name.startswith("UniPC")
     and c.get("final_sigmas_type", "zero") == "zero" and (c.get("solver_type") == "bh1" or (
         not c.get("lower_order_final", True) and c["solver_order"] > 1 and n > 1)), "NaN or raises", ""),
    ("DPM++, UniPC, DEIS: beta, many steps", lambda name, c, n: name.startswith((*PLUS, "DPM"))
     and c.get("use_beta_sigmas") and n == c.get("num_train_timesteps"), "raises", ""),
    ("EulerAncestral: leading, steps_offset=1, n = T (other noise)", lambda name, c, n: name.startswith("EulerA")
     and all_of("leading", c, n), "", ""),
]


def rule_for(name, config, n):
    # 第一条合用的规则；没有就是 None，两边应当一致 | the first rule that fits; None means that both sides should agree
    return next((rule for rule in RULES if rule[1](name, config, n)), None)


def walk(source, name, config, n):
    # 走一遍：结局（空、NaN 或 raises）与终点 | walk once: the fate (none, NaN or raises) and the end
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x = drive(getattr(source, name).from_config(config), smooth, noise, n,
                      generator=torch.Generator().manual_seed(1))
    except (ValueError if source is BOOK else Exception):
        return "raises", None
    return "" if x.isfinite().all() else "NaN", x


def precise(name, config, n):
    # diffusers 在 float64 里走，σ 也是 | diffusers in float64, its σ too
    scheduler = getattr(diffusers, name).from_config(config)
    lay = scheduler.set_timesteps

    def lay_wide(n):
        lay(n)
        scheduler.sigmas = scheduler.sigmas.double()

    scheduler.set_timesteps = lay_wide
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    return drive(scheduler, smooth, noise.double(), n)

import numpy as np

from diffusion_book.ddpm import ancestral_large

table_sd = DDIMScheduler.from_config(SD).schedule
ratios = torch.exp(-table_sd.log_snr(torch.arange(1000)) / 2).numpy()


def exact(x, t):
    # 精确的 ε；带小数的 t 在 σ/α 上插值 | the exact ε; fractional t interpolate σ/α
    v = float(np.interp(float(t), np.arange(1000), ratios))
    alpha, sigma = 1 / math.hypot(1, v), v / math.hypot(1, v)
    return (x - alpha * mixture.denoise(x, alpha, sigma)) / sigma


z = torch.randn(400, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def end(name, n=20, noise=1.0, **changes):
    scheduler = SCHEDULERS[name].from_config(SD, **changes) if isinstance(name, str) else name
    return drive(scheduler, exact, noise * z, n, generator=torch.Generator().manual_seed(1))


def moved(a, b):
    return (a - b).norm(dim=1).mean().item()


def test_eq_compat_scale():
    scheduler = EulerDiscreteScheduler.from_config(SD, timestep_spacing="linspace")
    scheduler.set_timesteps(5)
    draw = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 20000, 1, generator=draw)
    for t in scheduler.timesteps:
        scheduler.set_timesteps(5)
        x = scheduler.add_noise(x0, eps, t.expand(len(x0)))
        assert abs(scheduler.scale_model_input(x, t).std() - 1) < 0.02
    assert abs(scheduler.init_noise_sigma - 14.6146) < 1e-3


def test_drive():
    still = lambda x, t: torch.zeros_like(x)
    one, seen = torch.ones(1, 1), []
    euler = EulerDiscreteScheduler.from_config(SD, timestep_spacing="linspace")
    assert abs(drive(euler, still, one, 3, callback=lambda x, t: seen.append(t.item())).item() - 14.6146) < 1e-3
    assert seen == [999.0, 499.5, 0.0]
    assert drive(diffusers.FlowMatchEulerDiscreteScheduler(), still, one, 3).item() == 1
    assert DDIMScheduler(thresholding=False).config.clip_sample is True


def test_eq_compat_prev():
    for spacing in ("linspace", "trailing", "leading"):
        assert gap(*both_ends("DDIMScheduler", SD | {"timestep_spacing": spacing}, 7)) < 1e-5


import inspect

import pytest


@pytest.mark.parametrize("name", SCHEDULERS)
def test_agreement(name):
    counts, every = (1, 2, 7, 20), settings(name)
    # 组合多的类轮流取一种步数，其余的全取 | classes with many combinations take the counts in turn
    turns = [(i + i // len(variants(name))) % 4 for i in range(len(every))]
    swept = [(config, n) for i, config in zip(turns, every) for n in (counts if len(every) < 80 else counts[i:i + 1])]
    for config, n in swept + corners(name):
        (fate, ours), (their_fate, theirs) = (walk(source, name, config, n) for source in (BOOK, diffusers))
        rule = rule_for(name, config, n)
        if rule is not None:
            assert fate == rule[3] and their_fate in rule[2].split(" or "), (config, n, rule[0], fate, their_fate)
            continue
        assert (fate, their_fate) == ("", ""), (config, n, fate, their_fate)
        if gap(ours, theirs) > 5e-6 and ("Heun" in name or name.startswith(("DEIS", "LMS", "UniPC"))):
            theirs = precise(name, config, n)  # 舍入的是 diffusers | the rounding is in diffusers
        assert gap(ours.double(), theirs.double()) < 5e-6, (config, n)


def test_every_rule_applies():
    used = {rule_for(name, config, n)[0] for name in SCHEDULERS for config, n in corners(name)
            if rule_for(name, config, n)}
    assert used == {rule[0] for rule in RULES}


@pytest.mark.parametrize("name, config, n, off", [
    ("HeunDiscreteScheduler", SD | {"timestep_spacing": "linspace"}, 2, 20),
    ("FlowMatchHeunDiscreteScheduler", {}, 2, 50),
    ("LMSDiscreteScheduler", SD | {"use_exponential_sigmas": True}, 100, 20),
    ("DEISMultistepScheduler", SD | {"solver_order": 3, "timestep_spacing": "trailing"}, 50, 50),
    ("DPMSolverSinglestepScheduler", SD | {"prediction_type": "v_prediction"}, 1000, 0),
])
def test_rounding(name, config, n, off):
    # 以 float64 为准，diffusers 的误差是书的 off 倍以上 | against float64 diffusers errs more than off times as much
    (ours, theirs), wide = both_ends(name, config, n), precise(name, config, n)
    error, their_error = (gap(x.double(), wide) for x in (ours, theirs))
    assert error < 1e-6 and their_error > off * error, (error, their_error)


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if not name.startswith("Flow")])
def test_carried(name):  # 别的类的选项只是带着 | options of other classes are only carried
    foreign = SD | {"clip_sample": True, "use_karras_sigmas": True, "final_sigmas_type": "sigma_min",
                    "timestep_spacing": "trailing", "set_alpha_to_one": True, "solver_order": 3,
                    "variance_type": "fixed_large"}
    assert gap(*both_ends(name, foreign, 7)) < 5e-6
    for wanted in (False, True):  # 没有写的取新类的默认值 | what was not set takes the new class's default
        spaced = {"timestep_spacing": "leading"} if wanted else {}
        made = [source.EulerDiscreteScheduler.from_config(getattr(source, name).from_config(SD | spaced).config)
                for source in (BOOK, diffusers)]
        assert made[0].config.timestep_spacing == made[1].config.timestep_spacing == ("leading" if wanted else "linspace")


@pytest.mark.parametrize("name, n, config", [
    ("DDIMScheduler", 1000, {"steps_offset": 0}), ("DDPMScheduler", 1000, {"steps_offset": 0}),
    ("EulerDiscreteScheduler", 1000, {"timestep_spacing": "linspace"}),
    ("FlowMatchEulerDiscreteScheduler", 1000, {"shift": 3.0}),
    ("PNDMScheduler", 50, {"skip_prk_steps": False}), ("UniPCMultistepScheduler", 50, {}),
    ("DPMSolverMultistepScheduler", 50, {"use_karras_sigmas": True}),
    ("DPMSolverMultistepScheduler", 3, {"use_karras_sigmas": True, "beta_schedule": "squaredcos_cap_v2"}), ("LMSDiscreteScheduler", 50, {}),
    ("LCMScheduler", 50, {}), ("DPMSolverSinglestepScheduler", 1000, {"prediction_type": "v_prediction"}),
])
def test_long_walks(name, n, config):
    config = config if name.startswith("Flow") else SD | config
    # DDPM：diffusers 用 float32 算 1 - ᾱ_t/ᾱ_s，步子短时相消 | diffusers takes 1 - ᾱ_t/ᾱ_s in float32
    assert gap(*both_ends(name, config, n)) < (5e-5 if name == "DDPMScheduler" else 1e-5)


@pytest.mark.parametrize("name", [name for name in SCHEDULERS
                                  if "rescale_betas_zero_snr" in SCHEDULERS[name].defaults])
def test_zero_terminal_snr(name):
    config = SD | {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}
    assert gap(*both_ends(name, config, 10)) < 1e-5


@pytest.mark.parametrize("name, given", [
    ("DDPMScheduler", {"timesteps": [900, 500, 77, 3]}), ("LCMScheduler", {"timesteps": [999, 499, 259]}),
    ("EulerDiscreteScheduler", {"timesteps": [900.5, 500, 77, 0]}), ("HeunDiscreteScheduler", {"timesteps": [900, 77, 3]}),
    ("DPMSolverMultistepScheduler", {"timesteps": [900, 500, 77, 3]}),
    ("DPMSolverSinglestepScheduler", {"timesteps": [900, 500, 77, 3]}),
    ("EulerDiscreteScheduler", {"sigmas": [14.615, 6.475, 1.09, 0.4, 0.0]}),
    ("FlowMatchEulerDiscreteScheduler", {"sigmas": [1.0, 0.7, 0.2]}),
    ("LCMScheduler", {"num_inference_steps": 4, "original_inference_steps": 100}),
    ("LCMScheduler", {"num_inference_steps": 4, "strength": 0.5}),
])
def test_given_grid(name, given):
    ends = []
    for source in (BOOK, diffusers):
        scheduler = getattr(source, name).from_config({} if name.startswith("Flow") else SD)
        lay = scheduler.set_timesteps
        scheduler.set_timesteps = lambda n: lay(**given)
        noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
        ends.append(drive(scheduler, smooth, noise, None, generator=torch.Generator().manual_seed(1)))
        ends.append(scheduler.timesteps.double())
    assert gap(*ends[::2]) < 5e-6 and torch.allclose(*ends[1::2])


@pytest.mark.parametrize("eta, clip, again", [(1.0, False, False), (0.5, True, True), (0.0, True, False)])
def test_ddim_options(eta, clip, again):
    config = SD | {"clip_sample": clip}
    assert gap(*both_ends("DDIMScheduler", config, 20, eta=eta, use_clipped_model_output=again)) < 1e-5


@pytest.mark.parametrize("name", SCHEDULERS)
def test_folders(name, tmp_path):
    ours, theirs = SCHEDULERS[name](), getattr(diffusers, name)()
    plain = {key: value for key, value in ours.config.items() if not key.startswith("_")}
    assert all(theirs.config[key] == value for key, value in plain.items())
    ours.save_pretrained(tmp_path)
    assert getattr(diffusers, name).from_pretrained(tmp_path).config.items() >= plain.items()
    theirs.save_pretrained(tmp_path)
    assert SCHEDULERS[name].from_pretrained(tmp_path).config.items() >= plain.items()
    back = SCHEDULERS[name].from_config(theirs.config)
    assert SCHEDULERS[name].from_config(back.config).config == back.config
    nested = SCHEDULERS[name].from_pretrained(tmp_path.parent, subfolder=tmp_path.name)
    assert nested.config.items() >= plain.items()
    assert all(each.from_config(ours.config).config._class_name == each.__name__ for each in ours.compatibles)


def test_trained_betas(tmp_path):
    made = [source.DDIMScheduler(trained_betas=np.linspace(0.01, 0.3, 50), num_train_timesteps=50)
            for source in (BOOK, diffusers)]
    made[0].save_pretrained(tmp_path)
    made.append(DDIMScheduler.from_pretrained(tmp_path))
    assert all(torch.allclose(each.alphas_cumprod, made[1].alphas_cumprod) for each in made)


@pytest.mark.parametrize("kind", ["exponential", "linear"])
def test_flux_grid(kind):
    ends = []
    for source in (BOOK, diffusers):
        scheduler = source.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, time_shift_type=kind)
        scheduler.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25], mu=0.8)
        ends.append(scheduler.timesteps)
    assert torch.allclose(*ends)


@pytest.mark.parametrize("name", ["DDPMScheduler", "DDIMScheduler", "EulerDiscreteScheduler", "PNDMScheduler"])
def test_one_step(name):  # 估计、元组、半精度、编号 | estimate, tuple, half precision, number
    x, y, found = torch.ones(2, 3), torch.full((2, 3), 0.3), []
    for source in (BOOK, diffusers):
        scheduler = getattr(source, name).from_config(SD)
        scheduler.set_timesteps(4)
        t = scheduler.timesteps[0]
        scale = scheduler.scale_model_input(x, t)
        seed = {} if name == "PNDMScheduler" else {"generator": torch.Generator().manual_seed(0)}
        found.append([scale, *scheduler.step(y, t, x, return_dict=False, **seed)])
    assert all(torch.allclose(a, b) for a, b in zip(*found)) and len(found[0]) == 3
    scheduler = SCHEDULERS[name].from_config(SD)
    scheduler.set_timesteps(4)
    assert scheduler.step_index is None
    half = scheduler.step(y.half(), t, x.half(), **seed)
    assert half.prev_sample.dtype == half.pred_original_sample.dtype == torch.float16
    assert scheduler.step_index == (None if name == "DDPMScheduler" or name == "DDIMScheduler" else 1)


@pytest.mark.parametrize("name", ["EulerDiscreteScheduler", "DPMSolverMultistepScheduler", "UniPCMultistepScheduler",
                                  "FlowMatchEulerDiscreteScheduler"])
def test_sigmas(name):
    both = [getattr(source, name)() for source in (BOOK, diffusers)]
    for each in both:
        each.set_timesteps(5)
    assert torch.allclose(*(each.sigmas for each in both))


def test_velocity():
    x0, eps = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0, 500, 999])
    both = [source.DDPMScheduler.from_config(SD).get_velocity(x0, eps, t) for source in (BOOK, diffusers)]
    assert torch.allclose(*both, atol=1e-6)


@pytest.mark.parametrize("start", [4, 5, 7])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_midway(name, start):  # 图生图：从中途开始 | image to image: a start midway
    ends, flow = [], name.startswith("Flow")
    x0, eps = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    for source in (BOOK, diffusers):
        scheduler = getattr(source, name).from_config({} if flow else SD)
        scheduler.set_timesteps(10)
        times = scheduler.timesteps[start * scheduler.order:]
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(start * scheduler.order)
        x = scheduler.scale_noise(x0, times[:1], eps) if flow else scheduler.add_noise(x0, eps, times[:1])
        scale = getattr(scheduler, "scale_model_input", lambda x, t: x)
        draws = "generator" in inspect.signature(scheduler.step).parameters
        options = {"generator": torch.Generator().manual_seed(1)} if draws else {}
        for t in times:
            y = eps if name.startswith("LMS") else smooth(scale(x, t), t)
            x = scheduler.step(y, t, x, **options).prev_sample
        ends.append(x)
    if name.startswith("LMS"):  # 给出真的 ε，就该到 x0；diffusers 用四阶的权重乘唯一的 ε | given the true ε, x0 is the end
        assert gap(ends[0], x0) < 1e-5 and gap(ends[1], x0) > 0.1
    else:
        assert gap(*ends) < 5e-6


def test_round_trip():
    there = EulerDiscreteScheduler.from_config(SD, timestep_spacing="trailing")
    back = DDIMScheduler.from_config(there.config)
    assert back.config.set_alpha_to_one is False and back.config.timestep_spacing == "trailing"
    assert EulerDiscreteScheduler.from_config(SD | {"_class_name": "PNDMScheduler"}).config.beta_end == 0.012


def test_trailing():
    for n in (61, 103, 457):
        scheduler = DDIMScheduler(timestep_spacing="trailing")
        scheduler.set_timesteps(n)
        assert len(scheduler.timesteps) == n and scheduler.timesteps[-1] >= 0


def test_errors():
    euler = EulerDiscreteScheduler()
    y, used = torch.zeros(1, 1), DPMSolverMultistepScheduler()
    used.set_timesteps(1)
    used.step(y, 999, y)
    for wrong in (
        lambda: euler.set_timesteps(0), lambda: euler.set_timesteps(1001), lambda: euler.set_timesteps(2.5),
        lambda: DDIMScheduler().step(y, 999, y), lambda: DPMSolverMultistepScheduler().step(y, 999, y),
        lambda: used.step(y, 999, y), lambda: DDIMScheduler(timestep_spcing="trailing"),
        lambda: DDIMScheduler(timestep_spacing="even"), lambda: DDIMScheduler(thresholding=True),
        lambda: DDIMScheduler.from_config({"thresholding": True}), lambda: DDIMScheduler(beta_schedule="nothing"),
        lambda: DDIMScheduler.from_config({"_class_name": "UNet2DModel"}), lambda: DDIMScheduler.from_config("here"),
        lambda: DDIMScheduler.from_config(FlowMatchEulerDiscreteScheduler().config),
        lambda: FlowMatchEulerDiscreteScheduler.from_config(DDIMScheduler().config),
        lambda: EulerDiscreteScheduler(use_karras_sigmas=True, use_beta_sigmas=True),
        lambda: PNDMScheduler().set_timesteps(2), lambda: PNDMScheduler(prediction_type="sample"),
        lambda: EulerAncestralDiscreteScheduler(prediction_type="sample"), lambda: LCMScheduler().set_timesteps(51),
        lambda: FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True).set_timesteps(4),
        lambda: DDPMScheduler(variance_type="learned_range"), lambda: euler.add_noise(y, y, torch.tensor([0.5])),
        lambda: euler.config.__setitem__("beta_end", 0.1), lambda: euler.set_timesteps(),
        lambda: euler.set_timesteps(2, timesteps=[9, 3]), lambda: euler.set_timesteps(timesteps=[3, 9]),
        lambda: euler.set_timesteps(timesteps=[1000, 9]), lambda: euler.set_timesteps(timesteps=[9, -1]),
        lambda: euler.set_timesteps(2, sigmas=[3.0, 1.0, 0.0]), lambda: euler.set_timesteps(sigmas=[1.0, 3.0, 0.0]),
        lambda: euler.set_timesteps(timesteps=[9, 3], sigmas=[3.0, 1.0, 0.0]),
        lambda: EulerDiscreteScheduler(use_karras_sigmas=True).set_timesteps(timesteps=[9, 3]),
        lambda: DDIMScheduler().set_timesteps(timesteps=[9, 3]), lambda: PNDMScheduler().set_timesteps(timesteps=[9, 3]),
        lambda: DPMSolverMultistepScheduler(timestep_spacing="leading").set_timesteps(1000),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)
