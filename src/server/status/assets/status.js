// Keeps the page that is shown like the one that the exporter has: asks for it again and again, and
// changes what differs, so that focus, selection, typed text and scroll position stay.
"use strict";

(() => {
  const EVERY = 2000;
  const AT_MOST = 30000;
  const TYPING = 250;

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

  function patchChildren(old, fresh) {
    const keyed = new Map();
    for (const child of old.children) {
      const key = keyOf(child);
      if (key !== null) keyed.set(key, child);
    }
    const wanted = new Set();
    for (const child of fresh.children) wanted.add(keyOf(child));
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
      if (at && key !== null && !same(at, child) && keyOf(at) !== null && at.nextElementSibling && same(at.nextElementSibling, child)) {
        const passed = at;
        at = at.nextElementSibling;
        passed.remove();
      }
      const known = key === null ? null : keyed.get(key);
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
      // A page of a target that is gone says so, and is one like any other.
      if (!response.ok && response.status !== 404) throw new Error(`status ${response.status}`);
      const text = await response.text();
      if (own !== asking) return;
      show(new DOMParser().parseFromString(text, "text/html"));
      failures = 0;
      complain("");
    } catch {
      // Whoever asked later has taken over.
      if (own !== asking) return;
      failures += 1;
      const wait = Math.min(EVERY * 2 ** failures, AT_MOST) / 1000;
      complain(`The exporter does not answer. What is shown is old; the next try is in ${wait} s.`);
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
    if (!main || !fresh.getElementById("pause")) {
      // Another page, such as that of a target that is gone: nothing of it moves any more.
      if (main) document.getElementById("main").replaceWith(document.importNode(main, true));
      isPaused = true;
      return;
    }
    if (document.title !== fresh.title) document.title = fresh.title;
    const focused = document.activeElement;
    patch(document.getElementById("main"), main);
    // Whatever was moved has lost it.
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
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
    if (isPaused) clearTimeout(timer);
    else ask();
  });

  offer();
  plan();
})();
