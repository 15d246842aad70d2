"use strict";
// The map of logos: draws the points of #map-data on a canvas, and says which logo is under the pointer or the keyboard.
(() => {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const root = document.getElementById("map");
  const canvas = root.querySelector(".map-plane > canvas");
  const plane = root.querySelector(".map-plane");
  const tip = root.querySelector(".map-tip");
  const said = root.querySelector(".map-said");
  const pen = canvas.getContext("2d");
  const sprite = new Image();
  const points = data.points.map(([name, x, y, group], index) => ({ name, x, y, group, index }));
  const labels = middles();
  const CLOSEST = 40, DOT = 7, MARGIN = 28, TIP = 160;
  let width = 1, height = 1, zoom = 1, left = 0, top = 0;  // px; where the map's corner lies
  let current = -1, only = -1;  // index of a point, number of a group; -1 is none

  // Where things are.
  function middles() {
    const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    return data.groups.map(([name], group) => {
      const own = points.filter((point) => point.group === group);
      return own.length ? { name, group, x: median(own.map((p) => p.x)), y: median(own.map((p) => p.y)) } : null;
    }).filter(Boolean);
  }
  const screenX = (x) => left + (MARGIN + x * (width - 2 * MARGIN)) * zoom;
  const screenY = (y) => top + (MARGIN + y * (height - 2 * MARGIN)) * zoom;
  // Tiles grow slower than the map, so that they come apart as one zooms in.
  function side() {
    const fitting = 0.95 * Math.sqrt((width * height) / Math.max(points.length, 1));
    return Math.min(Math.max(Math.min(fitting, 72) * zoom ** 0.7, 4), 112);
  }
  const shown = (point) => only < 0 || point.group === only;
  function nearest(x, y, reach) {
    let best = -1, least = reach;
    for (const point of points) {
      const far = Math.max(Math.abs(screenX(point.x) - x), Math.abs(screenY(point.y) - y));
      if (shown(point) && far <= least) { best = point.index; least = far; }
    }
    return best;
  }

  // Drawing.
  let waiting = false;
  function redraw() {
    if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; draw(); }); }
  }
  function draw() {
    const dense = window.devicePixelRatio || 1;
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, width, height);
    const size = side();
    for (const point of points) { if (!shown(point)) drawPoint(point, size, 0.1); }
    for (const point of points) { if (shown(point) && point.index !== current) drawPoint(point, size, 1); }
    if (zoom < 2.5) labels.forEach(drawLabel);
    if (current >= 0) drawPoint(points[current], Math.max(size * 1.25, 40), 1, 4);
    canvas.dataset.zoom = zoom.toFixed(3);
    canvas.classList.toggle("zoomed", zoom > 1);
  }
  function drawPoint(point, size, alpha, frame = Math.max(1.5, size / 18)) {
    const x = screenX(point.x), y = screenY(point.y), half = size / 2;
    if (x < -size || y < -size || x > width + size || y > height + size) return;
    pen.globalAlpha = alpha;
    pen.fillStyle = data.groups[point.group][1];
    if (size < DOT || !sprite.naturalWidth) {
      pen.beginPath(); pen.arc(x, y, Math.max(half, 3), 0, 7); pen.fill();
      return;
    }
    pen.fillRect(x - half, y - half, size, size);
    drawLogo(pen, point, x - half + frame, y - half + frame, size - 2 * frame);
  }
  function drawLogo(where, { index }, x, y, size) {
    const x0 = (index % data.columns) * data.tile, y0 = Math.floor(index / data.columns) * data.tile;
    // A pixel less on each side: compression lets the colours of neighbouring tiles run into one another.
    where.drawImage(sprite, x0 + 1, y0 + 1, data.tile - 2, data.tile - 2, x, y, size, size);
  }
  function drawLabel({ name, group, x, y }) {
    pen.globalAlpha = only < 0 || only === group ? 0.94 : 0.15;
    const letters = width < 600 ? 10 : 13, tall = 1.8 * letters;
    pen.font = `600 ${letters}px system-ui, sans-serif`;
    pen.textAlign = "center"; pen.textBaseline = "middle";
    const wide = pen.measureText(name).width + 1.6 * letters, style = getComputedStyle(root);
    const middle = Math.min(Math.max(screenX(x), wide / 2 + 4), width - wide / 2 - 4), high = screenY(y);
    pen.beginPath(); pen.roundRect(middle - wide / 2, high - tall / 2, wide, tall, tall / 2);
    pen.fillStyle = style.getPropertyValue("--page"); pen.fill();
    pen.lineWidth = 2; pen.strokeStyle = data.groups[group][1]; pen.stroke();
    pen.fillStyle = style.getPropertyValue("--ink"); pen.fillText(name, middle, high + 1);
  }

  // The card of one logo. Text goes in as text: names come from data.
  function pointAt(index, aloud) {
    if (index === current) { if (index >= 0) placeTip(); return; }
    current = index;
    tip.hidden = index < 0;
    if (index >= 0) {
      const { name, group } = points[index], [label, colour] = data.groups[group];
      const logo = tip.querySelector("canvas");
      logo.width = logo.height = 2 * data.tile;  // sharp on dense screens
      drawLogo(logo.getContext("2d"), points[index], 0, 0, logo.width);
      tip.querySelector("b").textContent = name;
      tip.querySelector("i").style.background = colour;
      tip.querySelector("span span").textContent = label;
      if (aloud) said.textContent = `${name}, ${label}`;
      placeTip();
    } else if (aloud) said.textContent = "";
    redraw();
  }
  function placeTip() {
    const { x, y } = points[current], gap = side() * 0.7 + 10;
    const high = tip.offsetHeight, px = screenX(x), py = screenY(y);
    let tipX = px + gap, tipY = py - high / 2;  // to the right if there is room, else to the left, else below or above
    if (tipX + TIP > width) tipX = px - gap - TIP;
    if (tipX < 0) {
      tipX = Math.min(Math.max(px - TIP / 2, 6), width - TIP - 6);
      tipY = py + gap + high < height ? py + gap : py - gap - high;
    }
    tip.style.transform = `translate(${tipX}px, ${Math.min(Math.max(tipY, 6), Math.max(height - high - 6, 6))}px)`;
  }

  // Moving.
  function keepInside() {
    left = Math.min(0, Math.max(left, width - width * zoom));
    top = Math.min(0, Math.max(top, height - height * zoom));
  }
  function zoomTo(wanted, x, y) {
    const next = Math.min(Math.max(wanted, 1), CLOSEST);
    left = x - ((x - left) * next) / zoom;
    top = y - ((y - top) * next) / zoom;
    zoom = next;
    keepInside();
    if (current >= 0) placeTip();
    redraw();
  }
  function move(dx, dy) {
    left += dx; top += dy;
    keepInside();
    if (current >= 0) placeTip();
    redraw();
  }
  function zoomBy(factor) {
    const at = current >= 0 ? [screenX(points[current].x), screenY(points[current].y)] : [width / 2, height / 2];
    zoomTo(zoom * factor, ...at);
  }

  // Pointers: one drags, two pinch, none held hovers.
  const held = new Map();
  let dragged = 0;
  const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, place(event));
    dragged = 0;
    canvas.classList.add("held");
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event), before = held.get(event.pointerId);
    if (!before) {
      const found = nearest(...now, Math.max(side() / 2, 8));
      canvas.classList.toggle("near", found >= 0);
      return pointAt(found, false);
    }
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    held.set(event.pointerId, now);
    dragged += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (!other) return move(now[0] - before[0], now[1] - before[1]);
    const apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
    zoomTo((zoom * apart(now)) / Math.max(apart(before), 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    return move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  });
  const release = (event) => {
    if (event.type === "pointerup" && held.size === 1 && dragged < 6) pointAt(nearest(...place(event), Math.max(side() / 2, 14)), true);
    held.delete(event.pointerId);
    if (!held.size) canvas.classList.remove("held");
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && !held.size) pointAt(-1, false); });
  let turned = -Infinity;
  canvas.addEventListener("wheel", (event) => {
    // All is shown: let the page scroll, but not in the same breath that zoomed out.
    if (event.deltaY > 0 && zoom === 1 && event.timeStamp - turned > 400) return;
    turned = event.timeStamp;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    zoomTo(zoom * Math.exp(Math.max(Math.min(-event.deltaY * lines * 0.002, 0.5), -0.5)), ...place(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoomTo(zoom * 2, ...place(event)));

  // The keyboard: from logo to logo, preferring those straight ahead.
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function step([dx, dy]) {
    if (current < 0) return pointAt(nearest(width / 2, height / 2, Infinity), true);
    const from = points[current], x = screenX(from.x), y = screenY(from.y);
    let best = -1, least = Infinity;
    for (const point of points) {
      const right = screenX(point.x) - x, down = screenY(point.y) - y;
      const ahead = right * dx + down * dy, aside = Math.abs(right * dy) + Math.abs(down * dx);
      const cost = ahead + 2 * aside;
      if (point !== from && shown(point) && ahead > 0.5 && aside <= 2 * ahead && cost < least) { best = point.index; least = cost; }
    }
    if (best < 0) return undefined;
    const outX = screenX(points[best].x), outY = screenY(points[best].y), edge = 60;
    if (outX < edge || outX > width - edge || outY < edge || outY > height - edge) move(width / 2 - outX, height / 2 - outY);
    return pointAt(best, true);
  }
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) step(arrow);
    else if (event.key === "+" || event.key === "=") zoomBy(1.5);
    else if (event.key === "-") zoomBy(1 / 1.5);
    else if (event.key === "0") zoomTo(1, 0, 0);
    else if (event.key === "Escape") pointAt(-1, true);
    else return;
    event.preventDefault();
  });
  root.querySelector(".map-zoom").addEventListener("click", (event) => {
    const what = event.target.dataset.zoom;
    if (what === "all") zoomTo(1, 0, 0); else if (what) zoomBy(what === "in" ? 1.6 : 1 / 1.6);
  });
  const buttons = [...root.querySelectorAll("[data-group]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const group = Number(button.dataset.group);
      only = only === group ? -1 : group;
      for (const other of buttons) other.setAttribute("aria-pressed", String(Number(other.dataset.group) === only));
      pointAt(-1, false);
      redraw();
    });
  }

  // Begin: the picture gives way to the canvas.
  root.querySelector(".map-live").hidden = false;
  root.querySelector(".map-still").hidden = true;
  new ResizeObserver(() => {
    const dense = window.devicePixelRatio || 1;
    [width, height] = [plane.clientWidth, plane.clientHeight];
    [canvas.width, canvas.height] = [Math.round(width * dense), Math.round(height * dense)];
    keepInside();
    if (current >= 0) placeTip();
    draw();
  }).observe(plane);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  sprite.addEventListener("load", () => { canvas.dataset.ready = "yes"; redraw(); });
  sprite.src = data.sprite;
})();
