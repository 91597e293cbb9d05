/** The tools in the order of the rail: key, words, for what they are. */

import { BoxTool, LineTool } from "./span.js";
import { PointIn, PointOut } from "./points.js";
import { ContourTool } from "./contour.js";
import { BrushTool } from "./brush.js";
import { LandmarkTool } from "./landmarks.js";
import { Tool } from "./tool.js";

class HandTool extends Tool {
  static id = "hand";
  get cursor() {
    return "grab";
  }
}

/** @typedef {{make: typeof Tool, key: string, name: string, hint: string, kinds: string[]}} ToolEntry */

/** @type {ToolEntry[]} */
export const TOOLS = [
  { make: PointIn, key: "P", name: "Point inside", hint: "Click what belongs to the object (Alt: what does not)", kinds: ["clip", "image", "volume"] },
  { make: PointOut, key: "N", name: "Point outside", hint: "Click what does not belong to the object (Alt: what does)", kinds: ["clip", "image", "volume"] },
  { make: BoxTool, key: "B", name: "Box", hint: "Drag a box around the object", kinds: ["clip", "image", "volume"] },
  { make: LineTool, key: "L", name: "Longest diameter", hint: "Drag along the lesion's longest diameter (RECIST)", kinds: ["volume"] },
  { make: ContourTool, key: "C", name: "Contour", hint: "Drag the border;  [  ]  how much comes along. Without a mask: click around the object, Enter closes", kinds: ["clip", "image", "volume"] },
  { make: BrushTool, key: "R", name: "Brush", hint: "Paint; Alt erases;  [  ]  size", kinds: ["clip", "image", "volume"] },
  { make: LandmarkTool, key: "M", name: "Mitral points and apex", hint: "Click both mitral hinge points, then the apex; drag to move", kinds: ["clip", "image"] },
  { make: HandTool, key: "V", name: "Move the picture", hint: "Drag the picture; wheel zooms, 0 fits", kinds: ["clip", "image", "volume"] },
];
