/** Draws the picture on one canvas, and on another above it masks, prompts, landmarks and the cross. */

import { drawLandmarks, pointsOf } from "../tools/landmarks.js";

/** @typedef {import("../desk.js").Desk} Desk */

/** @param {CanvasRenderingContext2D} context @param {Desk} desk @param {number} ratio @returns {boolean} whether the frame's picture was there */
export function drawPicture(context, desk, ratio) {
  const bitmap = desk.frames?.get(desk.frame) ?? null;
  if (!bitmap) return false;
  const { port } = desk;
  const { canvas } = context;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = port.scale < 6;
  context.imageSmoothingQuality = desk.player?.playing ? "low" : "high";
  port.apply(context, ratio);
  context.drawImage(bitmap, 0, 0, port.image.width, port.image.height);
  return true;
}

/** @param {CanvasRenderingContext2D} context @param {Desk} desk @param {number} ratio */
export function drawOverlay(context, desk, ratio) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.font = "12px system-ui, 'DejaVu Sans', sans-serif";
  context.lineJoin = "round";
  if (!desk.work) return;
  if (!desk.masksHidden) {
    drawMasks(context, desk);
    if (!desk.player?.playing) {
      drawPrompts(context, desk);
      if (desk.tool?.id !== "landmarks") drawLandmarks(context, desk.port, pointsOf(desk.work.session.marks.landmarks?.[desk.frame]));
    }
  }
  if (!desk.player?.playing) desk.tool?.draw(context, desk.port);
  if (desk.cross) drawCross(context, desk);
}

/** @param {CanvasRenderingContext2D} context @param {Desk} desk */
function drawMasks(context, desk) {
  const { port } = desk;
  const matrix = new DOMMatrix([port.scale, 0, 0, port.scaleY, port.left, port.top]);
  const objects = desk.work?.session.objects ?? [];
  const several = objects.length > 1;
  for (const [object, mask] of desk.work?.masks.at(desk.frame) ?? []) {
    if (mask.empty) continue;
    const path = new Path2D();
    path.addPath(mask.path, matrix);
    const current = !several || object === desk.object;
    context.fillStyle = context.strokeStyle = desk.colour(object);
    context.globalAlpha = (current ? 0.2 : 0.13) * (mask.old ? 0.5 : 1);
    context.fill(path, "evenodd");
    context.globalAlpha = mask.old ? 0.65 : 1;
    context.lineWidth = current ? 2 : 1.4;
    if (mask.old) context.setLineDash([5, 4]);
    context.stroke(path);
    context.setLineDash([]);
    context.globalAlpha = 1;
    if (several && !desk.player?.playing) drawName(context, desk, object, mask);
  }
}

function drawName(context, desk, object, mask) {
  const [x0, , x1, y1] = mask.line.bbox;
  const at = desk.port.toScreen({ x: (x0 + x1) / 2, y: y1 });
  const name = desk.work.session.objects.find((one) => one.id === object)?.name ?? "";
  context.fillStyle = desk.colour(object);
  context.strokeStyle = "#000c";
  context.lineWidth = 3;
  context.textAlign = "center";
  context.strokeText(name, at.x, at.y + 15);
  context.fillText(name, at.x, at.y + 15);
  context.textAlign = "left";
}

/** @param {CanvasRenderingContext2D} context @param {Desk} desk */
function drawPrompts(context, desk) {
  const standing = desk.work?.session.prompts.filter((prompt) => prompt.frame === desk.frame) ?? [];
  const pending = desk.pending?.frame === desk.frame ? [desk.pending] : [];
  for (const prompt of [...standing, ...pending]) {
    const colour = desk.colour(prompt.object);
    if (prompt.kind === "points") drawPoints(context, desk.port, prompt.data, colour);
    if (prompt.kind === "box") drawBox(context, desk.port, prompt.data, colour);
    if (prompt.kind === "recist") drawLine(context, desk.port, prompt.data, colour);
  }
}

/** A plus in a full disc is inside, a minus in a hollow one outside: told apart without their colours. */
function drawPoints(context, port, { points, labels }, colour) {
  points.forEach(([x, y], i) => {
    const at = port.toScreen({ x, y });
    context.lineWidth = 2;
    context.fillStyle = labels[i] ? colour : "#0b0f13";
    context.strokeStyle = labels[i] ? "#fff" : colour;
    context.beginPath();
    context.arc(at.x, at.y, 7, 0, 7);
    context.fill();
    context.stroke();
    context.strokeStyle = labels[i] ? "#0b0f13" : "#fff";
    context.beginPath();
    context.moveTo(at.x - 3.5, at.y);
    context.lineTo(at.x + 3.5, at.y);
    if (labels[i]) {
      context.moveTo(at.x, at.y - 3.5);
      context.lineTo(at.x, at.y + 3.5);
    }
    context.stroke();
  });
}

function drawBox(context, port, [x0, y0, x1, y1], colour) {
  const a = port.toScreen({ x: x0, y: y0 });
  const b = port.toScreen({ x: x1, y: y1 });
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.setLineDash([6, 5]);
  context.strokeRect(a.x, a.y, b.x - a.x, b.y - a.y);
  context.setLineDash([]);
}

function drawLine(context, port, [x0, y0, x1, y1], colour) {
  const a = port.toScreen({ x: x0, y: y0 });
  const b = port.toScreen({ x: x1, y: y1 });
  context.strokeStyle = colour;
  context.lineWidth = 1.6;
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.lineTo(b.x, b.y);
  context.stroke();
}

function drawCross(context, desk) {
  const at = desk.port.toScreen(desk.cross);
  context.lineWidth = 1.5;
  context.strokeStyle = "#fff";
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(at.x + 4 * dx, at.y + 4 * dy);
    context.lineTo(at.x + 15 * dx, at.y + 15 * dy);
  }
  context.stroke();
}
