(() => {
  const frames = [...document.querySelectorAll(".frame")];
  const slider = document.querySelector(".slider");
  const play = document.querySelector(".play");
  const where = document.querySelector(".where");
  const browser = document.querySelector(".browser");
  const bars = [...document.querySelectorAll(".bar[data-go]")];
  const period_ms = 1000 / (Number(browser.dataset.rate) || 10);
  let timer = 0;

  function show(place) {
    if (!frames.length) return;
    place = Math.max(0, Math.min(frames.length - 1, place));
    frames.forEach((frame, at) => { frame.hidden = at !== place; });
    const number = frames[place].dataset.frame;
    bars.forEach((bar) => bar.classList.toggle("now", bar.dataset.go === number));
    slider.value = place;
    where.textContent = "frame " + number;
  }
  function stop() { clearInterval(timer); timer = 0; play.textContent = "▶"; }
  function start() {
    timer = setInterval(() => show((Number(slider.value) + 1) % frames.length), period_ms);
    play.textContent = "❚❚";
  }
  function go(number) {
    // Not every frame has its picture in the page: the last one at or before it.
    const later = frames.findIndex((frame) => Number(frame.dataset.frame) > number);
    stop();
    show(later < 0 ? frames.length - 1 : later - 1);
  }

  play.addEventListener("click", () => (timer ? stop() : start()));
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-go]");
    if (!target) return;
    go(Number(target.dataset.go));
    browser.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("keydown", (event) => {
    if (event.target === slider && event.key.startsWith("Arrow")) return;
    if (event.key === " " && event.target.tagName !== "BUTTON") { event.preventDefault(); timer ? stop() : start(); }
    if (event.key === "ArrowRight") { stop(); show(Number(slider.value) + 1); }
    if (event.key === "ArrowLeft") { stop(); show(Number(slider.value) - 1); }
  });
  show(0);
})();
