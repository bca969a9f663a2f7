/*
 * What a form of the catalogue gains when scripts run: language tabs, dependent fields, repeating groups, searchable choices and a
 * summary of errors that leads to its fields. Without scripts every control is there, in plain HTML, and the server decides.
 */
(function () {
  "use strict";

  const SEARCH_FROM = 9; // choices; fewer are read faster than searched
  const FOUND = 8; // records proposed at a time
  const PAUSE = 250; // ms without a key before the catalogue is asked

  let strings = {};
  let announcer = null;
  let counter = 0;

  const text = (key, values) =>
    Object.entries(values || {}).reduce((out, [name, value]) => out.replaceAll("{" + name + "}", value), strings[key] || key);

  function element(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children);
    return node;
  }

  function announce(message) {
    if (announcer) announcer.textContent = message;
  }

  /* The same letters for one who searches: no accents, no vowel marks, one alef, Western digits. */
  function fold(value) {
    return value
      .normalize("NFKD")
      .replace(/[\u0300-\u036f\u0640\u064b-\u065f\u0670]/g, "")
      .replace(/[\u0622\u0623\u0625\u0671]/g, "\u0627")
      .replace(/\u0629/g, "\u0647")
      .replace(/[\u0649\u06cc]/g, "\u064a")
      .replace(/[\u0660-\u0669]/g, (digit) => String(digit.charCodeAt(0) - 0x660))
      .toLowerCase()
      .trim();
  }

  const matches = (label, query) => {
    const folded = fold(label);
    return fold(query)
      .split(/\s+/)
      .every((word) => folded.includes(word));
  };

  const controls = (scope) => Array.from(scope.querySelectorAll("input, select, textarea")).filter((control) => control.name && control.type !== "hidden");

  const holdsValue = (control) =>
    control.type === "checkbox" || control.type === "radio" ? control.checked && control.value !== "" : control.value.trim() !== "";

  /* ---------------------------------------------------------------- language tabs */

  function languageTabs(box) {
    const panes = Array.from(box.querySelectorAll(":scope > [data-ogf-lang]"));
    if (panes.length < 2 || box.querySelector(":scope > [role=tablist]")) return;
    const list = element("div", { role: "tablist", class: "ogf-tabs", "aria-label": box.dataset.ogfLabel });
    const tabs = panes.map((pane) => {
      const control = pane.querySelector("input, textarea");
      const filled = element("span", { class: "visually-hidden" });
      const tab = element(
        "button",
        { type: "button", role: "tab", class: "ogf-tab", "aria-controls": pane.id, id: pane.id + "-tab", lang: pane.dataset.ogfLang },
        element("bdi", {}, pane.dataset.ogfLangName),
        element("span", { class: "ogf-dot", "aria-hidden": "true" }),
        filled
      );
      pane.setAttribute("role", "tabpanel");
      pane.setAttribute("aria-labelledby", tab.id);
      const failed = pane.hasAttribute("data-ogf-failed");
      tab.classList.toggle("ogf-tab-failed", failed);
      const mark = () => {
        const has = control.value.trim() !== "";
        tab.classList.toggle("ogf-tab-filled", has);
        const state = [has ? text("filled") : text("empty")].concat(failed ? [text("failed")] : []);
        filled.textContent = " (" + state.join(", ") + ")";
      };
      control.addEventListener("input", mark);
      mark();
      tab.ogfShow = () => {
        tabs.forEach((other, at) => {
          other.setAttribute("aria-selected", String(other === tab));
          other.tabIndex = other === tab ? 0 : -1;
          panes[at].hidden = other !== tab;
        });
      };
      tab.addEventListener("click", () => {
        tab.ogfShow();
        control.focus();
      });
      pane.ogfTab = tab;
      return tab;
    });
    list.addEventListener("keydown", (event) => {
      const forward = getComputedStyle(list).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
      const backward = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
      const at = tabs.indexOf(document.activeElement);
      const to = { [forward]: at + 1, [backward]: at - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      const tab = tabs[to % tabs.length];
      tab.ogfShow();
      tab.focus();
    });
    list.append(...tabs);
    box.prepend(list);
    const hasText = (pane) => pane.querySelector("input, textarea").value.trim() !== "";
    const own = panes.find((pane) => pane.dataset.ogfLang === document.documentElement.lang.split("-")[0]) || panes[0];
    const first = panes.find((pane) => pane.hasAttribute("data-ogf-failed")) || (hasText(own) ? own : panes.find(hasText)) || own;
    first.ogfTab.ogfShow();
  }

  /* ---------------------------------------------------------------- dependent fields */

  function valuesOf(form, block, name) {
    const row = block.closest("[data-ogf-row]");
    const scoped = row ? row.dataset.ogfPrefix + name : null;
    const named = (wanted) => Array.from(form.elements).filter((control) => control.name === wanted);
    let found = scoped ? named(scoped) : [];
    if (!found.length) found = named(name);
    if (!found.length) return null;
    return found.flatMap((control) => {
      if (control.type === "checkbox" || control.type === "radio") return control.checked ? [control.value] : [];
      return control.multiple ? Array.from(control.selectedOptions, (option) => option.value) : [control.value];
    });
  }

  /* A field that holds something never disappears: hiding it would lose, or send unseen, what somebody wrote. */
  function showDependent(form) {
    form.querySelectorAll("[data-ogf-when]").forEach((block) => {
      const wanted = JSON.parse(block.dataset.ogfWhen).every((rule) => {
        const current = valuesOf(form, block, rule.field);
        if (current === null) return true;
        if (rule.values) return current.some((value) => rule.values.includes(value));
        if (rule.not_values) return current.some((value) => value !== "" && !rule.not_values.includes(value));
        return current.some((value) => value !== "");
      });
      block.hidden = !wanted && !block.querySelector(".ogf-error") && !controls(block).some(holdsValue);
    });
    form.querySelectorAll(".ogf-section").forEach((section) => {
      const fields = Array.from(section.querySelectorAll(":scope > .ogf-field"));
      const empty = fields.length > 0 && fields.every((field) => field.hidden);
      section.hidden = empty;
      const link = form.querySelector('.ogf-contents a[href="#' + section.id + '"]');
      if (link) link.parentElement.hidden = empty;
    });
  }

  /* ---------------------------------------------------------------- repeating groups */

  function repeatingGroup(group) {
    const list = group.querySelector(":scope > .ogf-rows");
    const template = group.querySelector(":scope > template");
    const add = group.querySelector(":scope > .ogf-add");
    const undo = group.querySelector(":scope > .ogf-undo");
    const name = group.dataset.ogfRepeat;
    const label = group.dataset.ogfRowLabel;
    const once = group.hasAttribute("data-ogf-once");
    const rows = () => Array.from(list.children);
    const legend = (at) => (once ? label : text("row", { label: label, number: at + 1 }));

    /* The server reads the order of the rows from the number in each control's name. */
    function renumber() {
      add.hidden = once && rows().length > 0;
      rows().forEach((row, at) => {
        const from = row.dataset.ogfPrefix;
        const to = name + "-" + String(at).padStart(3, "0") + "-";
        row.dataset.ogfPrefix = to;
        row.querySelector("legend .ogf-row-title").textContent = legend(at);
        row.querySelectorAll("[data-ogf-move]").forEach((button) => {
          button.disabled = button.dataset.ogfMove === "up" ? at === 0 : at === rows().length - 1;
        });
        row.querySelectorAll(".ogf-row-actions button").forEach((button) => {
          button.setAttribute("aria-label", button.textContent.trim() + " – " + legend(at));
        });
        if (from === to) return;
        row.querySelectorAll("*").forEach((node) => {
          for (const attribute of ["id", "name", "for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-activedescendant"]) {
            const value = node.getAttribute(attribute);
            if (value && value.includes(from)) node.setAttribute(attribute, value.replaceAll(from, to));
          }
        });
      });
    }

    function prepare(row) {
      const actions = element("div", { class: "ogf-row-actions" });
      for (const move of once ? [] : ["up", "down"]) {
        const button = element("button", { type: "button", class: "btn btn-secondary btn-sm", "data-ogf-move": move }, text(move));
        button.addEventListener("click", () => {
          const other = move === "up" ? row.previousElementSibling : row.nextElementSibling;
          if (!other) return;
          if (move === "up") other.before(row);
          else other.after(row);
          renumber();
          (button.disabled ? actions.querySelector("[data-ogf-move]:not(:disabled)") : button).focus();
          announce(text("moved", { row: legend(rows().indexOf(row)) }));
        });
        actions.append(button);
      }
      const remove = element("button", { type: "button", class: "btn btn-secondary btn-sm ogf-remove" }, text("remove"));
      remove.addEventListener("click", () => {
        const at = rows().indexOf(row);
        const removed = legend(at);
        row.remove();
        renumber();
        const again = element("button", { type: "button", class: "btn btn-secondary btn-sm" }, text("undo"));
        again.addEventListener("click", () => {
          if (rows()[at]) rows()[at].before(row);
          else list.append(row);
          renumber();
          undo.replaceChildren();
          row.querySelector("input, select, textarea").focus();
          changed();
        });
        undo.replaceChildren(element("span", {}, text("removed", { row: removed })), again);
        announce(text("removed", { row: removed }));
        again.focus();
        changed();
      });
      actions.append(remove);
      row.append(actions);
    }

    function changed() {
      group.dispatchEvent(new Event("change", { bubbles: true }));
    }

    add.addEventListener("click", () => {
      const at = rows().length;
      const row = element("div", {});
      row.innerHTML = template.innerHTML.replaceAll("__row__", String(at).padStart(3, "0"));
      const fresh = row.firstElementChild;
      list.append(fresh);
      prepare(fresh);
      enhance(fresh);
      renumber();
      changed();
      undo.replaceChildren();
      const first = Array.from(fresh.querySelectorAll("input:not([type=hidden]), select, textarea")).find((control) => control.offsetParent);
      if (first) first.focus();
      announce(text("added", { row: legend(at) }));
    });

    rows().forEach(prepare);
    // The blank row is there for those who have no scripts; here the button gives one.
    rows()
      .filter((row) => row.hasAttribute("data-ogf-blank"))
      .forEach((row) => row.remove());
    renumber();
  }

  /* ---------------------------------------------------------------- several choices: filter over checkboxes */

  function filteredChoices(box) {
    const items = Array.from(box.querySelectorAll(".ogf-choice"));
    const chosen = element("p", { class: "ogf-chosen", "aria-live": "polite" });
    const list = box.querySelector(".ogf-choice-list");
    function count() {
      const names = items.filter((item) => item.querySelector("input").checked).map((item) => item.querySelector(".ogf-choice-label").textContent.trim());
      chosen.textContent = names.length ? text("chosen", { count: names.length }) + " " + names.join(strings.comma || ", ") : text("none_chosen");
    }
    box.addEventListener("change", count);
    list.before(chosen);
    count();
    if (items.length < SEARCH_FROM) return;
    const id = "ogf-filter-" + ++counter;
    const input = element("input", { type: "search", id: id, class: "form-control", autocomplete: "off", dir: "auto" });
    const none = element("p", { class: "ogf-no-match", role: "status" });
    input.addEventListener("input", () => {
      let seen = 0;
      items.forEach((item) => {
        item.hidden = !matches(item.textContent, input.value);
        if (!item.hidden) seen += 1;
      });
      none.textContent = seen ? "" : text("no_match");
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // it filters, it does not send the form
    });
    list.before(element("div", { class: "ogf-filter" }, element("label", { for: id }, text("filter")), input), none);
    list.classList.add("ogf-scroll");
    list.tabIndex = -1;
  }

  /* ---------------------------------------------------------------- one choice of many: combobox (WAI-ARIA APG, editable, list) */

  function combobox(select) {
    const all = Array.from(select.options).filter((option) => option.value !== "");
    if (all.length < SEARCH_FROM) return;
    const offered = () => all.filter((option) => !option.hidden);
    const id = select.id;
    const listId = id + "-list";
    const input = element("input", {
      type: "text",
      id: id,
      class: "form-control ogf-combo-input",
      role: "combobox",
      autocomplete: "off",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": listId,
      "aria-describedby": select.getAttribute("aria-describedby"),
      "aria-required": select.getAttribute("aria-required"),
      "aria-invalid": select.getAttribute("aria-invalid"),
      placeholder: text("search"),
      dir: "auto",
    });
    const label = document.querySelector('label[for="' + CSS.escape(id) + '"]');
    const list = element("ul", { role: "listbox", id: listId, class: "ogf-combo-list", hidden: true, "aria-label": label ? label.textContent.trim() : null });
    const shell = element("div", { class: "ogf-combo" });
    select.id = id + "-source";
    select.hidden = true;
    select.before(shell);
    shell.append(input, list, select);
    let shown = [];
    let active = -1;

    const chosen = () => (select.value === "" ? "" : select.selectedOptions[0].textContent.trim());

    function choose(option) {
      select.value = option ? option.value : "";
      input.value = chosen();
      select.dispatchEvent(new Event("change", { bubbles: true }));
    }

    function mark(at) {
      active = at;
      Array.from(list.children).forEach((item, index) => {
        item.classList.toggle("ogf-active", index === at);
        if (index === at) {
          input.setAttribute("aria-activedescendant", item.id);
          item.scrollIntoView({ block: "nearest" });
        }
      });
      if (at < 0) input.removeAttribute("aria-activedescendant");
    }

    function open(query) {
      shown = offered().filter((option) => matches(option.textContent + " " + option.value.replace(/[_-]/g, " "), query));
      list.replaceChildren(
        ...shown.map((option, at) => {
          const item = element(
            "li",
            { role: "option", id: input.id + "-option-" + at, "aria-selected": String(option.value === select.value), dir: "auto" },
            option.textContent.trim()
          );
          item.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
          item.addEventListener("click", () => {
            choose(option);
            close();
          });
          return item;
        })
      );
      if (!shown.length) list.append(element("li", { role: "option", "aria-disabled": "true", "aria-selected": "false", class: "ogf-none" }, text("no_match")));
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      mark(query ? (shown.length ? 0 : -1) : shown.findIndex((option) => option.value === select.value));
    }

    function close() {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      mark(-1);
    }

    input.addEventListener("input", () => open(input.value));
    input.addEventListener("click", () => (list.hidden ? open("") : null));
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) {
          open("");
          if (active < 0 && shown.length) mark(0);
          return;
        }
        if (shown.length) mark((active + (event.key === "ArrowDown" ? 1 : -1) + shown.length) % shown.length);
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (!list.hidden && shown[active]) choose(shown[active]);
        close();
      } else if (event.key === "Escape" && !list.hidden) {
        event.stopPropagation();
        input.value = chosen();
        close();
      }
    });
    input.addEventListener("blur", () => {
      if (!list.hidden && shown[active] && input.value.trim() !== "" && input.value !== chosen()) choose(shown[active]);
      else if (input.value.trim() === "" && select.value !== "") choose(null);
      else input.value = chosen();
      close();
    });
    select.addEventListener("change", () => {
      input.value = chosen();
    });
    input.value = chosen();
  }

  /* ---------------------------------------------------------------- choices that depend on another choice, e.g. axes of a plan */

  function narrowChoices(form) {
    form.querySelectorAll("select[data-ogf-parent]").forEach((select) => {
      const parents = (valuesOf(form, select, select.dataset.ogfParent) || []).filter((value) => value !== "");
      Array.from(select.options).forEach((option) => {
        const of = option.dataset.ogfOf;
        const out = Boolean(of) && parents.length > 0 && !parents.includes(of) && !option.selected;
        option.hidden = out;
        option.disabled = out; // not every browser hides an option
      });
    });
  }

  /* ---------------------------------------------------------------- several short texts */

  function severalTexts(box) {
    const another = box.querySelector(".ogf-another");
    const inputs = () => Array.from(box.querySelectorAll("input"));
    inputs()
      .slice(1)
      .filter((input) => input.value === "")
      .forEach((input) => input.remove());
    another.hidden = false;
    another.addEventListener("click", () => {
      const last = inputs().pop();
      const input = last.cloneNode();
      const number = inputs().length + 1;
      input.value = "";
      input.id = last.id.replace(/\d+$/, String(number));
      input.setAttribute("aria-label", text("row", { label: box.dataset.ogfSeveral, number: number }));
      last.after(input);
      input.focus();
    });
  }

  /* ---------------------------------------------------------------- records of the catalogue, found by words */

  function findRecords(box) {
    const list = box.querySelector(".ogf-choice-list");
    const input = box.querySelector('input[type="text"]');
    const found = element("ul", { class: "ogf-found", role: "listbox", id: input.id + "-found", hidden: true, "aria-label": text("found") });
    const shell = element("div", { class: "ogf-combo" });
    const status = element("p", { class: "ogf-no-match", role: "status" });
    let timer = 0;
    let asked = 0;
    let active = -1;
    input.before(shell);
    shell.append(input, found);
    shell.after(status);
    found.classList.add("ogf-combo-list");
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", found.id]]) {
      input.setAttribute(name, value);
    }

    function close() {
      found.hidden = true;
      active = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    function take(record) {
      const id = input.id + "-" + record.id;
      if (!document.getElementById(id)) {
        const tick = element("input", { type: "checkbox", id: id, name: box.dataset.ogfName, value: record.id, checked: true });
        list.append(element("li", { class: "ogf-choice" }, tick, element("label", { for: id, class: "ogf-choice-label", dir: "auto" }, titleOf(record))));
      }
      input.value = "";
      status.textContent = "";
      announce(text("added", { row: titleOf(record) }));
      close();
    }

    const titleOf = (record) => {
      const titles = record.title_translated || {};
      return titles[document.documentElement.lang.split("-")[0]] || record.title || record.name;
    };

    async function ask() {
      const question = input.value.trim();
      const number = ++asked;
      if (question.length < 2) return close();
      const url = new URL(box.dataset.ogfDatasets, location.href);
      url.searchParams.set("q", question);
      url.searchParams.set("rows", FOUND);
      url.searchParams.set("include_private", "true");
      if (box.dataset.ogfType) url.searchParams.set("fq", "dataset_type:" + box.dataset.ogfType);
      let answer = null;
      try {
        const response = await fetch(url, { credentials: "same-origin" });
        answer = response.ok ? (await response.json()).result.results : null;
      } catch (unreachable) {
        answer = null;
      }
      if (number !== asked) return; // a newer question is under way
      status.textContent = answer === null ? text("no_answer") : answer.length ? "" : text("no_match");
      if (!answer || !answer.length) return close();
      active = -1;
      found.replaceChildren(
        ...answer.map((record, at) => {
          const item = element("li", { role: "option", id: found.id + "-" + at, "aria-selected": "false", dir: "auto" }, titleOf(record));
          item.addEventListener("mousedown", (event) => event.preventDefault());
          item.addEventListener("click", () => take(record));
          item.ogfTake = () => take(record);
          return item;
        })
      );
      found.hidden = false;
      input.setAttribute("aria-expanded", "true");
    }

    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, PAUSE);
    });
    input.addEventListener("keydown", (event) => {
      const items = found.hidden ? [] : Array.from(found.children);
      if ((event.key === "ArrowDown" || event.key === "ArrowUp") && items.length) {
        event.preventDefault();
        active = (active + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length;
        items.forEach((item, at) => {
          item.classList.toggle("ogf-active", at === active);
          item.setAttribute("aria-selected", String(at === active));
        });
        input.setAttribute("aria-activedescendant", items[active].id);
        items[active].scrollIntoView({ block: "nearest" });
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (items[active]) items[active].ogfTake();
      } else if (event.key === "Escape") close();
    });
    input.addEventListener("blur", close);
  }

  /* ---------------------------------------------------------------- file or address */

  function fileOrAddress(control) {
    const choice = document.getElementById(control.dataset.ogfSource);
    if (choice) {
      control.addEventListener("input", () => {
        choice.checked = true;
      });
    }
    const pick = control.parentElement.querySelector(".ogf-pick");
    if (!pick) return;
    const none = pick.querySelector("[data-ogf-picked]").textContent;
    pick.hidden = false;
    control.classList.add("visually-hidden");
    pick.addEventListener("click", () => control.click());
    control.addEventListener("change", () => {
      pick.querySelector("[data-ogf-picked]").textContent = control.files.length ? control.files[0].name : none;
    });
  }

  /* ---------------------------------------------------------------- sum of a column, e.g. shares that may not exceed 100 */

  function runningSum(group) {
    const sub = group.dataset.ogfSum;
    const output = element("p", { class: "ogf-sum", role: "status" });
    group.querySelector(":scope > .ogf-rows").after(output);
    function refresh() {
      const shares = controls(group)
        .filter((control) => control.name.endsWith("-" + sub))
        .map((control) => fold(control.value).replace(",", ".").replace("\u066b", ".").replace("%", ""))
        .filter((value) => value !== "");
      const sum = shares.reduce((total, value) => total + Number(value), 0);
      const readable = Number.isFinite(sum) ? String(Math.round(sum * 1e6) / 1e6).replace(".", document.documentElement.lang === "en" ? "." : ",") : "?";
      output.hidden = shares.length === 0;
      output.classList.toggle("ogf-over", sum > 100);
      output.replaceChildren(text("sum") + " ", element("bdi", { dir: "ltr" }, readable + "\u202f%"), sum > 100 ? " – " + text("over") : "");
    }
    group.addEventListener("input", refresh);
    group.addEventListener("change", refresh);
    refresh();
  }

  /* ---------------------------------------------------------------- errors lead to their fields */

  function reveal(target) {
    for (let node = target; node && node !== document.body; node = node.parentElement) {
      if (node.ogfTab) node.ogfTab.ogfShow();
      if (node.hidden && node.matches("[data-ogf-when], .ogf-section")) node.hidden = false;
      if (node.tagName === "DETAILS") node.open = true;
    }
    const isControl = "input:not([type=hidden]), select, textarea";
    const inside = target.matches(isControl) ? [target] : [...target.querySelectorAll(isControl), ...target.querySelectorAll("button")];
    const control = inside.find((found) => found.offsetParent);
    const focusable = control || target;
    if (focusable === target && !control) target.tabIndex = -1;
    focusable.focus({ preventScroll: true });
    (target.closest(".ogf-field") || target).scrollIntoView({ block: "start" });
  }

  function leadToFields(summary) {
    summary.addEventListener("click", (event) => {
      const link = event.target.closest('a[href^="#"]');
      const target = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (!target) return;
      event.preventDefault();
      reveal(target);
    });
    summary.focus();
  }

  /* ---------------------------------------------------------------- start */

  function enhance(scope) {
    scope.querySelectorAll("[data-ogf-langs]").forEach(languageTabs);
    scope.querySelectorAll("[data-ogf-choices]").forEach(filteredChoices);
    scope.querySelectorAll("select[data-ogf-search]").forEach(combobox);
    scope.querySelectorAll("[data-ogf-several]").forEach(severalTexts);
    scope.querySelectorAll("[data-ogf-datasets]").forEach(findRecords);
    scope.querySelectorAll("[data-ogf-source]").forEach(fileOrAddress);
  }

  function start() {
    const root = document.querySelector("[data-ogf]");
    if (!root) return;
    const form = root.closest("form");
    strings = JSON.parse(root.dataset.ogfStrings);
    announcer = element("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
    root.append(announcer);
    root.classList.add("ogf-live");
    enhance(root);
    root.querySelectorAll("[data-ogf-repeat]").forEach(repeatingGroup);
    root.querySelectorAll("[data-ogf-sum]").forEach(runningSum);
    const follow = () => {
      showDependent(form);
      narrowChoices(form);
    };
    follow();
    form.addEventListener("change", follow);
    const summary = form.querySelector(".ogf-summary");
    if (summary) leadToFields(summary);
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && root.contains(target)) reveal(target);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
