# 由 nbs/appendix/4_the_site.ipynb 导出，不要手工修改
# exported from nbs/appendix/4_the_site.ipynb, do not edit


from diffusion_book.book.site import (
    LANGS, Path, ROOT, _entry, _formula, _marks, ast, build, execute, execution_key, finished,
    front, functools, heading_ids, html, json, links, needed, notebooks, os, re, read_notebook,
    runs, server, settings, shutil)


import tempfile

import contextlib, gzip, threading
from types import SimpleNamespace

@functools.cache
def pages():
    """建好网站，列出所有页面 | build the site and list its pages"""
    build()
    site = ROOT / "_build/site"
    return sorted(path.relative_to(site).as_posix() for path in site.glob("[ze][hn]/**/*.html"))

@contextlib.contextmanager
def browsing(base="/", **options):
    """真正的浏览器与本机服务器 | a real browser and a local server"""
    import pytest
    from playwright.sync_api import sync_playwright
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, (
        "chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if program is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium on this machine")
    pages()
    web = server(ROOT / "_build/site", base=base)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=[
            "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        page = browser.new_context(**options).new_page()
        seen = SimpleNamespace(page=page, url=f"http://127.0.0.1:{web.server_port}{base}", faults=[], sizes=[])
        page.on("console", lambda m: m.type in ("error", "warning") and seen.faults.append(m.text))
        page.on("pageerror", lambda error: seen.faults.append(str(error)))
        page.on("requestfailed", lambda request: request.failure == "net::ERR_ABORTED"   # 已离开那一页 | left that page
                or seen.faults.append(f"failed: {request.url}"))
        def answered(response):
            seen.sizes.append(response)
            if response.status >= 400 or not response.url.startswith((seen.url, "data:", "blob:")):
                seen.faults.append(f"{response.status} {response.url}")
        page.on("response", answered)
        try:
            yield seen
        finally:
            browser.close()
            web.shutdown()


def test_execution_key():
    root = Path(tempfile.mkdtemp())
    (root / "diffusion_book").mkdir()
    for name, text in {"a": "x = 1", "b": "from .a import x", "c": "y = 2"}.items():
        (root / f"diffusion_book/{name}.py").write_text(text)
    def cell(kind, source):
        return {"cell_type": kind, "source": source, "metadata": {}}
    code = cell("code", "from diffusion_book.b import x")
    nb = {"cells": [cell("markdown", "prose"), code]}
    before = execution_key(nb, root)
    reworded = {"cells": [cell("markdown", "other prose"), code, cell("code", "#| pytest late\n1/0")]}
    assert execution_key(reworded, root) == before
    assert execution_key({"cells": [code, cell("code", "1 + 1")]}, root) != before
    (root / "diffusion_book/c.py").write_text("y = 3")      # 没有被导入 | not imported
    assert execution_key(nb, root) == before
    (root / "diffusion_book/a.py").write_text("x = 2")      # 经由 b 导入 | imported by way of b
    assert execution_key(nb, root) != before


def test_heading_ids():
    def prose(lang, text):
        return {"cell_type": "markdown", "source": text, "metadata": {"tags": [f"lang-{lang}"]}}
    nb = {"cells": [{"cell_type": "markdown", "source": "# 前向 | Forward", "metadata": {}},
                    prose("zh", "## 一步到位\n\n正文"), prose("en", "## In one step\n\ntext"),
                    prose("zh", "## 练习"),
                    prose("en", "## Exercises\n```\n# no heading\n```\n### In one step")]}
    ids = heading_ids(nb)
    assert ids[:3] == ["forward", "in-one-step", "exercises"]
    assert len(ids) == 4 and len(set(ids)) == 4


def test_api_page():
    source = '''def spread(x: int,  # 个数 | how many | at least 1
               ) -> int:  # 两倍 | twice as many
        """加倍 | double it"""'''
    made = "\n".join(_entry(ast.parse(source).body[0], source, "en"))
    assert "how many · at least 1" in made and "double it" in made
    assert "| `→` | twice as many |" in made
    assert not re.search("[\u4e00-\u9fff]", made)


def test_marks_join_their_formula():
    import contextlib
    from types import SimpleNamespace
    from docutils import nodes
    from docutils.utils import new_document

    def written(*parts, bases=1):
        """写出的公式，与留在两边的文字；None 处是公式 | formulas as written, and the text left beside them; None is a formula"""
        document, line = new_document(""), nodes.paragraph()
        line += [nodes.math("", "x") if part is None else nodes.Text(part) for part in parts]
        document += line
        _marks(None, document)
        text = '<i class="base">x</i>' * bases
        page = SimpleNamespace(body=[], builder=SimpleNamespace(app=SimpleNamespace(book_formula=lambda *_: text)))
        for node in line.findall(nodes.math):
            with contextlib.suppress(nodes.SkipNode):
                _formula(False)[0](page, node)
        return page.body, [part.astext() for part in line if isinstance(part, nodes.Text)]

    x, kept = '<i class="base">x</i>', '<span class="db-keep">{}</span>'
    assert written("设（", None, "），则", None, "。") == ([kept.format(f"（{x}），"), kept.format(f"{x}。")], ["设", "则", ""])
    assert written("let ", None, " be") == ([x], ["let ", " be"]) and written(None) == ([x], [])
    assert written("(", None, ")", bases=2) == ([f"({x}{x})"], ["", ""])   # 会折断的，不裹 | one that may break is not wrapped
    assert written(None, "、", None) == ([kept.format(f"{x}、"), x], [""])


def test_links():
    assert links("a/b", "en", {"user": "", "git_url": ""}) == {"download": "en/notebooks/a/b.ipynb"}
    full = links("a/b", "zh", {"user": "u", "repo": "r", "git_url": "https://github.com/u/r"})
    assert full["colab"].endswith("/u/r/blob/notebooks/zh/a/b.ipynb")
    assert full["edit"] == "https://github.com/u/r/edit/main/nbs/a/b.ipynb"


def test_finished():
    import base64
    picture = "data:image/png;base64," + base64.b64encode(bytes(20_000)).decode()
    root = Path(tempfile.mkdtemp())
    (root / "nbs").mkdir()
    (root / "nbs/chapters.yml").write_text("- part: p\n  chapters:\n  - {file: a/x, title: 1.2 T}\n")
    made = finished(f'<img src="{picture}"><img src="data:image/png;base64,AAAA">', "../", root)
    assert made.count("data:") == 1 and len(list((root / "_build/media").glob("*.png"))) == 1
    assert finished('<a href="../a/x.html#equation-y">(3)</a>', "", root).endswith(">1.2 (3)</a>")


def test_site_pages():
    with browsing(viewport={"width": 360, "height": 760}) as seen:
        seen.page.goto(seen.url + pages()[0])                       # 浏览器自己的启动 | the browser's own start
        for name in pages():
            seen.sizes.clear()
            timings = []
            while len(timings) < 5 and min(timings, default=9e9) > 1000:    # 机器忙时再试 | once more if the machine is busy
                seen.page.goto(f"{seen.url}{name}?{len(timings)}", wait_until="load")
                timings.append(seen.page.evaluate(
                    "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"))
            assert min(timings) < 1000, (name, timings)
            width = seen.page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, (name, width)
            files = {(ROOT / "_build/site" / r.url.split("?")[0].removeprefix(seen.url)) for r in seen.sizes}
            page = ROOT / "_build/site" / name
            text = re.sub(r"data:image/[^\"')]+", "", page.read_text(encoding="utf-8"))
            heavy = {path for path in files if path.suffix in (".css", ".js", ".mjs", ".woff2")}
            weight = len(gzip.compress(text.encode())) + sum(len(gzip.compress(p.read_bytes())) for p in heavy)
            assert weight < 1_000_000, (name, weight)
        assert not seen.faults, seen.faults


def test_site_accessible():
    from axe_playwright_python.sync_playwright import Axe
    from concurrent.futures import ThreadPoolExecutor
    wcag = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    contrast = {"type": "rule", "values": ["color-contrast"]}
    # 拿掉读屏软件跳过的公式字形；代码的颜色只查一页 | glyphs that screen readers skip; code on one page alone
    lighter = """code => { document.querySelectorAll('.katex-html').forEach(e => e.remove());
  if (code) document.querySelectorAll('.highlight pre').forEach(e => { e.textContent = e.textContent }); }"""
    ready = "!document.querySelector('script[src*=book]') || 'ready' in document.documentElement.dataset"
    everything = [*pages(), "index.html#choose", "404.html"]
    def scan(job):
        scheme, names, rules = job
        found = []
        with browsing(color_scheme=scheme, reduced_motion="reduce") as seen:
            for name in names:
                seen.page.goto(seen.url + name, wait_until="load")
                seen.page.wait_for_function(ready)
                seen.page.evaluate(lighter, "4_the_site" not in name)
                options = {"runOnly": rules, "resultTypes": ["violations"]}
                for fault in Axe().run(seen.page, options=options).response["violations"]:
                    nodes = [node["html"][:160] for node in fault["nodes"][:3]]
                    found.append(f"{scheme} {name}: {fault['id']} {nodes}")
        return found
    # 暗色只改颜色，与语言无关 | dark mode changes colours alone, whatever the language
    dark = [name for name in everything if not name.startswith("zh/")]
    halves = [("light", everything[::2], wcag), ("light", everything[1::2], wcag), ("dark", dark, contrast)]
    with ThreadPoolExecutor(2) as pool:
        found = [fault for faults in pool.map(scan, halves) for fault in faults]
    assert not found, "\n".join(found)


def test_site_links():
    from urllib.parse import unquote
    site, ids, broken = ROOT / "_build/site", {}, []
    everything = [*pages(), "index.html", "404.html"]
    for name in everything:
        text = (site / name).read_text(encoding="utf-8")
        ids[name] = set(re.findall(r"""\sid=["']?([^"'\s>]+)""", text)) | {""}
    for name in everything:
        text = re.sub(r"<script.*?</script>", "", (site / name).read_text(encoding="utf-8"), flags=re.S)
        for link in map(html.unescape, re.findall(r"""<[^>]*?\s(?:href|src)=["']([^"']*)["']""", text)):
            if re.match(r"(https?|mailto|data):", link):
                assert "<link" not in link and not re.search(rf'src="{re.escape(link)}"', text) or link[:4] == "data"
                continue
            path, _, anchor = unquote(link).partition("#")
            path = path.split("?")[0]
            target = (site / name).parent.joinpath(path).resolve() if path else site / name
            target = target / "index.html" if target.is_dir() else target
            key = target.relative_to(site.resolve()).as_posix() if target.exists() else None
            if key is None or (key in ids and anchor not in ids[key] | {"choose"}):
                broken.append(f"{name}: {link}")
    assert not broken, "\n".join(broken)


def test_site_formulas():
    formulas = kept = 0
    for name in pages():
        text = (ROOT / "_build/site" / name).read_text(encoding="utf-8")
        formulas += text.count('class="katex"')
        kept += text.count('class="db-keep"')
        assert "katex-error" not in text, name
        text = re.sub(r"<(pre|code|script|style|annotation|svg)\b.*?</\1>|<[^>]+>", " ", text, flags=re.S)
        raw = re.search(r"\\[a-zA-Z]{3,}|\$\$|\{(?:eq|ref|cite|term|glue|chapter)[:\w]*\}`|:::", text)
        assert raw is None, (name, raw and raw[0])
    assert formulas > 100 and kept > 100


def test_site_languages_agree():
    for name in (name for name in pages() if name.startswith("zh/")):
        both = [(ROOT / "_build/site" / each).read_text(encoding="utf-8") for each in (name, "en" + name[2:])]
        ids = [re.findall(r'<section[^>]* id="([^"]+)"', text) for text in both]
        assert ids[0] == ids[1], name
        assert '<html lang="zh-CN"' in both[0] and '<html lang="en"' in both[1]
        assert both[0].count("katex-display") == both[1].count("katex-display"), name
        for text in both:
            assert re.findall(r'<link rel="alternate" hreflang="([^"]+)"', text) == ["zh-CN", "en", "x-default"]
            assert text.count("<h1") == 1, name


def test_site_switch():
    with browsing(reduced_motion="reduce") as seen:
        for name in pages():
            seen.page.goto(seen.url + name)
            ids = seen.page.evaluate("[...document.querySelectorAll('article section[id]')].map(s => s.id)")
            if len(ids) > 2:
                seen.page.evaluate("id => document.getElementById(id).scrollIntoView()", ids[2])
                seen.page.click(".db-switch")
                seen.page.wait_for_load_state()
                assert seen.page.url.endswith("#" + ids[2]), (name, ids[2], seen.page.url)
                assert f"/{'en' if name.startswith('zh') else 'zh'}/" in seen.page.url
                top = seen.page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", ids[2])
                assert -60 < top < 400, (name, top)
        assert not seen.faults, seen.faults


def test_site_search():
    wanted = {("zh", "前向过程"): "前向过程", ("zh", "噪声调度"): "前向过程", ("en", "forward process"): "forward process"}
    with browsing() as seen:
        for (lang, query), title in wanted.items():
            seen.page.goto(f"{seen.url}{lang}/index.html")
            seen.page.keyboard.press("/")
            seen.page.wait_for_selector("dialog[open] input")
            seen.page.keyboard.type(query)
            seen.page.wait_for_function("q => document.querySelector('.db-find li > a')", arg=query)
            seen.page.wait_for_timeout(400)
            first = seen.page.locator(".db-find li > a").first
            assert title in first.inner_text().lower(), (query, first.inner_text())
            seen.page.keyboard.press("Enter")
            seen.page.wait_for_url("**/2_forward_process.html*")
        assert not seen.faults, seen.faults


def test_site_front():
    for locale, lang in (("zh-CN", "zh"), ("en-GB", "en"), ("fr-FR", "en")):
        with browsing(locale=locale) as seen:
            seen.page.goto(seen.url)
            seen.page.wait_for_url(f"**/{lang}/index.html")
            seen.page.click(".db-switch")                          # 选过以后就记住 | a choice is remembered
            seen.page.wait_for_load_state()
            seen.page.goto(seen.url)
            seen.page.wait_for_url(f"**/{'en' if lang == 'zh' else 'zh'}/index.html")
            assert not seen.faults, seen.faults
    with browsing(java_script_enabled=False) as seen:
        seen.page.goto(seen.url)
        for lang in LANGS:
            assert seen.page.locator(f'a[href="{lang}/index.html"]').is_visible()


def test_site_sliders():
    with browsing() as seen:
        for name in pages():
            seen.page.goto(seen.url + name)
            for slider in seen.page.locator("article input[type=range]").all():
                slider.scroll_into_view_if_needed()
                box = slider.locator("xpath=ancestor::*[contains(@class, 'output')][1]")
                before = box.screenshot()
                slider.focus()
                seen.page.keyboard.press("End" if slider.input_value() != slider.get_attribute("max") else "Home")
                assert box.screenshot() != before, name
            dead = seen.page.locator(".jupyter-widgets, script[type*='widget-view']").count()
            assert dead == 0, name
        assert not seen.faults, seen.faults


def test_site_relocatable():
    with browsing(base="/some/base/") as seen:
        seen.page.goto(seen.url)
        seen.page.wait_for_url("**/some/base/*/index.html")
        for name in pages():
            seen.page.goto(seen.url + name)
        seen.page.click(".db-switch")
        seen.page.wait_for_load_state()
        seen.page.click("[data-search]")
        seen.page.wait_for_selector("dialog[open] input")
        seen.page.keyboard.type("diffusion")
        seen.page.wait_for_selector(".db-find li > a")
        assert "/some/base/" in seen.page.locator(".db-find li > a").first.get_attribute("href")
        assert not seen.faults, seen.faults


def test_site_downloads():
    pages()
    for chapter in notebooks():
        for lang in LANGS:
            nb = read_notebook(ROOT / f"_build/site/{lang}/notebooks/{chapter.file}.ipynb")
            prose = "\n".join(c["source"] for c in nb["cells"] if c["cell_type"] == "markdown")
            roles = r"\{(?:eq|ref|numref|cite|term|glue|chapter)[:\w]*\}`"
            raw = re.search(rf"(?<!`){roles}|^:::|^\(\w+\)=", re.sub(r"```.*?```|``.+?``", "", prose, flags=re.S), re.M)
            assert raw is None, (chapter.file, lang, raw and raw[0])
            assert not any(c.get("outputs") for c in nb["cells"])
            assert lang == "zh" or not re.search("[\u4e00-\u9fff]{12}", prose), chapter.file


def test_execution_dependants():
    root = Path(tempfile.mkdtemp())
    for name in ("nbs", "diffusion_book"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "settings.ini", root)
    def keys():
        return {c.file: execution_key(read_notebook(c.path(root)), root) for c in notebooks(root)}
    before, path = keys(), root / "diffusion_book/schedules.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nCHANGED = 1\n", encoding="utf-8")
    rerun = {file for file, key in keys().items() if key != before[file]}
    def uses(file):
        cells = read_notebook(root / f"nbs/{file}.ipynb")["cells"]
        return path in needed([c["source"] for c in cells if runs(c)], root)
    assert rerun == {file for file in before if uses(file)}
    assert "index" not in rerun and "0_start/2_page_tools" not in rerun


def test_execution_failure():
    import pytest
    root = Path(tempfile.mkdtemp())
    (root / "nbs").mkdir()
    (root / "nbs/chapters.yml").write_text("- part: p\n  chapters:\n  - {file: bad, title: t}\n", encoding="utf-8")
    cell = {"cell_type": "code", "id": "boom", "metadata": {}, "outputs": [], "execution_count": None}
    nb = {"cells": [cell | {"source": "1 / 0"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (root / "nbs/bad.ipynb").write_text(json.dumps(nb), encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        execute(root)
    assert all(word in str(stop.value) for word in ("nbs/bad.ipynb", "boom", "1 / 0", "ZeroDivisionError"))


def test_site_address():
    site = ROOT / "_build/site"
    pages()
    assert (site / "sitemap.xml").exists() == bool(settings()["address"])
    root = Path(tempfile.mkdtemp())
    shutil.copytree(ROOT / "nbs", root / "nbs")
    (root / "_build/site/zh").mkdir(parents=True)
    (root / "_build/site/zh/index.html").touch()
    for host in ("", "https://example.org"):
        (root / "settings.ini").write_text(f"[DEFAULT]\ndoc_host = {host}\ndoc_baseurl = /book/\ndescription = d\n")
        front(root)
        cover = (root / "_build/site/index.html").read_text(encoding="utf-8")
        assert ("canonical" in cover) == bool(host)
        assert (root / "_build/site/sitemap.xml").exists() == bool(host)
    assert "https://example.org/book/zh/index.html" in (root / "_build/site/sitemap.xml").read_text()
