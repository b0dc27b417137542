// As much of a browser as the modules of test_web.js look at.

const listeners = new Set();

Object.defineProperty(globalThis, "navigator", { value: { languages: ["en-US"] }, configurable: true });
globalThis.localStorage = { getItem: () => null, setItem: () => {} };
globalThis.document = {
    hidden: false,
    addEventListener(type, listener, { signal }) {
        listeners.add(listener);
        signal.addEventListener("abort", () => listeners.delete(listener));
    },
    hide(isHidden) {
        this.hidden = isHidden;
        listeners.forEach((listener) => listener());
    },
};
