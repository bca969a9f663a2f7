/* What every page of the portal needs: menu and filters on a phone, theme, language links that follow the filters, copying. */
(function () {
  "use strict";
  var root = document.documentElement;

  function disclosure(button, holder, key) {
    function set(open) {
      holder.setAttribute("data-" + key, open ? "open" : "closed");
      button.setAttribute("aria-expanded", String(open));
    }
    button.addEventListener("click", function () {
      set(button.getAttribute("aria-expanded") !== "true");
    });
    holder.addEventListener("keydown", function (event) {
      if (event.key === "Escape" && button.getAttribute("aria-expanded") === "true") {
        set(false);
        button.focus();
      }
    });
  }

  /* Downloads of a table take the rows that its preview, a frame in the same page, was asked for last. */
  function startDownloads() {
    var row = document.querySelector("[data-og-downloads]");
    if (!row) return;
    var links = row.querySelectorAll("a[data-form]");
    links.forEach(function (link) { link.setAttribute("data-all", link.getAttribute("href")); });
    window.addEventListener("message", function (event) {
      var query = event.data && event.data.ogptnRows;
      if (event.origin !== window.location.origin || !query || typeof query !== "object") return;
      /* An order alone leaves no row out. */
      var some = Boolean(query.q || query.filters);
      links.forEach(function (link) {
        var address = new URL(link.getAttribute("data-all"), window.location.href);
        address.search = "";
        Object.keys(query).forEach(function (name) { address.searchParams.set(name, query[name]); });
        link.setAttribute("href", some ? address.href : link.getAttribute("data-all"));
      });
      row.querySelectorAll("[data-whole]").forEach(function (part) { part.hidden = some; });
      row.querySelectorAll("[data-some]").forEach(function (part) { part.hidden = !some; });
    });
  }

  function startHeader() {
    var button = document.querySelector(".og-menu-button");
    if (button) disclosure(button, button.closest(".og-header"), "menu");

    var theme = document.querySelector(".og-theme-button");
    if (!theme) return;
    function show() {
      theme.setAttribute("aria-pressed", String(root.getAttribute("data-bs-theme") === "dark"));
    }
    theme.hidden = false;
    show();
    new MutationObserver(show).observe(root, { attributeFilter: ["data-bs-theme"] });
    theme.addEventListener("click", function () {
      var next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
      root.setAttribute("data-bs-theme", next);
      try {
        localStorage.setItem("ogptn-theme", next);
      } catch (blocked) {
        /* Private windows may refuse: the choice then lasts as long as the page. */
      }
    });
  }

  /* The search page is swapped in parts: the filters' state lives on <html>, which stays. */
  function startFilters() {
    document.addEventListener("click", function (event) {
      var button = event.target.closest(".og-filters__button");
      if (!button) return;
      var open = button.getAttribute("aria-expanded") !== "true";
      root.setAttribute("data-filters", open ? "open" : "closed");
      button.setAttribute("aria-expanded", String(open));
    });
    document.addEventListener("htmx:oobAfterSwap", function () {
      document.querySelectorAll(".og-filters__button").forEach(function (button) {
        button.setAttribute("aria-expanded", String(root.getAttribute("data-filters") === "open"));
      });
    });
  }

  /* htmx changes the address without loading a page: the language links have to follow, or they would forget the filters. */
  function followAddress() {
    var links = document.querySelectorAll(".og-langs a[data-root]");
    function update() {
      var current = document.querySelector(".og-langs a[aria-current]");
      if (!current) return;
      var path = window.location.pathname;
      var here = current.getAttribute("data-root");
      var bare = current.getAttribute("data-bare-root");
      var rest;
      if ((path + "/").indexOf(here + "/") === 0) rest = path.slice(here.length);
      else if ((path + "/").indexOf(bare + "/") === 0) rest = path.slice(bare.length);
      else return;
      links.forEach(function (link) {
        link.setAttribute("href", link.getAttribute("data-root") + rest + window.location.search);
      });
    }
    ["htmx:pushedIntoHistory", "htmx:replacedInHistory", "htmx:historyRestore"].forEach(function (name) {
      document.addEventListener(name, update);
    });
    window.addEventListener("popstate", update);
  }

  function startCopying() {
    document.addEventListener("click", function (event) {
      var button = event.target.closest("[data-og-copy]");
      if (!button || !navigator.clipboard) return;
      var source = document.getElementById(button.getAttribute("data-og-copy"));
      navigator.clipboard.writeText(source.textContent.trim()).then(function () {
        button.querySelector("[role=status]").textContent = button.getAttribute("data-og-done");
      });
    });
  }

  function start() {
    startHeader();
    startDownloads();
    startFilters();
    followAddress();
    startCopying();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
