// The live figure in the browser. Streamlit calls the default export at mounting, at every new
// `data` and at every change of theme; each call hands the whole figure to Plotly.react.
const NARROW = 560;
const CLOSER = 4; // how much a click on a cell of many pairs zooms in
const mounted = new WeakMap();

// plotly.js, once a page however many figures ask for it.
function plotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  if (!window.__counterweightPlotly) {
    window.__counterweightPlotly = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => {
        window.__counterweightPlotly = undefined;
        reject(new Error(`plotly.js did not load from ${url}`));
      };
      document.head.appendChild(script);
    });
  }
  return window.__counterweightPlotly;
}

// When the browser has nothing more urgent to do, or in three seconds.
function idle() {
  if (!window.requestIdleCallback) return new Promise((done) => setTimeout(done, 500));
  return new Promise((done) => requestIdleCallback(done, { timeout: 3000 }));
}

// The theme is dark when its background is: Streamlit names no theme to a component.
function isDark(element) {
  const probe = document.createElement("span");
  probe.style.color = getComputedStyle(element).getPropertyValue("--st-background-color");
  element.appendChild(probe);
  const [r, g, b] = (getComputedStyle(probe).color.match(/[\d.]+/g) || [255, 255, 255]).map(Number);
  probe.remove();
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}

// Palette names ("@text") become colours; arrays of numbers are left alone, they are most of it.
function coloured(value, palette, names) {
  if (typeof value === "string") {
    if (!value.includes("@")) return value;
    return names.reduce((text, name) => text.replaceAll(`@${name}`, palette[name]), value);
  }
  if (Array.isArray(value)) {
    const last = typeof value[value.length - 1];
    const plain = typeof value[0] === "number" && last === "number";
    return plain ? value : value.map((each) => coloured(each, palette, names));
  }
  if (value && typeof value === "object") {
    const out = {};
    for (const key in value) out[key] = coloured(value[key], palette, names);
    return out;
  }
  return value;
}

// A map with few filled cells comes as their places: rows and columns have names, cells a value.
function filled(trace) {
  const { cells, ...rest } = trace;
  if (!cells) return trace;
  const rows = cells.rows.length;
  const columns = cells.columns.length;
  const z = Array.from({ length: rows }, () => new Array(columns).fill(null));
  const text = Array.from({ length: rows }, () => new Array(columns).fill(""));
  cells.z.forEach((value, k) => {
    const row = cells.row[k];
    const column = cells.column[k];
    z[row][column] = value;
    const several = cells.pairs ? `<br>${cells.pairs[k]} pairs, mean weight` : "<br>counts as";
    text[row][column] =
      `${cells.rows[row]}<br>${cells.columns[column]}${several} ×${(2 ** value).toFixed(2)}`;
  });
  return { ...rest, z, text };
}

function put(layout, path, value) {
  const keys = path.split(".");
  const last = keys.pop();
  keys.reduce((at, key) => (at[key] ??= {}), layout)[last] = value;
}

// One line at the hovered epoch through every column of panels.
function crosshair(box, plot) {
  const hide = () => box.querySelectorAll(".live-figure-line").forEach((l) => l.remove());
  plot.on("plotly_hover", (event) => {
    hide();
    const at = event.points[0]?.x;
    const full = plot._fullLayout;
    if (typeof at !== "number" || !full) return;
    const columns = new Map();
    for (const name of Object.keys(full).filter((k) => /^xaxis\d*$/.test(k))) {
      const x = full[name];
      const y = full[(x.anchor || "y").replace("y", "yaxis")];
      if (!y) continue;
      const span = columns.get(x._offset) || { x, top: Infinity, bottom: -Infinity };
      span.top = Math.min(span.top, y._offset);
      span.bottom = Math.max(span.bottom, y._offset + y._length);
      columns.set(x._offset, span);
    }
    for (const { x, top, bottom } of columns.values()) {
      const line = document.createElement("div");
      line.className = "live-figure-line";
      line.style.cssText = `display:block;left:${x._offset + x.d2p(at)}px;top:${top}px;height:${bottom - top}px`;
      box.appendChild(line);
    }
  });
  plot.on("plotly_unhover", hide);
}

// The epochs that the reader zoomed to, in epochs also where the axis is logarithmic; null for all.
function zoomOf(plot) {
  const x = plot._fullLayout?.xaxis;
  if (!x || x.autorange) return null;
  const ends = x.range.map((v) => Number((x.type === "log" ? 10 ** v : v).toPrecision(4)));
  return ends.every(Number.isFinite) && ends[0] < ends[1] ? ends : null;
}

// Tells Python of a zoom, so that the address can repeat it; nothing else is ever told.
function tellZoom(plot, tell) {
  let said = JSON.stringify(zoomOf(plot));
  plot.on("plotly_relayout", (change) => {
    if (!Object.keys(change).some((key) => /^xaxis\d*\.(range|autorange)/.test(key))) return;
    const now = zoomOf(plot);
    if (JSON.stringify(now) === said) return;
    said = JSON.stringify(now);
    tell("zoom", now ?? []); // null is what Python has before anything is told: no news
  });
}

// The part of a map that the reader zoomed to, [x from, to, y from, to]; null for all of it.
function boxOf(plot) {
  const { xaxis: x, yaxis: y } = plot._fullLayout || {};
  if (!x || !y || (x.autorange && y.autorange)) return null;
  return [...x.range, ...y.range].map((v) => Number(v.toFixed(2)));
}

// Tells Python of every new part, with the revision it belongs to.
function tellBox(state) {
  state.plot.on("plotly_relayout", (change) => {
    if (!Object.keys(change).some((key) => /^[xy]axis\.(range|autorange)/.test(key))) return;
    state.tell("box", [state.plot.layout.uirevision, boxOf(state.plot)]);
  });
}

// Tells Python which cell was clicked; one that stands for many pairs is zoomed in on instead.
function tellPick(state) {
  const { plot } = state;
  plot.on("plotly_click", (event) => {
    const point = event.points.find((each) => each.data.type === "heatmap");
    if (!point || point.z == null) return;
    if (!point.data.meta?.coarse) {
      state.trigger("pick", [plot.layout.uirevision, point.x, point.y]);
      return;
    }
    const change = {};
    for (const [name, at] of [["xaxis", point.x], ["yaxis", point.y]]) {
      const [low, high] = plot._fullLayout[name].range;
      const half = (high - low) / (2 * CLOSER);
      change[`${name}.range`] = [at - half, at + half];
    }
    window.Plotly.relayout(plot, change);
  });
}

// The zoom of the address holds from the first drawing on, for what it came with.
function startZoomed(state, layout) {
  const { box: part } = state.data;
  state.begun ??= { revision: layout.uirevision, zoom: state.data.zoom, part };
  const { revision, zoom } = state.begun;
  if (revision !== layout.uirevision) state.begun.part = null;
  if (state.begun.part) {
    put(layout, "xaxis.range", state.begun.part.slice(0, 2));
    put(layout, "yaxis.range", state.begun.part.slice(2));
  }
  if (!zoom || revision !== layout.uirevision) return;
  const log = layout.xaxis?.type === "log";
  put(layout, "xaxis.range", log ? zoom.map((v) => Math.log10(Math.max(v, 0.5))) : zoom);
}

// What the reader hid stays hidden: Plotly's own memory of it was seen to fail under load.
function keepHidden(plot, figure) {
  if (plot.layout?.uirevision !== figure.layout.uirevision) return;
  const off = (plot.data || []).filter((t) => t.visible === "legendonly");
  const shown = (plot.data || []).filter((t) => t.visible !== "legendonly");
  const uids = new Set(off.map((t) => t.uid).filter(Boolean));
  const groups = new Set(off.map((t) => t.legendgroup).filter(Boolean));
  shown.forEach((t) => groups.delete(t.legendgroup));
  for (const trace of figure.data) {
    if (uids.has(trace.uid) || groups.has(trace.legendgroup)) trace.visible = "legendonly";
  }
}

async function draw(state) {
  if (state.gone || !state.box.isConnected) return;
  const { data, box, plot } = state;
  if (data.later && !state.width) await idle();
  let library;
  try {
    library = await plotly(data.vendor);
  } catch (error) {
    plot.className = "live-figure-error";
    plot.textContent = `The chart cannot be drawn: ${error.message}. Start the app by "make run".`;
    return;
  }
  if (state.gone || data !== state.data) return;
  const style = getComputedStyle(box);
  const palette = data.palettes[isDark(box) ? "dark" : "light"];
  const names = Object.keys(palette).sort((a, b) => b.length - a.length);
  const figure = coloured(data.figure, palette, names);
  figure.data = figure.data.map(filled);
  const width = box.clientWidth;
  if (!width) return;
  if (width < NARROW) {
    for (const path in data.narrow) put(figure.layout, path, data.narrow[path]);
  }
  // A finger scrolls the page; only a mouse draws zoom boxes.
  const touch = window.matchMedia("(pointer: coarse)").matches;
  if (touch) figure.layout.dragmode = false;
  startZoomed(state, figure.layout);
  keepHidden(plot, figure);
  figure.layout.width = width;
  const family = style.getPropertyValue("--st-font") || style.fontFamily;
  put(figure.layout, "font.family", family);
  put(figure.layout, "hoverlabel.font.family", family);
  // The range at first may be a zoom of the address; back from a zoom is to all epochs.
  const all = data.tells;
  const started = performance.now();
  await library.react(plot, figure.data, figure.layout, {
    displaylogo: false,
    showSendToCloud: false,
    plotlyServerURL: "",
    displayModeBar: touch ? false : "hover",
    // Named one by one: plotly's own set would offer to upload the chart.
    modeBarButtons: [["toImage", all ? "autoScale2d" : "resetScale2d"]],
    toImageButtonOptions: { format: "svg", filename: "counterweight" },
    doubleClick: all ? "autosize" : "reset+autosize",
  });
  state.width = width;
  box.dataset.milliseconds = (performance.now() - started).toFixed(1);
  box.dataset.updates = Number(box.dataset.updates || 0) + 1;
  if (!state.listening && data.crosshair) {
    state.listening = true;
    crosshair(box, plot);
    if (state.tell) tellZoom(plot, state.tell);
  }
  if (!state.asked && data.asks.length) {
    state.asked = true;
    if (data.asks.includes("box")) tellBox(state);
    if (data.asks.includes("pick")) tellPick(state);
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const box = parentElement.querySelector(".live-figure");
  const plot = box.querySelector(".live-figure-plot");
  let state = mounted.get(parentElement);
  if (!state || state.box !== box) {
    state = { box, plot, gone: false };
    mounted.set(parentElement, state);
    const said = document.createElement("p");
    said.className = "live-figure-said";
    box.appendChild(said);
    state.said = said;
    state.observer = new ResizeObserver(() => {
      if (box.clientWidth && box.clientWidth !== state.width) draw(state);
    });
    state.observer.observe(box);
  }
  state.data = data;
  state.tell = data.tells ? setStateValue : undefined;
  state.trigger = setTriggerValue;
  plot.setAttribute("role", "figure");
  plot.setAttribute("aria-label", data.label);
  state.said.textContent = data.description;
  // Streamlit sets the theme's variables around this call: read them in the next frame.
  requestAnimationFrame(() => draw(state));
  return () => {
    state.gone = true;
    state.observer.disconnect();
    if (window.Plotly) window.Plotly.purge(plot);
    mounted.delete(parentElement);
  };
}
