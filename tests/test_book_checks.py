# 由 nbs/appendix/3_structural_checks.ipynb 导出，不要手工修改
# exported from nbs/appendix/3_structural_checks.ipynb, do not edit


from diffusion_book.book.checks import (
    Book, CHECKS, Path, ROOT, accept, json, paired, problems, skeleton, write_text)


import contextlib, tempfile

from diffusion_book.book.exporter import export_all

def markdown(text, *tags):
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": "markdown", "metadata": metadata, "source": text}

def code(text):
    empty = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "source": text, **empty}

GOOD = [
    markdown("# 1.2 小章 | A small chapter\n\n> 一步 | one step"),
    markdown("## 加噪\n\n由 {eq}`std`，{term}`噪声`有 250 种，见[论文](https://arxiv.org/abs/1)。", "lang-zh"),
    markdown("## Noising\n\nBy {eq}`std`, {term}`noise` is of 250 kinds: see "
             "[the paper](https://arxiv.org/abs/1).", "lang-en"),
    code("#| default_exp small"),
    code("#| export\nimport math\nfrom torch import Tensor\n\n"
         "def noise_std(beta: Tensor,  # 方差 | variance | (B,)\n"
         "              ) -> Tensor:  # 标准差 | standard deviation | (B,)\n"
         '    """噪声的大小 | size of the noise"""\n'
         "    return beta ** 0.5  # 开方 | square root"),
    markdown("$$\ns = \\sqrt{\\beta}\n$$ (std)"),
    code("#| test eq_std\n#| breaks: beta ** 0.5 => beta ** 1\n"
         "small = 0.25\nassert noise_std(small) == math.sqrt(small)"),
    code("#| exercise inverse\ndef beta_of(std):\n    raise NotImplementedError"),
    code("#| wrong inverse\n#| eval: false\ndef beta_of(std):\n    return std ** 0.5"),
    code("#| solution inverse\ndef beta_of(std):\n    return std ** 2"),
    code("#| check inverse\nassert noise_std(beta_of(3)) == 3"),
]

GLOSSARY = "- {zh: 噪声, en: noise, avoid_zh: [噪音], avoid_en: [noize]}\n"

@contextlib.contextmanager
def small_book(cells=GOOD, files={}):
    """只有一章的书 | a book of one chapter"""
    listed = "- part: p\n  chapters:\n  - {file: small, title: t}\n  - {file: later, title: t}\n"
    files = {"nbs/chapters.yml": listed, "_toc.yml": "root: small\n", "settings.ini": "",
             "nbs/glossary.yml": GLOSSARY, **files}
    cells = [{"id": f"cell{i:04}", **cell} for i, cell in enumerate(cells)]
    nb = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in {"nbs/small.ipynb": json.dumps(nb), **files}.items():
            write_text(root / path, text)
        export_all(root)
        yield root

def found(name, old="", new="", cells=GOOD, files={}):
    """改坏一处以后，某个检查报告的问题 | what a check reports once one thing is broken"""
    broken = [{**cell, "source": cell["source"].replace(old, new)} for cell in cells]
    assert not old or broken != cells, old
    with small_book(broken, files) as root:
        return problems(root, name)

def with_cell(i, **changes):
    return [{**cell, **changes} if n == i else cell for n, cell in enumerate(GOOD)]


def test_exported_and_clean():
    with small_book() as root:
        assert problems(root) == []
        write_text(root / "tests/test_small.py", "# edited by hand")
        assert "tests/test_small.py: export_in_step" in problems(root, "export_in_step")[0]
    printed = {"output_type": "stream", "text": "x"}
    for dirt in ({"execution_count": 1}, {"metadata": {"scrolled": True}}, {"outputs": [printed]}):
        dirty = [cell | dirt if cell["cell_type"] == "code" else cell for cell in GOOD]
        assert len(found("cleaned", cells=dirty)) == 7


def test_twins_present():
    untagged = [*GOOD, markdown("没有标签的文字")]
    assert "without a language" in found("twins_present", cells=untagged)[0]
    assert "without its twin" in found("twins_present", cells=GOOD[:2] + GOOD[3:])[0]
    assert "without its twin" in found("twins_present", cells=GOOD[:1] + GOOD[2:])[0]
    assert "unknown tags" in found("twins_present", cells=[*GOOD, markdown("x", "lang-fr")])[0]
    assert "title" in found("twins_present", " | A small chapter", "")[0]
    assert not found("twins_present", cells=[*GOOD, markdown("![图](a.png)"), markdown("(here)=")])


def test_twins_agree():
    for old, new in (("## Noising", "### Noising"), ("## Noising", "(here)=\n## Noising"),
                     ("## Noising", "## Noising\n$x$"), ("## Noising", "## Noising\n![a](b.png)"),
                     ("250 kinds", "25 kinds"), ("arxiv.org/abs/1).", "arxiv.org/abs/2)."),
                     ("By {eq}`std`", "By {eq}`other`"), ("{term}`noise`", "{term}`signal`")):
        assert len(found("twins_agree", old, new)) == 1, (old, new)
    assert not found("twins_agree", "`噪声`有 250 种", "`噪声`有三种，250 种")
    zh, en = "花 5 万元买 1000 张，图 3.5 倍", "spend 50,000 on 1,000, two pictures, 3.5 times"
    assert skeleton(zh, {}) == skeleton(en, {})
    assert [*skeleton(zh, {})["数字 | numbers"]] == ["50000", "1000", "3.5"]
    in_words = with_cell(1, source=GOOD[1]["source"].replace("有 250", "九十九个，有 250"))
    assert not found("twins_agree", "of 250 kinds", "99 of 250 kinds", in_words)
    assert found("twins_agree", "of 250 kinds", "99 of 250 kinds")
    assert skeleton("`x = 250`", {})["数字 | numbers"] == {}


def test_twins_fresh():
    with small_book() as root:
        assert problems(root, "twins_fresh") == []
        text = (root / "nbs/small.ipynb").read_text(encoding="utf-8")
        write_text(root / "nbs/small.ipynb", text.replace("is of 250", "has 250"))
        assert "cell 2 [cell0001]" in problems(root, "twins_fresh")[0]
        export_all(root)
        assert len(problems(root, "twins_fresh")) == 1


def test_accept():
    with small_book() as root:
        text = (root / "nbs/small.ipynb").read_text(encoding="utf-8")
        write_text(root / "nbs/small.ipynb", text.replace("is of 250", "has 250"))
        for cell, reason in (("9", "why"), ("2", " ")):
            try:
                accept("small", cell, reason, root)
                raise AssertionError("accepted")
            except ValueError:
                pass
        zh, en = accept("nbs/small.ipynb", "cell0001", "只是英文更顺", root)
        assert "加噪" in zh and "has 250" in en and problems(root, "twins_fresh") == []
        export_all(root)
        ledger = json.loads((root / "nbs/twins.json").read_text(encoding="utf-8"))["small"]
        assert len(ledger) == 1 and ledger[0][2] == "只是英文更顺" and problems(root) == []


def test_terms():
    assert "'noise', not 'Noize'" in found("terms", "Noising\n", "Noize\n")[0]
    assert "噪音" in found("terms", "小章 |", "噪音小章 |")[0]
    assert not found("terms", "Noising\n", "`noize` and $noize$ and denoized\n")
    wider = "- {zh: 噪声, en: noise, avoid_zh: [噪音]}\n- {zh: 白噪音机, en: machine}\n"
    assert not found("terms", "## 加噪", "## 白噪音机", files={"nbs/glossary.yml": wider})


def test_comments_paired():
    for good in ("平方 | square", "q(x|y) 的均值 | mean of q(x|y)", "(B, C)", "x | y",
                 "图 | picture | (B,)", "Ho et al. (2020), eq. (4)"):
        assert paired(good), good
    for bad in ("square root", "开方", "开方 | ", "square | 开方", "一 | one | (B,) | more"):
        assert not paired(bad), bad
    assert found("comments_paired", "噪声的大小 | size of the noise", "size of the noise")
    assert found("comments_paired", "def beta_of(std):", "def beta_of(std):\n    # compute")


def test_documented():
    beta = "beta: Tensor,  # 方差 | variance | (B,)"
    std = " -> Tensor:  # 标准差 | standard deviation | (B,)"
    for old, new, lack in (
            (beta, "beta: Tensor,", "comment of beta"), (std, ":", "comment of return"),
            (beta, beta[:-7], "shape of beta"), (std, std[:-7], "shape of return"),
            (beta, beta + "\n              b=1,", "comment of b"),
            (beta + "\n", "beta: Tensor", "comment of return"),
            ('    """噪声的大小 | size of the noise"""\n', "", "docstring")):
        assert any(lack in line for line in found("documented", old, new)), lack
    method = '#| export\nclass A:\n    def f(self, x):\n        """一 | one"""\n\n'
    inherits = "class B(A):\n    def f(self, x):\n        pass"
    assert len(found("documented", cells=[*GOOD, code(method + inherits)])) == 1


def test_reading_order():
    def imports(line):
        return found("reading_order", cells=[*GOOD, code(f"#| export\n{line}")])

    for line in ("from diffusion_book.late import x", "import diffusion_book.late",
                 "from diffusion_book import late",
                 "def _f():\n    from diffusion_book.late import x"):
        assert len(imports(line)) == 1, line
    assert not imports("from diffusion_book.small import noise_std\nimport diffusion_book.small")
    def chapter(module, other):
        return {"cells": [code(f"#| default_exp {module}"),
                          code(f"#| export\nfrom diffusion_book.{other} import x")]}
    book = Book(Path(), {"one": chapter("a", "b"), "two": chapter("b", "a")})
    assert [file for file, *_ in CHECKS["reading_order"](book)] == ["one"]


def test_contents():
    def listed(text, **files):
        return found("contents", files={"_toc.yml": text, **files})

    assert "missing from _toc.yml" in listed("root: other\n")[0]
    assert "no such notebook" in listed("root: small\nparts:\n- chapters: [{file: none}]\n")[0]
    assert "not in the order" in listed("root: later\nparts:\n- chapters: [{file: small}]\n")[-1]
    new = {"nbs/new.ipynb": '{"cells": [], "metadata": {}}'}
    assert "missing from chapters.yml" in listed("root: small\n", **new)[1]


def test_tests_assert():
    old = "assert noise_std(small) == math.sqrt(small)"
    for new in ("noise_std(1)", "assert True", "assert (noise_std(1) == 1, 'one')",
                "assert noise_std(1) == noise_std(1)"):
        assert len(found("tests_assert", old, new)) == 1, new
    raises = "import pytest\nwith pytest.raises(TypeError):\n    noise_std()"
    assert not found("tests_assert", old, raises)
    assert found("tests_assert", "assert noise_std(beta_of(3)) == 3", "print(1)")


def test_equations_tested():
    assert "no test after" in found("equations_tested", cells=GOOD[:6] + GOOD[7:])[0]
    early = [*GOOD[:5], GOOD[6], GOOD[5], *GOOD[7:]]
    assert "no test after" in found("equations_tested", cells=early)[0]
    undeclared = found("equations_tested", "#| breaks: beta ** 0.5 => beta ** 1\n", "")
    assert "declares no mistake" in undeclared[0]
    assert "should occur once" in found("equations_tested", "breaks: beta ** 0.5", "breaks: beta")[0]
    assert "no such equation" in found("equations_tested", "test eq_std", "test eq_mean")[-1]
    assert "used twice" in found("equations_tested", cells=[*GOOD, GOOD[5]])[0]


def test_tests_closed():
    loose = code("other = 1"), code("#| test loose\nassert other == 1")
    assert "'other'" in found("tests_closed", cells=[*GOOD, *loose])[0]
    assert "left by a test" in found("tests_closed", cells=[*GOOD, code("print(small)")])[0]
    assert "left by a test" in found("tests_closed", cells=[*GOOD, code("print(beta_of(1))")])[0]
    assert not found("tests_closed", cells=[*GOOD, code("small = 1"), code("print(small)")])
    assert not found("tests_closed", cells=[*GOOD, code("#| test_setup\nother = 1"), loose[1]])


def test_exercises_complete():
    for missing in range(7, 11):
        assert found("exercises_complete", cells=GOOD[:missing] + GOOD[missing + 1:]), missing
    assert found("exercises_complete", cells=[*GOOD[:9], GOOD[10], GOOD[9]])
    assert found("exercises_complete", cells=GOOD + GOOD[7:])
    assert "eval: false" in found("exercises_complete", "#| eval: false\n", "")[0]


def test_weights_of_this_world():
    from diffusion_book.world import world_hash
    def weights(text, file="card.json"):
        return found("weights_of_this_world", files={f"diffusion_book/weights/tiny/{file}": text})

    assert not weights(json.dumps({"world_hash": world_hash()})) + weights('{"world_hash": null}')
    assert "another world: 0123" in weights('{"world_hash": "0123"}')[0]
    assert "another world: ?" in weights("", "model.safetensors")[0]


def test_hosts():
    assert len(found("hosts", "arxiv.org/abs/1", "pypi.example.com/simple")) == 1
    assert found("hosts", files={"README.md": "see http:/" + "/mirror.test/x"}) == [
        "README.md: hosts: 名单之外的主机名 | a host that is not on the list: mirror.test"]
    assert not found("hosts", files={"README.md": "https://github.com/a and http://127.0.0.1:8000/"})


def test_book_has_no_problems():
    import time
    start = time.process_time()
    assert problems() == []
    assert time.process_time() - start < 10


def test_commands():
    import subprocess, sys
    def command(*argv):
        program = [sys.executable, "-m", "diffusion_book.book"]
        return subprocess.run([*program, *argv], cwd=ROOT, capture_output=True).returncode
    assert command("--help") == 0 == command("check", "contents")
    assert command("accept", "nowhere", "1", "--reason", "x") == 1
    assert command("accept", "index", "1") == 2 == command("accept", "--all")
