/* Runs before the first paint, so that neither the theme nor the menu jumps. The choice never leaves the browser. */
(function () {
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function remembered() {
    try {
      return localStorage.getItem("ogptn-theme");
    } catch (blocked) {
      return null;
    }
  }
  function apply() {
    root.setAttribute("data-bs-theme", remembered() || (dark.matches ? "dark" : "light"));
  }
  apply();
  dark.addEventListener("change", apply);
  root.classList.add("js-ready");
})();
