/** The page: makes its parts, ties them together, opens items. */

import { Activity } from "./activity.js";
import { withPhase } from "./beats.js";
import { Desk } from "./desk.js";
import { Keyboard } from "./keys.js";
import { ApiError, askJson } from "./net/client.js";
import { Curve } from "./panels/curve.js";
import { DecisionPanel } from "./panels/decision.js";
import { askName, askReason, showExports, showHelp, toast } from "./panels/dialogs.js";
import { Heading } from "./panels/heading.js";
import { MeasuresPanel } from "./panels/measures.js";
import { ObjectsPanel } from "./panels/objects.js";
import { Queue } from "./panels/queue.js";
import { Rail } from "./panels/rail.js";
import { Timeline } from "./panels/timeline.js";
import { Transport } from "./panels/transport.js";
import { Tray } from "./panels/tray.js";
import { byId } from "./view/dom.js";
import { Stage } from "./view/stage.js";
import { Work } from "./work.js";

const NAME = "echoseg.studio.user";
const REASONS = ["wrong view", "poor image", "foreshortened", "no heart in view", "other"];

const desk = new Desk();
const activity = new Activity();
const heading = new Heading(desk);
const stage = new Stage(desk, byId("behind"), byId("overlay"));
const tray = new Tray(desk);
const calls = {
  undo: () => desk.work?.undo(),
  redo: () => desk.work?.redo(),
  masks: () => {
    desk.masksHidden = !desk.masksHidden;
    desk.changed.tell("look");
  },
  look: () => tray.toggle(),
  spread: () => (desk.work?.spreading.running ? desk.work.stopSpreading() : desk.work?.spread(desk.frame)),
  doubtful: () => desk.seekDoubtful(1) || toast("No doubtful frame after this one"),
  setPhase,
  findBeats: () => desk.work?.mark({ beats: null }),
  setStop,
  clearStops: () => desk.work?.mark({ stops: {} }),
  accept: () => decide("accept"),
  reject: async () => {
    const reason = desk.work && (await askReason(reasons));
    if (reason) decide("reject", reason);
  },
  skip: () => decide("skip"),
  next: () => {
    const clip = queue.neighbour(1) ?? queue.items.find((item) => item.id !== desk.work?.item.id && !item.leased_by)?.id;
    if (clip) open(clip);
    else toast("No other item in this list");
  },
};
const rail = new Rail(desk, calls);
new Transport(desk, calls);
const decision = new DecisionPanel(desk, calls);
new MeasuresPanel(desk);
new ObjectsPanel(desk);
new Curve(desk);
new Timeline(desk, (beats) => desk.work?.mark({ beats }));
const queue = new Queue(desk, open);
let user = localStorage.getItem(NAME) ?? "";
let reasons = REASONS;
/** @type {{ed?: number, es?: number}} */
let alone = {};
let opening = 0;

new Keyboard(
  desk,
  {
    " ": () => desk.player?.toggle(),
    ArrowLeft: () => desk.player?.step(-1),
    ArrowRight: () => desk.player?.step(1),
    ArrowUp: () => desk.isVolume && desk.player?.step(-1),
    ArrowDown: () => desk.isVolume && desk.player?.step(1),
    "Shift+ArrowLeft": () => desk.seekDoubtful(-1) || toast("No doubtful frame before this one"),
    "Shift+ArrowRight": calls.doubtful,
    Home: () => desk.player?.seek(0),
    End: () => desk.player?.seek(Infinity),
    "<": () => desk.player?.changeSpeed(-1),
    ">": () => desk.player?.changeSpeed(1),
    "+": () => stage.zoom(1.25),
    "=": () => stage.zoom(1.25),
    "-": () => stage.zoom(0.8),
    0: () => stage.fit(),
    H: calls.masks,
    K: calls.look,
    W: () => tray.nextPreset(),
    A: () => desk.work?.item.structures.length && desk.find(desk.work.item.structures[0]),
    E: () => setPhase("ed"),
    S: () => setPhase("es"),
    ",": () => setStop(0),
    ".": () => setStop(1),
    G: calls.spread,
    Z: calls.undo,
    Y: calls.redo,
    Enter: calls.accept,
    X: calls.reject,
    U: calls.skip,
    J: calls.next,
    "?": showHelp,
  },
  (key) => rail.takeByKey(key),
);

/** @param {"ed" | "es"} phase this frame is it */
function setPhase(phase) {
  const { work } = desk;
  if (!work || work.item.kind !== "clip") return;
  const set = withPhase(work.measures?.beats ?? [], phase, desk.frame, alone);
  alone = set.alone;
  if (set.beats) work.mark({ beats: set.beats });
  else toast(`${phase.toUpperCase()} is frame ${desk.frame + 1}. Now the ${phase === "ed" ? "ES" : "ED"} of this beat.`);
}

/** @param {0 | 1} end the object's first or last slice */
function setStop(end) {
  const { work } = desk;
  if (!work || !desk.isVolume) return;
  const [first, last] = work.session.marks.stops?.[desk.object] ?? [0, work.item.frames - 1];
  const stop = end === 0 ? [desk.frame, Math.max(last, desk.frame)] : [Math.min(first, desk.frame), desk.frame];
  work.mark({ stops: { ...work.session.marks.stops, [desk.object]: stop } });
}

/** @param {"accept" | "reject" | "skip"} what @param {string} [reason] */
async function decide(what, reason = "") {
  const { work } = desk;
  if (!work) return;
  work.stopSpreading();
  const answer = await work.decide(what, { reason, quality: decision.quality, ...activity.facts() });
  if (!answer) return;
  toast({ accept: "Accepted", reject: `Rejected: ${reason}`, skip: "Skipped" }[what]);
  if (answer.next) await open(answer.next);
  else await leave("Nothing left to do", "Every item of this queue is decided. Choose one at the left to look at it again.");
}

/** @param {string | null} clip null: the next that nobody has */
async function open(clip) {
  const ticket = ++opening;
  if (desk.work && clip === desk.work.item.id) return;
  const before = desk.work;
  heading.empty(before ? "" : "Opening…");
  try {
    const work = await Work.open(clip, user);
    if (ticket !== opening) return work.close();
    if (before && before.item.id !== work.item.id) before.close();
    await lay(work);
  } catch (error) {
    if (ticket === opening) refuse(error, before !== null);
  }
  queue.refresh();
}

/** @param {Work} work */
async function lay(work) {
  alone = {};
  activity.reset();
  desk.place(work);
  heading.empty("");
  work.link.listen((state) => heading.link(state));
  history.replaceState(null, "", `#${work.item.id}`);
  byId("overlay").focus();
  await work.load();
  if (desk.work !== work) return;
  const prompted = work.session.prompts[0]?.frame;
  if (desk.isVolume) desk.player?.seek(prompted ?? Math.floor(work.item.frames / 2));
  else if (prompted !== undefined) desk.player?.seek(prompted);
  await draft(work);
}

/** What nobody has drafted yet is drafted when it is opened; what stands unfinished goes on. @param {Work} work */
async function draft(work) {
  const nothing = !work.masks.size && !work.session.prompts.length && !work.session.can_undo && !work.session.decision;
  const structure = work.item.structures[0];
  if (nothing && structure && work.item.draft !== "failed") await desk.find(structure);
  else if (work.session.stale && work.session.prompts.length) work.spread(desk.frame);
}

/** @param {string} head @param {string} words */
async function leave(head, words) {
  const { work } = desk;
  desk.clear();
  desk.changed.tell("item");
  heading.empty(head, words);
  history.replaceState(null, "", "#");
  await work?.close();
  queue.refresh();
}

/** @param {any} error @param {boolean} stays whether the item that was open stays */
function refuse(error, stays) {
  if (!(error instanceof ApiError)) throw error;
  const words = {
    nothing_left: ["Nothing left to do", "Every item of this queue is decided, or someone works on it."],
    unauthorised: ["Not signed in", "Open the link that echoseg serve printed."],
  }[error.code];
  if (stays) toast(error.message, true);
  else heading.empty(words?.[0] ?? "This item cannot be opened", words?.[1] ?? error.message);
}

async function start() {
  desk.say.listen((words, bad) => toast(words, bad));
  byId("help").addEventListener("click", showHelp);
  byId("export").addEventListener("click", showExports);
  byId("user").addEventListener("click", async () => takeName(await askName(user, false)));
  // After a click the keys belong to the picture again; someone who walks the page by Tab keeps the place.
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (button && event.detail > 0 && !document.querySelector("dialog[open]")) byId("overlay").focus();
  });
  window.addEventListener("unhandledrejection", (event) => toast(String(event.reason?.message ?? event.reason), true));
  heading.empty("Opening…");
  try {
    const status = await askJson("status");
    if (status.reject_reasons?.length) reasons = status.reject_reasons;
  } catch (error) {
    return refuse(error, false);
  }
  if (!user) takeName(await askName("", true));
  heading.user(user);
  await queue.refresh();
  await open(location.hash.slice(1) || null);
}

/** @param {string} name */
function takeName(name) {
  user = name;
  localStorage.setItem(NAME, name);
  heading.user(name);
}

start();
