/** A reader that goes on with what is written. */
export interface Follower {
  /** More was written, or the writer has closed. */
  changed(): void;
  /** A new file has been begun: what was the newest is the one before it now. Called before anything else happens to the files. */
  rotated(): void;
}

/**
 * What a log's writer and its readers in this process share: how far the newest file is written, and who follows. All changes to
 * the files' names are synchronous, so that whoever opens files in one turn of the event loop sees one state of them.
 */
export class LogFeed {
  /** Bytes of whole lines in the newest file; meaningful while a writer is open. */
  sizeBytes = 0;
  isOpen = false;
  readonly #followers = new Set<Follower>();

  /** Gives the function that ends it. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => {
      this.#followers.delete(follower);
    };
  }

  announce(): void {
    for (const follower of this.#followers) follower.changed();
  }

  announceRotation(): void {
    for (const follower of this.#followers) follower.rotated();
  }
}
