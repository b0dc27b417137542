// Elements. Text becomes text nodes and nothing else: whatever a name holds, it is never read as HTML.

// h("button", { class: "primary", disabled: isBusy, onclick: send }, "Send")
//
// Attributes: on… are listeners; true is the bare attribute, false, null and undefined leave it out; data: {…} and style: {…} are set
// member by member (a style attribute would be refused by the page's Content-Security-Policy); value, checked, selected and indeterminate are
// properties. Children: nodes, texts, numbers, lists of these; null, undefined and booleans are left out.
export function h(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {}))
        setAttribute(node, name, value);
    node.append(...nodesOf(children));
    return node;
}

const PROPERTIES = new Set(["value", "checked", "selected", "indeterminate"]);

function setAttribute(node, name, value) {
    if (value === false || value === null || value === undefined)
        return;
    if (name.startsWith("on"))
        node.addEventListener(name.slice(2), value);
    else if (name === "data")
        Object.assign(node.dataset, value);
    else if (name === "style")
        Object.entries(value).forEach(([property, text]) => node.style.setProperty(property, text));
    else if (PROPERTIES.has(name))
        node[name] = value;
    else
        node.setAttribute(name, value === true ? "" : value);
}

function nodesOf(children) {
    return children.flat(Infinity)
        .filter((child) => child !== null && child !== undefined && typeof child !== "boolean")
        .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

export function replace(node, ...children) {
    node.replaceChildren(...nodesOf(children));
    return node;
}

// Sets a text only where it is another one, so that what is selected stays selected and nothing is announced twice.
export function setText(node, text) {
    const wanted = String(text);
    if (node.textContent !== wanted)
        node.textContent = wanted;
    return node;
}

// Icons are paths of a 24 by 24 box, drawn with the colour of the text.
export function icon(path) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const line = document.createElementNS(space, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
}
