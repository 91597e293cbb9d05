/** Requests to the server that served the page: JSON there and back, one kind of error, all addresses relative. */

const BASE = "api/v1/";

/** What the server refused, in its words, or what the network did not do. */
export class ApiError extends Error {
  /** @param {number} status 0: no answer at all @param {string} code @param {string} message @param {Record<string, any>} [facts] */
  constructor(status, code, message, facts = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.facts = facts;
  }

  get offline() {
    return this.status === 0 || this.status === 502 || this.status === 504;
  }
}

/**
 * @param {string} path below api/v1
 * @param {{method?: string, body?: any, signal?: AbortSignal}} [options] body is sent as JSON
 * @returns {Promise<Response>} an answer of status 2xx
 */
export async function ask(path, { method = "GET", body, signal } = {}) {
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      signal,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "offline", "The server does not answer.");
  }
  if (response.ok) return response;
  throw await refusal(response);
}

/** @param {string} path @param {{method?: string, body?: any, signal?: AbortSignal}} [options] @returns {Promise<any>} */
export async function askJson(path, options) {
  const response = await ask(path, options);
  return response.status === 204 ? null : response.json();
}

/** @param {Response} response */
async function refusal(response) {
  const facts = await response
    .json()
    .then((answer) => answer.error)
    .catch(() => null);
  const message = facts?.message ?? `The server answered ${response.status}.`;
  return new ApiError(response.status, facts?.code ?? "http", message, { ...facts, retryAfter: Number(response.headers.get("Retry-After")) || null });
}
