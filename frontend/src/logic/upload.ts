/** PUT to a presigned address, with progress: `fetch` cannot say how much of a body has been sent. */
export class UploadError extends Error {
  /** 0: no answer came. */
  constructor(readonly status: number) {
    super(`HTTP ${status}`);
  }
}

export interface Upload {
  method: string;
  url: string;
  headers?: Record<string, string>;
}

export const QUIET_MS = 60_000; // nothing sent and nothing answered for this long: the line is dead

/** Resolves when the whole file is stored. Rejects with UploadError, or with the signal's reason. */
export function put(upload: Upload, file: Blob, signal: AbortSignal, onProgress: (sent: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    let quiet: ReturnType<typeof setTimeout>;
    const heard = () => {
      clearTimeout(quiet);
      quiet = setTimeout(() => (reject(new UploadError(0)), stop()), QUIET_MS);
    };
    request.open(upload.method, upload.url);
    for (const [name, value] of Object.entries(upload.headers ?? {})) {
      // The browser sets these two itself, and forbids setting them.
      if (!/^(host|content-length)$/i.test(name)) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => {
      heard();
      onProgress(event.loaded);
    };
    // 412: the address takes a file once, and this one is there: browsers repeat a PUT whose answer was lost.
    const stored = () => request.status < 300 || request.status === 412;
    request.onload = () => (stored() ? resolve() : reject(new UploadError(request.status)));
    request.onerror = () => reject(new UploadError(0));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => {
      clearTimeout(quiet);
      signal.removeEventListener("abort", stop);
    };
    signal.addEventListener("abort", stop);
    heard();
    request.send(file);
  });
}
