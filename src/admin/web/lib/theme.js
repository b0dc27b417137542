// Light, dark, or as the system has it.

const KEPT = "turnstone.theme";
export const themes = ["auto", "light", "dark"];

export const theme = () => (themes.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "auto");

export function setTheme(name) {
    localStorage.setItem(KEPT, name);
    applyTheme();
    dispatchEvent(new Event("themechange"));
}

export function applyTheme() {
    if (theme() === "auto")
        delete document.documentElement.dataset.theme;
    else
        document.documentElement.dataset.theme = theme();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
