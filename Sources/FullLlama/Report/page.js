// page.js: draws the report of one run of full-llama. The address's fragment holds the state; every
// view is drawn from it. Texts of the run enter the page by textContent only.
"use strict";

// ---- data ----------------------------------------------------------------------------------------

const data = JSON.parse(document.getElementById("data").textContent);
const block = Uint8Array.from(atob(document.getElementById("block").textContent), c => c.charCodeAt(0));
const view = new DataView(block.buffer);
const { model, run, steps, tokens, stages } = data;
const count = data.positions;
const group = model.heads / model.kvHeads;

const spelling = token => data.vocabulary[token] ?? `token ${token}`;

/// Control, direction and other invisible characters, so that a text shows what it holds.
const invisible = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc\u{e0000}-\u{e007f}]/gu;
function visible(text) {
  return text.replace(invisible, c => ({ "\n": "↵", "\t": "⇥" })[c]
    ?? `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}
/// A token's spelling for a label: a space at its start or end is visible.
const label = token => visible(spelling(token)).replace(/^ | $/g, "␣");

const short = x => Number.isFinite(x) ? (Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3)
  ? x.toExponential(1) : String(Number(x.toPrecision(3)))) : String(x);
const exact = x => Number.isFinite(x) ? String(Number(x.toPrecision(7))) : String(x);
const percent = p => Number.isFinite(p) ? (p >= 0.9995 || p < 0.0005 ? `${Number((100 * p).toPrecision(2))} %`
  : `${(100 * p).toFixed(1)} %`) : "unknown";
const megabytes = n => n >= 1e6 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e3).toFixed(1)} kB`;

/// The tokens that went through the model together with this one.
function chunkOf(position) {
  return data.chunks.find(([from, to]) => position >= from && position < to) ?? [position, position + 1];
}

/// The kept values of a stage at a position, or null.
function read(name, layer, position) {
  const stage = stages[name];
  if (!stage || position >= count) return null;
  const { groups, width, indices } = stage.kept;
  const place = stage.layers[stage.layers.length > 1 ? layer : 0];
  const at = place.offset + position * (8 + groups * indices.length);
  const [min, max] = [view.getFloat32(at, true), view.getFloat32(at + 4, true)];
  const values = Array.from({ length: groups * indices.length },
    (_, i) => min + block[at + 8 + i] * (max - min) / 255);
  const [from, to] = chunkOf(position);
  return { shape: stage.shape.map(n => n === "seq" ? to - from : Number(n)), groups, width, indices, min, max, values };
}

// where each row of attention begins, for every layer that was shown
const rowStarts = [];
function startsOf(layer) {
  if (rowStarts[layer]) return rowStarts[layer];
  const starts = new Uint32Array(count * model.heads);
  const width = data.attention.bits / 8;
  let at = data.attention.layers[layer].offset;
  for (let i = 0; i < starts.length; i++) {
    starts[i] = at;
    at += 15 + view.getUint16(at + 12, true) * (width + 2 * block[at + 14]);
  }
  return rowStarts[layer] = starts;
}

/// One query's scores and shares in a head, key by key; NaN where the page does not keep them.
function attentionRow(layer, head, position) {
  const at = startsOf(layer)[position * model.heads + head];
  const [top, bottom, best] = [0, 4, 8].map(i => view.getFloat32(at + i, true));
  const kept = view.getUint16(at + 12, true), isSparse = block[at + 14] === 1;
  const first = at + 15 + (isSparse ? 2 * kept : 0);
  const length = isSparse ? position + 1 : kept;
  const scores = new Float64Array(length).fill(NaN), shares = new Float64Array(length).fill(NaN);
  for (let i = 0; i < kept; i++) {
    const key = isSparse ? view.getUint16(at + 15 + 2 * i, true) : i;
    const code = data.attention.bits === 16 ? view.getUint16(first + 2 * i, true) / 65535 : block[first + i] / 255;
    scores[key] = top - data.attention.span * (1 - code);
    shares[key] = code === 0 ? 0 : best * Math.exp(scores[key] - top);
  }
  return { top, bottom, best, scores, shares };
}

/// What the model predicted after a position: candidates, entropy, and the next token's probability.
function prediction(position) {
  if (position < 0 || position >= count) return null;
  const at = data.candidates.offset + position * 92;
  const candidates = Array.from({ length: 10 }, (_, i) => ({
    token: view.getUint32(at + 12 + 8 * i, true), probability: view.getFloat32(at + 16 + 8 * i, true) }));
  return { next: view.getFloat32(at, true), entropy: view.getFloat32(at + 4, true),
    nucleus: view.getUint32(at + 8, true), candidates: candidates.filter(c => !Number.isNaN(c.probability)) };
}

function lensAt(slot, position) {
  const at = data.lens[slot].offset + 8 * position;
  return { token: view.getUint32(at, true), probability: view.getFloat32(at + 4, true) };
}

// ---- tensors of a step ---------------------------------------------------------------------------

const angle = pair => Math.pow(model.ropeTheta, -2 * pair / model.headSize);
const pairs = Array.from({ length: model.headSize / 2 }, (_, i) => i);

function computed(values, shape) {
  return { values, shape, groups: 1, width: values.length, indices: values.map((_, i) => i), isComputed: true,
    min: Math.min(...values), max: Math.max(...values) };
}

/// The tensor that a step makes for a token, or null.
function tensor(step, { token, layer, head }) {
  if (token >= count) return null;
  if (step.stage) {
    const found = read(step.stage, layer, token);
    if (!found) return null;
    const seq = chunkOf(token)[1] - chunkOf(token)[0];
    if (step.name === "v") found.shape = [model.kvHeads, seq, model.headSize];
    if (step.name === "heads") found.shape = [seq, model.heads, model.headSize];
    return found;
  }
  const [from, to] = chunkOf(token), seq = to - from;
  const cacheTotal = to;
  switch (step.name) {
    case "frequencies": return computed(pairs.map(angle), [pairs.length]);
    case "angles": return computed(pairs.map(p => token * angle(p)), [seq, pairs.length]);
    case "cosine": return computed(pairs.map(p => Math.cos(token * angle(p))), [seq, pairs.length]);
    case "keys": case "values": {
      const found = read(step.name === "keys" ? "k" : "attention.wv", layer, token);
      return { ...found, shape: [model.kvHeads, cacheTotal, model.headSize], isCache: true };
    }
    case "queries": {
      const found = read("q", layer, token), scale = Math.sqrt(model.headSize);
      return { ...found, shape: [model.kvHeads, group, seq, model.headSize], isComputed: true,
        min: found.min / scale, max: found.max / scale, values: found.values.map(v => v / scale) };
    }
    case "scores": case "mask": case "e": case "shares": {
      const row = attentionRow(layer, head, token);
      const values = Array.from(step.name === "shares" ? row.shares : step.name === "e"
        ? row.scores.map(s => Math.exp(s - row.top)) : row.scores);
      const later = step.name === "mask" && run.mask === "causal" ? to - values.length : 0;
      const [min, max] = { shares: [row.best * Math.exp(row.bottom - row.top), row.best],
        e: [Math.exp(row.bottom - row.top), 1] }[step.name] ?? [later > 0 ? -Infinity : row.bottom, row.top];
      return { values, later, min, max, shape: [model.kvHeads, group, seq, cacheTotal], groups: 1, isRow: true };
    }
  }
  return null;
}

// ---- state ---------------------------------------------------------------------------------------

const views = { code: "Code", tokens: "Tokens", attention: "Attention", lens: "Logit lens",
  architecture: "Architecture", time: "Time and memory", compare: "Compare" };
const state = {};
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const stepNamed = name => steps.find(s => s.name === name) ?? steps.find(s => s.stage === name);

/// Reads the fragment: view, token, layer, head and line, each optional.
function parse() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const number = (name, fallback, high) => {
    const value = Number(fields.get(name) ?? NaN);
    return Number.isInteger(value) ? clamp(value, 0, high) : fallback;
  };
  state.view = fields.get("view") in views ? fields.get("view") : "code";
  state.token = number("token", Math.max(0, data.generated.indexOf(true) - 1), tokens.length - 1);
  state.layer = number("layer", 0, model.layers - 1);
  state.head = number("head", 0, model.heads - 1);
  state.line = (stepNamed(fields.get("line")) ?? stepNamed("shares")).name;
}

const fragment = change => {
  const s = { ...state, ...change };
  return `#view=${s.view}&token=${s.token}&layer=${s.layer}&head=${s.head}&line=${encodeURIComponent(s.line)}`;
};

/// Changes the state. A new view is a new entry of the browser's history.
function go(change) {
  const address = fragment(change);
  if (address === location.hash) return;
  history[change.view && change.view !== state.view ? "pushState" : "replaceState"](null, "", address);
  parse();
  draw();
}

// ---- elements ------------------------------------------------------------------------------------

const present = children => children.flat(Infinity).filter(c => c !== null && c !== undefined);

function element(space, name, attributes, children) {
  const node = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...present(children));
  return node;
}
const h = (name, attributes = {}, ...children) => element(null, name, attributes, children);
const s = (name, attributes = {}, ...children) => element("http://www.w3.org/2000/svg", name, attributes, children);
const bdi = text => h("bdi", {}, text);

/// A table that is filled when it is opened; every picture has one.
function table(caption, headers, rows) {
  const details = h("details", {}, h("summary", {}, caption));
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const cell = (value, kind) => h(kind, { class: typeof value === "number" ? "number" : null },
      typeof value === "number" ? exact(value) : String(value));
    details.append(h("table", {},
      h("thead", {}, h("tr", {}, headers.map(c => h("th", { scope: "col" }, c)))),
      h("tbody", {}, rows().map(row => h("tr", {}, row.map((c, i) => cell(c, i ? "td" : "th")))))));
  });
  return details;
}

// ---- colours -------------------------------------------------------------------------------------

const darkness = matchMedia("(prefers-color-scheme: dark)");
let isPrinting = false;
const isDark = () => darkness.matches && !isPrinting;
const ramps = {  // from no share to all; from negative over 0 to positive
  light: [[255, 255, 255], [198, 219, 239], [107, 174, 214], [33, 113, 181], [8, 48, 107]],
  dark: [[18, 22, 28], [22, 57, 95], [42, 111, 176], [111, 181, 238], [230, 244, 255]],
  lightSigned: [[33, 102, 172], [146, 197, 222], [247, 247, 247], [253, 184, 99], [179, 88, 6]],
  darkSigned: [[90, 169, 240], [38, 84, 128], [30, 36, 43], [130, 79, 28], [255, 171, 87]],
};
const ramp = signed => ramps[(isDark() ? "dark" : "light") + (signed ? "Signed" : "")];

function mix(stops, t) {
  const x = clamp(Number.isNaN(t) ? 0 : t, 0, 1) * (stops.length - 1), i = Math.min(Math.floor(x), stops.length - 2);
  return stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * (x - i)));
}
const rgb = colour => `rgb(${colour.join(" ")})`;
/// The root shows small shares too.
const shade = share => mix(ramp(false), Math.sqrt(share));
/// The lighter part of the ramp, so that text stays easy to read.
const certainty = probability => mix(ramp(false), 0.55 * probability);
/// Black or white, whichever is easier to read on a colour.
const inkOn = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#10161d" : "#ffffff";

/// A picture of one pixel a value, enlarged by the style sheet. `colour` returns null for no value.
function pixels(width, height, colour, name) {
  const canvas = h("canvas", { width, height, role: "img", "aria-label": name });
  const image = new ImageData(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 4) {
      const c = colour(x, y);
      if (c) image.data.set([c[0], c[1], c[2], 255], i);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function strip(t) {
  if (t.isRow) {
    const largest = Math.max(...t.values.filter(Number.isFinite), 1e-30);
    const floor = t.max - data.attention.span;
    const level = t.max <= 1 && t.min >= 0 ? v => mix(ramp(false), Math.sqrt(v / largest)) : v => mix(ramp(false), (v - floor) / data.attention.span);
    return pixels(t.values.length, 1, x => level(t.values[x]), "values");
  }
  const largest = Math.max(Math.abs(t.min), Math.abs(t.max)) || 1;
  return pixels(t.values.length, 1, x => mix(ramp(true), 0.5 + t.values[x] / largest / 2), "values");
}

// ---- pieces --------------------------------------------------------------------------------------

/// Horizontal bars: [label, value, text, is it chosen].
function bars(rows, largest = Math.max(...rows.map(r => r[1]))) {
  return h("div", { class: "bars" }, rows.map(([name, value, text, chosen, beyond]) => {
    const bar = h("div", { class: chosen ? "bar chosen" : "bar" });
    bar.style.width = `${100 * clamp(value / (largest || 1), 0, 1)}%`;
    const kind = (chosen ? " chosen" : "") + (beyond ? " beyond" : "");
    return name === null ? h("div", { class: "cut" }, text)
      : [h("div", { class: "label" + kind }, bdi(name)), h("div", {}, bar), h("div", { class: kind }, text)];
  }));
}

/// Kept values as bars up and down around 0.
function columns(t, largest, name) {
  const width = 600, height = 90, w = width / t.values.length;
  return s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name },
    s("line", { class: "axis", x1: 0, x2: width, y1: height / 2, y2: height / 2 }),
    t.values.map((v, i) => {
      const size = Math.abs(v) / (largest || 1) * (height / 2 - 2);
      return s("rect", { class: v < 0 ? "minus" : "plus", x: i * w, width: Math.max(w - 0.6, 0.5), height: size || 0,
        y: v < 0 ? height / 2 : height / 2 - size });
    }));
}

function tokenFlow(className) {
  const buttons = tokens.map((token, i) => {
    const before = prediction(i - 1);
    const button = h("button", { type: "button", "data-token": i, class: data.generated[i] ? "new" : "prompt",
      title: `token ${i}: ${label(token)}` + (before ? `, ${percent(before.next)}` : ""),
      onclick: () => go({ token: i }) }, visible(spelling(token)));
    if (data.generated[i] && before) {
      const colour = certainty(before.next);
      button.style.background = rgb(colour);
      button.style.color = inkOn(colour);
    }
    return button;
  });
  const flow = h("div", { class: `tokens ${className}`, role: "group", "aria-label": "the run's tokens" }, buttons);
  let chosen = null;
  flow.update = () => {
    if (chosen === buttons[state.token]) return;
    const hadFocus = chosen && document.activeElement === chosen;
    for (const button of chosen ? [chosen, buttons[state.token]] : buttons) {
      const isChosen = button === buttons[state.token];
      button.setAttribute("aria-pressed", isChosen);
      button.tabIndex = isChosen ? 0 : -1;
    }
    chosen = buttons[state.token];
    if (hadFocus) chosen.focus({ preventScroll: true });
    reveal(chosen);
  };
  return flow;
}

/// Scrolls the nearest pane, not the page, until the node is in sight.
function reveal(node) {
  let pane = node.parentElement;
  while (pane && pane !== document.body && !(pane.scrollHeight > pane.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(pane).overflowY))) pane = pane.parentElement;
  if (!pane || pane === document.body) return;
  const [inner, outer] = [node.getBoundingClientRect(), pane.getBoundingClientRect()];
  if (inner.top < outer.top + 40 || inner.bottom > outer.bottom - 40) {
    pane.scrollTop += inner.top - outer.top - pane.clientHeight / 2;
  }
}

const legend = (text, colour) => h("span", { class: "ramp note" }, `${text}: 0`, pixels(64, 1, x => colour(x / 63), `${text} from 0 to 1`), "1");

function candidateBars(position) {
  const p = prediction(position), next = tokens[position + 1];
  const rows = p.candidates.map((c, i) => [label(c.token), c.probability, percent(c.probability), c.token === next,
    p.nucleus > 0 && i >= p.nucleus]);
  if (next !== undefined && !p.candidates.some(c => c.token === next)) rows.push([`… ${label(next)}`, p.next, percent(p.next), true, p.nucleus > 0]);
  if (p.nucleus > 0 && p.nucleus < p.candidates.length) {
    rows.splice(p.nucleus, 0, [null, 0, `top-p ${run.topP} cuts here: ${p.nucleus} of ${model.vocabSize} tokens remain`]);
  }
  return [bars(rows, 1), p.nucleus >= p.candidates.length ? h("p", { class: "note" }, `top-p ${run.topP} cuts after ${p.nucleus} tokens.`) : null,
    table("As a table", ["rank", "token", "id", "probability"], () => p.candidates.map((c, i) => [i + 1, label(c.token), c.token, c.probability]))];
}

/// What the model predicted at the step that the chosen token came from.
function stepDetail() {
  const i = state.token, p = prediction(i - 1);
  const parts = [h("h2", {}, `Token ${i}: `, bdi(label(tokens[i]))),
    h("p", { class: "soft" }, `id ${tokens[i]}, ${data.generated[i] ? "generated" : "part of the prompt"}`)];
  if (!p) return [...parts, h("p", {}, "The text begins here: nothing predicts this token.")];
  return [...parts,
    h("dl", {}, h("dt", {}, "probability"), h("dd", {}, `${percent(p.next)} (${exact(p.next)})`),
      h("dt", {}, "entropy"), h("dd", {}, `${exact(p.entropy)} bits of at most ${short(Math.log2(model.vocabSize))}`),
      h("dt", {}, "sampling"), h("dd", {}, run.temperature === 0 ? "greedy: the most probable token; no top-p cut"
        : `temperature ${exact(run.temperature)}, top-p ${exact(run.topP)}` + (p.nucleus ? `: ${p.nucleus} tokens remain` : ", no cut"))),
    h("h3", {}, `Ten candidates after `, bdi(label(tokens[i - 1]))), ...candidateBars(i - 1)];
}

// ---- code ----------------------------------------------------------------------------------------

/// The steps in the order of execution from the layer in the state on.
function walk(direction) {
  const at = steps.findIndex(step => step.name === state.line), next = steps[at + direction];
  const step = steps[at];
  if (step.part === "layer" && next?.part !== "layer") {
    const layer = state.layer + direction;
    if (layer >= 0 && layer < model.layers) {
      const inside = steps.filter(other => other.part === "layer");
      return go({ layer, line: inside[direction > 0 ? 0 : inside.length - 1].name });
    }
  }
  if (!next) return;
  const layer = next.part === step.part ? state.layer : direction > 0 && step.part === "first" ? 0
    : direction < 0 && step.part === "last" ? model.layers - 1 : state.layer;
  go({ layer, line: next.name });
}

const valueRange = t => `${short(t.min)} … ${short(t.max)}`;
const shapeText = t => `[${t.shape.join(", ")}]`;

function codeView() {
  const flow = tokenFlow("flow pane");
  const rows = data.lesson.map((text, i) => {
    const at = text.search(/\/\/(?!\/?github)/), code = at < 0 ? text : text.slice(0, at);
    const here = steps.filter(step => step.line === i + 1);
    const line = h("li", { class: here.length ? "step" : null }, h("span", { class: "text" },
      h("span", { class: "number" }, String(i + 1)), code, at < 0 ? null : h("span", { class: "comment" }, text.slice(at))));
    if (here.length) line.addEventListener("click", () => go({ line: shown(here).name }));
    return { line, here };
  });
  const code = h("ol", { class: "code", "aria-label": "the lesson, CompactLlama.swift" }, rows.map(row => row.line));
  const detail = h("section", { class: "pane", "aria-label": "detail", "aria-live": "polite" });
  /// Of a line's steps, the current one, or the last one before it, or the first.
  function shown(here) {
    const now = steps.findIndex(step => step.name === state.line);
    return here.findLast(step => steps.indexOf(step) <= now) ?? here[0];
  }
  return { nodes: [h("div", { class: "three" }, flow, code, detail)], update() {
    flow.update();
    const current = stepNamed(state.line);
    for (const { line, here } of rows) {
      if (!here.length) continue;
      line.querySelector(".tensor")?.remove();
      const step = shown(here), t = tensor(step, state);
      const isCurrent = step === current;
      line.classList.toggle("current", isCurrent);
      line[isCurrent ? "setAttribute" : "removeAttribute"]("aria-current", "step");
      line.append(h("button", { type: "button", class: "tensor", "data-step": step.name, tabindex: isCurrent ? 0 : -1 }, h("b", {}, step.name),
        t ? h("span", { class: "shape" }, shapeText(t)) : null, t ? h("span", { class: "range" }, valueRange(t)) : null,
        t ? strip(t) : null));
      if (isCurrent) reveal(line);
    }
    detail.replaceChildren(...present(stepText(current)));
  } };
}

function stepText(step) {
  const t = tensor(step, state), where = step.part === "layer" ? ` in layer ${state.layer}` : "";
  const head = [h("h2", {}, step.name, where), h("p", {}, step.text)];
  if (state.token >= count) {
    return [...head, h("p", { class: "note" }, "The last token was chosen, but not fed to the model: it has no tensors.")];
  }
  if (step.name === "next") return [...head, ...candidateBars(state.token)];
  const kept = t.values.length, all = t.isRow ? kept : t.groups * t.width;
  const notes = [
    t.isComputed ? "computed by the page from the stages before it" : "from the run",
    t.isRow ? `head ${state.head}; the page tells scores apart to ${short(data.attention.span / (2 ** data.attention.bits - 1) / 2)}, shares to `
      + `${short(data.attention.span / (2 ** data.attention.bits - 1) * 50)} % of themselves; the largest is exact`
      : `range exact to 7 digits; ${kept === all ? "all" : `${kept} of ${all}`} values, each within ${short((t.max - t.min) / 510)}`,
  ];
  const parts = [...head, h("dl", {},
    h("dt", {}, "shape"), h("dd", {}, h("span", { class: "shape" }, `${shapeText(t)} = [${step.axes}]`)),
    h("dt", {}, "range"), h("dd", { class: "mono" }, `${exact(t.min)} … ${exact(t.max)}`),
    h("dt", {}, "token"), h("dd", {}, `${state.token}: `, bdi(label(tokens[state.token])))), ...pictures(step, t),
    h("p", { class: "note" }, notes.join("; "), ".")];
  return parts;
}

function pictures(step, t) {
  const valueTable = () => table("As a table", t.groups > 1 ? ["head", "index", "value"] : ["index", "value"], () => t.values.map((v, i) => {
    const index = t.indices[i % t.indices.length];
    return t.groups > 1 ? [Math.floor(i / t.indices.length), index, v] : [index, v];
  }));
  if (t.isRow) return rowPictures(step, t);
  if (t.isCache) return cachePictures(step, t);
  if (step.name.startsWith("residual_")) {
    const isFirst = step.name === "residual_attention", { layer, token } = state;
    const input = isFirst ? layer === 0 ? read("embedding", 0, token) : read("residual_feed_forward", layer - 1, token)
      : read("residual_attention", layer, token);
    const added = read(isFirst ? "attention" : "feed_forward", layer, token);
    const largest = Math.max(...[input, added, t].flatMap(x => [Math.abs(x.min), Math.abs(x.max)]));
    return [[isFirst ? "x, the layer's input" : "h, the first sum", input], [isFirst ? "+ attention" : "+ feed_forward", added], [`= ${step.name}`, t]]
      .flatMap(([name, x]) => [h("h3", {}, name, " ", h("span", { class: "note" }, valueRange(x))), columns(x, largest, name)]).concat(valueTable());
  }
  if (["q", "k", "rope.q", "rope.k"].includes(step.name)) return [...headRows(t), ...turned(step, t), valueTable()];
  if (t.groups > 1) return [...headRows(t), valueTable()];
  if (step.stage === "logits") return [...candidateBars(state.token)];
  if (t.values.length === 1) return [];
  return [columns(t, Math.max(Math.abs(t.min), Math.abs(t.max)), step.name), valueTable()];
}

/// One strip for each head.
function headRows(t) {
  const n = t.indices.length, largest = Math.max(Math.abs(t.min), Math.abs(t.max)) || 1;
  const chosen = t.groups === model.heads ? state.head : Math.floor(state.head / group);
  const name = t.groups === model.heads ? "head" : "kv head";
  return [h("div", { class: "rows" }, Array.from({ length: t.groups }, (_, g) => [
    h("span", { class: g === chosen ? "chosen" : null }, `${name} ${g}`),
    pixels(n, 1, x => mix(ramp(true), 0.5 + t.values[g * n + x] / largest / 2), `values of ${name} ${g}`)]))];
}

/// The kept pairs of a head before and after RoPE, as arrows.
function turned(step, t) {
  const isQuery = step.name.endsWith("q"), before = read(isQuery ? "attention.wq" : "attention.wk", state.layer, state.token);
  const g = isQuery ? state.head : Math.floor(state.head / group), n = t.indices.length;
  const size = 92, kept = Math.min(n / 2, 8), step2 = Math.max(1, Math.floor(n / 2 / kept));
  const shown = Array.from({ length: kept }, (_, i) => i * step2);
  const drawing = s("svg", { viewBox: `0 0 ${4 * size} ${Math.ceil(kept / 4) * (size + 16)}`, role: "img",
    "aria-label": `pairs of head ${g} before and after the rotation` }, shown.map((pair, i) => {
    const [x, y] = [i % 4 * size + size / 2, Math.floor(i / 4) * (size + 16) + size / 2];
    const vector = source => [0, 1].map(k => source.values[g * n + 2 * pair + k]);
    const [a, b] = [vector(before), vector(t)], radius = Math.max(Math.hypot(...a), Math.hypot(...b)) || 1;
    const arrow = (v, kind) => s("line", { class: kind, x1: x, y1: y, x2: x + v[0] / radius * size * 0.42, y2: y - v[1] / radius * size * 0.42 });
    const index = t.indices[2 * pair] / 2;
    return [s("circle", { class: "axis", cx: x, cy: y, r: size * 0.42 }), arrow(a, "before"), arrow(b, "after"),
      s("text", { x, y: y + size / 2 + 8, "font-size": 10, "text-anchor": "middle" }, `pair ${index}: ${short(state.token * angle(index))} rad`)];
  }));
  return [h("h3", {}, `Head ${g}: before (grey) and after RoPE (orange)`), drawing];
}

/// Scores, mask and shares: the chosen head's row, and all heads.
function rowPictures(step, t) {
  const { layer, token } = state, isShare = step.name === "shares";
  const floor = t.max - data.attention.span;
  const order = t.values.map((v, key) => [v, key]).filter(([v]) => !Number.isNaN(v));
  const shown = order.length > 24 ? order.slice().sort((a, b) => b[0] - a[0]).slice(0, 14) : order;
  const rows = shown.map(([v, key]) => [`${key} ${label(tokens[key])}`, isShare || step.name === "e" ? v : (v - floor) / data.attention.span,
    isShare ? percent(v) : v <= floor ? `≤ ${short(v)}` : short(v), key === token]);
  if (t.later > 0) rows.push([`${token + 1} … ${token + t.later}`, 0, "−∞, masked", false, true]);
  const heads = Array.from({ length: model.heads }, (_, g) => attentionRow(layer, g, token));
  const width = Math.max(...heads.map(row => row.shares.length));
  const limited = data.attention.limit ? h("p", { class: "note" }, `This long run keeps the ${data.attention.limit} strongest shares of every row.`) : null;
  return [h("h3", {}, `Head ${state.head}` + (shown.length < order.length ? `: the ${shown.length} largest of ${order.length}` : "")),
    bars(rows, isShare || step.name === "e" ? Math.max(...order.map(o => o[0])) : 1), limited,
    h("h3", {}, "Shares of all heads, tokens from left to right"),
    h("div", { class: "rows" }, heads.map((row, g) => [h("span", { class: g === state.head ? "chosen" : null }, `head ${g}`),
      pixels(width, 1, x => shade(row.shares[x] ?? 0), `shares of head ${g}`)])),
    table("As a table", ["to", "token", step.name], () => order.map(([v, key]) => [key, label(tokens[key]), v]))];
}

function cachePictures(step, t) {
  const g = Math.floor(state.head / group), n = t.indices.length, total = state.token + 1;
  const rows = Array.from({ length: total }, (_, i) => read(step.name === "keys" ? "k" : "attention.wv", state.layer, i));
  const largest = Math.max(...rows.flatMap(row => [Math.abs(row.min), Math.abs(row.max)])) || 1;
  const map = pixels(n, total, (x, y) => mix(ramp(true), 0.5 + rows[y].values[g * n + x] / largest / 2), `${step.name} of all tokens, key-value head ${g}`);
  map.classList.add("strip");
  map.style.height = `${clamp(total * 1.1, 1.4, 24)}em`;
  return [h("h3", {}, `Key-value head ${g}: token 0 at the top, ${state.token} at the bottom`), map,
    table("As a table", ["token", ...t.indices.map(i => `value ${i}`)], () => rows.map((row, i) =>
      [`${i} ${label(tokens[i])}`, ...row.values.slice(g * n, g * n + n)]))];
}

// ---- attention -----------------------------------------------------------------------------------

const maps = new Map();
/// One head's shares: a row for every token that reads, a column for every token that is read.
function attentionMap(layer, head) {
  const key = `${layer} ${head} ${isDark()}`;
  if (!maps.has(key)) {
    const size = run.mask === "causal" ? count : Math.max(count, ...data.chunks.map(c => c[1]));
    const rows = Array.from({ length: count }, (_, position) => attentionRow(layer, head, position).shares);
    maps.set(key, pixels(size, count, (x, y) => x < rows[y].length ? shade(rows[y][x]) : null, `layer ${layer}, head ${head}`));
  }
  return maps.get(key);
}

/// Canvases have one place in the page; the second place gets a copy.
function copied(canvas, name) {
  const copy = h("canvas", { width: canvas.width, height: canvas.height, role: "img", "aria-label": name });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

function attentionView() {
  const layer = state.layer, buttons = [];
  const groups = Array.from({ length: model.kvHeads }, (_, kv) => h("fieldset", { class: "group" },
    h("legend", {}, group > 1 ? `key-value head ${kv}: ${group} query heads share it` : `head ${kv}`),
    h("div", {}, Array.from({ length: group }, (_, g) => {
      const head = kv * group + g;
      const button = h("button", { type: "button", class: "map", title: `head ${head}`, "aria-label": `head ${head}`, onclick: () => go({ head }) },
        copied(attentionMap(layer, head), `head ${head}`), group > 1 ? `head ${head}` : null);
      buttons.push(button);
      return button;
    }))));
  const title = h("h2"), under = h("p", { class: "under", "aria-live": "polite" }), area = h("div", { class: "area" });
  const cross = h("div", { class: "cross" }), tables = h("div");
  const few = count <= 24;
  const names = () => Array.from({ length: count }, (_, i) => h("span", {}, bdi(label(tokens[i]))));
  const large = h("div", { class: "large" }, few ? h("div", { class: "top" }, names()) : h("div", { class: "top note" }, "to: the tokens that are read, first to last →"),
    few ? h("div", { class: "side" }, names()) : h("div", { class: "side note" }, h("span", {}, "from ↓")), area);
  let pointed = null;
  function describe() {
    const [from, to] = pointed ?? [Math.min(state.token, count - 1), null];
    const row = attentionRow(layer, state.head, from);
    const at = to ?? row.shares.reduce((best, v, i) => v > row.shares[best] ? i : best, 0);
    const share = row.shares[at];
    under.replaceChildren("from ", bdi(label(tokens[from])), ` (${from}) to `, bdi(label(tokens[at])), ` (${at}): `,
      h("b", {}, share === undefined ? "masked: a later token" : Number.isNaN(share) ? "not kept: one of the small shares" : `${percent(share)}`), pointed ? "" : " is its largest share");
    const canvas = area.querySelector("canvas");
    cross.style.left = `${100 * (pointed ? to : 0) / canvas.width}%`;
    cross.style.width = `${100 * (pointed ? 1 : at < canvas.width ? from + 1 : 1) / canvas.width}%`;
    cross.style.top = `${100 * from / canvas.height}%`;
    cross.style.height = `${100 / canvas.height}%`;
  }
  function place(event) {
    const canvas = area.querySelector("canvas"), box = canvas.getBoundingClientRect();
    const to = clamp(Math.floor((event.clientX - box.left) / box.width * canvas.width), 0, canvas.width - 1);
    return [clamp(Math.floor((event.clientY - box.top) / box.height * canvas.height), 0, canvas.height - 1), to];
  }
  area.addEventListener("pointermove", event => { pointed = place(event); describe(); });
  area.addEventListener("pointerleave", () => { pointed = null; describe(); });
  area.addEventListener("click", event => go({ token: place(event)[0] }));
  const limit = data.attention.limit;
  return { nodes: [h("div", { class: "split" },
    h("section", {}, title, under, large, h("p", {}, legend("share of attention", shade),
      h("span", { class: "note" }, "; each share of 1 % shows, as the colour follows the root" + (limit ? `; a long run: the ${limit} strongest shares of every row` : "")))),
    h("section", {}, h("h2", {}, `All heads of layer ${layer}`), h("div", { class: "maps" }, groups), tables))],
  update() {
    title.replaceChildren(`Layer ${layer}, head ${state.head}`);
    buttons.forEach((button, head) => button.setAttribute("aria-pressed", head === state.head));
    area.replaceChildren(copied(attentionMap(layer, state.head), `shares of layer ${layer}, head ${state.head}; the table has the chosen token's row`), cross);
    const from = Math.min(state.token, count - 1), head = state.head;
    tables.replaceChildren(table(`As a table: from token ${from}, head ${head}`, ["to", "token", "share", "score"], () => {
      const row = attentionRow(layer, head, from);
      return Array.from(row.shares, (v, i) => [i, label(tokens[i]), v, row.scores[i]]);
    }));
    describe();
  } };
}

// ---- logit lens ----------------------------------------------------------------------------------

function lensView() {
  const slots = Array.from({ length: 2 * model.layers }, (_, i) => i), last = slots.length - 1;
  const name = slot => `${Math.floor(slot / 2)} ${slot % 2 ? "ffn" : "att"}`;
  const rows = Array.from({ length: count }, (_, i) => h("tr", { "data-row": i },
    h("th", { scope: "row", onclick: () => go({ token: i }) }, `${i} `, bdi(label(tokens[i]))),
    slots.map(slot => {
      const { token, probability } = lensAt(slot, i), colour = certainty(probability);
      const cell = h("td", { class: slot === last ? "last" : null, title: `after layer ${name(slot)}: ${label(token)} ${exact(probability)}`,
        onclick: () => go({ token: i, layer: Math.floor(slot / 2), line: slot % 2 ? "residual_feed_forward" : "residual_attention", view: "code" }) },
        bdi(label(token)), " ", h("small", {}, probability >= 0.995 ? "1.0" : probability.toFixed(2).slice(1)));
      cell.style.background = rgb(colour);
      cell.style.color = inkOn(colour);
      return cell;
    })));
  const scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "logit lens" }, h("table", { class: "lens" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "token"), slots.map(slot => h("th", { scope: "col", class: slot === last ? "last" : null,
      title: `after ${slot % 2 ? "the feed-forward network" : "attention"} of layer ${Math.floor(slot / 2)}` }, name(slot))))),
    h("tbody", {}, rows)));
  return { nodes: [h("p", {}, "What the model would say next if it ended here: the last norm and the output weights, applied after attention (att) and "
    + "after the feed-forward network (ffn) of every layer. The last column is the model's own prediction, at temperature 1. ", legend("probability", certainty)), scroll],
  update() {
    rows.forEach((row, i) => row.classList.toggle("chosen", i === state.token));
    reveal(rows[Math.min(state.token, count - 1)]);
  } };
}

// ---- architecture --------------------------------------------------------------------------------

function architectureView() {
  const { dim, hidden, heads, kvHeads, headSize, vocabSize, layers } = model;
  const kv = kvHeads * headSize, parts = [];
  const link = (line, ...children) => s("a", { href: fragment({ view: "code", line }), "aria-label": `${line}: to its lines` }, ...children);
  function box(x, y, width, line, title, detail) {
    parts.push(link(line, s("rect", { class: "box", x, y, width, height: 44, rx: 7 }),
      s("text", { x: x + width / 2, y: y + 19, "font-size": 15, "text-anchor": "middle" }, title),
      s("text", { class: "faint", x: x + width / 2, y: y + 36, "font-size": 12, "text-anchor": "middle" }, detail)));
  }
  const wire = (points, text, x, y, anchor = "start") => {
    parts.push(s("polyline", { class: "wire", points, "marker-end": "url(#tip)" }));
    if (text) parts.push(s("text", { x, y, "font-size": 12.5, "text-anchor": anchor, class: "mono" }, text));
  };
  function sum(x, y, line) {
    parts.push(link(line, s("circle", { class: "box", cx: x, cy: y, r: 15 }), s("text", { x, y: y + 7, "font-size": 21, "text-anchor": "middle" }, "+")));
  }
  const seqDim = `[seq, ${dim}]`;
  // the column of the residual stream is at x = 110; the two branches are right of it
  box(20, 20, 180, "embedding", "tok_embeddings", `${vocabSize} × ${dim}`);
  parts.push(s("text", { x: 215, y: 47, "font-size": 13, class: "faint" }, "tokens [seq]"));
  parts.push(s("rect", { class: "frame", x: 8, y: 92, width: 1084, height: 480, rx: 10 }), s("text", { x: 1080, y: 112, "font-size": 14, "text-anchor": "end", class: "faint" }, `one of ${layers} layers`));
  wire("110,64 110,300", seqDim, 118, 84);
  wire("110,150 225,150", seqDim, 128, 143);
  box(228, 128, 130, "attention_norm", "attention_norm", `RMSNorm, [${dim}]`);
  wire("358,150 425,150", null); wire("390,150 390,210 425,210", null); wire("390,150 390,270 425,270", null);
  parts.push(s("text", { x: 362, y: 121, "font-size": 12.5, class: "mono" }, seqDim));
  box(428, 128, 120, "wq", "wq", `${dim} → ${dim}`); box(428, 188, 120, "wk", "wk", `${dim} → ${kv}`); box(428, 248, 120, "wv", "wv", `${dim} → ${kv}`);
  wire("548,150 636,150", null); wire("548,210 636,210", null);
  parts.push(s("text", { x: 553, y: 143, "font-size": 12.5, class: "mono" }, seqDim), s("text", { x: 553, y: 203, "font-size": 12.5, class: "mono" }, `[seq, ${kv}]`), s("text", { x: 553, y: 263, "font-size": 12.5, class: "mono" }, `[seq, ${kv}]`));
  box(639, 128, 76, "rope.q", "RoPE", "rotates"); box(639, 188, 76, "rope.k", "RoPE", "rotates");
  wire("715,150 855,150", `[${heads}, seq, ${headSize}]`, 720, 143); wire("715,210 760,210 760,165 855,165", null);
  parts.push(s("text", { x: 720, y: 230, "font-size": 12.5, class: "mono" }, `[${kvHeads}, total, ${headSize}] (KV cache)`));
  box(858, 128, 108, "scores", "scores", "q kᵀ / √headSize");
  wire("912,172 912,246", null); parts.push(s("text", { x: 920, y: 196, "font-size": 12.5, class: "mono" }, `[${kvHeads}, ${group}, seq, total]`));
  box(858, 248, 108, "shares", "softmax", "mask, then shares");
  wire("912,292 912,326", null); parts.push(s("text", { x: 920, y: 313, "font-size": 12.5, class: "mono" }, `[${kvHeads}, ${group}, seq, total]`));
  box(858, 328, 108, "mixed", "mixed", "shares · values");
  wire("548,270 620,270 620,350 855,350", `[${kvHeads}, total, ${headSize}] (KV cache)`, 628, 343);
  wire("912,372 912,392 560,392 560,322 487,322", null);
  parts.push(s("text", { x: 720, y: 386, "font-size": 12.5, class: "mono" }, `[seq, ${heads * headSize}]`));
  box(364, 300, 120, "attention", "wo", `${dim} → ${dim}`);
  wire("364,322 128,322", seqDim, 240, 315);
  sum(110, 322, "residual_attention");
  wire("110,337 110,507", seqDim, 118, 362);
  wire("110,440 225,440", seqDim, 128, 433);
  box(228, 418, 130, "ffn_norm", "ffn_norm", `RMSNorm, [${dim}]`);
  wire("358,440 425,440", seqDim, 362, 411); wire("390,440 390,500 425,500", null);
  box(428, 418, 120, "w1", "w1", `${dim} → ${hidden}`); box(428, 478, 120, "w3", "w3", `${dim} → ${hidden}`);
  wire("548,440 636,440", `[seq, ${hidden}]`, 553, 433); wire("548,500 790,500 790,462", `[seq, ${hidden}]`, 553, 493);
  box(639, 418, 76, "silu", "SiLU", "gate"); wire("715,440 772,440", null);
  parts.push(link("gated", s("circle", { class: "box", cx: 790, cy: 440, r: 15 }), s("text", { x: 790, y: 446, "font-size": 19, "text-anchor": "middle" }, "×")));
  wire("805,440 855,440", null); parts.push(s("text", { x: 800, y: 418, "font-size": 12.5, class: "mono" }, `[seq, ${hidden}]`));
  box(858, 418, 108, "feed_forward", "w2", `${hidden} → ${dim}`);
  wire("912,462 912,525 128,525", seqDim, 240, 544);
  sum(110, 525, "residual_feed_forward");
  wire("110,540 110,605", seqDim, 118, 592);
  box(20, 608, 180, "norm", "norm", `RMSNorm, [${dim}]`);
  wire("200,630 305,630", `[${dim}]`, 215, 623);
  box(308, 608, 180, "logits", "output", `${dim} → ${vocabSize}`);
  wire("488,630 613,630", `[${vocabSize}]`, 503, 623);
  box(616, 608, 200, "next", "next token", run.temperature === 0 ? "argmax" : `temperature ${exact(run.temperature)}, top-p ${exact(run.topP)}`);
  const drawing = s("svg", { class: "figure", viewBox: "0 0 1100 660", width: 1400, role: "group", "aria-label": "the network, with the shape of every tensor" },
    s("defs", {}, s("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" }, s("path", { class: "tip", d: "M0 0 L8 4 L0 8 z" }))), parts);
  const shapes = table("As a table: every stage's shape", ["line", "axes", "stage"], () => steps.map(step => [step.name, `[${step.axes}]`, step.stage ? `[${stages[step.stage].shape.join(", ")}]` : ""]));
  return { nodes: [h("p", {}, `${model.file}: ${(model.parameters / 1e6).toFixed(1)} million parameters (${model.elements.join(", ")}). A box leads to its lines. `,
    h("span", { class: "note" }, "seq: the tokens that go through together; total: the tokens so far.")), h("div", { class: "scrollx" }, drawing), shapes], update() {} };
}

// ---- time and memory -----------------------------------------------------------------------------

function timeView() {
  const kinds = ["attention_norm", "wq", "wk", "wv", "attention: RoPE, cache, scores, mix", "wo", "ffn_norm", "w1", "w3", "feed_forward: SiLU, product", "w2", "norm", "logits"];
  /// A kind's own time: without the stages inside it.
  function own(rows) {
    const sums = new Map(kinds.map(kind => [kind, { seconds: 0, bytes: 0, operations: 0, calls: 0 }]));
    rows.forEach((row, i) => {
      const kind = sums.has(row.name) ? row.name : kinds.find(k => k.startsWith(`${row.name}:`));
      if (!kind) return;
      const inner = [];
      for (let j = i + 1; j < rows.length && rows[j].depth > row.depth; j++) if (rows[j].depth === row.depth + 1) inner.push(rows[j]);
      const sum = sums.get(kind);
      for (const key of ["seconds", "bytes", "operations"]) sum[key] += row[key] - inner.reduce((total, other) => total + other[key], 0);
      sum.calls += row.calls;
    });
    return sums;
  }
  const phases = [["prefill", data.prefill, "first"], ["decode", data.decode, "other"]];
  const drawings = phases.map(([phase, rows, kind]) => {
    const sums = own(rows), total = rows[0]?.seconds ?? 0, largest = Math.max(...[...sums.values()].map(v => v.seconds), 1e-12);
    const fed = phase === "prefill" ? tokens.filter((_, i) => !data.generated[i]).length : Math.max(0, count - tokens.filter((_, i) => !data.generated[i]).length);
    const height = 26 * kinds.length + 30;
    return h("section", {}, h("h2", {}, `${phase}: ${(1e3 * total).toFixed(1)} ms, ${fed} tokens`),
      h("div", { class: "scrollx" }, s("svg", { class: "figure", viewBox: `0 0 700 ${height}`, role: "img", "aria-label": `time of ${phase} by kind of layer; the table has the numbers` },
        s("text", { class: "faint", x: 250, y: 16, "font-size": 13 }, "time"), s("text", { class: "faint", x: 695, y: 16, "font-size": 13, "text-anchor": "end" }, "read by products"),
        kinds.map((name, i) => {
          const v = sums.get(name), y = 26 * i + 26;
          return [s("text", { x: 242, y: y + 14, "font-size": 13, "text-anchor": "end" }, name),
            s("rect", { class: kind, x: 250, y, width: Math.max(1, 230 * v.seconds / largest), height: 18 }),
            s("text", { x: 258 + 230 * v.seconds / largest, y: y + 14, "font-size": 13 }, `${(1e3 * v.seconds).toFixed(2)} ms, ${percent(v.seconds / (total || 1))}`),
            s("text", { x: 695, y: y + 14, "font-size": 13, "text-anchor": "end" }, v.bytes > 0 ? megabytes(v.bytes) : "–")];
        }))),
      table("As a table", ["kind of layer", "calls", "milliseconds", "share of the run", "bytes read", "GB/s", "GFLOP/s"], () => kinds.map(name => {
        const v = sums.get(name), t = v.seconds || 1e-12;
        return [name, v.calls, 1e3 * v.seconds, percent(v.seconds / (total || 1)), v.bytes, v.bytes / t / 1e9, v.operations / t / 1e9];
      })));
  });
  const weights = data.weights.reduce((sum, w) => sum + w.bytes, 0);
  return { nodes: [h("p", { class: "note" }, `All layers together, without what is inside a kind and has its own row; ${run.threads} threads. Bytes are the second operands of matrix `
    + "products: the weights, keys and values that each product reads at least once. The report's own work is left out."),
    h("div", { class: "texts" }, drawings),
    h("h2", {}, `Memory: ${megabytes(weights)} of weights, ${megabytes(data.cacheBytes)} of KV cache at the end, ${megabytes(data.peakBytes)} at most in the process`),
    bars(data.weights.map(w => [w.name, w.bytes, megabytes(w.bytes)]).concat([["KV cache", data.cacheBytes, megabytes(data.cacheBytes)]])),
    table("As a table", ["weights", "bytes"], () => data.weights.map(w => [w.name, w.bytes]).concat([["KV cache", data.cacheBytes]]))], update() {} };
}

// ---- compare -------------------------------------------------------------------------------------

function compareView() {
  const c = data.comparison;
  if (!c) return { nodes: [h("p", {}, "This run was not compared with another. Write a trace of the other run, and name it:"),
    h("pre", { class: "pane" }, "full-llama -i \"…\" --trace other.jsonl\nfull-llama -i \"…\" --compare other.jsonl --report page.html")], update() {} };
  const kinds = ["embedding", "attention_norm", "attention", "residual_attention", "ffn_norm", "feed_forward", "residual_feed_forward", "norm", "logits"];
  const at = (stage, position) => {
    const index = c.differences.findIndex(d => d.stage === stage);
    return index < 0 ? NaN : view.getFloat32(c.values.offset + 4 * (index * count + position), true);
  };
  const parted = c.tokens.findIndex((token, i) => token !== null && token !== tokens[i]);
  const level = d => d === 0 ? 0 : clamp((Math.log10(d) + 8) / 8, 0.02, 1);
  const cell = d => {
    const cell = h("td", { class: "number", title: d === undefined ? "not in the trace" : exact(d.worst) },
      d === undefined ? "" : d.worst === 0 ? "0" : `${Number.isFinite(Number(d.worst)) ? short(Number(Number(d.worst).toPrecision(2))) : "∞"} at ${d.position}`);
    if (d !== undefined) {
      const colour = mix(ramp(false), Number.isFinite(Number(d.worst)) ? level(d.worst) : 1);
      cell.style.background = rgb(colour);
      cell.style.color = inkOn(colour);
    }
    return cell;
  };
  const find = stage => c.differences.find(d => d.stage === stage);
  const worst = h("table", {}, h("caption", {}, "The largest relative difference of every stage, and its position; darker or, on a dark ground, lighter is larger."),
    h("thead", {}, h("tr", {}, ["layer", ...kinds.slice(1, 7)].map(k => h("th", { scope: "col" }, k)))),
    h("tbody", {}, Array.from({ length: model.layers }, (_, i) => h("tr", {}, h("th", { scope: "row" }, String(i)), kinds.slice(1, 7).map(k => cell(find(`layers.${i}.${k}`)))))));
  const ends = h("table", {}, h("tbody", {}, h("tr", {}, ["embedding", "norm", "logits"].map(k => [h("th", {}, k), cell(find(k))]))));
  const text = of => h("p", { class: "tokens" }, of.map((token, i) => h("bdi", { class: i === parted ? "parted" : null }, token === null ? "⟨?⟩" : visible(spelling(token)))));
  const map = pixels(count, c.differences.length, (x, y) => {
    const d = at(c.differences[y].stage, x);
    return Number.isNaN(d) ? null : mix(ramp(false), Number.isFinite(d) ? level(d) : 1);
  }, "differences: stages from top to bottom, positions from left to right; the table has the chosen token's column");
  map.classList.add("strip");
  map.style.height = `${c.differences.length * 0.6}em`;
  const column = h("div");
  return { nodes: [h("h2", {}, parted < 0 ? "The texts are the same" : `The texts part at position ${parted}`),
    h("div", { class: "texts" }, h("section", {}, h("h3", {}, "this run"), text(tokens.slice(0, count))), h("section", {}, h("h3", {}, c.file), text(c.tokens))),
    h("div", { class: "scroll" }, worst, ends), h("h3", {}, "Stages from top to bottom, positions from left to right"), map,
    h("p", { class: "note" }, `Largest difference of a stage's values, relative to the trace's largest value; tolerance ${exact(c.tolerance)}.`), column],
  update() {
    column.replaceChildren(table(`As a table: position ${Math.min(state.token, count - 1)}`, ["stage", "relative difference"],
      () => c.differences.map(d => [d.stage, at(d.stage, Math.min(state.token, count - 1))])));
  } };
}

// ---- saving --------------------------------------------------------------------------------------

const variables = ["ground", "panel", "ink", "soft", "line", "accent", "mark", "plus", "minus", "bar", "second", "good"];

/// The view as an SVG: a drawing as it is, anything else as HTML inside.
function asSVG() {
  const source = main.querySelectorAll("svg.figure").length === 1 ? main.querySelector("svg.figure") : main;
  const box = source.getBoundingClientRect(), [width, height] = [Math.ceil(Math.max(box.width, source.scrollWidth || 0)), Math.ceil(Math.max(box.height, source.scrollHeight || 0))];
  const copy = source.cloneNode(true);
  const canvases = copy.querySelectorAll("canvas");
  source.querySelectorAll("canvas").forEach((canvas, i) => {
    const shown = canvas.getBoundingClientRect();
    const image = document.createElementNS("http://www.w3.org/1999/xhtml", "img");
    image.setAttribute("src", canvas.toDataURL());
    Object.assign(image.style, { width: `${shown.width}px`, height: `${shown.height}px`, imageRendering: "pixelated" });
    canvases[i].replaceWith(image);
  });
  const css = getComputedStyle(document.documentElement), font = getComputedStyle(document.body);
  const theme = variables.map(name => `--${name}: ${css.getPropertyValue(`--${name}`).trim()}`).join("; ");
  const style = s("style", {}, document.querySelector("style").textContent.replace(/@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}/g, "")
    + `\n:root, svg, div.export { ${theme}; } div.export { font: ${font.fontSize}/1.45 ${font.fontFamily}; color: var(--ink); }`);
  const outer = s("svg", { width, height, viewBox: `0 0 ${width} ${height}` }, style, s("rect", { width, height, fill: css.getPropertyValue("--ground") }));
  if (source !== main) {
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    outer.append(copy);
  } else {
    outer.append(s("foreignObject", { width, height }, h("div", { class: "export" }, copy)));
  }
  outer.querySelectorAll("details").forEach(node => node.remove());
  return { text: new XMLSerializer().serializeToString(outer), width, height };
}

function download(blob, kind) {
  const link = h("a", { href: URL.createObjectURL(blob), download: `full-llama-${state.view}.${kind}` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function save(kind) {
  const { text, width, height } = asSVG();
  if (kind === "svg") return download(new Blob([text], { type: "image/svg+xml" }), kind);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = h("canvas", { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
  canvas.toBlob(blob => download(blob, kind));
}

// ---- the page ------------------------------------------------------------------------------------

const makers = { code: codeView, tokens: tokensView, attention: attentionView, lens: lensView,
  architecture: architectureView, time: timeView, compare: compareView };

function tokensView() {
  const flow = tokenFlow("big"), detail = h("section", { class: "pane", "aria-live": "polite" });
  return { nodes: [h("div", { class: "split" }, h("section", {}, h("p", {}, legend("probability of a generated token", certainty),
    h("span", { class: "note" }, " dotted: the prompt")), flow, table("As a table", ["position", "token", "id", "from", "probability", "entropy in bits"],
    () => tokens.map((token, i) => [i, label(token), token, data.generated[i] ? "model" : "prompt", prediction(i - 1)?.next ?? "", prediction(i - 1)?.entropy ?? ""]))), detail)],
  update() {
    flow.update();
    detail.replaceChildren(...present(stepDetail()));
  } };
}

const main = h("main", { id: "view", tabindex: -1 });
const links = Object.entries(views).map(([name, title]) => h("a", { "data-view": name }, title));
const number = (name, high) => h("input", { type: "number", min: 0, max: high, "aria-label": `${name}, 0 to ${high}`,
  onchange: event => go({ [name]: clamp(Math.round(Number(event.target.value)) || 0, 0, high) }) });
const inputs = { token: number("token", tokens.length - 1), layer: number("layer", model.layers - 1), head: number("head", model.heads - 1) };
const shownToken = h("span", { class: "soft" }), status = h("p", { class: "hidden", role: "status" });
let current = null, currentKey = "";

function draw() {
  const key = [state.view, isDark(), state.view === "attention" ? state.layer : ""].join();
  if (key !== currentKey) {
    current = makers[state.view]();
    main.replaceChildren(...current.nodes);
    currentKey = key;
  }
  document.body.dataset.view = state.view;
  current.update();
  for (const link of links) {
    link.setAttribute("href", fragment({ view: link.dataset.view }));
    link[link.dataset.view === state.view ? "setAttribute" : "removeAttribute"]("aria-current", "page");
  }
  for (const [name, input] of Object.entries(inputs)) input.value = state[name];
  shownToken.replaceChildren(bdi(label(tokens[state.token])));
  status.textContent = `${views[state.view]}: token ${state.token} ${label(tokens[state.token])}, layer ${state.layer}, head ${state.head}`
    + (state.view === "code" ? `, ${state.line}, line ${stepNamed(state.line).line}` : "");
}

document.body.append(h("div", { class: "page" },
  h("header", {}, h("h1", {}, "full-llama: a run"), h("p", {}, `${model.file}, ${tokens.length} tokens, ${model.layers} layers, ${model.heads} heads · `, h("span", { class: "mono" }, bdi(visible(run.command))))),
  h("nav", { "aria-label": "views" }, links),
  h("div", { class: "controls", role: "group", "aria-label": "what to show" },
    h("label", {}, "token ", inputs.token, shownToken), h("label", {}, "layer ", inputs.layer), h("label", {}, "head ", inputs.head),
    h("span", { class: "save" }, h("button", { type: "button", onclick: () => save("svg") }, "Save SVG"), h("button", { type: "button", onclick: () => save("png") }, "Save PNG"))),
  main, status,
  h("footer", {}, h("p", {}, h("kbd", {}, "←"), " ", h("kbd", {}, "→"), " token  ", h("kbd", {}, "↑"), " ", h("kbd", {}, "↓"), " line in the order of execution  ",
    h("kbd", {}, "["), " ", h("kbd", {}, "]"), " layer  ", h("kbd", {}, ","), " ", h("kbd", {}, "."), " head  ", h("kbd", {}, "1"), "–", h("kbd", {}, "7"),
    " view  · Ranges and probabilities are the run's 32-bit numbers; strips and maps are drawn from ", String(data.attention.bits === 16 ? "8 and 16" : 8), " bits a value."))));

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const isScrolling = event.target.classList?.contains("scroll");
  const moves = {
    ArrowLeft: () => go({ token: Math.max(0, state.token - 1) }),
    ArrowRight: () => go({ token: Math.min(tokens.length - 1, state.token + 1) }),
    ArrowUp: state.view === "code" ? () => walk(-1) : state.view === "lens" && !isScrolling ? () => go({ token: Math.max(0, state.token - 1) }) : null,
    ArrowDown: state.view === "code" ? () => walk(1) : state.view === "lens" && !isScrolling ? () => go({ token: Math.min(tokens.length - 1, state.token + 1) }) : null,
    "[": () => go({ layer: Math.max(0, state.layer - 1) }), "]": () => go({ layer: Math.min(model.layers - 1, state.layer + 1) }),
    ",": () => go({ head: Math.max(0, state.head - 1) }), ".": () => go({ head: Math.min(model.heads - 1, state.head + 1) }),
  };
  Object.keys(views).forEach((name, i) => moves[i + 1] = () => go({ view: name }));
  if (!moves[event.key]) return;
  event.preventDefault();
  moves[event.key]();
});
window.addEventListener("hashchange", () => { parse(); draw(); });
window.addEventListener("popstate", () => { parse(); draw(); });
darkness.addEventListener("change", draw);
window.addEventListener("beforeprint", () => { isPrinting = true; draw(); });
window.addEventListener("afterprint", () => { isPrinting = false; draw(); });
parse();
draw();
