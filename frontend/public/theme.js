// Loaded before anything is drawn, so that a chosen theme does not flash up as the other one first.
(function () {
  try {
    var chosen = localStorage.getItem("algo-trader.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (_) {
    // A browser that keeps nothing shows the theme of the system.
  }
})();
