// What runs in the tabs that are measured, ours and plain ones: everything is timed where it happens.

// What the browser itself says of loading, of long tasks and of content that moved.
window.watched = { lcp: 0, cls: 0, longs: [] };
const watch = (type, each) =>
  new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
watch("largest-contentful-paint", (one) => (watched.lcp = one.startTime));
watch("layout-shift", (one) => one.hadRecentInput || (watched.cls += one.value));
watch("longtask", (one) => watched.longs.push([one.startTime, one.duration]));

const box = () => document.querySelector(".messages");

/** Asks in each frame until `look` has found something; resolves when that is painted. */
function whenPainted(look, seconds) {
  return new Promise((done, never) => {
    const late = setTimeout(() => never(new Error(`not in ${seconds} s`)), 1000 * seconds);
    const frame = (now) => {
      const found = look(now);
      if (!found) return requestAnimationFrame(frame);
      clearTimeout(late);
      requestAnimationFrame(() => setTimeout(() => done(found)));
    };
    requestAnimationFrame(frame);
  });
}

window.bench = {
  /** Milliseconds since the navigation until the page can be typed into, and until it says that it is live. */
  ready(isPlain) {
    const found = {};
    return whenPainted(() => {
      if (document.querySelector("#message")) found.typing ??= performance.now();
      if (document.querySelector(".net-open") && document.querySelector(".conversations a")) found.live ??= performance.now();
      return (isPlain ? found.typing : found.live) && found;
    }, 60);
  },

  /** Milliseconds from a click on the conversation until the end of its last message is painted. */
  async open(title, last) {
    const begun = performance.now();
    [...document.querySelectorAll(".conversations a")].find((one) => one.textContent.includes(title)).click();
    await whenPainted(() => {
      const answer = [...document.querySelectorAll(".answer")].at(-1);
      if (!answer?.textContent.includes(last)) return false;
      return answer.getBoundingClientRect().bottom <= box().getBoundingClientRect().bottom;
    }, 60);
    return performance.now() - begun;
  },

  /** The same of a plain box with the same texts as paragraphs. */
  async lay(texts) {
    const begun = performance.now();
    for (const text of texts) box().append(Object.assign(document.createElement("p"), { textContent: text }));
    box().scrollTop = box().scrollHeight;
    await whenPainted(() => true, 60);
    return performance.now() - begun;
  },

  /** Goes up by a screen a frame until the first message is there, then down to the end: what each frame took. */
  async read(first) {
    const frames = [];
    let [last, down] = [performance.now(), false];
    await whenPainted((now) => {
      frames.push(now - last);
      last = now;
      if (!down && box().scrollTop === 0 && box().textContent.includes(first)) down = true;
      box().scrollTop += down ? 600 : -600;
      return down && box().scrollTop + box().clientHeight >= box().scrollHeight - 2;
    }, 240);
    return frames.slice(1);
  },

  /** From now on `typed` has of each key the milliseconds until what it changes is laid out. */
  listen() {
    window.typed = [];
    document.querySelector("textarea").focus();
    addEventListener("input", (event) =>
      setTimeout(() => {
        document.body.getBoundingClientRect();
        typed.push(performance.now() - event.timeStamp);
      }),
    );
  },

  /** Reads frames as the page does, and puts their texts behind one another. */
  async append(frames) {
    const node = document.body.appendChild(document.createElement("p")).appendChild(new Text());
    for (const frame of frames) {
      node.appendData(JSON.parse(frame).text);
      await new Promise((done) => setTimeout(done));
    }
  },

  /** A paragraph for each text. */
  paragraphs(texts) {
    for (const text of texts) document.body.append(Object.assign(document.createElement("p"), { textContent: text }));
  },
};
