// Listens to what a page does besides what it shows: whatever is said here is a mistake.

/** Runs in the page, before any script of it. */
function listen() {
  addEventListener('securitypolicyviolation', (event) => {
    const { violatedDirective, blockedURI, sourceFile, lineNumber } = event;
    const where = `${sourceFile}:${lineNumber}`;
    console.error(`the policy forbids ${violatedDirective} ${blockedURI} at ${where}`);
  });
}

export class Watch {
  #complaints = [];
  #excused = [];
  #origin;

  constructor(origin) {
    this.#origin = origin;
  }

  /** Follows a context and all its pages. */
  async follow(context) {
    await context.addInitScript(listen);
    context.on('console', (message) => {
      if (['error', 'warning', 'assert'].includes(message.type())) {
        this.#complain(`console: ${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    context.on('weberror', (error) => this.#complain(`a script threw ${error.error().stack}`));
    context.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin !== this.#origin) this.#complain(`asked ${url} and not ${this.#origin}`);
    });
    context.on('response', (response) => {
      if (response.status() >= 400) this.#complain(`${response.url()} is ${response.status()}`);
    });
    context.on('dialog', (dialog) => {
      this.#complain(`a dialog says ${JSON.stringify(dialog.message())}`);
      dialog.dismiss();
    });
  }

  /** Takes what the scenario itself brings about for no mistake. */
  excuse(pattern) {
    this.#excused.push(pattern);
  }

  complaints() {
    const isExcused = (text) => this.#excused.some((pattern) => pattern.test(text));
    return this.#complaints.filter((text) => !isExcused(text));
  }

  #complain(text) {
    this.#complaints.push(text);
  }
}
