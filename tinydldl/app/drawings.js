"use strict";

// The two drawings of a face: its distribution, and the map of its estimate.

function shape(parent, name, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  parent.append(node);
  return node;
}

// An empty drawing in `node`; one unit is 1 / width of it.
function canvas(node, width, height) {
  node.replaceChildren();
  return shape(node, "svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
}

const signed = (years) => (years < 0 ? "−" : "+") + Math.abs(years).toFixed(1);
const percent = (p) => (p < 0.0005 ? "less than 0.1%" : `${(100 * p).toFixed(1)}%`);

// `node` holds `count` values, which the pointer and the keyboard read: a slider. `at(event)` is the
// number of the value under the pointer, `steps` how far each key goes, `show(number)` marks a value
// and returns it in words, which go into `reading`. At rest that tells of the value `first`.
function readable(node, reading, { count, first, at, steps, show, rest }) {
  let number;
  const go = (to) => {
    number = Math.min(count - 1, Math.max(0, to));
    const words = show(number);
    node.setAttribute("aria-valuenow", number);
    node.setAttribute("aria-valuetext", words);
    node.classList.add("reads");
    reading.textContent = words;
  };
  const leave = () => {
    go(first);
    node.classList.remove("reads");
    reading.textContent = rest(reading.textContent);
  };
  node.setAttribute("aria-valuemin", 0);
  node.setAttribute("aria-valuemax", count - 1);
  node.onpointermove = node.onpointerdown = (event) => go(at(event));
  node.onpointerleave = (event) => event.pointerType === "mouse" && leave(); // a finger must lift
  node.onblur = leave;
  node.onkeydown = (event) => {
    const to = { Home: 0, End: count - 1 }[event.key] ?? number + steps[event.key];
    if (Number.isNaN(to)) return;
    event.preventDefault();
    go(to);
  };
  leave();
}

// The distribution `p` over the ages `labels`: bars, the expectation `mean` as a line, and behind
// it one standard deviation to each side.
function drawDistribution(node, labels, p, mean, spread, reading) {
  const width = node.clientWidth, height = node.clientHeight;
  const left = 12, right = width - 12, top = 26, bottom = height - 40;
  const first = labels[0], last = labels.at(-1), step = labels[1] - first;
  const x = (age) => left + ((age - first) / (last - first)) * (right - left);
  const most = Math.max(...p), y = (value) => bottom - (value / most) * (bottom - top);
  const svg = canvas(node, width, height);

  const near = [mean - spread, mean + spread].map((age) => x(Math.min(last, Math.max(first, age))));
  shape(svg, "rect", { class: "near", x: near[0], y: top, width: near[1] - near[0], height: bottom - top });
  const thick = Math.max(1, x(first + step) - left - (width > 450 ? 1 : 0.5));
  const bar = (k, name) => ({
    class: name, x: x(labels[k]) - thick / 2, y: y(p[k]), width: thick, height: bottom - y(p[k]),
  });
  labels.forEach((_, k) => shape(svg, "rect", bar(k, "bar")));
  const mark = shape(svg, "rect", {});

  shape(svg, "line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom });
  for (let age = 20 * Math.ceil(first / 20); age <= last; age += 20) {
    shape(svg, "text", { x: x(age), y: bottom + 18, "text-anchor": "middle" }, age);
  }
  shape(svg, "text", { x: width / 2, y: height - 4, "text-anchor": "middle" }, "age in years");

  shape(svg, "line", { class: "mean", x1: x(mean), x2: x(mean), y1: top - 6, y2: bottom });
  const anchor = x(mean) > width / 2 ? "end" : "start";
  const place = { class: "name", x: x(mean) + (anchor === "end" ? 4 : -4), y: 14, "text-anchor": anchor };
  shape(svg, "text", place, `expectation ${mean.toFixed(1)}`);

  const at = (event) => {
    const share = (event.clientX - node.getBoundingClientRect().left - left) / (right - left);
    return Math.round(share * (labels.length - 1));
  };
  const show = (k) => {
    for (const [key, value] of Object.entries(bar(k, "mark"))) mark.setAttribute(key, value);
    return `${labels[k]} years: ${percent(p[k])}`;
  };
  const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
  const rest = (words) => `Most probable is ${words}. Point at the chart, or press its arrow keys, for the others.`;
  readable(node, reading, { count: labels.length, first: p.indexOf(most), at, steps, show, rest });
}

// The map `years`, rows of numbers, over a view of width 1: blue below zero, red above. Each number is
// of all that lies in a square of a quarter of the side around its place.
function drawMap(node, years, reading) {
  const side = years.length, values = years.flat();
  const most = Math.max(...values.map(Math.abs));
  const svg = canvas(node, 1, 1);
  const square = (k, width) => ({
    x: ((k % side) + 0.5) / side - width / 2, y: (Math.floor(k / side) + 0.5) / side - width / 2,
    width, height: width,
  });
  values.forEach((value, k) => {
    const name = value < 0 ? "younger" : "older";
    shape(svg, "rect", { ...square(k, 1 / side), class: name, opacity: (0.8 * Math.abs(value)) / (most || 1) });
  });
  const mark = shape(svg, "rect", { class: "mark" });

  const at = (event) => {
    const frame = node.getBoundingClientRect();
    const place = (share) => Math.min(side - 1, Math.max(0, Math.floor(share * side)));
    return side * place((event.clientY - frame.top) / frame.height)
      + place((event.clientX - frame.left) / frame.width);
  };
  const show = (k) => {
    for (const [key, value] of Object.entries(square(k, 1 / 4))) mark.setAttribute(key, value);
    return `row ${Math.floor(k / side) + 1}, column ${(k % side) + 1}: ${signed(values[k])} years`;
  };
  const first = values.findIndex((value) => Math.abs(value) === most);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side };
  const rest = (words) => `Strongest: ${words}.`;
  readable(node, reading, { count: values.length, first, at, steps, show, rest });
  return most;
}
