import { storeContract } from "../../conformance/store.ts";
import { levelFixture } from "../../support/level.ts";

storeContract("LevelStore", () => levelFixture(2));
