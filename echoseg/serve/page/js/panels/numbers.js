/** Numbers as they are read: never more decimals than the method can stand for, a dash for what is not known. */

/** @param {number | null | undefined} value @param {number} [decimals] @returns {string} */
export function shown(value, decimals = 0) {
  return value === null || value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(decimals);
}

/** @param {string} word @param {number} count @returns {string} */
export function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
