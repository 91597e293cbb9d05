/** From a mask to the line around it: boundaries of pixels, walked with the inside on the right. */

/** @typedef {{x: number, y: number}} Point source pixels; a pixel's centre is at its index + 0.5 */

/**
 * Closed outlines of all parts and holes, corners cut at half a pixel so that a staircase reads as a slope.
 *
 * @param {Uint8Array} mask (height * width) rows first
 * @param {number} height
 * @param {number} width
 * @param {number} [left] added to x
 * @param {number} [top] added to y
 * @returns {Point[][]}
 */
export function outlines(mask, height, width, left = 0, top = 0) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] !== 0;
  const stride = width + 1;
  // A top edge (inside below, outside above) starts at the corner (x, y) and goes right; each outline has at least one.
  const open = new Uint8Array(stride * (height + 1));
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (inside(x, y) && !inside(x, y - 1)) open[y * stride + x] = 1;
  const lines = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) if (open[y * stride + x]) lines.push(walk(x, y, inside, open, stride, left, top));
  }
  return lines;
}

const RIGHT = 0;
const STEP_X = [1, 0, -1, 0];
const STEP_Y = [0, 1, 0, -1];

function walk(startX, startY, inside, open, stride, left, top) {
  const line = [];
  let x = startX;
  let y = startY;
  let heading = RIGHT;
  do {
    if (heading === RIGHT) open[y * stride + x] = 0;
    line.push({ x: left + x + STEP_X[heading] / 2, y: top + y + STEP_Y[heading] / 2 });
    x += STEP_X[heading];
    y += STEP_Y[heading];
    heading = turn(x, y, heading, inside);
  } while (x !== startX || y !== startY || heading !== RIGHT);
  return line;
}

/** The next heading at a corner, keeping the inside on the right; diagonal neighbours count as apart. */
function turn(x, y, heading, inside) {
  const ahead = [
    [inside(x, y - 1), inside(x, y)],
    [inside(x, y), inside(x - 1, y)],
    [inside(x - 1, y), inside(x - 1, y - 1)],
    [inside(x - 1, y - 1), inside(x, y - 1)],
  ][heading];
  const [leftAhead, rightAhead] = ahead;
  if (!rightAhead) return (heading + 1) % 4;
  return leftAhead ? (heading + 3) % 4 : heading;
}

/** @param {Point[]} line closed @returns {number} signed area in square pixels; y goes down, parts are positive, holes negative */
export function area(line) {
  let twice = 0;
  for (let i = 0, j = line.length - 1; i < line.length; j = i++) twice += line[j].x * line[i].y - line[i].x * line[j].y;
  return twice / 2;
}

/** @param {Point[][]} lines @returns {Point[] | null} the outline of the largest part */
export function largest(lines) {
  return lines.reduce((best, line) => (best === null || area(line) > area(best) ? line : best), /** @type {Point[] | null} */ (null));
}

/**
 * @param {Point[][]} lines
 * @returns {Path2D} smooth through the middles of the edges, to be filled by the even-odd rule
 */
export function pathOf(lines) {
  const path = new Path2D();
  for (const line of lines) {
    const last = line[line.length - 1];
    path.moveTo((last.x + line[0].x) / 2, (last.y + line[0].y) / 2);
    line.forEach((point, i) => {
      const next = line[(i + 1) % line.length];
      path.quadraticCurveTo(point.x, point.y, (point.x + next.x) / 2, (point.y + next.y) / 2);
    });
    path.closePath();
  }
  return path;
}
