/** Colours of objects: told apart by all common kinds of colour vision and on a grey picture (Okabe and Ito 2008, two lightened for black). */

const PALETTE = ["#56b4e9", "#e69f00", "#2fc49a", "#cc79a7", "#f0e442", "#f07a3c", "#8aa4ff", "#d9d9d9", "#b59f6b"];

/** @param {number} object 1.. @returns {string} */
export function colourOf(object) {
  return PALETTE[(object - 1) % PALETTE.length];
}

export const ED_COLOUR = "#f0e442";
export const ES_COLOUR = "#f7a8d8";
