# 由 nbs/appendix/5_command_line.ipynb 导出，不要手工修改
# exported from nbs/appendix/5_command_line.ipynb, do not edit


from diffusion_book.cli import (
    Machine, abilities, choose_language, copy_notebooks, diagnose, in_language, run)


import contextlib, io, os, re, subprocess, sys, tempfile, time
from pathlib import Path

def spoken(*argv):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(argv))
    return code, out.getvalue(), err.getvalue()

import functools, json

REPO = Path(__file__).resolve().parents[1] if "__file__" in globals() else Path.cwd()

def command(*argv, **options):
    """在仓库之外运行一条命令，失败时说出它的输出 | run a command outside the repository; its output if it fails"""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    options = {"capture_output": True, "text": True, "encoding": "utf-8",
               "cwd": tempfile.gettempdir(), "env": outside} | options
    done = subprocess.run([str(a) for a in argv], **options)
    assert done.returncode == 0, f"{argv}\n" + f"{done.stdout}{done.stderr or str()}"[-4000:]
    return done.stdout

@functools.cache
def wheel():
    """做出的 wheel | the wheel, built"""
    import pytest
    if not (REPO / "_build/site/en/notebooks").is_dir() and os.environ.get("CI") != "true":
        pytest.skip("先运行 make book | run make book first")
    command("make", "--no-print-directory", "dist-wheel", cwd=REPO)
    return next((REPO / "dist").glob("*.whl"))

@functools.cache
def reader():
    """读者的环境：只有 wheel 与它的依赖 | a reader's environment: the wheel and its needs, nothing else"""
    folder = Path(tempfile.mkdtemp(prefix="diffusion_book_reader"))
    import atexit, shutil
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command(sys.executable, "-m", "venv", folder)
    lock = (REPO / "requirements.txt").read_text()
    pins = re.findall(r"^([\w.-]+==[^\s;]+(?: ;[^\\\n]+)?)", lock, re.M)
    (folder / "pins.txt").write_text("\n".join(pins))
    index = os.environ.get("TORCH_INDEX_URL")  # 与 make env 一样 | as make env does
    install(folder, "torch", *(("--index-url", index) if index else ()))
    install(folder, wheel())
    return folder

def python_of(folder):
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

def install(folder, *packages):
    command(python_of(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--constraint", folder / "pins.txt", *packages)

def run_download(path, kernel):
    """运行一份下载的笔记本，返回问题 | run a downloaded notebook; its problems are returned"""
    import nbformat
    from nbclient import NotebookClient
    nb, problems = nbformat.read(path, 4), []
    raw = re.compile(r"^:::|^```\{|\{[\w:]+\}`", re.M)
    for cell in nb.cells:
        if cell.cell_type == "markdown" and raw.search(cell.source):
            problems.append(f"{path}: {cell.source[:80]}")
    NotebookClient(nb, kernel_name=kernel, timeout=300, allow_errors=True,
                   resources={"metadata": {"path": path.parent}}).execute()
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            unsolved = "raises-exception" in cell.metadata.get("tags", ())
            if output.output_type == "error" and not unsolved:
                problems.append(f"{path}: {output.ename}: {output.evalue}\n{cell.source[:200]}")
    return problems


def test_choose_language():
    assert choose_language(["world", "--lang", "en"], {"LANG": "zh_CN.UTF-8"}) == "en"
    assert choose_language(["--lang=zh", "doctor"], {"LANG": "en_US.UTF-8"}) == "zh"
    assert choose_language(["world", "--lang"], {"LC_ALL": "zh_TW.UTF-8", "LANG": "C"}) == "zh"
    assert choose_language([], {"LC_MESSAGES": "de_DE", "LANG": "zh_CN"}) == "en"


def test_in_language():
    assert in_language("No such option '--sise'. Did you mean '--size'?", "zh") == \
        "没有选项 '--sise'。 是不是 '--size'？"
    assert in_language("Invalid value for '--size': 7 is not in the range 16<=x<=512.", "zh") == \
        "'--size' 的值不对：7 不在 16<=x<=512 之内。"
    assert in_language("找不到 | not found", "en") == "not found"
    assert in_language("Something new.", "zh") == "Something new."


def test_mistakes_get_one_line():
    for argv in (["nope"], ["--nope"], ["--lang", "fr"], ["--lang"], ["doctor", "extra"]):
        for lang in ("zh", "en"):
            code, out, err = spoken("--lang", lang, *argv)
            assert code == 2 and out == "" and err.count("\n") == 1, (argv, err)
            assert err.startswith("错误：" if lang == "zh" else "error: ")
    assert "没有命令 'nope'" in spoken("--lang", "zh", "nope")[2]


def test_doctor_on_imagined_machines():
    def grades(**facts):
        return {what.split(" ")[0]: grade for grade, what, advice in diagnose(Machine(**facts))
                if grade == "✓" or advice}

    assert set(grades().values()) == {"✓"}
    assert grades(python=(3, 14, 0))["Python"] == "✗"
    torch = ("torch", "", "2.5", "2.13.0+cpu")
    assert grades(packages=(torch,))["torch"] == "✓"
    assert grades(packages=(("torch", "", "2.5", "2.4.1"),))["torch"] == "✗"
    assert grades(packages=(("torch", "", "2.5", None),))["torch"] == "✗"
    assert grades(packages=(("ipywidgets", "notebooks", "8.1", None),))["ipywidgets"] == "!"
    assert grades(fault="libcudart.so: no such file")["torch:"] == "✗"
    assert grades(device="cpu", driver=True)["cpu:"] == "!"
    assert grades(memory=1.9)["1.9"] == "!" and grades(disk=0.5)["0.5"] == "!"


def test_doctor_says_what_works():
    gpu = Machine(device="cuda", notebooks=("zh",))
    assert [able for able, _ in abilities(gpu)] == [True] * 4
    assert [able for able, _ in abilities(Machine(fault="broken"))] == [False] * 4
    code, out, err = spoken("doctor", "--lang", "en")
    assert code in (0, 1) and "This machine can:" in out and " | " not in out and err == ""


def test_world_paints_what_is_asked():
    import numpy as np
    import torch
    from PIL import Image

    from diffusion_book.world import paint, scene_for
    def pixels(path):
        with Image.open(path) as image:
            return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 127.5 - 1

    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "new", "x.png")
        ask = ["world", "秋天的夜晚，湖边有一座红房子", "--size", "64", "--out", str(picture)]
        assert spoken(*ask)[0] == 0 and pixels(picture).shape == (3, 64, 64)
        first = picture.read_bytes()
        assert spoken(*ask)[0] == 0 and picture.read_bytes() == first
        code, out, _ = spoken(*ask, "--count", "3", "--style", "ink", "--lang", "zh")
        names = [f"x-{i}.png" for i in (1, 2, 3)]
        assert code == 0 and sorted(p.name for p in picture.parent.iterdir()) == [*names, "x.png"]
        assert len({(picture.parent / name).read_bytes() for name in names}) == 3 == out.count("\n")
        asked = scene_for("秋天的夜晚，湖边有一座红房子")
        assert asked.season == "autumn" and asked.time == "night"
        assert asked.water == "lake" and asked.house == "red"
        assert torch.allclose(pixels(picture), paint(asked, 64), atol=1e-6)


def test_world_names_its_styles():
    from diffusion_book.world import STYLES
    for lang in ("zh", "en"):
        words = re.findall(r"[a-z]+", spoken("world", "--help", "--lang", lang)[1])
        assert set(STYLES) <= set(words)


def test_world_refuses():
    with tempfile.TemporaryDirectory() as folder:
        blocked = Path(folder, "file")
        blocked.write_text("x")
        for argv in (["--size", "15"], ["--style", "oil"], ["--out", "x.jpg"], ["--count", "0"],
                     ["qwertyuiop"], ["sun at night"], ["--out", str(blocked / "x.png")],
                     ["--out", folder + "/a\0.png"]):
            code, out, err = spoken("world", *argv, "--lang", "zh")
            assert code == 2 and err.startswith("错误：") and err.count("\n") == 1, (argv, code, err)
        assert sorted(p.name for p in Path(folder).iterdir()) == ["file"]


def test_train_resume_and_results():
    from PIL import Image
    with tempfile.TemporaryDirectory() as folder:
        photos, out = Path(folder, "photos"), Path(folder, "out")
        photos.mkdir()
        for i in range(3):
            Image.new("RGB", (40 + i, 30), (90 * i, 50, 200)).save(photos / f"{i}.png")
        ask = ["train", "ddpm_scenes", "--data", str(photos), "--out", str(out), "--steps", "2", "--lang", "en"]
        code, said, err = spoken(*ask)
        assert code == 0 and "2 steps" in said, err
        assert {p.name for p in out.iterdir()} == {"checkpoint.safetensors", "config.json", "model.safetensors",
                                                  "card.json", "samples.png"}
        with Image.open(out / "samples.png") as samples:
            assert samples.size == (512, 512)
        for argv, word in ((ask, "--resume"), ([*ask[:-4], "--steps", "3", "--lang", "en"], "--resume"),
                           ([*ask, "--resume", "--seed", "1"], "seed: 0 → 1"),
                           (["train", "cats", "--lang", "en"], "ddpm_scenes"),
                           (["train", "ddpm_digits", "--data", str(photos), "--lang", "en"], "ddpm_scenes"),
                           (["train", "ddpm_scenes", "--data", folder + "/none", "--lang", "en"], "folder"),
                           (["train", "ddpm_digits", "--out", folder, "--resume", "--lang", "en"], "no checkpoint")):
            code, said, err = spoken(*argv)
            assert code == 2 and err.strip().count("\n") == 0 and word in err, err
        assert spoken(*ask, "--resume")[0] == 0
        card = lambda: json.loads((out / "card.json").read_text(encoding="utf-8"))
        assert card()["metrics"] == {} and card()["world_hash"] is None
        out = Path(folder, "digits")
        argv = ["train", "ddpm_digits", "--out", str(out), "--steps", "2", "--grade", "16", "--lang", "en"]
        assert spoken(*argv)[0] == 0 and "16 pictures" in card()["metrics"]["sampling"]
        assert spoken(*argv[:-3], "0", "--resume", "--lang", "en")[0] == 0 and card()["metrics"] == {}


def test_bench_prints_what_it_measured():
    from unittest import mock

    import diffusion_book.bench

    clock = {"ours": 0.2, "theirs": 0.25, "median": 0.8, "low": 0.75, "high": 0.9}
    rows = [{"kind": "forward", "name": "cifar10 × 1", "cpu": clock, "wall": clock},
            {"kind": "overhead", "name": "ddim η=1", "ours": 2e-5, "theirs": None}]
    with mock.patch("diffusion_book.bench.run", return_value=rows) as measure:
        for lang in ("zh", "en"):
            code, out, err = spoken("bench", "--lang", lang)
            assert code == 0 and err == "" and " | " not in out
            assert "0.800 [0.750, 0.900]" in out and "20.0 µs" in out and "torch" in out
        assert measure.call_args.args == (True, None)
        assert spoken("bench", "--full", "--out", "x.json")[0] == 0
        assert measure.call_args.args == (False, Path("x.json"))


def test_bench_refuses():
    from unittest import mock

    with tempfile.TemporaryDirectory() as folder:
        broken = Path(folder, "x.json")
        broken.write_text("{")
        for argv in (["--out", folder], ["--out", str(broken)], ["--quick"], ["extra"]):
            code, out, err = spoken("bench", *argv, "--lang", "zh")
            assert code == 2 and out == "" and err.startswith("错误：") and err.count("\n") == 1, (argv, err)
        assert broken.read_text() == "{"
    with mock.patch("importlib.metadata.version", side_effect=ImportError(name="diffusers")):
        code, out, err = spoken("bench", "--lang", "en")
    assert code == 2 and "diffusers is missing" in err and err.count("\n") == 1


def test_notebooks_are_never_lost():
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        for name in ("a.ipynb", "1_theory/b.ipynb"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(name)
        assert len(copy_notebooks(source, target)) == 2 == len(copy_notebooks(source, target))
        (target / "a.ipynb").write_text("my answer")
        (target / "1_theory/b.ipynb").unlink()
        try:
            copy_notebooks(source, target)
            raise AssertionError("overwrote")
        except ValueError as error:
            assert "a.ipynb" in str(error)
        assert (target / "a.ipynb").read_text() == "my answer" and not list(target.rglob("b.ipynb"))
        copy_notebooks(source, target, force=True)
        assert (target / "a.ipynb").read_text() == "a.ipynb"
        try:
            copy_notebooks(Path(folder, "nowhere"), target)
            raise AssertionError("copied nothing")
        except ValueError as error:
            assert "no notebooks" in str(error)


def test_help_in_both_languages():
    for argv in ([], ["doctor"], ["world"], ["train"], ["bench"], ["notebooks"]):
        code, zh, err = spoken(*argv, "--help", "--lang", "zh")
        assert code == 0 and err == "" and zh.startswith("用法：") and " | " not in zh
        assert not re.search("Usage|Options|Commands|Show|default", zh)
        code, en, err = spoken(*argv, "--help", "--lang", "en")
        assert code == 0 and en.startswith("Usage:") and " | " not in en
        assert not re.search("[\u4e00-\u9fff]", en)
    assert spoken("--lang", "en")[1].startswith("Usage:") and spoken("--version")[0] == 0


def test_help_imports_nothing_heavy():
    code = ("import sys\nfrom diffusion_book.cli import run\nrun(['--help'])\n"
            "heavy = {'torch', 'numpy', 'PIL', 'matplotlib', 'IPython'}\n"
            "sys.exit(len(heavy & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_wheel_holds_what_it_should():
    import zipfile
    names = zipfile.ZipFile(wheel()).namelist()
    assert wheel().stat().st_size <= 40 * 2**20, "wheel over 40 MiB"
    for lang in ("zh", "en"):
        assert any(re.match(rf"diffusion_book/notebooks/{lang}/.*\.ipynb$", n) for n in names)
    assert "diffusion_book/cli.py" in names and not [n for n in names if n.startswith("tests")]
    weights = [p for p in (REPO / "diffusion_book/weights").rglob("*") if p.is_file()]
    assert {p.relative_to(REPO).as_posix() for p in weights} <= set(names)


def test_wheel_in_a_clean_environment():
    python = python_of(reader())
    command(python, "-m", "pip", "check")
    installed = {p["name"].lower() for p in
                 json.loads(command(python, "-m", "pip", "list", "--format", "json"))}
    assert not installed & {"nbdev", "sphinx", "jupyter-book", "ipython", "pytest", "diffusers"}
    code = ("import pkgutil, diffusion_book as book\n"
            "print(*(m.name for m in pkgutil.iter_modules(book.__path__) if not m.ispkg))")
    listed = command(python, "-c", code).split()
    assert "schedules" in listed and "cli" in listed
    for module in listed:
        if module.startswith("_"):
            continue
        code = f"import torch, diffusion_book.{module}"
        added = []
        for _ in range(3):  # 最短的一次，忙碌的机器也量得准 | the best of three, true on a busy machine too
            log = command(python, "-X", "importtime", "-c", code, stderr=subprocess.STDOUT,
                          stdout=subprocess.PIPE, capture_output=False)
            found = re.search(rf"\|\s+(\d+) \|\s+diffusion_book\.{module}$", log, re.M)
            added.append(int(found[1]) / 1e6)
        print(f"{module}: {min(added):.3f} s")
        assert min(added) < (0.1 if module == "schedules" else 0.3), f"{module}: {min(added):.3f} s"


def test_command_in_a_clean_environment():
    folder = reader()
    program = folder / ("Scripts/diffusion-book.exe" if os.name == "nt" else "bin/diffusion-book")
    start = time.perf_counter()
    assert "Usage:" in command(program, "--help", "--lang", "en")
    print(f"--help: {time.perf_counter() - start:.2f} s")
    assert "torch 2." in command(program, "doctor", "--lang", "zh", cwd=folder)
    command(program, "world", "a red house by the lake on an autumn night", cwd=folder)
    assert (folder / "scene.png").read_bytes().startswith(b"\x89PNG")
    for lang in ("zh", "en"):
        command(program, "notebooks", folder / lang, "--lang", lang)
        assert list((folder / lang).rglob("*.ipynb"))
    done = subprocess.run([program, "world", "--size", "9"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    closed = subprocess.run(f"'{program}' --help | true", shell=True, capture_output=True, text=True)
    assert "Traceback" not in closed.stderr


def test_downloads_run_from_top_to_bottom():
    from concurrent.futures import ThreadPoolExecutor
    from unittest import mock
    folder = reader()
    extra = command(python_of(folder), "-c", "from importlib.metadata import requires\n"
                    "for r in requires('diffusion_book'):\n"
                    "    if 'notebooks' in r: print(r.split(';')[0])")
    install(folder, *(r for r in extra.split() if not r.startswith("jupyterlab")))
    command(python_of(folder), "-m", "ipykernel", "install", "--prefix", folder, "--name", "reader")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "JUPYTER_PATH": str(folder / "share/jupyter"), "DIFFUSION_BOOK_STATIC": "1",
        "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    paths = []
    for lang in ("zh", "en"):
        source, target = REPO / f"_build/site/{lang}/notebooks", folder / "downloads" / lang
        copy_notebooks(source, target, force=True)
        paths += [p for p in sorted(target.rglob("*.ipynb"))
                  if p.parent.name != "appendix"]  # 附录需要仓库 | the appendix needs the repository
    assert len(paths) >= 6
    with mock.patch.dict(os.environ, environment, clear=True), ThreadPoolExecutor(2) as pool:
        problems = [p for found in pool.map(lambda path: run_download(path, "reader"), paths) for p in found]
    assert not problems, "\n".join(problems)


def test_workflows_fit_their_schema():
    kinds = {"workflows": "github-workflows", "ISSUE_TEMPLATE": "github-issue-forms",
             "DISCUSSION_TEMPLATE": "github-discussion"}
    for folder, schema in kinds.items():
        files = sorted((REPO / ".github" / folder).glob("*.yml"))
        config = [f for f in files if f.name == "config.yml"]
        assert files, folder
        lint = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
        command(*lint, f"vendor.{schema}", *(f for f in files if f not in config))
        if config:
            command(*lint, "vendor.github-issue-config", *config)
    for path in (REPO / ".github/workflows").glob("*.yml"):
        for action in re.findall(r"uses: *(\S+)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w./-]+@(v\d+|release/v1)", action), f"{path.name}: {action}"


def test_lock_has_hashes_and_no_address():
    for name in ("requirements.txt", "requirements-assets.txt"):
        text = (REPO / name).read_text()
        assert "://" not in text
        assert not re.search(r"^(nvidia|cuda|triton|torchvision|torchaudio)", text, re.M)
        pins = re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.M | re.S)
        assert pins and all("==" in pin and "--hash=sha256:" in pin for pin in pins)
    assert re.search(r"^torch==2\.13\.0 ", (REPO / "requirements.txt").read_text(), re.M)
