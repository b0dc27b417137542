// Figures of a secret's rotation. No DOM: tests run it by itself.

// How often a secret was used since the first look at it; a relay that was started anew counts from zero.
export function usesSince({ mark, uses }, first) {
    const now = uses ?? 0, then = first[mark] ?? now;
    return now < then ? now : now - then;
}

export const share = (part, whole) => (whole > 0 ? part / whole : 0);

// Seconds without a use, of those that were watched.
export const quietFor = ({ last_used }, began, now) => Math.max(0, now - Math.max(began, last_used ?? 0));
