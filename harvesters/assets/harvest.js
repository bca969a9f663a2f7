/* A job's page that follows the job, and a source's form that shows the options of the chosen kind. Without scripts the page is reloaded by
   its link, and the form shows all options. */
(function () {
  "use strict";

  function follow(card) {
    var part = card.querySelector("[data-ogh-part]");
    var say = card.querySelector("[data-ogh-say]");
    var reload = card.querySelector(".ogh-reload");
    var address = card.getAttribute("data-ogh-live");
    var failures = 0;
    if (reload) reload.hidden = true;

    function later(wait) {
      window.setTimeout(look, wait);
    }

    function look() {
      /* Nobody sees it: ask when somebody does. */
      if (document.hidden) {
        document.addEventListener("visibilitychange", look, { once: true });
        return;
      }
      fetch(address, { headers: { Accept: "application/json" }, credentials: "same-origin" })
        .then(function (answer) {
          if (!answer.ok) throw new Error(String(answer.status));
          return answer.json();
        })
        .then(function (job) {
          failures = 0;
          part.innerHTML = job.html;
          if (say.textContent !== job.say) say.textContent = job.say;
          document.querySelectorAll("[data-ogh-phase] > *").forEach(function (tag) { tag.textContent = job.phase; });
          /* The list below is of when the page was made. */
          if (reload) reload.hidden = String(job.problems) === card.getAttribute("data-ogh-problems");
          if (job.open) later(job.again);
          /* What it found, asks and removed is on the page that it has now. */
          else window.location.reload();
        })
        .catch(function () {
          failures += 1;
          if (failures < 8) later(Math.min(60000, 2000 * Math.pow(2, failures)));
          else if (reload) reload.hidden = false;
        });
    }
    later(1000);
  }

  function chooseKind(form) {
    var sections = form.querySelectorAll("[data-ogh-kind]");
    var timed = form.querySelectorAll("[data-ogh-when]");
    var ofKinds = form.querySelectorAll("[data-ogh-kinds]");
    function show() {
      var chosen = form.querySelector("[name=backend]:checked");
      sections.forEach(function (section) {
        section.hidden = !chosen || section.getAttribute("data-ogh-kind") !== chosen.value;
      });
      ofKinds.forEach(function (field) {
        field.hidden = !!chosen && field.getAttribute("data-ogh-kinds").split(" ").indexOf(chosen.value) < 0;
      });
      var often = form.querySelector("[name=schedule-kind]");
      timed.forEach(function (field) {
        field.hidden = field.getAttribute("data-ogh-when").split(" ").indexOf(often.value) < 0;
      });
    }
    form.addEventListener("change", show);
    show();
  }

  function start() {
    document.querySelectorAll("[data-ogh-live]").forEach(follow);
    document.querySelectorAll("[data-ogh-form]").forEach(chooseKind);
    /* The answer to a button stands above the form: bring who pressed it there. */
    var answer = document.querySelector("[data-ogh-focus]");
    if (answer) answer.focus();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
