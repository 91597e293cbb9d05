/**
 * One item in work: its session on the server, its masks here, and every change a user can make. Changes go one after another; a change
 * that got no answer is sent again with its number, which the server counts once, so nothing is lost or done twice.
 */

import { ApiError, ask, askJson } from "./net/client.js";
import { lines } from "./net/streams.js";
import { Masks } from "./image/masks.js";
import { Signal } from "./signal.js";

/** @typedef {import("./types.js").Session} Session @typedef {import("./types.js").Item} Item @typedef {import("./types.js").Measures} Measures */

const RETRY_MS = 1000;
const HEARTBEAT_MS = 60_000;

export class Work {
  /** @param {Item} item @param {Session} session @param {string} user */
  constructor(item, session, user) {
    this.item = item;
    this.session = session;
    this.user = user;
    this.masks = new Masks();
    /** @type {Measures | null} */
    this.measures = null;
    /** Frames that came since the last prompt, of all. */
    this.spreading = { running: false, done: 0 };
    /** Told with what changed: "session", "masks", "measures", "spreading". */
    this.changed = new Signal();
    /** Told with "saving", "saved" or "offline". */
    this.link = new Signal();
    /** Told with an error that the user has to read. */
    this.refused = new Signal();
    this.queue = Promise.resolve();
    /** @type {AbortController | null} */
    this.stream = null;
    this.closed = false;
    this.heart = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  /**
   * @param {string | null} clip null: the next one that nobody has
   * @param {string} user
   * @returns {Promise<Work>}
   */
  static async open(clip, user) {
    const session = await askJson("sessions", { method: "POST", body: { clip, user } });
    const item = await askJson(`clips/${session.clip}`);
    return new Work(item, session, user);
  }

  /** Fetch the masks and measures that are there already. */
  async load() {
    await this.#refetchMasks();
    this.#measured(await askJson(`sessions/${this.session.id}/measures`));
  }

  /**
   * Say or correct what an object is on a frame: its mask there answers at once, then it spreads.
   *
   * @param {{object: number, frame: number | null, kind: string, data: any, mode?: "prompt" | "correct", name?: string}} prompt
   * @param {{spread?: boolean, visible?: number}} [options]
   */
  prompt({ mode = "correct", ...prompt }, { spread = true, visible } = {}) {
    performance.mark("studio:prompt");
    this.stopSpreading();
    return this.#change(async () => {
      const answer = await this.#send("POST", "prompts", { mode, ...prompt });
      for (const line of answer.masks) this.masks.put(line);
      if (answer.session.stale) this.masks.age(prompt.object, answer.frame);
      performance.mark("studio:answer", { detail: { frame: answer.frame, server_ms: answer.elapsed_ms } });
      this.#session(answer.session);
      if (answer.measures) this.#measured(answer.measures);
      this.changed.tell("masks");
      if (spread) this.spread(visible ?? answer.frame);
      return answer.frame;
    });
  }

  /** Carry the prompts to the other frames, those near the visible one first. @param {number} visible */
  async spread(visible) {
    this.stopSpreading();
    const stream = new AbortController();
    this.stream = stream;
    this.spreading = { running: true, done: 0 };
    this.changed.tell("spreading");
    try {
      const response = await ask(`sessions/${this.session.id}/propagate`, { method: "POST", body: { visible, direction: "both" }, signal: stream.signal });
      for await (const line of lines(response)) {
        if (stream !== this.stream) return;
        this.#heard(line);
      }
    } catch (error) {
      if (stream.signal.aborted) return;
      if (error instanceof ApiError && !error.offline && error.code !== "unknown_session") this.refused.tell(error);
      else if (await this.#reconnect()) this.#later(() => this.session.stale && this.spread(visible));
    } finally {
      if (stream === this.stream) this.#ended();
    }
  }

  stopSpreading() {
    if (!this.stream) return;
    this.stream.abort();
    this.#ended();
  }

  undo() {
    return this.#step("undo", this.session.can_undo);
  }

  redo() {
    return this.#step("redo", this.session.can_redo);
  }

  /** @param {Partial<import("./types.js").Marks>} marks what is not named stays */
  mark(marks) {
    const { beats, ...others } = { beats: this.session.marks.beats, ...marks };
    return this.#change(async () => {
      const answer = await this.#send("PUT", "marks", { beats, ...others });
      this.#session(answer.session);
      this.#measured(answer.measures);
      if (marks.stops) await this.#refetchMasks();
    });
  }

  /** @param {string} name @param {number} [object] an object to rename */
  nameObject(name, object) {
    return this.#change(async () => this.#session(await this.#send("POST", "objects", object ? { name, object } : { name })));
  }

  /** @param {number} object */
  removeObject(object) {
    this.stopSpreading();
    return this.#change(async () => {
      this.#session(await this.#send("DELETE", `objects/${object}`, null));
      await this.load();
    });
  }

  /**
   * @param {"accept" | "reject" | "skip"} decision
   * @param {{reason?: string, quality?: number | null, active_s: number, clicks: number}} facts
   * @returns {Promise<{next: string | null} | undefined>}
   */
  decide(decision, facts) {
    return this.#change(async () => {
      const answer = await this.#send("POST", "decision", { decision, reason: "", quality: null, ...facts });
      this.#session(answer.session);
      return answer;
    });
  }

  /** Leave the item; the server keeps everything. */
  async close() {
    this.closed = true;
    clearInterval(this.heart);
    this.stopSpreading();
    await askJson(`sessions/${this.session.id}`, { method: "DELETE" }).catch(() => {});
  }

  /** @param {"undo" | "redo"} way @param {boolean} possible */
  #step(way, possible) {
    if (!possible) return Promise.resolve();
    this.stopSpreading();
    return this.#change(async () => {
      const answer = await this.#send("POST", way, {});
      this.#session(answer.session);
      await this.#refetchMasks();
      this.#measured(answer.measures);
    });
  }

  /** @param {any} line of a propagation */
  #heard(line) {
    if (line.type === "mask") {
      if (line.frame !== this.spreading.last) this.spreading = { running: true, done: this.spreading.done + 1, last: line.frame };
      this.masks.put(line);
      this.changed.tell("masks", line.frame);
      this.changed.tell("spreading");
    } else if (line.type === "measure") {
      this.#measured(line.measures);
    } else if (line.type === "done") {
      if (!line.cancelled) this.masks.settle();
      performance.mark("studio:spread", { detail: { frames: line.frames, server_s: line.seconds } });
      this.#session(line.session);
      if (line.measures) this.#measured(line.measures);
      this.changed.tell("masks");
    } else if (line.type === "error") {
      this.refused.tell(new ApiError(200, line.code, line.message));
    }
  }

  #ended() {
    this.stream = null;
    this.spreading = { running: false, done: this.spreading.done };
    this.changed.tell("spreading");
  }

  async #refetchMasks() {
    const fresh = new Masks();
    for await (const line of lines(await ask(`sessions/${this.session.id}/masks?from=0&to=${this.item.frames}`))) {
      if (line.type === "mask") fresh.put(line);
    }
    this.masks = fresh;
    this.changed.tell("masks");
  }

  /** @param {Session} session */
  #session(session) {
    this.session = session;
    this.changed.tell("session");
  }

  /** @param {Measures} measures */
  #measured(measures) {
    this.measures = measures;
    this.changed.tell("measures");
  }

  /** @template T @param {() => Promise<T>} change @returns {Promise<T | undefined>} undefined after a refusal, which `refused` told */
  #change(change) {
    const result = this.queue.then(async () => {
      this.link.tell("saving");
      try {
        return await change();
      } catch (error) {
        this.refused.tell(error);
        return undefined;
      } finally {
        this.link.tell("saved");
      }
    });
    this.queue = result.then(() => {});
    return result;
  }

  /** @param {string} method @param {string} what @param {object | null} body */
  async #send(method, what, body) {
    const { seq } = this.session;
    for (let tries = 0; ; tries++) {
      const path = `sessions/${this.session.id}/${what}${body ? "" : `?seq=${seq}`}`;
      try {
        return await askJson(path, { method, body: body ? { seq, ...body } : undefined });
      } catch (error) {
        if (!(error instanceof ApiError) || this.closed) throw error;
        if (!error.offline && error.code !== "unknown_session") {
          if (error.code === "seq") await this.#refresh();
          throw error;
        }
        await this.#reconnect();
      }
    }
  }

  /** Another tab of the same user went on: show what it did. */
  async #refresh() {
    this.#session(await askJson(`sessions/${this.session.id}`));
    await this.load();
  }

  /** Wait for the server and take the session up again. @returns {Promise<boolean>} false when the item was closed meanwhile */
  async #reconnect() {
    while (!this.closed) {
      try {
        this.#session(await askJson("sessions", { method: "POST", body: { clip: this.item.id, user: this.user } }));
        this.link.tell("saved");
        return true;
      } catch (error) {
        if (!(error instanceof ApiError) || (!error.offline && error.code !== "full")) {
          this.refused.tell(error);
          return false;
        }
        this.link.tell("offline");
        await new Promise((resolve) => setTimeout(resolve, error.facts.retryAfter ? error.facts.retryAfter * 1000 : RETRY_MS));
      }
    }
    return false;
  }

  /** @param {() => void} call */
  #later(call) {
    setTimeout(() => !this.closed && call(), 0);
  }

  #beat() {
    if (document.hidden) return;
    askJson(`sessions/${this.session.id}/heartbeat`, { method: "POST", body: {} }).catch((error) => {
      if (error.offline || error.code === "unknown_session") this.#reconnect();
    });
  }
}
