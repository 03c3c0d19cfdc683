// 页面上的小功能；没有它，页面照样可读 | small conveniences; the page reads without them
(() => {
  const $ = (selector, all) => all ? [...document.querySelectorAll(selector)] : document.querySelector(selector);
  const doc = document.documentElement, zh = doc.lang.startsWith("zh");
  const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* 隐私模式 | private mode */ } };

  // 明暗 | light and dark
  const toggle = $("[data-theme-toggle]");
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      const dark = doc.dataset.theme ? doc.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      doc.dataset.theme = dark ? "light" : "dark";
      keep("db-theme", doc.dataset.theme);
    });
  }

  // 换语言时停在同一个标题：两种语言的标题 id 相同 | the switch keeps the heading in view: ids agree across languages
  const later = work => window.requestIdleCallback ? requestIdleCallback(work, { timeout: 500 }) : setTimeout(work, 50);
  const headings = $("main h1, main h2, main h3, main h4", true).filter(h => (h.id || h.closest("section[id]")));
  const headingId = h => h.id || h.closest("section[id]").id;
  const current = () => headings.filter(h => (h.closest("section") || h).getBoundingClientRect().top < 140).pop();
  $("a[data-lang]", true).forEach(link => link.addEventListener("click", () => {
    keep("db-lang", link.dataset.lang);
    const here = link.classList.contains("db-switch") && current();
    link.hash = here && here !== headings[0] ? headingId(here) : "";
  }));

  // 目录抽屉 | the drawer of contents
  const menu = $(".db-menu"), contents = $("#contents");
  if (menu) {
    const show = open => {
      doc.classList.toggle("db-open", open);
      menu.setAttribute("aria-expanded", open);
      if (open) (contents.querySelector(".current a") || contents.querySelector("a")).focus();
    };
    menu.addEventListener("click", event => { event.preventDefault(); show(!doc.classList.contains("db-open")); });
    menu.addEventListener("keydown", event => { if (event.key === " ") { event.preventDefault(); menu.click(); } });
    document.addEventListener("keydown", event => {
      if (event.key === "Escape" && doc.classList.contains("db-open")) { show(false); menu.focus(); }
    });
    document.addEventListener("click", event => {
      if (doc.classList.contains("db-open") && !contents.contains(event.target) && !menu.contains(event.target)) show(false);
    });
    const now = contents.querySelector(".current > a");
    if (now) now.setAttribute("aria-current", "page");
    if (now && contents.scrollHeight > contents.clientHeight) contents.scrollTop = now.offsetTop - contents.clientHeight / 2;
  }

  // 本页小节 | the sections of this page
  const here = new Map($(".db-here a", true).map(a => [decodeURIComponent(a.hash.slice(1)), a]));
  if (here.size) {
    let marked;
    const mark = () => {
      const at = current(), link = at && here.get(headingId(at));
      if (link === marked) return;
      marked?.removeAttribute("aria-current");
      link?.setAttribute("aria-current", "true");
      marked = link;
    };
    addEventListener("scroll", () => requestAnimationFrame(mark), { passive: true });
    later(mark);
  }

  // 复制代码 | copy code
  later(() => $("article div[class*=highlight-] > .highlight", true).forEach(block => {
    if (block.closest(".cell_output")) return;
    if (block.querySelector(".db-copy") || !navigator.clipboard) return;
    const button = document.createElement("button");
    button.type = "button"; button.className = "db-copy"; button.textContent = zh ? "复制" : "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("pre").textContent.trimEnd());
      button.textContent = zh ? "已复制" : "Copied";
      setTimeout(() => { button.textContent = zh ? "复制" : "Copy"; }, 1500);
    });
    block.append(button);
  }));

  // 放不下的内容可用键盘滚动 | what does not fit scrolls by keyboard
  const focusable = () => $("pre, .db-scroll, .db-math, .cell_output .output, .db-table", true).forEach(box => {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0; else box.removeAttribute("tabindex");
  });
  addEventListener("resize", focusable);
  addEventListener("load", () => later(() => { focusable(); doc.dataset.ready = ""; }));

  // 搜索在用到时才载入 | search is loaded when it is used
  const search = $("[data-search]");
  if (search) {
    search.hidden = false;
    const open = () => import(new URL(doc.dataset.root + "_static/search.mjs", location.href).href)
      .then(module => module.open())
      .catch(() => alert(zh ? "搜索需要经由网页服务器打开本站（例如 make serve）。" : "Search needs a web server (make serve, say)."));
    search.addEventListener("click", open);
    addEventListener("keydown", event => {
      const typing = event.target.closest?.("input:not([type=range]), textarea, select, dialog, [contenteditable]");
      if (!typing && (event.key === "/" || (event.key === "k" && (event.metaKey || event.ctrlKey)))) { event.preventDefault(); open(); }
    });
  }
})();
