// The scale and the lines of a small chart. No DOM: tests run it by itself.

export const WIDTH = 300, HEIGHT = 100; // of the drawing, stretched to where it stands
const MARGIN = 4;                       // above the highest value

// 1, 2 or 5 times a power of ten, so that the scale rests while values move.
export function niceTop(most) {
    if (most <= 0)
        return 1;
    const power = 10 ** Math.floor(Math.log10(most));
    return [1, 2, 5, 10].find((step) => step * power >= most * (1 - 1e-9)) * power;
}

// The newest is at the right edge. A value that stands alone is a dot: a line of no length with round ends.
export function pathOf(values, points, most) {
    const step = WIDTH / (points - 1), first = points - values.length;
    let path = "", isGap = true;
    values.forEach((value, index) => {
        if (value !== null) {
            const place = `${((first + index) * step).toFixed(1)} ${(HEIGHT - (HEIGHT - MARGIN) * value / most).toFixed(1)}`;
            path += isGap ? `M${place}h0` : `L${place}`;
        }
        isGap = value === null;
    });
    return path;
}
