# 扩散模型：从原理到实战 | Diffusion models, from principles to production
# make help 说明每个目标 | make help explains every target

PYTHON ?= python3
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PY := $(BIN)/python
BOOK := $(PY) -m diffusion_book.book
TORCH := $(shell sed -n 's/^\(torch==[^ ;]*\).*/\1/p' requirements.txt 2>/dev/null)
# 没有 GPU 的人可以用 TORCH_INDEX_URL 指定只有 CPU 版本的包索引
# without a GPU: TORCH_INDEX_URL may name a package index that has CPU builds
TORCH_INDEX := $(if $(TORCH_INDEX_URL),--index-url "$(TORCH_INDEX_URL)")
PIP := $(PY) -m pip --disable-pip-version-check
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help env export check book serve test wheel dist-wheel lock clean

help:
	@echo "make book    生成网站 _build/site/            build the site into _build/site/"
	@echo "make test    结构检查、全部笔记本、pytest     structural checks, all notebooks, pytest"
	@echo "make serve   预览网站，改动后自动重建         preview the site, rebuild on change"
	@echo "make check   只做结构检查，几秒钟             the structural checks alone, seconds"
	@echo "make export  从笔记本导出代码包与测试         export package and tests from the notebooks"
	@echo "make wheel   生成可以 pip install 的包        build the package for pip install"
	@echo "make env     建立虚拟环境 .venv               make the virtual environment .venv"
	@echo "make lock    重新解析依赖（需要 uv）          resolve the dependencies again (needs uv)"
	@echo "make clean   删除生成的文件，留下 .venv       delete what was made, but for .venv"
	@echo
	@echo "PYTHON=python3.12          选用的 Python，3.11 到 3.13   which Python to use, 3.11 to 3.13"
	@echo "TORCH_INDEX_URL=…          PyTorch 的 CPU 版包索引       a package index with CPU builds of PyTorch"

# 环境：先单独装 torch，再按带哈希的锁文件装其余的
# the environment: torch first and alone, then everything else from the lock with its hashes
env: .venv/.installed

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo "需要 Python 3.11 到 3.13，可以用 PYTHON=… 指定 | Python 3.11 to 3.13 is needed; name one with PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "缺少 venv，请先安装（Debian：python3-venv）| venv is missing, install it first (Debian: python3-venv)"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { echo "[env] .venv ($$($(PYTHON) --version))"; $(PYTHON) -m venv --clear .venv; }
	@touch $@

.venv/.locked: .venv/.python requirements.txt requirements-assets.txt
	@echo "[env] 1/3 $(TORCH)"
	@$(PIP) install $(TORCH_INDEX) "$(TORCH)"
	@echo "[env] 2/3 requirements.txt"
	@$(PIP) install --no-deps --require-hashes -r requirements.txt
	@echo "[env] 3/3 KaTeX"
	@$(PIP) install --no-deps --require-hashes --upgrade --target .venv/assets -r requirements-assets.txt
	@touch $@

.venv/.installed: .venv/.locked pyproject.toml
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@$(PIP) check
	@touch $@

export: env
	@$(BOOK) export

check: env
	@$(BOOK) check

book: env
	@$(BOOK) build

serve: env
	@$(BOOK) serve

# 全部测试：浏览器测试要用到网站，所以先生成它 | all tests: the browser tests need the site, so it is built first
test: env
	@$(BOOK) check
	@$(BOOK) build
	@echo "[test] nbdev_test"
	@DIFFUSION_BOOK_STATIC=1 OMP_NUM_THREADS=1 MPLBACKEND=agg $(BIN)/nbdev_test --n_workers 2 --timing --do_print
	@echo "[test] pytest"
	@$(PY) -m pytest

# 包里带上网站生成的、可以下载的两种语言的笔记本 | the package carries the site's downloads, the notebooks of both languages
wheel: book dist-wheel

dist-wheel: env
	@rm -rf dist build diffusion_book/notebooks && mkdir -p _build diffusion_book/notebooks
	@for lang in zh en; do cp -R _build/site/$$lang/notebooks diffusion_book/notebooks/$$lang; done
	@$(PY) -m build --wheel --no-isolation --outdir dist . > _build/wheel.log || { cat _build/wheel.log; exit 1; }
	@rm -rf build diffusion_book/notebooks
	@ls -l dist/*.whl

# 通用锁文件：不含索引地址，也不含 CUDA（由 torch 自己带来） | a universal lock: no index address, and no CUDA, which torch brings
UV_LOCK := uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
  --no-annotate --no-emit-index-url --custom-compile-command "make lock"
lock:
	@echo 'torch==2.13.0' > .lock.in
	@$(UV_LOCK) pyproject.toml --extra dev -c .lock.in -o .lock.txt
	@$(UV_LOCK) .lock.txt -o requirements.txt \
	  $$(sed -nE 's/^((nvidia|cuda|triton)[^ =]*)==.*/--no-emit-package \1/p' .lock.txt)
	@echo 'djangocms-katex==1.0.2' > .lock.in
	@$(UV_LOCK) --no-deps .lock.in -o requirements-assets.txt
	@rm -f .lock.in .lock.txt
	@! grep -nE '://|^(nvidia|cuda|triton)' requirements.txt requirements-assets.txt

clean:
	rm -rf _build dist build *.egg-info diffusion_book/notebooks .pytest_cache
