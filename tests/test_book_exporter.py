# 由 nbs/appendix/2_tests_and_exercises.ipynb 导出，不要手工修改
# exported from nbs/appendix/2_tests_and_exercises.ipynb, do not edit


from diffusion_book.book.exporter import (
    Collector, Path, _Texts, contextlib, export_all, exported, fingerprint, json, misjudged,
    names, notebooks, out_of_step, passes, read_text, slips, stale, suite, surviving, survivors,
    sys, updated, write_text)


def prose(lang, text):
    return {"cell_type": "markdown", "metadata": {"tags": ["lang-" + lang]}, "source": text}

def code(text):
    return {"cell_type": "code", "metadata": {}, "source": text, "outputs": []}

def twins(*texts):
    return {"cells": [prose(("zh", "en")[i % 2], text) for i, text in enumerate(texts)]}

import tempfile

SMALL = [
    {"cell_type": "markdown", "metadata": {}, "source": "# 小书 | A small book\n\n> 一步 | one step"},
    code("#| default_exp small"),
    code("#| export\nimport math\ndef noise_std(beta):\n    return math.sqrt(beta)"),
    prose("zh", "噪声"), prose("en", "noise"),
    code("#| test eq_std\n#| breaks: math.sqrt(beta) => beta\n"
         "assert abs(noise_std(0.25) - 0.5) < 1e-9"),
    code("#| exercise inverse\ndef beta_of(std):\n    raise NotImplementedError"),
    code("#| wrong inverse\n#| eval: false\ndef beta_of(std):\n    return math.sqrt(std)"),
    code("#| solution inverse\ndef beta_of(std):\n    return std ** 2"),
    code("#| check inverse\nassert abs(noise_std(beta_of(0.3)) - 0.3) < 1e-9"),
]

@contextlib.contextmanager
def small_book(cells=SMALL):
    """只有一章的书 | a book of one chapter"""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cells = [{"id": f"cell{i:04}", **cell} for i, cell in enumerate(cells)]
        nb = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        write_text(root / "nbs/small.ipynb", json.dumps(nb))
        yield root

def faults_of(examine, *change):
    with small_book([{**c, "source": c["source"].replace(*change)} for c in SMALL]) as root:
        export_all(root)
        return examine("small", root)


def test_names():
    assert names("y = f(x)") == ({"y"}, {"f", "x"})
    assert names("import a.b, c as d\nfrom e import f") == ({"a", "d", "f"}, set())
    assert names("def g(a, b=h):\n    return [a + k for a in b if len(a)]") == ({"g"}, {"h", "k"})
    assert names("class A:\n    x = 1\n    y = x + z") == ({"A"}, {"z"})


def test_suite():
    tests = Collector()
    tests.setup = ["import os\nlimit = cap"]
    tests.tests = {"a": 'x = """a\nb"""\nassert helper(x, limit) and os',
                   "b": "def test_b(y):\n    assert y"}
    text = suite("x.ipynb", tests, {"m": "cap = 1\ndef helper(*_):\n    return _private"})
    assert "from diffusion_book.m import cap, helper\n" in text and '    x = """a\nb"""\n' in text
    assert text.count("def test_b(y):") == 1 and text.index("limit = cap") > text.index("import cap")
    assert compile(text, "tests/test_m.py", "exec")


def test_ledger():
    record = updated(twins("一", "one", "二", "two"), [])
    assert len(record) == 2 and updated(twins("一", "one", "二", "two"), record) == record
    edited = twins("一", "one!", "二", "two")
    assert [place for place, *_ in stale(edited, record)] == [0]
    assert stale(edited, updated(edited, record)) == stale(edited, record)
    assert not stale(twins("一！", "one!", "二", "two"), record)
    agreed = record + [[fingerprint("一"), fingerprint("one!"), "reason"]]
    assert not stale(edited, agreed) and len(updated(edited, agreed)) == 2
    assert updated(edited, agreed)[0][2] == "reason" and updated(twins(), record) == []


def test_export_all():
    with small_book() as root:
        assert "diffusion_book/small.py" in export_all(root) and export_all(root) == []
        write_text(root / "tests/test_gone.py", "# old")
        write_text(root / "diffusion_book/small.py", "# edited by hand")
        assert set(out_of_step(root)) == {"diffusion_book/small.py", "tests/test_gone.py"}
        assert len(export_all(root)) == 2 and not (root / "tests/test_gone.py").exists()
        assert '"small": [' in read_text(root / "nbs/twins.json")
        with tempfile.TemporaryDirectory() as other:
            assert "tests/test_small.py" in export_all(root, Path(other)) and out_of_step(root) == {}


def test_several_modules():
    part = code("#| export other.part\nfrom diffusion_book.small import noise_std\nlimit = 3")
    cells = SMALL + [part, code("#| test limit\nassert limit == 3 and noise_std(0) == 0")]
    with small_book(cells) as root:
        made = exported(root)
    assert "from ..small import noise_std" in made["diffusion_book/other/part.py"]
    assert "diffusion_book/other/__init__.py" in made
    assert "from diffusion_book.other.part import limit\n" in made["tests/test_small.py"]


def test_passes():
    assert passes({"made_up": "x = 1"}, "y = x + 1", "assert y == 2") == ""
    assert passes({"made_up": "x = 1"}, "assert x == 2").startswith("AssertionError")
    assert passes({"made_up": "x = ("}, "").startswith("SyntaxError")
    assert passes({"made_up": "x = 1"}, "from diffusion_book.made_up import x\nassert x == 1") == ""
    import diffusion_book
    assert "diffusion_book.made_up" not in sys.modules and not hasattr(diffusion_book, "made_up")
    assert not any(isinstance(finder, _Texts) for finder in sys.meta_path)


def test_surviving():
    assert faults_of(surviving, "", "") == []
    assert "unnoticed" in faults_of(surviving, "noise_std(0.25) - 0.5", "noise_std(1) - 1")[0]
    assert "unnoticed" in faults_of(surviving, "breaks: math.sqrt(beta)", "breaks: sqrt(gamma)")[0]
    assert "unnoticed" in faults_of(surviving, "breaks: math.sqrt(beta)", "breaks: beta")[0]
    assert "AssertionError" in faults_of(surviving, "return math.sqrt(beta)", "return beta / 2")[0]


def test_misjudged():
    assert faults_of(misjudged, "", "") == []
    assert "wrong answer passes" in faults_of(misjudged, "beta_of(0.3)) - 0.3", "beta_of(1)) - 1")[0]
    assert "solution fails" in faults_of(misjudged, "std ** 2", "std ** 3")[0]
    assert "does not run" in faults_of(misjudged, "def beta_of(std):\n    raise", "raise")[0]
    assert "stub passes" in faults_of(misjudged, "raise NotImplementedError", "return std * std")[0]


import pytest

@pytest.mark.parametrize("file", [chapter.file for chapter in notebooks()])
def test_equation_tests_can_fail(file):
    assert surviving(file) == []


import pytest

@pytest.mark.parametrize("file", [chapter.file for chapter in notebooks()])
def test_exercises_are_judged_rightly(file):
    assert misjudged(file) == []


def test_slips():
    made = [changed for *_, changed in slips("y = -a.sqrt() + b[1] * c  # + 1")]
    assert sorted(made) == sorted([
        "y = -a.sqrt() - b[1] * c  # + 1", "y = -a.sqrt() + b[1] / c  # + 1", "y = a.sqrt() + b[1] * c  # + 1",
        "y = -a + b[1] * c  # + 1", "y = -a.sqrt() + b[2] * c  # + 1"])
    assert [changed for *_, changed in slips("def f(x: 'a' = 0) -> 1 + 1:\n    raise g(1 + 1)")] == [
        "def f(x: 'a' = 1) -> 1 + 1:\n    raise g(1 + 1)"]
    assert [changed for *_, changed in slips("if 甲 < 3: 乙")] == [
        "if not (甲 < 3): 乙", "if 甲 <= 3: 乙", "if 甲 < 4: 乙"]


def test_survivors():
    def left(*change):
        with small_book([{**c, "source": c["source"].replace(*change)} for c in SMALL]) as root:
            export_all(root)
            return [(old, new) for _, _, old, new, caught in survivors("small", root) if not caught]
    assert left("", "") == []
    assert left("noise_std(0.25) - 0.5", "noise_std(1) - 1") == [("math.sqrt(beta)", "beta")]
