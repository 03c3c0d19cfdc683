# 由 nbs/0_start/2_page_tools.ipynb 导出，不要手工修改
# exported from nbs/0_start/2_page_tools.ipynb, do not edit


from diffusion_book.viz import (
    Html, PALETTE, animation, axes, contrast, data_uri, figure, glue, luminance, pictures, slider,
    spans, sprite, table, to_pil)


import io
import os
import re
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image

def refuses(call, *given):
    try:
        call(*given)
    except ValueError as error:
        return str(error)

static = patch.dict(os.environ, {"DIFFUSION_BOOK_STATIC": "1"})


def test_eq_pixel_value():
    x = torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0, 3.0, -3.0]).expand(3, 1, 7)
    assert np.asarray(to_pil(x))[0, :, 0].tolist() == [0, 64, 128, 191, 255, 255, 0]
    assert np.asarray(to_pil(x, range=(-3, 3)))[0, :, 0].tolist() == [85, 106, 128, 149, 170, 255, 0]


def test_to_pil():
    x = torch.linspace(-1, 1, 12).view(1, 3, 4)
    assert to_pil(x).size == (4, 3) and to_pil(x, scale=5).size == (20, 15)
    assert np.array_equal(np.asarray(to_pil(x, scale=2))[::2, ::2], np.asarray(to_pil(x)))
    for bad in (x[None], x[0], torch.zeros(2, 4, 4), x * float("nan")):
        assert refuses(to_pil, bad)


def test_eq_sprite_cell():
    frames = [Image.new("RGB", (5, 3), (10 * i, 0, 0)) for i in range(7)]
    sheet, columns = sprite(frames)
    assert columns == 3 and sheet.size == (15, 9)
    assert sheet.getpixel((14, 0)) == (20, 0, 0) and sheet.getpixel((0, 3)) == (30, 0, 0)
    assert sheet.getpixel((4, 8)) == (60, 0, 0)
    assert refuses(sprite, [frames[0], Image.new("RGB", (3, 5))])


def test_data_uri():
    from base64 import b64decode
    from io import BytesIO
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8))
    kind, content = data_uri(noise).split(";base64,")
    assert kind == "data:image/webp"
    assert np.array_equal(np.asarray(Image.open(BytesIO(b64decode(content)))), np.asarray(noise))


def test_spans():
    both = spans("噪声 | noise")
    assert both.count("db-lang") == 2 and 'lang="zh"' in both and "noise" in both
    assert spans("a < b") == "a &lt; b" and spans(0.123456) == "0.1235" and spans(3) == "3"
    assert spans(Html("<b>x</b>")) == "<b>x</b>"


def test_slider_static():
    drawn = []
    def draw(k):
        drawn.append(k)
        return torch.full((3, 4, 6), k / 5 * 2 - 1)
    with static:
        page = slider(draw, range(5), "灰度 | grey levels", label="k", start=2)
    assert drawn == [0, 1, 2, 3, 4] and page.count("<svg") == 1 and 'viewBox="0 0 6 4"' in page
    assert 'max="4"' in page and 'value="2"' in page and 'x="-12" y="0"' in page
    assert "http" not in page and "display:none" in page
    name = re.search(r'<figure[^>]* id="([^"]+)"', page)[1]
    assert f'for="{name}-r"' in page and f'<input id="{name}-r"' in page
    assert f'aria-labelledby="{name}-c"' in page and f'<figcaption id="{name}-c"' in page
    with static:
        again = slider(draw, range(5), "灰度 | grey levels", label="k", start=2)
    assert again.replace(f"{name}-2", name) == page != again
    assert refuses(slider, draw, range(5), "x | x", "k", 5)
    assert refuses(slider, draw, range(5), "x | x", "")


def test_animation_static():
    with static:
        page = animation(lambda k: torch.full((3, 4, 4), k / 9), range(9), "变亮 | brighter", fps=4)
    assert page.count("<button") == 1 and 'data-fps="4"' in page and "<input" in page
    assert "prefers-reduced-motion" in page and page.count('data-k="8"') == 1


def test_slider_is_live_with_a_kernel():
    import nbformat
    from nbclient import NotebookClient
    code = """import torch
from diffusion_book.viz import slider
slider(lambda k: torch.zeros(3, 4, 4), [1, 2], 'x | x')"""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    for asked, kind in (("0", "application/vnd.jupyter.widget-view+json"), ("1", "text/html")):
        with patch.dict(os.environ, {"DIFFUSION_BOOK_STATIC": asked}):
            output = NotebookClient(nb, kernel_name="python3").execute().cells[0].outputs[-1]
        assert kind in output["data"] and ("text/html" in output["data"]) == (asked == "1")


def test_slider_moves_in_a_browser():
    import shutil
    import tempfile
    import pytest
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None and os.environ.get("CI") != "true":
        pytest.skip("没有 Chromium | no Chromium")
    from playwright.sync_api import sync_playwright
    def grey(k):
        return torch.full((3, 2, 2), k / 8 * 2 - 1)
    with static:
        widgets = slider(grey, range(9), "灰度 | grey", "k")
        widgets += animation(grey, range(9), "变亮 | up", "k", 20)
    with sync_playwright() as p, tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/x.html", "w", encoding="utf-8") as f:
            f.write(f"<!doctype html><html lang=en><meta charset=utf-8><title>x</title>{widgets}")
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(reduced_motion="reduce")
        problems, seen = [], []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"file://{folder}/x.html")
        handle, played = page.locator("input").nth(0), page.locator("input").nth(1)
        handle.focus()
        for k in range(9):
            shot = Image.open(io.BytesIO(page.locator("svg").first.screenshot())).convert("RGB")
            seen.append(shot.getpixel((shot.width // 2, shot.height // 2))[0])
            assert handle.get_attribute("aria-valuetext") == str(k)
            page.keyboard.press("ArrowRight")
        assert seen == [round(k / 8 * 255) for k in range(9)], seen
        assert played.input_value() == "0"
        page.get_by_role("button").click()
        page.wait_for_function("document.querySelectorAll('input')[1].value > 0")
        page.get_by_role("button").click()
        stopped = played.input_value()
        page.wait_for_timeout(300)
        assert played.input_value() == stopped and problems == []
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(f"file://{folder}/x.html")
        assert page.locator("svg").first.is_visible() and not page.locator("input").first.is_visible()
        browser.close()


def test_eq_relative_luminance():
    assert luminance("#ffffff") == 1 and luminance("#000000") == 0
    assert abs(luminance("#bcbcbc") - 0.5) < 0.004   # sRGB 188: 一半的光 | half the light
    assert luminance("#ff0000") < luminance("#00ff00")
    assert abs(luminance("#0a0a0a") - 10 / 255 / 12.92) < 1e-9


def test_eq_contrast_ratio():
    # 黑与白是 21；#767676 是白底上恰好够 4.5 的灰 | black on white is 21; #767676 just passes 4.5 on white
    assert abs(contrast("#000000", "#ffffff") - 21) < 1e-9
    assert contrast("#ffffff", "#767676") > 4.5 > contrast("#ffffff", "#777777")
    assert contrast("#123456", "#123456") == 1


def test_palette():
    for c in PALETTE:
        assert contrast(c, "#ffffff") >= 3 and contrast(c, "#14181e") >= 3, c


def test_palette_for_colour_vision_deficiency():
    # Machado 等（2009）的矩阵，程度 1.0 | matrices of Machado et al. (2009), severity 1.0
    protan = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
              [-0.003882, -0.048116, 1.051998]]
    deutan = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
              [-0.011820, 0.042940, 0.968881]]
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])
    u = np.array([[int(c[i:i + 2], 16) / 255 for i in (1, 3, 5)] for c in PALETTE])
    light = np.where(u <= 0.04045, u / 12.92, ((u + 0.055) / 1.055) ** 2.4)
    for seen in (np.eye(3), np.array(protan), np.array(deutan)):
        f = np.cbrt((light @ seen.T).clip(1e-6, 1) @ to_xyz.T / [0.95047, 1, 1.08883])
        lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
        apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
        assert apart[~np.eye(len(PALETTE), dtype=bool)].min() > 20


def test_figure():
    fig, ax = axes()
    ax.plot([0, 1], [0, 1])
    ax.set_title("$x_t$")
    page = figure(fig, "一条线 | a line")
    assert 'role="img"' in page and PALETTE[0] in page
    assert "currentColor" in page and "#000000" not in page
    assert "<metadata" not in page and "<style" not in page and "<text" not in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) and all(i.startswith("db-") for i in ids)
    assert all(target in ids for target in re.findall(r'href="#([^"]+)"', page))
    again = figure(fig, "一条线 | a line")
    assert not set(ids) & set(re.findall(r' id="([^"]+)"', again))


def test_missing_glyph():
    fig, ax = axes()
    ax.set_title("噪声")
    assert "glyph" in refuses(figure, fig, "字体画不出的标题 | a title that the font cannot draw")


def test_pictures_and_table():
    page = pictures(torch.zeros(4, 3, 8, 8), "四张 | four", columns=2, scale=3)
    assert page.count("<img") == 4 and "repeat(2,minmax(0,24px))" in page and 'role="img"' in page
    page = pictures([Image.new("L", (8, 8))], "一张 | one", titles=["灰 | grey"])
    assert 'role="group"' in page and "grey" in page
    assert refuses(pictures, torch.zeros(2, 3, 8, 8), "x | x", ["a"])
    assert refuses(pictures, ["not a picture"], "x | x")
    page = table([[1, "是 | yes"], [0.123456, "<"]], ["n", "a"], "表 | table")
    assert page.count("<tr>") == 3 and "0.1235" in page and "&lt;" in page and 'scope="col"' in page
    assert refuses(table, [[1, 2, 3]], ["n", "a"])
    assert refuses(glue, "Not a name", 1) and glue("a_name_2", 1) is None
