// A chart of the last hour: lines over time, drawn by uPlot in the page's colours. What it shows stands above it as figures, too.

import uPlot from "uplot";

import { h, setText } from "./dom.js";
import { clock, toDate } from "./format.js";
import { locale } from "./i18n.js";

const HEIGHT = 150;
const SHOWN_MIN_S = 600; // a relay that has just begun is drawn at the right
const HOURS_AXIS = { hour: "2-digit", minute: "2-digit" };

// series: [{ label, color: "--series-1" }, …]; format turns a value into a text. What the chart gives: node, set(times, columns), destroy().
export function chart({ title, series, format, top = null }) {
    const figures = series.map(() => h("strong", {}, ""));
    const legend = h("ul", {}, series.map(({ label, color }, i) =>
        h("li", { style: { "--mark": `var(${color})` } }, label, " ", figures[i])));
    const when = h("span", { class: "small quiet-text" });
    const box = h("div", { class: "chart", "aria-hidden": "true" });
    const node = h("section", { class: "panel" }, h("div", { class: "chart-head" }, h("h2", {}, title), when, legend), box);
    let data = [[], ...series.map(() => [])], plot = null, pointed = null;

    const tell = () => {
        const at = pointed ?? data[0].length - 1;
        figures.forEach((figure, i) => setText(figure, format(data[i + 1][at])));
        setText(when, pointed === null ? "" : clock(data[0][at]));
    };
    const onCursor = (drawn) => {
        pointed = drawn.cursor.idx ?? null;
        tell();
    };
    const draw = () => {
        plot?.destroy();
        plot = new uPlot(optionsOf({ series, format, top, box, onCursor }), data, box);
    };
    const redraw = () => { if (plot !== null) draw(); };
    const resized = new ResizeObserver(() => plot?.setSize({ width: box.clientWidth, height: HEIGHT }));

    addEventListener("themechange", redraw);
    return {
        node,
        set(times, columns) {
            data = [times, ...columns];
            tell();
            if (plot !== null)
                plot.setData(data);
            else if (box.isConnected) {
                draw();
                resized.observe(box);
            }
        },
        destroy() {
            removeEventListener("themechange", redraw);
            resized.disconnect();
            plot?.destroy();
            plot = null;
        },
    };
}

function optionsOf({ series, format, top, box, onCursor }) {
    const color = colorsOf(box);
    const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const hours = new Intl.DateTimeFormat(locale, HOURS_AXIS);
    return {
        width: box.clientWidth, height: HEIGHT, legend: { show: false },
        cursor: { y: false, points: { size: 6 } },
        scales: {
            x: { time: true, range: (_, first, last) => timesShown(first, last) },
            y: { range: (_, __, highest) => [0, Math.max((highest ?? 0) * 1.1, top ?? 1)] },
        },
        axes: [
            { ...axis, space: 70, size: 24, values: (_, times) => times.map((time) => hours.format(toDate(time))) },
            { ...axis, size: 68, space: 32, values: (_, values) => values.map((value) => format(value)) },
        ],
        series: [{}, ...series.map(({ color: name }) => ({ stroke: color(name), width: 1.5, points: { show: false }, spanGaps: false }))],
        hooks: { setCursor: [onCursor] },
    };
}

// null: there is no sample yet.
function timesShown(first, last) {
    const end = last ?? Date.now() / 1000;
    return [Math.min(first ?? end, end - SHOWN_MIN_S), end];
}

// Canvas takes no custom properties: an element is asked what they have become.
function colorsOf(box) {
    const probe = h("span", { hidden: true });
    box.append(probe);
    const found = (name) => {
        probe.style.color = `var(${name})`;
        return getComputedStyle(probe).color;
    };
    queueMicrotask(() => probe.remove());
    return found;
}
