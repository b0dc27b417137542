// Passwords that are made in the page. No DOM: tests run it by itself.

// Without letters and digits that look alike.
const LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const LENGTH = 24; // of 56 each: 139 bits

// Bytes beyond the last whole multiple are left out, so that no letter comes more often.
export function makePassword() {
    const limit = 256 - 256 % LETTERS.length;
    let text = "";
    while (text.length < LENGTH)
        for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH)))
            if (byte < limit && text.length < LENGTH)
                text += LETTERS[byte % LETTERS.length];
    return text;
}
