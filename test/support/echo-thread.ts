/**
 * A frontend thread for the test of the channel: sends each message back, and does to a
 * question what its name stands for there.
 * @module
 */
import { mainThread } from "../../src/channel/thread.ts";

const main = mainThread();
main.listen(
  (bytes) => {
    const reply = Uint8Array.from(bytes, (byte) => 255 - byte);
    main.wire.defer(() => main.wire.post(reply));
  },
  async (question) => {
    switch (question.type) {
      case "metrics":
        return main.data;
      case "drain":
        throw new Error("no");
      case "release":
        return new Promise(() => {});
      default:
        setImmediate(() => {
          throw new Error("a bug");
        });
        return new Promise(() => {});
    }
  },
);
