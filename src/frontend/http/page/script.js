// Makes the page live: searches follow what is typed, and what is shown follows what happens. Everything works without it.
"use strict";

// The answers put into the page come from this server alone, which escapes all text of others. This is the only place that turns
// text into markup (the content security policy allows no other).
const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("mcpod", { createHTML: (text) => text })
  : { createHTML: (text) => text };
const parse = (text) => new DOMParser().parseFromString(policy.createHTML(text), "text/html");

async function load(address, signal) {
  const answer = await fetch(address, { signal, credentials: "same-origin", headers: { accept: "text/html" } });
  if (answer.status === 401) { location.reload(); throw new Error("signed out"); }
  return parse(await answer.text());
}

// Puts the part of a document with an id in the place of the one that is shown.
function swap(id, from) {
  const shown = document.getElementById(id);
  const fresh = from.getElementById(id);
  if (!shown || !fresh || shown.isEqualNode(fresh)) return;
  const focused = shown.contains(document.activeElement) ? document.activeElement : null;
  // Whoever is about to press a button there is not disturbed.
  if (focused && focused.closest("form")) return;
  const address = focused && focused.getAttribute("href");
  shown.replaceWith(document.importNode(fresh, true));
  if (address) document.querySelector(`#${id} a[href="${CSS.escape(address)}"]`)?.focus();
}

function search(form) {
  let running = null;
  const ask = async () => {
    running?.abort();
    running = new AbortController();
    const fields = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...fields]) if (value === "") fields.delete(name);
    history.replaceState(null, "", fields.size ? `.?${fields}` : ".");
    fields.set("part", "");
    try { swap("results", await load(`.?${fields}`, running.signal)); } catch (error) { if (error.name !== "AbortError") throw error; }
  };
  form.addEventListener("input", ask);
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
}

function live() {
  const parts = () => [...document.querySelectorAll("[data-live]")];
  if (parts().length === 0) return;
  let loading = false;
  let again = false;
  const refresh = async () => {
    if (document.visibilityState !== "visible") return;
    if (loading) { again = true; return; }
    loading = true;
    try {
      const fresh = await load(location.href);
      for (const part of parts()) swap(part.id, fresh);
    } catch { /* The next one may come through: the server may be starting. */ }
    loading = false;
    if (again) { again = false; refresh(); }
  };
  new EventSource("events").addEventListener("changed", refresh);
  document.addEventListener("visibilitychange", refresh);
  // What systemd sends no signal for: memory, processor time.
  const seconds = Math.min(...parts().map((part) => Number(part.dataset.live)));
  setInterval(refresh, seconds * 1000);
}

function follow(job) {
  if (job.hasAttribute("data-over")) return;
  const events = new EventSource(job.dataset.job);
  const update = async () => {
    const fresh = await load(`${location.pathname.split("/").pop()}${location.search}&part=`);
    swap("progress", fresh);
  };
  events.addEventListener("changed", update);
  events.addEventListener("over", async () => { events.close(); document.activeElement?.blur?.(); await update(); });
}

function log(view) {
  const LINES = 500;
  let last = view.querySelector("pre.chunk:last-of-type");
  let count = last.textContent.split("\n").length;
  const toEnd = () => { view.scrollTop = view.scrollHeight; };
  toEnd();
  if (view.dataset.follow) {
    let waiting = [];
    const put = () => {
      const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
      for (const line of waiting.splice(0)) {
        // In parts, so that a browser lays out those alone that are seen.
        if (count >= LINES) {
          last = view.appendChild(Object.assign(document.createElement("pre"), { className: "chunk" }));
          count = 0;
        }
        last.append(`${line}\n`);
        count += 1;
      }
      if (atEnd) toEnd();
    };
    new EventSource(view.dataset.follow).addEventListener("line", (event) => {
      if (waiting.push(event.data) === 1) requestAnimationFrame(put);
    });
  }
  let loading = false;
  const earlier = async () => {
    const link = view.querySelector("a.earlier");
    if (!link || loading) return;
    loading = true;
    try {
      const fresh = await load(`${link.getAttribute("href")}&part=`);
      const height = view.scrollHeight - view.scrollTop;
      link.replaceWith(...document.importNode(fresh.body, true).childNodes);
      view.scrollTop = view.scrollHeight - height;
    } finally { loading = false; }
  };
  view.addEventListener("scroll", () => { if (view.scrollTop < 200) earlier(); });
  view.addEventListener("click", (event) => {
    if (event.target.closest("a.earlier")) { event.preventDefault(); earlier(); }
  });
}

// A search follows what is typed, so it needs no button.
for (const form of document.querySelectorAll("form[data-search]")) search(form);
for (const job of document.querySelectorAll("[data-job]")) follow(job);
for (const view of document.querySelectorAll("#log")) log(view);
live();
