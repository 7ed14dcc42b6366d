"use strict";
// Reading needs none of this: it opens what a link points at, all of it, and everything for print.
(() => {
  const all = () => document.querySelectorAll("main details");
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    if (target) target.scrollIntoView();
  };
  const button = document.getElementById("open-all");
  if (button) button.hidden = false;
  button?.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    for (const one of all()) one.open = open;
    button.setAttribute("aria-pressed", String(open));
    button.textContent = open ? "close everything" : "open everything";
  });
  let before = [];
  addEventListener("beforeprint", () => { before = [...all()].filter((d) => !d.open && d.dataset.print !== "no"); for (const d of before) d.open = true; });
  addEventListener("afterprint", () => { for (const d of before) d.open = false; before = []; });
  addEventListener("hashchange", reveal);
  reveal();
})();
