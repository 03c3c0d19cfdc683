// 搜索框：pagefind 的索引，自己的几行界面 | the search box: pagefind's index and a few lines of interface
const root = document.documentElement.dataset.root, zh = document.documentElement.lang.startsWith("zh");
const words = zh
  ? { label: "搜索全书", empty: "没有找到", count: n => `${n} 个结果`, close: "关闭", fail: "搜索需要经由网页服务器打开本站（例如 make serve）。" }
  : { label: "Search the book", empty: "Nothing found", count: n => `${n} result${n === 1 ? "" : "s"}`, close: "Close", fail: "Search needs the site to be opened through a web server (make serve, say)." };

const dialog = document.createElement("dialog");
dialog.className = "db-find";
dialog.setAttribute("aria-label", words.label);
dialog.innerHTML = `<form method="dialog" role="search"><input type="search" autocomplete="off" spellcheck="false" aria-controls="db-found" aria-label="${words.label}" placeholder="${words.label}"><button type="submit" value="close">${words.close}</button></form><p role="status" aria-live="polite"></p><ol id="db-found"></ol>`;
document.body.append(dialog);
const input = dialog.querySelector("input"), status = dialog.querySelector("p"), list = dialog.querySelector("ol");
let engine, turn = 0;

async function find() {
  const mine = ++turn, text = input.value.trim();
  if (!text) { list.replaceChildren(); status.textContent = ""; return; }
  try {
    engine ??= await import(new URL(root + "pagefind/pagefind.js", location.href).href).then(async p => {
      await p.options({ baseUrl: new URL(root, location.href).pathname, excerptLength: zh ? 18 : 24, ranking: { pageLength: 0.1, termFrequency: 0.2 } });
      await p.init();
      return p;
    });
  } catch { status.textContent = words.fail; return; }
  const found = await engine.search(text);
  const top = await Promise.all(found.results.slice(0, 8).map(r => r.data()));
  if (mine !== turn) return;
  const titled = page => page.meta.title.toLowerCase().includes(text.toLowerCase());
  top.sort((a, b) => titled(b) - titled(a));                         // 标题相符的在前 | matching titles first
  status.textContent = found.results.length ? words.count(found.results.length) : words.empty;
  list.replaceChildren(...top.map(page => {
    const item = document.createElement("li"), link = document.createElement("a"), text = document.createElement("p");
    const section = (page.sub_results || []).find(s => s.url.includes("#"));
    link.href = page.url;
    link.textContent = page.meta.title;
    text.innerHTML = page.excerpt;
    item.append(link, text);
    if (section && section.title !== page.meta.title) {
      const sub = document.createElement("a");
      sub.className = "sub"; sub.href = section.url; sub.textContent = "§ " + section.title;
      item.append(sub);
    }
    return item;
  }));
}
input.addEventListener("input", find);
dialog.querySelector("form").addEventListener("submit", event => {   // 回车打开第一个结果 | return opens the first result
  if (event.submitter && document.activeElement !== input) return;
  event.preventDefault();
  const first = list.querySelector("a");
  if (first) location.href = first.href; else dialog.close();
});
dialog.addEventListener("keydown", event => {                        // 上下键在结果间移动 | arrows walk the results
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const stops = [input, ...list.querySelectorAll("a")], at = stops.indexOf(document.activeElement);
  stops[Math.max(0, Math.min(stops.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)))].focus();
  event.preventDefault();
});
dialog.addEventListener("click", event => { if (event.target === dialog || event.target.closest("ol a")) dialog.close(); });

export function open() {
  if (!dialog.open) dialog.showModal();
  input.select();
  find();
}
