# 由 nbs/2_models/interlude_compat.ipynb 导出，不要手工修改
# exported from nbs/2_models/interlude_compat.ipynb, do not edit


from diffusion_book.compat import (
    DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, LCMScheduler, PNDMScheduler,
    SCHEDULERS, drive, inspect)


import math
import warnings

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


def both_ends(name, config, n, **options):
    # 同一份设置、噪声与网络，两边各走一遍 | the same configuration, noise and network, walked by both sides
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    return [drive(getattr(source, name).from_config(config) if source else SCHEDULERS[name].from_config(config),
                  smooth, noise, n, generator=torch.Generator().manual_seed(1), **options)
            for source in (None, diffusers)]


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
        "LMSDiscreteScheduler": karras, "HeunDiscreteScheduler": karras,
        "EulerDiscreteScheduler": [*karras, {"use_beta_sigmas": True}, {"use_exponential_sigmas": True},
                                   {"final_sigmas_type": "sigma_min"}],
        "DPMSolverMultistepScheduler": [*solvers, *early, {"use_beta_sigmas": True},
                                        {"euler_at_final": True, "final_sigmas_type": "sigma_min"}],
        "DPMSolverSinglestepScheduler": [*solvers, *early],
        "UniPCMultistepScheduler": [each | {"final_sigmas_type": last} for each in orders
                                    for last in ("zero", "sigma_min")]
                                   + [{"solver_type": "bh1", "final_sigmas_type": "sigma_min"}],
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
    kinds = kinds[:2] if name.startswith(("PNDM", "EulerAncestral")) else kinds
    return [SD | {"timestep_spacing": spacing, "prediction_type": kind} | each
            for spacing in spacings for kind in kinds for each in variants(name)]


def refuses(name, config, n):
    # diffusers 报错或给出 NaN 的组合 | combinations in which diffusers raises or returns NaN
    return (name == "PNDMScheduler" and not config["skip_prk_steps"] and n < 4) or (
        n == 1 and "shift_terminal" in config)

import numpy as np

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


def test_eq_compat_prev():
    for spacing in ("linspace", "trailing", "leading"):
        assert gap(*both_ends("DDIMScheduler", SD | {"timestep_spacing": spacing}, 7)) < 1e-5


import pytest


@pytest.mark.parametrize("name", SCHEDULERS)
def test_agreement(name):
    counts, every = (1, 2, 7, 20), settings(name)
    for i, config in enumerate(every):
        # 组合多的类轮流取一种步数，其余的全取 | classes with many combinations take the counts in turn
        turn = i + i // len(variants(name))
        for n in counts if len(every) < 60 else (counts[turn % 4],):
            if refuses(name, config, n):
                continue
            ours, theirs = both_ends(name, config, n)
            bound = 5e-5 if "Heun" in name and n == 2 else 1e-5
            if name.startswith("DEIS") and config["solver_order"] == 3 and n == 20:
                bound = 1e-4  # diffusers 的系数在 float32 里相消 | coefficients of diffusers cancel in float32
            assert gap(ours, theirs) < bound, (config, n)


@pytest.mark.parametrize("name, n, config", [
    ("DDIMScheduler", 1000, {"steps_offset": 0}), ("DDPMScheduler", 1000, {"steps_offset": 0}),
    ("EulerDiscreteScheduler", 1000, {"timestep_spacing": "linspace"}),
    ("FlowMatchEulerDiscreteScheduler", 1000, {"shift": 3.0}),
    ("PNDMScheduler", 50, {"skip_prk_steps": False}), ("UniPCMultistepScheduler", 50, {}),
    ("DPMSolverMultistepScheduler", 50, {"use_karras_sigmas": True}), ("LMSDiscreteScheduler", 50, {}),
    ("LCMScheduler", 50, {}),
])
def test_long_walks(name, n, config):
    config = config if name.startswith("Flow") else SD | config
    # DDPM：diffusers 用 float32 算 1 - ᾱ_t/ᾱ_s，步子短时相消 | diffusers takes 1 - ᾱ_t/ᾱ_s in float32
    assert gap(*both_ends(name, config, n)) < (5e-5 if name == "DDPMScheduler" else 1e-5)


@pytest.mark.parametrize("eta, clip, again", [(1.0, False, False), (0.5, True, True), (0.0, True, False)])
def test_ddim_options(eta, clip, again):
    config = SD | {"clip_sample": clip}
    assert gap(*both_ends("DDIMScheduler", config, 20, eta=eta, use_clipped_model_output=again)) < 1e-5


@pytest.mark.parametrize("name", SCHEDULERS)
def test_folders(name, tmp_path):
    ours, theirs = SCHEDULERS[name](), getattr(diffusers, name)()
    assert all(theirs.config[key] == value for key, value in ours.config.items() if key != "_class_name")
    ours.save_pretrained(tmp_path)
    assert getattr(diffusers, name).from_pretrained(tmp_path).config.items() >= ours.config.items() - {("_class_name", name)}
    theirs.save_pretrained(tmp_path)
    assert SCHEDULERS[name].from_pretrained(tmp_path).config.items() >= ours.config.items()
    back = SCHEDULERS[name].from_config(theirs.config)
    assert SCHEDULERS[name].from_config(back.config).config == back.config


def test_flux_grid():
    grid = {"use_dynamic_shifting": True}
    ends = []
    for source in (SCHEDULERS["FlowMatchEulerDiscreteScheduler"], diffusers.FlowMatchEulerDiscreteScheduler):
        scheduler = source.from_config(grid)
        scheduler.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25], mu=0.8)
        ends.append(scheduler.timesteps)
    assert torch.allclose(*ends)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_midway(name):  # 图生图：从中途开始 | image to image: a start midway
    config = {} if name.startswith("Flow") else SD | {"prediction_type": "v_prediction"}
    for start in (4, 5, 7):
        ends = []
        for source in (SCHEDULERS[name], getattr(diffusers, name)):
            scheduler = source.from_config(config)
            scheduler.set_timesteps(10)
            times = scheduler.timesteps[start * scheduler.order:]
            x0, eps = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
            if hasattr(scheduler, "set_begin_index") and name != "PNDMScheduler":
                scheduler.set_begin_index(start * scheduler.order)
            noisy = scheduler.scale_noise if name.startswith("Flow") else scheduler.add_noise
            x = noisy(x0, times[:1], eps) if name.startswith("Flow") else noisy(x0, eps, times[:1])
            scale = getattr(scheduler, "scale_model_input", lambda x, t: x)
            seed = {"generator": torch.Generator().manual_seed(1)}
            seed = seed if "generator" in inspect.signature(scheduler.step).parameters else {}
            for t in times:
                x = scheduler.step(smooth(scale(x, t), t), t, x, **seed).prev_sample
            ends.append(x)
        print(name, start, gap(*ends))


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
        lambda: DDIMScheduler().step(y, 999, y), lambda: euler.step(y, euler.timesteps[0], y),
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
        lambda: euler.config.__setitem__("beta_end", 0.1),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error)
        else:
            raise AssertionError(wrong)
