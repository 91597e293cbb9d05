/**
 * Run lengths as COCO writes them: columns first, background first, each run (from the fourth on, its difference to the one two before it)
 * in groups of five bits. Source of the format: cocodataset/cocoapi, common/maskApi.c (rleToString, rleFrString).
 */

/**
 * @param {string} text
 * @returns {number[]} run lengths in pixels, background first
 */
export function runsOfText(text) {
  const runs = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let shift = 0;
    let code;
    do {
      code = text.charCodeAt(at++) - 48;
      value |= (code & 31) << shift;
      shift += 5;
    } while (code & 32);
    if (code & 16 && shift < 32) value |= -1 << shift;
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

/**
 * @param {number[]} runs
 * @returns {string}
 */
export function textOfRuns(runs) {
  let text = "";
  runs.forEach((run, i) => {
    let left = i > 2 ? run - runs[i - 2] : run;
    let more = true;
    while (more) {
      let code = left & 31;
      left >>= 5;
      more = code & 16 ? left !== -1 : left !== 0;
      if (more) code |= 32;
      text += String.fromCharCode(code + 48);
    }
  });
  return text;
}

/**
 * @param {string} text
 * @param {number} height
 * @param {number} width
 * @returns {Uint8Array} (height * width) rows first, 0 or 1
 */
export function decode(text, height, width) {
  const mask = new Uint8Array(height * width);
  let pixel = 0;
  let value = 0;
  for (const run of runsOfText(text)) {
    if (value) {
      for (let i = pixel; i < pixel + run; i++) mask[(i % height) * width + Math.floor(i / height)] = 1;
    }
    pixel += run;
    value ^= 1;
  }
  return mask;
}

/**
 * @param {Uint8Array} mask rows first
 * @param {number} height
 * @param {number} width
 * @returns {string}
 */
export function encode(mask, height, width) {
  const runs = [];
  let last = 0;
  let run = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const value = mask[y * width + x] ? 1 : 0;
      if (value !== last) {
        runs.push(run);
        run = 0;
        last = value;
      }
      run++;
    }
  }
  runs.push(run);
  return textOfRuns(runs);
}
