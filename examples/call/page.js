// What all parts of the page share: its elements, its state, and what it says to the person.

export const element = (id) => document.getElementById(id);
export const setText = (id, text) => { element(id).textContent = text; };
export const chosen = (name) => document.querySelector(`input[name=${name}]:checked`).value;

export function setState(state, text) {
    document.body.dataset.state = state;
    setText("state-text", text);
}

export function showProblem(problem) {
    const text = problem instanceof Error ? problem.message : String(problem);
    const known = [...element("problems").children].some((line) => line.textContent === text);
    if (known)
        return;
    const line = document.createElement("p");
    line.textContent = text;
    element("problems").append(line);
}

export function clearProblems() {
    element("problems").replaceChildren();
}

export async function attempt(action) {
    try {
        await action();
    } catch (problem) {
        showProblem(problem);
    }
}
