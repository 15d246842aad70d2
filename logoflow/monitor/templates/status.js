// Asks for the page again and puts the new body's parts in place of the old; scroll and focus stay where they are.
"use strict";
const follow = document.getElementById("follow");

async function refresh() {
  if (!follow.checked || document.hidden) return;
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(answer.status);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const place of ["main", "nav", "#when"]) {
      const now = document.querySelector(place), then = page.querySelector(place);
      if (now.innerHTML !== then.innerHTML && !now.contains(document.activeElement)) now.replaceWith(then);
    }
    document.title = page.title;
    document.body.classList.remove("lost");
  } catch {
    document.body.classList.add("lost");
    document.title = "no answer · logoflow";
    document.getElementById("when").textContent = "The server does not answer; what you see is old.";
  }
}

setInterval(refresh, 5000);
document.addEventListener("visibilitychange", refresh);
follow.addEventListener("change", refresh);
