// A small chart of the last values of something, moved on with each value: lines in SVG, and the largest of them as the scale.

import { h, replace, setText } from "./lib/dom.js";
import { t } from "./lib/i18n.js";
import { HEIGHT, niceTop, pathOf, WIDTH } from "./live_path.js";

const SPACE = "http://www.w3.org/2000/svg";

// createLiveChart({ label, points, format(value), series: [names], span: text }) gives { element, add([values]) }. null is a gap.
export function createLiveChart({ label, points, format, series, span }) {
    const values = series.map(() => []);
    const lines = series.map((_, index) => svg("path", { class: `line series-${index + 1}` }));
    const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "live-chart", role: "img" },
        ...[0.25, 0.5, 0.75].map((share) => svg("path", { class: "grid", d: `M0 ${HEIGHT * share}H${WIDTH}` })), ...lines);
    const top = h("span"), legend = h("div", { class: "live-legend" });
    const element = h("figure", { class: "live" },
        h("div", { class: "chart-with-scale" }, h("div", { class: "scale", "aria-hidden": "true" }, top, h("span", {}, "0")), drawing,
            h("div", { class: "span", "aria-hidden": "true" }, h("span", {}, t("chart.ago", { span })), h("span", {}, t("chart.now")))), legend);

    function add(latest) {
        latest.forEach((value, index) => {
            values[index].push(Number.isFinite(value) ? value : null);
            values[index].splice(0, values[index].length - points);
        });
        const most = niceTop(Math.max(0, ...values.flat()));
        setText(top, format(most));
        lines.forEach((line, index) => line.setAttribute("d", pathOf(values[index], points, most)));
        const texts = series.map((name, index) => `${name}: ${format(values[index].at(-1))}`);
        drawing.setAttribute("aria-label", `${label}. ${texts.join(", ")}`);
        replace(legend, series.length > 1 ? texts.map((text, index) => h("span", { class: `key series-${index + 1}` }, text)) : null);
    }
    return { element, add };
}

function svg(tag, attributes, ...children) {
    const node = document.createElementNS(SPACE, tag);
    Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    node.append(...children);
    return node;
}
