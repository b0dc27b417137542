// Where a list is: which page, found how, in which order. The interface pages by opaque places ("next"), so that the way back is
// the places that were passed. No DOM: tests run it by itself.

export const LIMITS = [25, 50, 100, 250];
export const LIMIT_DEFAULT = 50;

// What a list remembers while another page is shown: the way back leads to the place that was left.
export function createPager({ filters = {}, sort = null, limit = LIMIT_DEFAULT } = {}) {
    const first = { ...filters };
    let places = [null];
    let next = null;
    const toStart = () => {
        places = [null];
        next = null;
    };

    const pager = {
        filters: { ...filters }, sort, limit,
        local: null, descends: false, // the order of a list that came whole: its column

        get page() { return places.length; },
        get hasNext() { return next !== null; },
        get hasPrevious() { return places.length > 1; },
        get isWhole() { return places.length === 1 && next === null; },
        get isFiltered() { return Object.values(pager.filters).some((value) => value !== ""); },

        // What is asked of the interface; what is empty is left out.
        query() {
            const query = { limit: pager.limit };
            for (const [name, value] of Object.entries(pager.filters))
                if (value !== "")
                    query[name] = value;
            if (pager.sort !== null)
                query.sort = pager.sort;
            if (places.at(-1) !== null)
                query.after = places.at(-1);
            return query;
        },

        // The answer to query(): "next" of it.
        arrived(place) { next = place ?? null; },
        toNext() {
            if (next === null)
                return false;
            places.push(next);
            next = null;
            return true;
        },
        toPrevious() {
            if (places.length === 1)
                return false;
            places.pop();
            next = null;
            return true;
        },
        toStart,
        setFilter(name, value) {
            pager.filters[name] = value.trim();
            toStart();
        },
        clear() {
            pager.filters = { ...Object.fromEntries(Object.keys(pager.filters).map((name) => [name, ""])), ...first };
            toStart();
        },
        setSort(value) {
            pager.sort = value;
            toStart();
        },
        setLimit(value) {
            pager.limit = value;
            toStart();
        },
    };
    return pager;
}

// Sorts what came whole. Texts go as people sort them, numbers as numbers, what is missing to the end.
export function sortRows(rows, value, descends, language) {
    const compare = new Intl.Collator(language, { numeric: true, sensitivity: "base" }).compare;
    const sign = descends ? -1 : 1;
    const isMissing = (one) => one === null || one === undefined || one === "";

    return rows.map((row, index) => ({ row, index, key: value(row) })).sort((a, b) => {
        if (isMissing(a.key) !== isMissing(b.key))
            return isMissing(a.key) ? 1 : -1;
        const order = typeof a.key === "number" && typeof b.key === "number"
            ? a.key - b.key : compare(String(a.key ?? ""), String(b.key ?? ""));
        return order === 0 ? a.index - b.index : sign * order;
    }).map((entry) => entry.row);
}
