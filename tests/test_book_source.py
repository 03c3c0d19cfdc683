# 由 nbs/appendix/1_one_source.ipynb 导出，不要手工修改
# exported from nbs/appendix/1_one_source.ipynb, do not edit


from diffusion_book.book.source import (
    Path, ast, body, directives, glued, half, language, localise, localise_code, localise_html,
    plain, plain_prose, write_text)


def markdown(text, *tags):
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)}, "source": text}

def python(text, *outputs):
    return {"cell_type": "code", "metadata": {}, "source": text, "outputs": list(outputs)}


def test_half():
    assert half("噪声 | noise", "zh") == "噪声" and half("噪声 | noise", "en") == "noise"
    assert half("图像 | images | (B, C)", "en") == "images · (B, C)"
    assert half("q(x|y)", "zh") == "q(x|y)"


def test_write_text():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "deep/file.txt"
        assert write_text(target, "一") and not write_text(target, "一") and write_text(target, "二")
        try:
            write_text(target, 3)  # 写到一半出错 | fails halfway
        except TypeError:
            pass
        assert target.read_text(encoding="utf-8") == "二"
        assert [path.name for path in target.parent.iterdir()] == ["file.txt"]


def test_directives():
    cell = {"cell_type": "code", "metadata": {}, "source": "#| test eq_a\n#| breaks: x => y\nassert x"}
    assert directives(cell) == {"test": ["eq_a"], "breaks": ["x => y"]} and body(cell) == "assert x"
    assert directives({"cell_type": "code", "source": "x = 1\n#| export"}) == {}
    assert language({"metadata": {"tags": ["lang-en"]}}) == "en" and language(cell) is None


def test_localise_code():
    source = 'def f(x):\n    """平方 | the square"""\n    return x ** 2 if x | 1 else "a | b"  # 为何 | why'
    zh, en = localise_code(source, "zh"), localise_code(source, "en")
    assert '"""平方"""' in zh and zh.endswith("# 为何") and '"a | b"' in zh
    assert '"""the square"""' in en and en.endswith("# why")
    assert localise_code('def f():\n    "甲 | a"', "zh") == 'def f():\n    "甲"'
    assert ast.dump(ast.parse("1 | 2  # 一 | one")) == ast.dump(ast.parse(localise_code("1 | 2  # 一 | one", "zh")))


def test_outputs():
    caption = '<p lang="zh" class="db-lang">一只<b>鸟</b></p><p lang="en" class="db-lang">a bird</p>'
    assert localise_html(caption, "zh") == '<p lang="zh" class="db-lang">一只<b>鸟</b></p>'
    assert localise_html('<img alt="鸟 | bird">', "en") == '<img alt="bird">'
    scrap = {"data": {"application/papermill.record/text/plain": "'0.5'"},
             "metadata": {"scrapbook": {"name": "half"}}}
    assert glued({"cells": [{"outputs": [scrap]}]}) == {"half": "0.5"}


def test_localise():
    nb = {"cells": [markdown("# 甲 | A"), markdown("中", "lang-zh"), markdown("en", "lang-en"),
                    python("#| exercise e\nx = None"), python("#| wrong e\nx = 1"),
                    python("#| solution e\nx = 2"), python("#| check e\nassert x == 2")], "metadata": {}}
    sources = [c["source"] for c in localise(nb, "en", "e")["cells"]]
    assert sources == ["# A", "en", "x = None", "assert x == 2", "x = 2"]
    try:
        localise({"cells": [markdown("# t"), markdown("{glue}`lost`")], "metadata": {}}, "zh", "e")
        raise SystemExit("a number that no run made must not pass")
    except ValueError as error:
        assert "lost" in str(error)


def test_plain():
    box = ":::{note}\n两行\n\n:::\n见 {term}`噪声 <noise>`。"
    assert plain_prose(box, "index", "zh") == "> **说明**\n>\n> 两行\n见 噪声。"
    nb = {"cells": [markdown("# 甲 | A"), markdown("(here)=\n## B"), python("#| export\nx = 1  # 一 | one"),
                    python("#| pytest p\nassert 0"), python("#| exercise e\n..."),
                    python("#| solution e\nx = 2"), python("#| check e\nassert x")], "metadata": {}}
    sources = [c["source"] for c in plain(nb, "en", "index")["cells"]]
    assert sources[0] == "# A" and "%pip install" in sources[1] and sources[2] == "## B"
    assert sources[3] == "x = 1  # one" and sources[5] == "assert x" and sources[6].startswith("<details>")
    assert plain(nb, "en", "index")["cells"][5]["metadata"] == {"tags": ["raises-exception"]}
    assert not any("#|" in s or "{eq}" in s for s in sources)
    assert plain_prose("``{eq}`x```", "index", "zh") == "``{eq}`x```"
    # BibTeX 的花括号与重音不留给读者 | no braces or accents of BibTeX are left for the reader
    assert plain_prose("{cite}`hyvarinen2005estimation`", "index", "en") == "Hyvärinen, 2005"
