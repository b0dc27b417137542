// Which member of what was sent a problem is about. It begins with its name: "lifetime: give a number from 0 to 86400". No DOM: tests run
// it by itself.

export function memberOf(problem, names) {
    const [, name, text] = /^([a-z][a-z0-9_-]*): (.+)$/is.exec(problem?.message ?? "") ?? [];
    return names.includes(name) ? { name, text } : null;
}
