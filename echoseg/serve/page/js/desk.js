/** What lies open: one item in work, its pictures, where the user looks and with which tool. Panels and tools listen to it. */

import { ask } from "./net/client.js";
import { pictures } from "./net/streams.js";
import { Frames } from "./image/frames.js";
import { Player } from "./view/player.js";
import { Viewport } from "./view/viewport.js";
import { Signal } from "./signal.js";
import { colourOf } from "./colours.js";

/** Frames a second of a clip that does not say. */
const USUAL_RATE = 25;
/** Slices a second when a volume is played. */
const SLICE_RATE = 12;

/** @typedef {import("./types.js").GreyWindow} GreyWindow @typedef {import("./work.js").Work} Work */

export class Desk {
  constructor() {
    this.port = new Viewport();
    /** @type {Work | null} */
    this.work = null;
    /** @type {Frames | null} */
    this.frames = null;
    /** @type {Player | null} */
    this.player = null;
    this.object = 1;
    this.masksHidden = false;
    this.spreads = true;
    this.brightness = 1;
    this.contrast = 1;
    /** @type {GreyWindow | null} */
    this.window = null;
    /** @type {import("./tools/tool.js").Tool | null} */
    this.tool = null;
    /** Place of the keyboard's cross in source pixels. @type {{x: number, y: number} | null} */
    this.cross = null;
    /** A prompt on its way. @type {import("./types.js").Prompt | null} */
    this.pending = null;
    /** Told when something visible changed: "item", "frame", "picture", "masks", "session", "measures", "spreading", "look", "object", "tool". */
    this.changed = new Signal();
    /** Told with words for the user, and whether they are an error. */
    this.say = new Signal();
  }

  /** @param {Work} work masks and measures may come later */
  place(work) {
    this.clear();
    const { item } = work;
    this.work = work;
    this.window = item.window && { level: item.window.level, width: item.window.width };
    this.object = work.session.objects[0]?.id ?? 1;
    this.cross = null;
    const spacing = item.spacing_mm;
    this.port.setImage(item.width, item.height, spacing ? spacing[0] / spacing[1] : 1);
    this.frames = new Frames(item.frames, this.#fetcher());
    this.frames.ready.listen((frame) => this.changed.tell("picture", frame));
    this.frames.failed.listen((error) => this.say.tell(error.message, true));
    this.player = new Player(timesOf(item), lengthOf(item), (frame) => this.frames?.get(frame) !== null);
    this.player.shown.listen((frame) => {
      this.frames?.want(frame);
      this.changed.tell("frame", frame);
    });
    this.player.changed.listen(() => this.changed.tell("playing"));
    work.changed.listen((what, frame) => this.changed.tell(what, frame));
    work.refused.listen((error) => this.say.tell(error.message, true));
    this.frames.want(0);
    this.changed.tell("item");
  }

  clear() {
    this.player?.close();
    this.frames?.close();
    this.work = this.frames = this.player = null;
  }

  get frame() {
    return this.player?.frame ?? 0;
  }

  get isVolume() {
    return this.work?.item.kind === "volume";
  }

  /** The mask of the current object on the visible frame. */
  get mask() {
    return this.work?.masks.get(this.frame, this.object) ?? null;
  }

  /** @param {number} object @returns {string} */
  colour(object) {
    return this.work?.session.objects.find((one) => one.id === object)?.colour ?? colourOf(object);
  }

  /** @param {number} object */
  choose(object) {
    this.object = object;
    this.changed.tell("object");
  }

  /**
   * A prompt for the current object on the visible frame.
   *
   * @param {string} kind @param {any} data @param {"prompt" | "correct"} [mode]
   */
  async prompt(kind, data, mode = "correct") {
    const { work, object, frame } = this;
    if (!work) return;
    this.player?.pause();
    this.pending = { object, frame, kind, data, mode };
    this.changed.tell("look");
    const answered = await work.prompt({ object, frame, kind, data, mode }, { spread: this.spreads, visible: frame });
    this.pending = null;
    this.changed.tell("look");
    return answered;
  }

  /** Let the model look for one of its structures by itself. @param {string} structure */
  async find(structure) {
    const frame = await this.work?.prompt(
      { object: this.object, frame: null, kind: "auto", data: structure, mode: "prompt", name: structure },
      { spread: this.spreads },
    );
    if (frame !== undefined) this.player?.seek(frame);
  }

  /** @param {{brightness?: number, contrast?: number}} look */
  setLook(look) {
    Object.assign(this, look);
    this.changed.tell("look");
  }

  /** @param {GreyWindow} window */
  setWindow(window) {
    this.window = window;
    this.frames?.replace(this.#fetcher());
    this.changed.tell("window");
  }

  /** @param {1 | -1} way @returns {boolean} whether a doubtful frame lay there */
  seekDoubtful(way) {
    const doubtful = this.work?.measures?.doubtful ?? [];
    const ahead = doubtful.filter((frame) => (frame - this.frame) * way > 0);
    if (!ahead.length) return false;
    this.player?.pause();
    this.player?.seek(way > 0 ? Math.min(...ahead) : Math.max(...ahead));
    return true;
  }

  #fetcher() {
    const id = this.work?.item.id;
    const grey = this.window ? `&level=${this.window.level}&width=${this.window.width}` : "";
    return async function* (from, to, signal) {
      yield* pictures(await ask(`clips/${id}/frames?from=${from}&to=${to}${grey}`, { signal }));
    };
  }
}

/** @param {import("./types.js").Item} item @returns {number[]} */
function timesOf(item) {
  if (item.kind !== "volume" && item.times?.length === item.frames) return item.times.map((time) => time - /** @type {number[]} */ (item.times)[0]);
  const rate = item.kind === "volume" ? SLICE_RATE : item.fps || USUAL_RATE;
  return Array.from({ length: item.frames }, (_, i) => i / rate);
}

/** The end of the last frame: it lasts as long as the mean of the others. @param {import("./types.js").Item} item */
function lengthOf(item) {
  const times = timesOf(item);
  return times.length > 1 ? (times[times.length - 1] * times.length) / (times.length - 1) : 1;
}
