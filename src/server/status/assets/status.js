// Keeps the page that is shown like the one that the exporter has: asks for it again and again, and
// changes what differs, so that focus, selection, typed text and scroll position stay.
"use strict";

(() => {
  const EVERY = 2000;
  // For the number in the title of a tab that nobody sees.
  const EVERY_HIDDEN = 30000;
  const AT_MOST = 30000;
  const TYPING = 250;
  const SILENT = "The exporter does not answer.";
  const GONE = "The exporter has no such target any more.";

  const pause = document.getElementById("pause");
  const trouble = document.getElementById("trouble");
  if (!pause || !trouble) return;

  let isPaused = false;
  let failures = 0;
  let timer = 0;
  let asking = null;
  let isAsked = false;

  // An answer that is no page.
  class Answer extends Error {
    constructor({ status, statusText }) {
      const words = `The exporter answers with ${status} ${statusText}`.trim();
      super(status === 404 && location.pathname.includes("/targets/") ? GONE : `${words}.`);
    }
  }

  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

  // What a node is found by when others come before it.
  function keyOf(node) {
    if (node.nodeType !== Node.ELEMENT_NODE) return null;
    return node.getAttribute("data-target") ?? node.getAttribute("data-probe") ?? (node.id || null);
  }

  // Makes `old` like `fresh`, touching nothing that is the same.
  function patch(old, fresh) {
    if (old.isEqualNode(fresh) || (old.dataset && "own" in old.dataset)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    patchChildren(old, fresh);
  }

  // The child with the focus or the selection, which would lose it if it were moved.
  function heldIn(parent) {
    const holders = [document.activeElement, getSelection()?.anchorNode];
    for (let node of holders) {
      while (node && node.parentNode !== parent) node = node.parentNode;
      if (node) return node;
    }
    return null;
  }

  function patchChildren(old, fresh) {
    const keyed = new Map();
    for (const child of old.children) {
      const key = keyOf(child);
      if (key !== null) keyed.set(key, child);
    }
    const wanted = new Set();
    for (const child of fresh.children) wanted.add(keyOf(child));
    const held = heldIn(old);
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      // What is not wanted any more goes first, so that the rest need not move.
      while (at && keyOf(at) !== null && !wanted.has(keyOf(at))) {
        const gone = at;
        at = at.nextSibling;
        gone.remove();
      }
      const key = keyOf(child);
      // What only stands in the way of the next comes back at its own place, and the rest need not move.
      const known = key === null ? null : keyed.get(key);
      const isInTheWay = at && at !== held && at !== known && keyOf(at) !== null;
      if (known && (known === held || (isInTheWay && known === at.nextElementSibling))) {
        while (at && at !== known) {
          const passed = at;
          at = at.nextSibling;
          passed.remove();
        }
      }
      if (at && same(at, child)) {
        patch(at, child);
        at = at.nextSibling;
      } else if (known && same(known, child)) {
        old.insertBefore(known, at);
        patch(known, child);
      } else {
        old.insertBefore(document.importNode(child, true), at);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  async function ask() {
    clearTimeout(timer);
    asking?.abort();
    const own = (asking = new AbortController());
    const limit = setTimeout(() => own.abort(), 10000);
    try {
      // Not the whole address, in which a user and a password may stand.
      const address = location.origin + location.pathname + location.search;
      const response = await fetch(address, { signal: own.signal, cache: "no-store" });
      if (!response.ok) throw new Answer(response);
      const text = await response.text();
      if (own !== asking) return;
      show(new DOMParser().parseFromString(text, "text/html"));
      failures = 0;
      complain("");
    } catch (error) {
      // Whoever asked later has taken over.
      if (own !== asking) return;
      failures += 1;
      // The same words at each try, as whoever hears them need not hear them again.
      const what = error instanceof Answer ? error.message : SILENT;
      complain(`${what} What is shown is old, and is asked for again until there is more.`);
    } finally {
      clearTimeout(limit);
      if (own === asking) {
        asking = null;
        plan();
      }
    }
  }

  function show(fresh) {
    const main = fresh.getElementById("main");
    // Whatever answers in the exporter's stead has another page.
    if (!main || !fresh.getElementById("pause")) throw new Error("another page");
    // Of another version, which this script may not know.
    if (loadedBy(fresh) !== loadedBy(document)) {
      location.reload();
      return;
    }
    if (document.title !== fresh.title) document.title = fresh.title;
    const row = document.activeElement?.closest("#targets tbody tr");
    const index = row?.sectionRowIndex;
    const had = document.activeElement !== document.body;
    patch(document.getElementById("main"), main);
    if (had && (document.activeElement ?? document.body) === document.body) refocus(index);
    offer();
    if (isAsked) say();
  }

  function loadedBy(page) {
    const parts = page.head.querySelectorAll("script[src], link[rel=stylesheet]");
    return Array.from(parts, (part) => part.getAttribute("src") ?? part.getAttribute("href")).join();
  }

  // Whoever was at a row that is gone is at the one that is there now.
  function refocus(index) {
    const rows = document.querySelectorAll("#targets tbody tr");
    const row = index === undefined ? null : rows[Math.min(index, rows.length - 1)];
    const place = row?.querySelector("a") ?? document.getElementById("main");
    place.focus({ preventScroll: true });
  }

  // Says what came of a wish; what changes by itself is not said.
  function say() {
    isAsked = false;
    const words = document.getElementById("shown")?.textContent ?? "";
    const place = document.getElementById("said");
    if (place && place.textContent !== words) place.textContent = words;
  }

  function complain(words) {
    document.body.classList.toggle("stale", words !== "");
    const place = document.getElementById("trouble");
    if (place && place.textContent !== words) place.textContent = words;
  }

  function plan() {
    clearTimeout(timer);
    if (isPaused) return;
    const every = document.hidden ? EVERY_HIDDEN : EVERY;
    timer = setTimeout(ask, Math.min(every * 2 ** failures, AT_MOST));
  }

  // What only the script can do is shown once it runs.
  function offer() {
    pause.hidden = false;
    document.getElementById("apply")?.setAttribute("data-own", "");
    document.getElementById("apply")?.setAttribute("hidden", "");
  }

  function go(url, isStep) {
    if (isStep) history.pushState(null, "", url);
    else history.replaceState(null, "", url);
    isAsked = true;
    ask();
  }

  // What the form wants, put into a query; what goes without saying is left out. Other targets begin
  // with their first page.
  function wished(pairs) {
    const before = pairs.toString();
    for (const [id, name, usual] of [["search", "q", ""], ["state", "state", "all"]]) {
      const value = document.getElementById(id)?.value ?? usual;
      if (value === usual) pairs.delete(name);
      else pairs.set(name, value);
    }
    if (pairs.toString() !== before) pairs.delete("page");
    const query = pairs.toString();
    return query === "" ? location.pathname : `?${query}`;
  }

  // The query of the page that is shown or on its way.
  const current = () => new URLSearchParams(location.search);

  // The query that a link leads to. The head of a column that was clicked before the page came that
  // turns it would lead to where one is.
  function led(link) {
    const pairs = new URL(link.href).searchParams;
    const now = current();
    const isHere = ["sort", "order"].every((name) => pairs.get(name) === now.get(name));
    if (link.dataset.sort !== undefined && isHere) {
      if (pairs.get("order") === "desc") pairs.delete("order");
      else pairs.set("order", "desc");
    }
    return pairs;
  }

  let typing = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.id !== "filters") return;
    clearTimeout(typing);
    typing = setTimeout(() => go(wished(current()), false), event.target.id === "search" ? TYPING : 0);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "filters") return;
    event.preventDefault();
    clearTimeout(typing);
    go(wished(current()), false);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-sort], .pages a");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || event.button !== 0 || !isPlain) return;
    event.preventDefault();
    clearTimeout(typing);
    go(wished(led(link)), true);
  });
  window.addEventListener("popstate", () => {
    clearTimeout(typing);
    const pairs = new URLSearchParams(location.search);
    const search = document.getElementById("search");
    const state = document.getElementById("state");
    if (search) search.value = pairs.get("q") ?? "";
    if (state) state.value = pairs.get("state") ?? "all";
    isAsked = true;
    ask();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !isPaused) ask();
    else if (asking === null) plan();
  });
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
    clearTimeout(timer);
    asking?.abort();
    asking = null;
    if (!isPaused) ask();
  });

  offer();
  plan();
})();
