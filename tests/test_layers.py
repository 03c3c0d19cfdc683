# 由 nbs/2_models/3_unet.ipynb 导出，不要手工修改
# exported from nbs/2_models/3_unet.ipynb, do not edit


from diffusion_book.layers import (
    Attention, F, ResidualBlock, TransformerBlock, math, nn, receptive_field, timestep_embedding,
    torch)
from diffusion_book.unet import UNet, flops, saved_bytes


from diffusers import UNet2DConditionModel, UNet2DModel

CIFAR10 = dict(
    in_channels=3, out_channels=3, block_out_channels=(128, 256, 256, 256), layers_per_block=2,
    down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    attention_head_dim=None, downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6,
)
SD15 = dict(
    in_channels=4, out_channels=4, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2,
    down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    attention_head_dim=8, cross_attention_dim=768,
)
SDXL = SD15 | dict(
    block_out_channels=(320, 640, 1280), cross_attention_dim=2048,
    down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2,
    up_block_types=("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",),
    attention_head_dim=(5, 10, 20), transformer_layers_per_block=(1, 2, 10), use_linear_projection=True,
    addition_embed_type="text_time", addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=2816,
)
NARROW = dict(block_out_channels=(32, 64, 64, 64), norm_num_groups=8, cross_attention_dim=24)
TINY1 = SD15 | NARROW | dict(layers_per_block=1, attention_head_dim=4)
TINY2 = TINY1 | dict(use_linear_projection=True, attention_head_dim=(1, 2, 4, 4), upcast_attention=True)
TINYXL = SDXL | NARROW | dict(
    block_out_channels=(32, 64, 64), attention_head_dim=(2, 4, 8), transformer_layers_per_block=(1, 2, 3),
    addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 20,
)
TINY_DDPM = CIFAR10 | dict(block_out_channels=(32, 64, 64, 64), norm_num_groups=8)


def disagreement(kind, config, size=16, added=None):
    """同样的权重、同样的输入，输出的相对误差 | relative error of the outputs, with the same weights and inputs"""
    torch.manual_seed(0)
    theirs = kind(**config).eval()
    ours = UNet.from_config(theirs.config).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    x, t = torch.randn(2, config["in_channels"], size, size), torch.tensor([10, 700])
    cond, more, extra = None, {}, dict(added or {})
    if kind is UNet2DConditionModel:
        cond = torch.randn(2, 7, config["cross_attention_dim"])
        more = {k: extra.pop(k) for k in ("class_labels", "timestep_cond") if k in extra}
        more |= dict(encoder_hidden_states=cond, added_cond_kwargs=extra)
    with torch.no_grad():
        wanted, got = theirs(x, t, **more).sample, ours(x, t, cond, added)
    return ((got - wanted).norm() / wanted.norm()).item()


CASES = {
    "DDPM": (UNet2DModel, TINY_DDPM),
    "DDPM, several heads": (UNet2DModel, TINY_DDPM | dict(attention_head_dim=16)),
    "SD 1.x": (UNet2DConditionModel, TINY1),
    "SD 1.x, 15 × 15": (UNet2DConditionModel, TINY1, 15),
    "SD 1.x inpainting": (UNet2DConditionModel, TINY1 | dict(in_channels=9)),
    "SD 2.x": (UNet2DConditionModel, TINY2),
    "SD x4 upscaler": (UNet2DConditionModel, TINY2 | dict(in_channels=7, num_class_embeds=1000), 16,
                       dict(class_labels=torch.tensor([20, 350]))),
    "SD unCLIP": (UNet2DConditionModel, TINY2 | dict(
        class_embed_type="projection", projection_class_embeddings_input_dim=12), 16,
        dict(class_labels=torch.linspace(-1, 1, 24).reshape(2, 12))),
    "class as a time": (UNet2DConditionModel, TINY1 | dict(class_embed_type="timestep"), 16,
                        dict(class_labels=torch.tensor([3, 500]))),
    "LCM": (UNet2DConditionModel, TINY1 | dict(time_cond_proj_dim=10), 16,
            dict(timestep_cond=torch.linspace(-1, 1, 20).reshape(2, 10))),
    "tiny-sd, no middle": (UNet2DConditionModel, TINY1 | dict(mid_block_type=None)),
    "SDXL": (UNet2DConditionModel, TINYXL, 16, dict(
        text_embeds=torch.linspace(-1, 1, 40).reshape(2, 20),
        time_ids=torch.tensor([[1024.0, 768, 0, 0, 1024, 1024]] * 2))),
}


def test_eq_receptive_field():
    layers = [(3, 1), (3, 2), (5, 1), (3, 2), (3, 1)]
    x = torch.zeros(1, 1, 64, 64, requires_grad=True)
    h = x
    for kernel, stride in layers:
        h = F.conv2d(h, torch.ones(1, 1, kernel, kernel), stride=stride, padding=kernel // 2)
    h[0, 0, 8, 8].backward()
    seen = (x.grad[0, 0] != 0).any(0).sum()
    assert seen == receptive_field(layers)


def test_eq_group_norm():
    torch.manual_seed(0)
    norm = ResidualBlock(6, 6, groups=3, eps=0.25).norm1
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = 5 + torch.randn(2, 6, 4, 4) * torch.tensor([1.0, 1, 2, 2, 9, 9]).reshape(6, 1, 1)
    for c in range(6):
        group = x[:, c // 2 * 2 : c // 2 * 2 + 2].flatten(1)
        mean, var = group.mean(1), group.var(1, unbiased=False)
        wanted = (x[:, c] - mean[:, None, None]) / (var[:, None, None] + 0.25).sqrt()
        assert torch.allclose(norm(x)[:, c], norm.weight[c] * wanted + norm.bias[c], atol=1e-5)


def test_eq_block_count():
    def count(network):
        return sum(p.numel() for p in network.parameters())


    assert count(ResidualBlock(16, 24, 10, groups=4)) == 3456 + 5184 + 240 + 384 + 32 + 120 + 24
    assert count(ResidualBlock(16, 16, 10, groups=4)) == 2304 + 2304 + 160 + 32 + 80


def test_eq_residual_variance():
    torch.manual_seed(0)
    h = torch.randn(16, 32, 8, 8)
    predicted = h.var()
    with torch.no_grad():
        for _ in range(12):
            block = ResidualBlock(32, 32, groups=8)
            nn.init.normal_(block.conv2.weight, std=(9 * 32) ** -0.5)
            out = block(h)
            predicted += (out - h).var()
            h = out
    assert abs(h.var() / predicted - 1) < 0.05


def test_eq_sinusoid():
    slopes = timestep_embedding(torch.tensor([0.01]), 8)[0, 4:] / 0.01
    assert torch.allclose(slopes, torch.tensor([1.0, 0.1, 0.01, 0.001]), rtol=1e-3)


def test_eq_time_kernel():
    e = timestep_embedding(torch.tensor([0, 10, 690, 700]), 8)
    wanted = sum(math.cos(10 * omega) for omega in (1, 0.1, 0.01, 0.001))
    assert abs(e[1] @ e[0] - wanted) < 1e-4
    assert abs(e[3] @ e[2] - wanted) < 1e-3
    assert abs(e[3] @ e[3] - 4) < 1e-4


def test_eq_attention():
    torch.manual_seed(0)
    layer = Attention(8, heads=2, cond_dim=3)
    x, cond = torch.randn(1, 5, 8), torch.randn(1, 6, 3)
    q, k, v = layer.to_q(x)[0], layer.to_k(cond)[0], layer.to_v(cond)[0]
    rows = []
    for i in range(5):
        row = []
        for part in (slice(0, 4), slice(4, 8)):
            weight = [math.exp((q[i, part] @ k[j, part]).item() / 2) for j in range(6)]
            row.append(sum(w * v[j, part] for j, w in enumerate(weight)) / sum(weight))
        rows.append(torch.cat(row))
    assert torch.allclose(layer(x, cond)[0], layer.to_out(torch.stack(rows)), atol=1e-5)


def test_eq_attention_scale():
    torch.manual_seed(0)
    layer = Attention(64, heads=1).double()
    for linear in (layer.to_q, layer.to_k, layer.to_v, layer.to_out[0]):
        nn.init.eye_(linear.weight)
    nn.init.zeros_(layer.to_out[0].bias)
    x, cond = torch.randn(1, 500, 64).double(), torch.randn(1, 32, 64).double()
    with torch.no_grad():
        weights = torch.linalg.lstsq(cond[0].T, layer(x, cond)[0].T).solution
    assert abs(weights.clamp(min=1e-300).log().var(0).mean() - 1) < 0.1


def test_attention_facts():
    torch.manual_seed(0)
    layer, order = Attention(8, heads=2), torch.randperm(6)
    x = torch.randn(2, 6, 8)
    assert torch.allclose(layer(x[:, order]), layer(x)[:, order], atol=1e-6)
    layer = Attention(8, heads=2, cond_dim=3)
    out = layer(x, torch.randn(2, 1, 3))
    assert (out - out[:, :1]).abs().max() < 1e-6


def test_eq_transformer_count():
    block = TransformerBlock(16, 2, 24)
    assert sum(p.numel() for p in block.parameters() if p.ndim == 2) == 18 * 256 + 2 * 16 * 24


def test_unets():
    for name, case in CASES.items():
        assert disagreement(*case) <= 1e-5, name


def test_cifar10():
    assert disagreement(UNet2DModel, CIFAR10, 32) <= 1e-5


def test_sd15():
    assert disagreement(UNet2DConditionModel, SD15, 32) <= 1e-5


def test_parameter_counts():
    def size_of(config):
        with torch.device("meta"):
            network = UNet.from_config(config)
        return sum(p.numel() for p in network.parameters()), len(network.state_dict())


    assert size_of(CIFAR10)[0] == 35_746_307
    assert size_of(SD15) == (859_520_964, 686)
    assert size_of(SD15 | dict(in_channels=9))[0] == 859_535_364
    assert size_of(SDXL) == (2_567_463_684, 1680)


def test_eq_flops():
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    small = UNet.from_config(TINY1 | dict(down_block_types=("CrossAttnDownBlock2D", "AttnDownBlock2D") * 2))
    inputs = torch.randn(2, 4, 16, 16), torch.tensor([1, 2]), torch.randn(2, 7, 24)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        small(*inputs)
    assert sum(flops(small, *inputs).values()) == counter.get_total_flops()


def test_eq_block_memory():
    x, emb = torch.randn(2, 16, 8, 8, requires_grad=True), torch.randn(2, 10)
    assert saved_bytes(ResidualBlock(16, 24, 10, groups=4), x, emb) == 4 * 2 * (3 * 64 * (16 + 24) + 4 * 4 + 10)
    assert saved_bytes(ResidualBlock(16, 16, 10, groups=8), x, emb) == 4 * 2 * (3 * 64 * (16 + 16) + 4 * 8 + 10)


def test_errors():
    net, crossed = UNet.from_config(TINY_DDPM), UNet.from_config(TINY1 | dict(num_class_embeds=5))
    x, t, cond, label = torch.zeros(2, 3, 16, 16), torch.zeros(2), torch.zeros(2, 7, 24), dict(class_labels=torch.zeros(2).long())
    y = torch.zeros(2, 4, 16, 16)
    for wrong, name in (
        (lambda: net(x[:, :2], t), "x"),
        (lambda: net(x[0], t), "x"),
        (lambda: net(x.to(torch.uint8), t), "x"),
        (lambda: net(x, torch.zeros(3)), "t.shape"),
        (lambda: net(x, t, cond), "cond"),
        (lambda: crossed(y, t, None, label), "cond"),
        (lambda: crossed(y, t, cond[:1], label), "cond"),
        (lambda: crossed(y, t, cond[:, :, :20], label), "cond"),
        (lambda: crossed(y, t, cond), "added"),
        (lambda: crossed(y, t, cond, label | dict(time_ids=t)), "added"),
        (lambda: UNet.from_config(TINY1 | dict(act_fn="relu")), "act_fn"),
        (lambda: UNet.from_config(TINY1 | dict(dual_cross_attention=True)), "dual_cross_attention"),
        (lambda: UNet.from_config(TINY1 | dict(class_embed_type="identity")), "class_embed_type"),
        (lambda: UNet.from_config(TINY1 | dict(block_out_channels=(32, 64))), "block_out_channels"),
        (lambda: UNet.from_config(TINY1 | dict(mid_block_type="UNetMidBlock2DSimpleCrossAttn")), "mid_block_type"),
    ):
        try:
            wrong()
        except ValueError as error:
            assert " | " in str(error) and str(error).startswith(name), (name, error)
        else:
            raise AssertionError(name)
