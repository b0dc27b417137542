// Asking again and again while somebody looks.

export const INTERVAL_MS = 2000;

// Calls task at once, then interval_ms after each end of it, and only while the page is visible; at once when it becomes so again. Never
// twice at a time. Ends with signal.
export function poll(task, signal, interval = INTERVAL_MS) {
    let timer = null, isRunning = false;

    const run = async () => {
        timer = null;
        if (isRunning || document.hidden || signal.aborted)
            return;
        isRunning = true;
        try {
            await task();
        } finally {
            isRunning = false;
            if (!signal.aborted && !document.hidden)
                timer = setTimeout(run, interval);
        }
    };
    const wake = () => {
        clearTimeout(timer);
        if (!document.hidden)
            run();
    };
    document.addEventListener("visibilitychange", wake, { signal });
    signal.addEventListener("abort", () => clearTimeout(timer));
    run();
    return wake; // asks at once
}
