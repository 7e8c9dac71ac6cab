// What a page needs to come back after its link was lost: a name, pauses, and whether the server is there.

export const ANSWER_MS = 5000; // by a connection that broke without a word there is none
const SECOND_MS = 1000;

// Five minutes in all, enough for a server that compiles its networks anew. Counted in tries, because a clock goes on
// while a laptop sleeps.
export const PAUSES_S = [1, 2, 4, 8, ...Array(19).fill(15)];

// By it the server knows whose place is whose, and never holds two for one page.
export const PAGE = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// Ends early when the browser has a network again.
export function pause(seconds) {
  return new Promise((resolve) => {
    const done = new AbortController();
    const goOn = () => {
      done.abort();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(goOn, seconds * SECOND_MS);
    window.addEventListener("online", goOn, { signal: done.signal });
  });
}

// Whether there is a server to connect to. What it says of this page is thrown, such as that its token is a new one.
export async function isServerThere() {
  const answer = await fetch("hello", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
  if (!answer || answer.ok) return Boolean(answer);
  const problem = await answer.json().catch(() => null); // a proxy that stands before a server which starts has none
  if (problem?.message) throw problem;
  return false;
}
