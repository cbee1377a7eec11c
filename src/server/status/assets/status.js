// Keeps the page that is shown like the one that the exporter has: asks for it again and again, and
// changes what differs, so that focus, selection, typed text and scroll position stay.
"use strict";

(() => {
  const EVERY = 2000;
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
      const response = await fetch(location.href, { signal: own.signal, cache: "no-store" });
      if (!response.ok) throw new Error(response.status === 404 ? GONE : SILENT);
      const text = await response.text();
      if (own !== asking) return;
      show(new DOMParser().parseFromString(text, "text/html"));
      failures = 0;
      complain("");
    } catch (error) {
      // Whoever asked later has taken over.
      if (own !== asking) return;
      failures += 1;
      const wait = Math.min(EVERY * 2 ** failures, AT_MOST) / 1000;
      const what = error.message === GONE ? GONE : SILENT;
      complain(`${what} What is shown is old; the next try is in ${wait} s.`);
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
    if (document.title !== fresh.title) document.title = fresh.title;
    patch(document.getElementById("main"), main);
    offer();
  }

  function complain(words) {
    document.body.classList.toggle("stale", words !== "");
    const place = document.getElementById("trouble");
    if (place && place.textContent !== words) place.textContent = words;
  }

  function plan() {
    clearTimeout(timer);
    if (isPaused || document.hidden) return;
    timer = setTimeout(ask, Math.min(EVERY * 2 ** failures, AT_MOST));
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
    ask();
  }

  // The URL that the form stands for, without what goes without saying.
  function wished(form) {
    const pairs = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value !== "" && !(name === "state" && value === "all")) pairs.append(name, value);
    }
    const query = pairs.toString();
    return query === "" ? location.pathname : `?${query}`;
  }

  let typing = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.id !== "filters") return;
    clearTimeout(typing);
    typing = setTimeout(() => go(wished(form), false), event.target.id === "search" ? TYPING : 0);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "filters") return;
    event.preventDefault();
    clearTimeout(typing);
    go(wished(event.target), false);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-sort], .pages a");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || event.button !== 0 || !isPlain) return;
    event.preventDefault();
    clearTimeout(typing);
    go(link.href, true);
  });
  window.addEventListener("popstate", () => {
    const pairs = new URLSearchParams(location.search);
    const search = document.getElementById("search");
    const state = document.getElementById("state");
    if (search) search.value = pairs.get("q") ?? "";
    if (state) state.value = pairs.get("state") ?? "all";
    ask();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else if (!isPaused) ask();
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
