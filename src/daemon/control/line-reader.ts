/** Cuts a stream of text into lines, and refuses those that are too long. */
export class LineReader {
  #rest = '';

  constructor(private readonly maxCharacters: number) {}

  /** The lines that `chunk` completes, without their ends; `tooLong` when the one being read exceeds the limit. */
  push(chunk: string): { readonly lines: string[]; readonly tooLong: boolean } {
    const parts = (this.#rest + chunk).split('\n');
    this.#rest = parts.pop() as string;
    const end = parts.findIndex((line) => line.length > this.maxCharacters);
    if (end !== -1) return { lines: parts.slice(0, end), tooLong: true };
    return { lines: parts, tooLong: this.#rest.length > this.maxCharacters };
  }

  /** What stands after the last line end. */
  rest(): string {
    return this.#rest;
  }
}
