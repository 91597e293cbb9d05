/** Closed lines that are bent, resampled and smoothed. */

/** @typedef {{x: number, y: number}} Point */

/** @param {Point} a @param {Point} b */
export function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** @param {Point[]} line closed @returns {number} */
export function perimeter(line) {
  return line.reduce((sum, point, i) => sum + distance(point, line[(i + 1) % line.length]), 0);
}

/** @param {Point[]} line closed @param {number} count @returns {Point[]} equally far apart along the line */
export function resample(line, count) {
  const step = perimeter(line) / count;
  const even = [];
  let due = 0;
  let gone = 0;
  for (let i = 0; i < line.length; i++) {
    const from = line[i];
    const to = line[(i + 1) % line.length];
    const length = distance(from, to);
    while (due < gone + length && even.length < count) {
      const share = (due - gone) / length;
      even.push({ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
      due += step;
    }
    gone += length;
  }
  return even;
}

/** @param {Point[]} line closed @param {number} [times] @returns {Point[]} as many points, each the weighted mean of three */
export function smooth(line, times = 2) {
  const count = line.length;
  let from = line;
  for (let k = 0; k < times; k++) {
    from = from.map((point, i) => {
      const before = from[(i + count - 1) % count];
      const after = from[(i + 1) % count];
      return { x: (before.x + 2 * point.x + after.x) / 4, y: (before.y + 2 * point.y + after.y) / 4 };
    });
  }
  return from;
}

/**
 * @param {Point[]} line closed
 * @param {number} held index of the point that is dragged
 * @param {Point} by how far
 * @param {number} reach length along the line, to each side, that comes along
 * @returns {Point[]} those near come along, the less the further away; those beyond stay where they are
 */
export function bend(line, held, by, reach) {
  const count = line.length;
  const bent = line.slice();
  const pull = (index, along) => {
    const weight = along >= reach ? 0 : (1 + Math.cos((Math.PI * along) / reach)) / 2;
    bent[index] = { x: line[index].x + by.x * weight, y: line[index].y + by.y * weight };
  };
  pull(held, 0);
  for (const side of [1, -1]) {
    let along = 0;
    for (let k = 1; k <= count / 2; k++) {
      const index = (held + side * k + count) % count;
      along += distance(line[index], line[(index - side + count) % count]);
      if (along >= reach) break;
      pull(index, along);
    }
  }
  return bent;
}

/** @param {Point[]} corners closed, at least three @param {number} [pieces] between two corners @returns {Point[]} a Catmull-Rom curve through them */
export function throughCorners(corners, pieces = 8) {
  const count = corners.length;
  return corners.flatMap((b, i) => {
    const a = corners[(i + count - 1) % count];
    const c = corners[(i + 1) % count];
    const d = corners[(i + 2) % count];
    return Array.from({ length: pieces }, (_, k) => {
      const t = k / pieces;
      const at = (p, q, r, s) => q + (t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)))) / 2;
      return { x: at(a.x, b.x, c.x, d.x), y: at(a.y, b.y, c.y, d.y) };
    });
  });
}

/** @param {Point[]} line @param {Point} at @returns {{index: number, away: number}} the nearest point of the line */
export function nearest(line, at) {
  let index = -1;
  let away = Infinity;
  line.forEach((point, i) => {
    const d = distance(point, at);
    if (d < away) [index, away] = [i, d];
  });
  return { index, away };
}
